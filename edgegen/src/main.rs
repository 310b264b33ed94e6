//! The `edgegen` program.

fn main() -> std::process::ExitCode {
    edgegen::cli::main()
}
