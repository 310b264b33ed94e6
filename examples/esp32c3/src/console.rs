//! Lines from a person or a program, by whichever port the board has wired to its cable: UART0
//! behind a bridge, or the chip's own USB port. `esp_println` makes the same choice for output.

use core::str;

use esp_hal::Blocking;
use esp_hal::uart::Uart;
use esp_hal::usb::usb_serial_jtag::UsbSerialJtag;
use esp_println::{Printer, print, println};

/// Bytes of a line at most, more than the longest prompt has.
const LINE: usize = 512;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;

/// Both ports, and the line that was typed last.
pub struct Console {
    uart: Uart<'static, Blocking>,
    usb: UsbSerialJtag<'static, Blocking>,
    line: [u8; LINE],
}

impl Console {
    /// A console with nothing typed.
    pub fn new(uart: Uart<'static, Blocking>, usb: UsbSerialJtag<'static, Blocking>) -> Self {
        Self {
            uart,
            usb,
            line: [0; LINE],
        }
    }

    /// A line without its end, echoed as it is typed; `idle` is called while there is nothing to
    /// read.
    ///
    /// # Errors
    ///
    /// When the line is too long or no UTF-8. All of it is read nevertheless.
    pub fn read_line(&mut self, mut idle: impl FnMut()) -> Result<&str, &'static str> {
        let mut len = 0;
        loop {
            match self.read() {
                None => idle(),
                Some(b'\r' | b'\n') => break,
                Some(BACKSPACE | DELETE) => {
                    if len > 0 {
                        len -= 1;
                        print!("\x08 \x08");
                    }
                }
                Some(byte) => {
                    if let Some(place) = self.line.get_mut(len) {
                        *place = byte;
                        Printer::write_bytes(&[byte]);
                    }
                    len += 1;
                }
            }
        }
        println!();
        let line = self.line.get(..len).ok_or("the line is too long")?;
        str::from_utf8(line).map_err(|_| "the line is not UTF-8")
    }

    /// The next byte, if there is one. A byte that was received badly is lost.
    fn read(&mut self) -> Option<u8> {
        let mut byte = [0];
        match self.uart.read_buffered(&mut byte) {
            Ok(1) => Some(byte[0]),
            _ => self.usb.read_byte().ok(),
        }
    }
}
