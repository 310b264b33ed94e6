//! Model + Plan → Program: fuses, permutes, quantizes and packs.

mod calibrate;
mod dense;
mod encode;
mod layers;
mod network;
mod pack;
mod rope;
mod rotation;
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
            conversions: plan.conversions().iter().map(ToString::to_string).collect(),
        },
    })
}

pub fn experiment(model: &Model, spec: &str) -> Model {
    use calibrate::Code;
    let text = std::fs::read_to_string("/tmp/cal/text.txt").unwrap();
    let tables = TokenizerTables::new(model.tokenizer());
    let mut tokens = vec![0; 3 * text.len() + 4];
    let n = tables.runtime().encode(&text, false, &mut tokens).unwrap();
    tokens.truncate(n);
    let get = |k: &str| spec.split(',').find_map(|p| p.strip_prefix(k).and_then(|p| p.strip_prefix('=')).map(str::to_owned));
    let t: usize = get("T").map_or(4096, |t| t.parse().unwrap());
    let mut network = network::Network::of(model);
    if get("fold").as_deref() != Some("0") {
    network.fold_gains();
    network.equalize();
    network.rotate_heads();
    network.rotate_residual();
    }
    let code = |s: &str| match s { "2" => Some(Code::T2), "3" => Some(Code::T3), "4" => Some(Code::T4), _ => None };
    let e = get("e").unwrap_or_default();
    let l = get("l").unwrap_or_default();
    let tokens: Vec<u32> = tokens.chunks(256).take(t / 256).filter(|c| c.len() == 256).flat_map(|c| c.iter().copied()).collect();
    let start = std::time::Instant::now();
    calibrate::calibrate(&mut network, &tokens, |key| match key.role {
        Role::Embedding => code(&e),
        role if role.is_matrix() => match get(&format!("{role:?}")) { Some(s) => code(&s), None => code(&l) },
        _ => None,
    }, &|_, _| ());
    eprintln!("calibrated in {:?} on {} tokens", start.elapsed(), tokens.len());
    network.into_model(model)
}
