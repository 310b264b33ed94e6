//! homectl on an ESP32-C3: commands come in by the console, a line each, and the JSON answers go
//! out as they are generated.

#![no_std]
#![no_main]

mod console;
mod stack;

use core::panic::PanicInfo;

use console::Console;
use esp_hal::clock::CpuClock;
use esp_hal::delay::Delay;
use esp_hal::rtc_cntl::{Rtc, Rwdt, RwdtStage};
use esp_hal::time::{Duration, Instant};
use esp_hal::uart::Uart;
use esp_hal::usb::usb_serial_jtag::UsbSerialJtag;
use esp_println::{print, println};
use homectl::{FLASH_BYTES, MEMORY_LEN, Memory, Options, Step, self_test};
use static_cell::ConstStaticCell;

esp_bootloader_esp_idf::esp_app_desc!();

edgegen_macros::edge_model! {
    /// The built-in model.
    mod homectl {
        platform: "esp32",
        quant: "q4",
        context: 96,
    }
}

type Session = homectl::Session<&'static mut Memory>;

/// A static, so that the linker counts it.
static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new([0.0; MEMORY_LEN]);

/// Nothing takes as long as the self-test, and that some ten seconds.
const WATCHDOG: Duration = Duration::from_secs(60);

const HELP: &str = "A command for the house, or :self-test, :memory.";

#[esp_hal::main]
fn main() -> ! {
    stack::paint();
    let config = esp_hal::Config::default().with_cpu_clock(CpuClock::max());
    let peripherals = esp_hal::init(config);
    let mut watchdog = Rtc::new(peripherals.RTC_TIMER).rwdt;
    watchdog.set_timeout(RwdtStage::Stage0, WATCHDOG);
    watchdog.enable();

    let uart = Uart::new(peripherals.UART0, esp_hal::uart::Config::default())
        .expect("the default is possible")
        .with_tx(peripherals.GPIO21)
        .with_rx(peripherals.GPIO20);
    let mut console = Console::new(uart, UsbSerialJtag::new(peripherals.USB_DEVICE));
    let mut session = Session::with_memory(MEMORY.take()).expect("plain Rust runs everywhere");
    println!("{HELP}");
    loop {
        match console.read_line(|| watchdog.feed()) {
            Ok("") => println!("{HELP}"),
            Ok(":self-test") => check(&mut session),
            Ok(":memory") => memory(),
            Ok(command) => answer(&mut session, command, &mut watchdog),
            Err(problem) => println!("error: {problem}"),
        }
    }
}

/// Prints the answer to a command, a piece at a time.
fn answer(session: &mut Session, command: &str, watchdog: &mut Rwdt) {
    let mut answer = match session.begin(command, &Options::new()) {
        Ok(answer) => answer,
        Err(error) => return println!("error: {error}"),
    };
    while let Some(step) = answer.step(session) {
        watchdog.feed();
        if let Step::Piece(piece) = step {
            print!("{piece}");
        }
    }
    println!();
}

/// Compares every bit with what edgegen computed, and prints how long that takes.
fn check(session: &mut Session) {
    let start = Instant::now();
    let found = self_test(session);
    let time = start.elapsed().as_millis();
    match found.first_difference {
        None => println!("ok: {:016x} in {time} ms", found.hash),
        Some(stage) => println!("differs: {stage}"),
    }
}

/// Prints where memory goes, in bytes.
fn memory() {
    println!(
        "stack {} of {}, statics {}, weights {FLASH_BYTES} in flash",
        stack::used(),
        stack::size(),
        stack::statics(),
    );
}

/// Says what happened and starts anew.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    println!("{info}");
    // The message takes time to leave.
    Delay::new().delay_millis(1000);
    esp_hal::system::software_reset()
}
