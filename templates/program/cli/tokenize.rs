//! `tokenize`.

use super::args::Args;
use super::json::{Object, quoted};
use super::{Failure, encode, piece, print};

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let plain = args.flag("--plain");
    let tokens = encode(&args.text("text")?, !plain);
    if json {
        return print(
            &Object::new()
                .list("tokens", &tokens)
                .list("pieces", tokens.iter().map(|&id| quoted(&piece(id))))
                .end(),
        );
    }
    for id in tokens {
        print(&format!("{id:>8} {:?}", piece(id)))?;
    }
    Ok(())
}
