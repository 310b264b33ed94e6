//! The kernels on scalar code, one program: what they share is compiled once.

mod definition;
mod layout;
mod lengths;
mod oracle;
#[path = "../suite/src/rng.rs"]
#[allow(dead_code, reason = "the suite has more to make")]
mod rng;
mod soft_float;

use runtime_kernels::scalar::Scalar;

fn scalar() -> Scalar {
    Scalar::new().expect("scalar code runs everywhere")
}
