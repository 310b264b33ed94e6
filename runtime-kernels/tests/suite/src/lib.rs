//! Every kernel on every instruction set that this machine has, against the scalar one, bit for
//! bit; and the scalar one against itself on every other machine, by a hash.

mod cases;
mod modes;
mod rng;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use cases::CASES;
use runtime_kernels::scalar::Scalar;
use runtime_kernels::soft_float::SoftFloat;
use runtime_kernels::{BitHash, Isa};

/// The hash of the scalar results: the same on every machine.
pub const EXPECTED: u64 = 0xfe5b_2e1b_3ea5_50c8;

/// What one instruction set computed: the case, with its shape, and the values.
pub type Results = Vec<(String, Vec<f32>)>;

/// The declaration of an instruction set for the suite. A folder of `src` that is not named here
/// fails `tests/equal.rs`.
macro_rules! instruction_sets {
    ($($arch:literal: $($folder:ident::$token:ident),*;)*) => {
        /// The folders that the suite knows.
        pub const FOLDERS: &[&str] = &["scalar", "soft_float", $($(stringify!($folder)),*),*];

        /// Runs all cases on all instruction sets that are there; names those, or says what differs.
        pub fn run() -> Result<Vec<&'static str>, String> {
            let scalar = results(Scalar::new().ok_or("no scalar code")?);
            check_hash(&scalar)?;
            compare(SoftFloat::NAME, &results(SoftFloat::new().ok_or("no soft float")?), &scalar)?;
            #[allow(unused_mut)]
            let mut names = vec![Scalar::NAME, SoftFloat::NAME];
            $($(
                #[cfg(target_arch = $arch)]
                if let Some(isa) = runtime_kernels::$folder::$token::new() {
                    let name = <runtime_kernels::$folder::$token as Isa>::NAME;
                    compare(name, &results(isa), &scalar)?;
                    names.push(name);
                }
            )*)*
            Ok(names)
        }
    };
}

instruction_sets! {
    "x86_64": avx512_vnni::Avx512Vnni, avx2::Avx2, sse41::Sse41;
    "aarch64": neon::Neon, neon_dotprod::NeonDotprod;
    "wasm32": simd128::Simd128;
}

/// What `run` found, as a line of text, where modes of floating point change no bit.
pub fn report() -> Result<String, String> {
    modes::check()?;
    report_without_modes()
}

/// What `run` found: for valgrind, which does not know all modes.
pub fn report_without_modes() -> Result<String, String> {
    run().map(|names| format!("equal: {}", names.join(" ")))
}

/// Runs the cases of an instruction set one by one.
pub fn run_cases<I: Isa>(isa: I, mut sink: impl FnMut(&'static str, String, Vec<f32>)) {
    for (name, case) in cases::cases::<I>() {
        case(isa, &mut |shape, values| sink(name, shape, values));
    }
}

fn results<I: Isa>(isa: I) -> Results {
    let mut results = Vec::new();
    run_cases(isa, |name, shape, values| {
        results.push((format!("{name} {shape}"), values));
    });
    results
}

fn check_hash(results: &Results) -> Result<(), String> {
    let mut hash = BitHash::new();
    for (_, values) in results {
        hash.update(values);
    }
    match hash.finish() {
        EXPECTED => Ok(()),
        other => Err(format!(
            "scalar: the results hash to {other:#018x}, not {EXPECTED:#018x}"
        )),
    }
}

fn compare(isa: &str, results: &Results, scalar: &Results) -> Result<(), String> {
    for ((case, values), (_, expected)) in results.iter().zip(scalar) {
        for (i, (value, expected)) in values.iter().zip(expected).enumerate() {
            if value.to_bits() != expected.to_bits() {
                return Err(format!(
                    "{isa}: {case}: element {i} is {value:e} ({:#010x}), scalar has {expected:e} ({:#010x})",
                    value.to_bits(),
                    expected.to_bits()
                ));
            }
        }
        if values.len() != expected.len() {
            return Err(format!(
                "{isa}: {case}: {} values, scalar has {}",
                values.len(),
                expected.len()
            ));
        }
    }
    Ok(())
}
