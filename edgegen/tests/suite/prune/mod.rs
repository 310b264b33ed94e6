//! Models of which parts are left out.

mod network;
mod vocabulary;

use edgegen::compress::compress;
use edgegen::interpret::{Interpreter, Observer};
use edgegen::model::Model;
use edgegen::plan::{Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::Program;

fn program(model: &Model, quant: Quant) -> Program {
    let request = Request {
        quant,
        context: Some(32),
        ..Request::default()
    };
    let plan = plan(model, &Profile::load("host").unwrap(), &request).unwrap();
    compress(model, &plan, &|_, _| {}).unwrap()
}

#[derive(Default)]
struct Logits(Vec<Vec<u32>>);

impl Observer for Logits {
    fn logits(&mut self, logits: &[f32]) {
        self.0
            .push(logits.iter().map(|logit| logit.to_bits()).collect());
    }
}

/// The bits of the logits after each token.
fn logits(program: &Program, tokens: &[u32]) -> Vec<Vec<u32>> {
    let mut logits = Logits::default();
    Interpreter::new(program, 1).feed(tokens, &mut logits);
    logits.0
}
