//! Every kernel on every instruction set that this machine has, against the scalar one, bit for
//! bit; and the scalar one against itself on every other machine, by a hash.

mod cases;
mod modes;
mod rng;
#[cfg(target_arch = "wasm32")]
mod wasm;

pub use cases::CASES;
use runtime_kernels::scalar::Scalar;
use runtime_kernels::{BitHash, Isa};

/// The hash of the scalar results: the same on every machine.
pub const EXPECTED: u64 = 0x9820_e55e_97a7_206a;

/// What one instruction set computed: the case, with its shape, and the values.
pub type Results = Vec<(String, Vec<f32>)>;

macro_rules! suite {
    ($($module:ident::$token:ident in [$($arch:literal)?] $row:tt)*) => {
        /// Runs all cases on all instruction sets that are there; names those, or says what
        /// differs.
        pub fn run() -> Result<Vec<&'static str>, String> {
            let scalar = results(Scalar::new().ok_or("no scalar code")?);
            check_hash(&scalar)?;
            let mut names = Vec::new();
            $(
                #[cfg(all($(target_arch = $arch)?))]
                if let Some(isa) = runtime_kernels::$module::$token::new() {
                    names.push(check(isa, row_name!($row), &scalar)?);
                }
            )*
            Ok(names)
        }
    };
}

macro_rules! row_name {
    ({ about: $about:literal, name: $name:literal, $($rest:tt)* }) => {
        $name
    };
}

runtime_kernels::instruction_sets!(suite);

/// The name of an instruction set, if it computes what scalar code does and has its row's name.
fn check<I: Isa>(isa: I, row: &'static str, scalar: &Results) -> Result<&'static str, String> {
    if I::NAME != row {
        return Err(format!("the row of {} says {row}", I::NAME));
    }
    if I::NAME != Scalar::NAME {
        compare(I::NAME, &results(isa), scalar)?;
    }
    Ok(I::NAME)
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
