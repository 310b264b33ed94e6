//! Runs the suite on a device: prints the instruction sets, or what differs. `--without-modes`
//! leaves modes of floating point out.

fn main() {
    let report = match std::env::args().nth(1).as_deref() {
        Some("--without-modes") => suite::report_without_modes(),
        _ => suite::report(),
    };
    match report {
        Ok(text) => println!("{text}"),
        Err(text) => {
            eprintln!("{text}");
            std::process::exit(1);
        }
    }
}
