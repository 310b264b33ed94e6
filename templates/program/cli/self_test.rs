//! `self-test`.

use super::args::Args;
use super::json::Object;
use super::model::self_test;
use super::{Failure, print, session};

pub fn run(mut args: Args) -> Result<(), Failure> {
    let json = args.flag("--json");
    let mut session = session(&mut args)?;
    args.end()?;
    let result = self_test(&mut session);
    let difference = result.first_difference.map(|stage| stage.to_string());
    if json {
        let mut object = Object::new()
            .text("hash", &format!("{:016x}", result.hash))
            .text("expected", &format!("{:016x}", result.expected))
            .plain("ok", result.passed())
            .text("isa", session.instruction_set().name());
        if let Some(stage) = &difference {
            object = object.text("first_difference", stage);
        }
        print(&object.end())?;
    } else if result.passed() {
        print(&format!(
            "ok: {:016x} on {}",
            result.hash,
            session.instruction_set().name()
        ))?;
    }
    match difference {
        None => Ok(()),
        Some(stage) => Err(Failure::Differs(format!(
            "the bits differ from {stage} on: {:016x}, not {:016x}",
            result.hash, result.expected
        ))),
    }
}
