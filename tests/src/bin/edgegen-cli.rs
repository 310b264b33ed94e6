//! The `edgegen` program, of the library that these tests are compiled with: cargo makes it with
//! them, and compiles nothing twice.

fn main() -> std::process::ExitCode {
    edgegen::cli::main()
}
