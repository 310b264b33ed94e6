//! The floating-point mode of a thread, on which bits depend.
//!
//! A thread may round otherwise, trap, or take subnormal numbers for zero: a library that was
//! compiled for speed does that to whoever loads it. The compiler takes the default mode for
//! granted, and so do the kernels.

/// Runs `work` in the default mode: to the nearest, with subnormal numbers, without traps. Then
/// the thread has its own mode again, also when `work` panics.
///
/// WebAssembly and CPUs without floating point have no other mode. On RISC-V with floating point,
/// which a stable compiler does not tell, the caller's mode stays.
#[inline(always)]
pub fn in_default_mode<R>(work: impl FnOnce() -> R) -> R {
    if register::CONTROL == 0 {
        return work();
    }
    let own = register::read();
    let default = own & !register::CONTROL | register::DEFAULT;
    let _own = (own != default).then(|| {
        // SAFETY: it is what the compiler takes for granted.
        unsafe { register::write(default) };
        Restore(own)
    });
    isolated(work)
}

/// Sets the mode when it is dropped.
struct Restore(u32);

impl Drop for Restore {
    fn drop(&mut self) {
        // SAFETY: the thread had this mode before.
        unsafe { register::write(self.0) }
    }
}

/// Not inlined, so that no operation of `work` leaves the mode that was set for it.
#[inline(never)]
fn isolated<R>(work: impl FnOnce() -> R) -> R {
    work()
}

core::cfg_select! {
    all(any(target_arch = "x86", target_arch = "x86_64"), target_feature = "sse") => {
        /// MXCSR. Its lowest bits say what happened, and are no mode.
        mod register {
            use core::arch::asm;

            /// Flush to zero, rounding, the masks of traps, denormals are zero.
            pub const CONTROL: u32 = 0xffc0;
            /// All traps masked.
            pub const DEFAULT: u32 = 0x1f80;

            pub fn read() -> u32 {
                let mut value = 0;
                // SAFETY: the instruction writes the variable.
                unsafe {
                    asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags));
                }
                value
            }

            /// # Safety
            /// The value came from `read`, or differs from such a one in `CONTROL` alone; the code that
            /// follows bears its mode.
            pub unsafe fn write(value: u32) {
                // SAFETY: the instruction reads the variable; no bit is reserved.
                unsafe {
                    asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags));
                }
            }
        }
    }
    all(target_arch = "aarch64", target_feature = "neon") => {
        /// FPCR.
        mod register {
            use core::arch::asm;

            pub const CONTROL: u32 = u32::MAX;
            pub const DEFAULT: u32 = 0;

            pub fn read() -> u32 {
                let value: u64;
                // SAFETY: the instruction writes the operand.
                unsafe { asm!("mrs {}, fpcr", out(reg) value, options(nostack, preserves_flags)) };
                // The upper half is reserved, and zero.
                value as u32
            }

            /// # Safety
            /// The value is 0 or came from `read`; the code that follows bears its mode.
            pub unsafe fn write(value: u32) {
                // SAFETY: the register has no reserved bit in the value.
                unsafe {
                    asm!("msr fpcr, {}", in(reg) u64::from(value), options(nostack, preserves_flags));
                }
            }
        }
    }
    all(target_arch = "arm", target_abi = "eabihf") => {
        /// FPSCR, with the results of comparisons and what happened.
        mod register {
            use core::arch::asm;

            /// Formats, flush to zero, rounding, vectors, traps.
            pub const CONTROL: u32 = 0x07ff_9f00;
            pub const DEFAULT: u32 = 0;

            pub fn read() -> u32 {
                let value;
                // SAFETY: the instruction writes the operand.
                unsafe { asm!("vmrs {}, fpscr", out(reg) value, options(nostack)) };
                value
            }

            /// # Safety
            /// The value came from `read`, or differs from such a one in `CONTROL` alone; the code that
            /// follows bears its mode.
            pub unsafe fn write(value: u32) {
                // SAFETY: the register has no reserved bit in the value.
                unsafe { asm!("vmsr fpscr, {}", in(reg) value, options(nostack)) };
            }
        }
    }
    _ => {
        /// There is none.
        mod register {
            pub const CONTROL: u32 = 0;
            pub const DEFAULT: u32 = 0;

            pub fn read() -> u32 {
                0
            }

            /// # Safety
            /// None is needed.
            pub unsafe fn write(_: u32) {}
        }
    }
}
