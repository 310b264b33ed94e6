//! `logits`.

use super::args::Args;
use super::json::Object;
use super::{Failure, encode, piece, print, session};

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let top = args.number("--top")?.unwrap_or(10);
    let mut session = session(&mut args)?;
    let prompt = args.text("prompt")?;

    let tokens = encode(&prompt, true);
    let logits = session.feed(&tokens)?;
    let mut order: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
    // Equal logits stay in the order of their ids.
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.truncate(top);
    if json {
        let entries = order.iter().map(|&(id, logit)| {
            Object::new()
                .plain("id", id)
                .text("piece", &piece(id))
                .plain("logit", logit)
                .end()
        });
        return print(
            &Object::new()
                .list("tokens", &tokens)
                .list("top", entries)
                .end(),
        );
    }
    for (id, logit) in order {
        print(&format!("{id:>8} {logit:>10.4} {:?}", piece(id)))?;
    }
    Ok(())
}
