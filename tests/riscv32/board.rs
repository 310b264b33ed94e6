//! QEMU's `virt` machine with a 32-bit RISC-V CPU: start-up, the UART, the end of the run, and
//! measuring.

use core::arch::{asm, global_asm};
use core::fmt;

/// What an unused word of the stack holds.
const PAINT: u32 = 0xa5a5_5a5a;

// Locks a region of no access below the stack (physical memory protection, entry 0, 64 bytes
// naturally aligned), sends traps to the test device with their cause, paints the stack, and
// fills the statics.
global_asm!(
    r"
    .section .text.start
    .globl _start
_start:
    la t0, {trap}
    csrw mtvec, t0
    la t0, __guard
    srli t0, t0, 2
    ori t0, t0, 7
    csrw pmpaddr0, t0
    li t0, 0x98
    csrw pmpcfg0, t0
    la a0, __stack_bottom
    la sp, __stack_top
    li t0, {paint}
1:  sw t0, 0(a0)
    addi a0, a0, 4
    bltu a0, sp, 1b
    la a0, __data
    la a1, __data_end
    la a2, __data_load
2:  bgeu a0, a1, 3f
    lw t0, 0(a2)
    sw t0, 0(a0)
    addi a0, a0, 4
    addi a2, a2, 4
    j 2b
3:  la a0, __bss
    la a1, __bss_end
4:  bgeu a0, a1, 5f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 4b
5:  tail main

    .align 2
_trap:
    csrr a0, mcause
    slli a0, a0, 16
    li a1, 0x3333
    or a0, a0, a1
    li a1, 0x100000
    sw a0, 0(a1)
6:  j 6b
    ",
    trap = sym trap_entry,
    paint = const PAINT,
);

unsafe extern "C" {
    #[link_name = "_trap"]
    fn trap_entry();
    static __stack_bottom: [u32; 0];
    static __stack_top: [u32; 0];
    static __static_size: [u8; 0];
    static __flash_size: [u8; 0];
}

/// The second bank of flash, where weights are that are not in the program.
#[allow(dead_code, reason = "most programs have their weights inside")]
pub const WEIGHTS: *const u8 = 0x2200_0000 as *const u8;
#[allow(dead_code, reason = "as above")]
pub const WEIGHTS_LEN: usize = 32 << 20;

const UART: *mut u8 = 0x1000_0000 as *mut u8;
const TEST_DEVICE: *mut u32 = 0x10_0000 as *mut u32;

/// The first serial port.
pub struct Uart;

impl fmt::Write for Uart {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            // SAFETY: the 16550's data register.
            unsafe { UART.write_volatile(byte) }
        }
        Ok(())
    }
}

impl Uart {
    /// Waits for a byte.
    pub fn read(&self) -> u8 {
        // SAFETY: the 16550's line status register, whose bit 0 says that a byte is there, and
        // its data register.
        unsafe {
            while UART.add(5).read_volatile() & 1 == 0 {}
            UART.read_volatile()
        }
    }
}

/// Ends the run with a status.
pub fn exit(code: u32) -> ! {
    let word = if code == 0 {
        0x5555
    } else {
        code << 16 | 0x3333
    };
    loop {
        // SAFETY: the test device, which ends the emulation.
        unsafe { TEST_DEVICE.write_volatile(word) }
    }
}

/// Instructions executed so far.
pub fn instructions() -> u64 {
    loop {
        let (high, low, again): (u32, u32, u32);
        // SAFETY: reads counters.
        unsafe {
            asm!("csrr {0}, minstreth", "csrr {1}, minstret", "csrr {2}, minstreth",
                out(reg) high, out(reg) low, out(reg) again);
        }
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Bytes of memory that the program takes.
pub struct Usage {
    /// Stack at its highest.
    pub stack: usize,
    /// What the stack may grow to.
    pub stack_size: usize,
    /// Statics.
    pub statics: usize,
    /// Code, weights and tables.
    pub flash: usize,
}

/// What the program takes, so far.
pub fn usage() -> Usage {
    let bottom = (&raw const __stack_bottom).cast::<u32>();
    let top = (&raw const __stack_top).cast::<u32>();
    let words = (top.addr() - bottom.addr()) / 4;
    // SAFETY: the words of the stack, whole and in RAM.
    let unused = (0..words).find(|&word| unsafe { bottom.add(word).read_volatile() } != PAINT);
    Usage {
        stack: 4 * (words - unused.unwrap_or(words)),
        stack_size: 4 * words,
        statics: (&raw const __static_size).addr(),
        flash: (&raw const __flash_size).addr(),
    }
}
