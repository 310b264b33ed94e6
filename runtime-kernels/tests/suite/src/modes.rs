//! Threads in other floating-point modes: kernels have the bits of the default one, and the thread
//! keeps its own.

use std::panic::{catch_unwind, resume_unwind};

use runtime_kernels::scalar::Scalar;
use runtime_kernels::{BitHash, in_default_mode};

use register::{DEFAULT, OTHERS, TRAPS, read, write};

/// Says what is wrong in which mode.
pub fn check() -> Result<(), String> {
    let expected = hash();
    for &mode in OTHERS {
        if in_mode(mode, hash) == expected {
            return Err(format!(
                "mode {mode:#x} changes no bit, and so shows nothing"
            ));
        }
    }
    for &mode in OTHERS.iter().chain(TRAPS) {
        let (found, after, unwound) = in_mode(mode, || {
            let found = in_default_mode(hash);
            let after = read();
            let _ = catch_unwind(|| in_default_mode(|| resume_unwind(Box::new(()))));
            (found, after, read())
        });
        if found != expected {
            return Err(format!("mode {mode:#x} changes bits"));
        }
        if after != mode || unwound != mode {
            return Err(format!(
                "mode {mode:#x} became {after:#x}, and {unwound:#x} by a panic"
            ));
        }
    }
    Ok(())
}

/// Of results that are rounded, and subnormal numbers among them.
#[inline(never)]
fn hash() -> u64 {
    let mut hash = BitHash::new();
    if let Some(isa) = Scalar::new() {
        for (name, case) in super::cases::cases::<Scalar>() {
            if ["Lanes", "RmsNorm"].contains(&name) {
                case(isa, &mut |_, values| hash.update(&values));
            }
        }
    }
    hash.finish()
}

/// Not inlined, so that nothing of `run` happens outside of the mode.
#[inline(never)]
fn in_mode<R>(mode: u32, run: impl FnOnce() -> R) -> R {
    write(mode);
    let result = run();
    write(DEFAULT);
    result
}

#[cfg(target_arch = "x86_64")]
mod register {
    use std::arch::asm;

    pub const DEFAULT: u32 = 0x1f80;
    /// Subnormal results are zero, operands are, both; down, up, to zero.
    pub const OTHERS: &[u32] = &[0x9f80, 0x1fc0, 0x9fc0, 0x3f80, 0x5f80, 0x7f80];
    /// Each trap, and all.
    pub const TRAPS: &[u32] = &[0x1f00, 0x1e80, 0x1d80, 0x1b80, 0x1780, 0x0f80, 0];

    pub fn read() -> u32 {
        let mut value = 0u32;
        // SAFETY: the instruction writes the variable.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value) };
        value
    }

    pub fn write(value: u32) {
        // SAFETY: the instruction reads the variable, and no bit is reserved.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const value) };
    }
}

#[cfg(target_arch = "aarch64")]
mod register {
    use std::arch::asm;

    pub const DEFAULT: u32 = 0;
    /// Subnormal numbers are zero; up, down, to zero.
    pub const OTHERS: &[u32] = &[1 << 24, 1 << 22, 2 << 22, 3 << 22];
    /// CPUs need not have them.
    pub const TRAPS: &[u32] = &[];

    pub fn read() -> u32 {
        let value: u64;
        // SAFETY: the instruction writes the operand.
        unsafe { asm!("mrs {}, fpcr", out(reg) value) };
        value as u32
    }

    pub fn write(value: u32) {
        // SAFETY: the values above have no reserved bit.
        unsafe { asm!("msr fpcr, {}", in(reg) u64::from(value)) };
    }
}

#[cfg(all(target_arch = "arm", target_abi = "eabihf"))]
mod register {
    use std::arch::asm;

    pub const DEFAULT: u32 = 0;
    /// Subnormal numbers are zero; up, down, to zero.
    pub const OTHERS: &[u32] = &[1 << 24, 1 << 22, 2 << 22, 3 << 22];
    /// CPUs need not have them.
    pub const TRAPS: &[u32] = &[];

    pub fn read() -> u32 {
        let value;
        // SAFETY: the instruction writes the operand.
        unsafe { asm!("vmrs {}, fpscr", out(reg) value) };
        value
    }

    pub fn write(value: u32) {
        // SAFETY: the values above have no reserved bit.
        unsafe { asm!("vmsr fpscr, {}", in(reg) value) };
    }
}

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "arm", target_abi = "eabihf")
)))]
mod register {
    pub const DEFAULT: u32 = 0;
    pub const OTHERS: &[u32] = &[];
    pub const TRAPS: &[u32] = &[];

    pub fn read() -> u32 {
        DEFAULT
    }

    pub fn write(_: u32) {}
}
