//! Measures the device that it runs on, and prints a platform profile for edgegen.

mod instruction_sets;
#[allow(
    dead_code,
    unused_imports,
    reason = "what is measured needs some of them"
)]
mod kernels;
mod probe;

fn main() {
    print!("{}", probe::Machine::measure().profile("my_device"));
}
