//! Runs the suite on a device: prints the instruction sets, or what differs.

fn main() {
    match suite::report() {
        Ok(text) => println!("{text}"),
        Err(text) => {
            eprintln!("{text}");
            std::process::exit(1);
        }
    }
}
