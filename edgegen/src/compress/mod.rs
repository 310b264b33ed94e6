//! Model + Plan → Program: fuses, permutes, quantizes and packs.

mod encode;
mod layers;
mod pack;
mod rope;
mod rows;

use crate::error::Result;
use crate::model::{Model, Role, TensorKey};
use crate::plan::{Plan, shapes};
use crate::program::tokenizer::TokenizerTables;
use crate::program::{Arena, Prefix, Program, Provenance};

use layers::Builder;

/// Reports progress: steps done, steps in all.
pub type Progress<'a> = &'a dyn Fn(usize, usize);

/// Carries the plan out.
///
/// # Errors
///
/// When a weight does not fit its format's range.
pub fn compress(model: &Model, plan: &Plan, progress: Progress<'_>) -> Result<Program> {
    let shapes = shapes(model, plan.sizes());
    let mut builder = Builder::new(model, plan);
    let steps = shapes.num_hidden_layers + 2;

    builder.start("embedding");
    let embedding_key = TensorKey {
        layer: None,
        role: Role::Embedding,
    };
    let embedding = builder.matrix(&[embedding_key])?;
    builder.start("rope");
    let rope = builder.floats(&rope::table(
        &model.architecture().rope,
        plan.sizes().context,
    ));
    progress(1, steps);

    let mut layers = Vec::with_capacity(shapes.num_hidden_layers);
    for index in 0..shapes.num_hidden_layers {
        builder.start(format!("layer_{index:02}"));
        layers.push(builder.layer(index)?);
        progress(index + 2, steps);
    }

    builder.start("head");
    let head = builder.head(&embedding)?;
    progress(steps, steps);

    Ok(Program {
        arena: Arena::new(&shapes),
        shapes,
        embedding,
        layers,
        head,
        rope,
        files: builder.finish(),
        tokenizer: TokenizerTables::new(model.tokenizer()),
        chat: model.chat_template().cloned(),
        grammar: model.grammar().cloned(),
        prefix: Prefix::new(model.prefix()),
        provenance: Provenance {
            model: model.name().to_owned(),
            format: model.format().to_owned(),
            digest: model.digest().to_owned(),
            licence: model.licence().map(str::to_owned),
            parameters: model
                .tensors()
                .values()
                .map(|tensor| (tensor.rows() * tensor.cols()) as u64)
                .sum(),
            tokens_left_out: model.tokens_left_out(),
            conversions: plan.conversions().iter().map(ToString::to_string).collect(),
        },
    })
}
