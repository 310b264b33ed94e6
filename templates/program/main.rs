//! The model as a program.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
