//! A smaller vocabulary: texts of kept tokens have the same tokens, every text has some, and the
//! network computes the same bits for what is left.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::{logits, program};
use crate::common::gguf::Gguf;
use crate::common::{Random, Shape, Tiny, data, llama2c};
use edgegen::bind;
use edgegen::import::{BUILT_IN_SCHEMA, built_in, import};
use edgegen::interpret::evaluate;
use edgegen::model::tables::TokenizerTables;
use edgegen::model::{DType, Model, TokenClass, Tokenizer};
use edgegen::plan::Quant;
use edgegen::prune;
use proptest::prelude::*;

const TEXT: &str =
    "Once upon a time there was a little girl.\n\nSwitch on the lamp in the kitchen!";

fn gguf(dtype: DType, vocab: usize) -> Model {
    let shape = Shape {
        dtype,
        vocab,
        tied: dtype == DType::F32,
        ..Shape::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Gguf::new(&Tiny::new(shape, 5)).bytes()).unwrap();
    import(&path).unwrap()
}

/// With a chat template.
fn chatting() -> Model {
    let shape = Shape {
        vocab: 300,
        ..Shape::default()
    };
    let mut file = Gguf::new(&Tiny::new(shape, 5));
    let template = "{% for m in messages %}{{ m.content }} {% endfor %}";
    file.text("tokenizer.chat_template", template);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    import(&path).unwrap()
}

/// llama2.c version 2: int8 in groups.
fn groups() -> Model {
    let tiny = Tiny::new(
        Shape {
            dtype: DType::Q8Groups { group_size: 16 },
            ..Shape::default()
        },
        5,
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.bin");
    std::fs::write(&path, llama2c::version_2(&tiny)).unwrap();
    let tokenizer = llama2c::tokenizer(tiny.shape.vocab);
    std::fs::write(folder.path().join("tokenizer.bin"), tokenizer).unwrap();
    import(&path).unwrap()
}

/// Models of both schemes, with sizes to prune them to.
fn models() -> Vec<(Model, Vec<usize>)> {
    let mut models = vec![
        (gguf(DType::F32, 300), vec![263, 268, 280, 300]),
        (built_in().unwrap(), Vec::new()),
    ];
    let llama = import(&data::file("architectures/llama/hf")).unwrap();
    let sizes = [300, 400, 511].into();
    models.push((llama, sizes));
    let (homectl, sizes) = &mut models[1];
    let (least, all) = (least(homectl), homectl.tokenizer().tokens().len());
    *sizes = vec![least, (least + all) / 2, all - 1];
    models
}

/// The smallest size that is possible, as the refusal of a smaller one says.
fn least(model: &Model) -> usize {
    let error = prune::vocabulary(model.clone(), 1, TEXT).unwrap_err();
    let message = error.to_string();
    let (_, rest) = message.split_once("help: give ").unwrap();
    rest.split_once(' ').unwrap().0.parse().unwrap()
}

/// The old id of each kept token.
fn kept(old: &Tokenizer, new: &Tokenizer) -> Vec<u32> {
    let mut ids = (0..).zip(old.tokens());
    new.tokens()
        .iter()
        .map(|token| {
            let (id, _) = ids.find(|(_, old)| *old == token).expect("order is kept");
            id
        })
        .collect()
}

fn decode(tables: &TokenizerTables, ids: &[u32]) -> Vec<u8> {
    let mut previous = None;
    let mut bytes = Vec::new();
    for &id in ids {
        bytes.extend_from_slice(tables.runtime().text_after(previous, id));
        previous = Some(id);
    }
    bytes
}

#[test]
fn texts_of_kept_tokens_have_the_same_tokens() {
    for (model, sizes) in models() {
        let old = model.tokenizer().tables();
        for size in sizes {
            let pruned = prune::vocabulary(model.clone(), size, TEXT).unwrap();
            assert_eq!(pruned.tokenizer().tokens().len(), size);
            assert_eq!(pruned.architecture().vocab_size, size);
            let new = pruned.tokenizer().tables();
            let kept = kept(model.tokenizer(), pruned.tokenizer());
            let mut random = Random(size as u64);
            let mut compared = 0;
            for round in 0..2000 {
                let ids: Vec<u32> = (0..1 + round % 8)
                    .map(|_| kept[(random.next() % kept.len() as u64) as usize])
                    .collect();
                let Ok(text) = String::from_utf8(decode(old, &ids)) else {
                    continue;
                };
                let special = round % 2 == 0;
                let before = old.encode(&text, special);
                let after = new.encode(&text, special);
                if before.iter().all(|id| kept.binary_search(id).is_ok()) {
                    let after: Vec<u32> = after.iter().map(|&id| kept[id as usize]).collect();
                    assert_eq!(before, after, "{}, {size} tokens: {text:?}", model.name());
                    compared += 1;
                }
            }
            assert!(compared > 100, "{}, {size}: {compared}", model.name());
        }
    }
}

#[test]
fn frequent_tokens_are_kept() {
    for (model, sizes) in models() {
        let size = sizes[1];
        let tables = model.tokenizer().tables();
        let counted: BTreeSet<u32> = tables.encode(TEXT, false).into_iter().collect();
        let pruned = prune::vocabulary(model.clone(), size, TEXT).unwrap();
        let kept = kept(model.tokenizer(), pruned.tokenizer());
        // Little of the room is taken, so all of the text's tokens have a place.
        if counted.len() * 4 < size - least(&model) {
            let missing = counted.iter().find(|id| !kept.contains(id));
            assert_eq!(missing, None, "{}, {size}", model.name());
        }
    }
}

/// Other scripts are what a large vocabulary can do without first.
#[test]
fn tokens_in_the_texts_script_come_before_others() {
    let mut compared = 0;
    for (model, sizes) in models() {
        let of = |size| prune::vocabulary(model.clone(), size, TEXT).unwrap();
        let always = kept(model.tokenizer(), of(least(&model)).tokenizer());
        for size in sizes {
            let kept = kept(model.tokenizer(), of(size).tokenizer());
            let optional = (0..).zip(model.tokenizer().tokens());
            let optional = optional.filter(|(id, _)| always.binary_search(id).is_err());
            let (own, foreign): (Vec<_>, Vec<_>) = optional.partition(|(_, token)| {
                let text = std::str::from_utf8(&token.bytes);
                // The text's letters are.
                text.is_ok_and(|text| text.chars().all(|c| c.is_ascii() || !c.is_alphabetic()))
            });
            let is_kept = |(id, _): &&(u32, _)| kept.binary_search(id).is_ok();
            let left_out = own.len() - own.iter().filter(is_kept).count();
            let foreign = foreign.iter().filter(is_kept).count();
            // A token whose parts have no room gives its place to one that has.
            assert!(
                left_out == 0 || foreign < 4,
                "{}, {size}: {left_out} for {foreign}",
                model.name()
            );
            compared += usize::from(left_out > 0);
        }
    }
    assert!(compared > 0);
}

#[test]
fn special_tokens_and_bytes_are_kept() {
    for (model, sizes) in models() {
        let pruned = prune::vocabulary(model.clone(), sizes[0], TEXT).unwrap();
        let (old, new) = (model.tokenizer(), pruned.tokenizer());
        let kept = kept(old, new);
        let back = |id: u32| kept[id as usize];
        assert_eq!(old.bos(), new.bos().map(back));
        assert_eq!(old.eos(), new.eos().map(back));
        let stop: Vec<u32> = new.stop().iter().map(|&id| back(id)).collect();
        assert_eq!(old.stop(), stop);
        let added: Vec<u32> = new.added().iter().map(|added| back(added.id)).collect();
        let old_added: Vec<u32> = old.added().iter().map(|added| added.id).collect();
        assert_eq!(old_added, added);
        let lost = (0..).zip(old.tokens()).find(|(id, token)| {
            token.class != TokenClass::Normal && kept.binary_search(id).is_err()
        });
        assert_eq!(lost, None);
    }
}

#[test]
fn kept_tokens_have_the_same_logits() {
    let models = [DType::F32, DType::F16, DType::Q8_0, DType::Q4_1].map(|dtype| gguf(dtype, 290));
    for model in models.into_iter().chain([groups()]) {
        let pruned = prune::vocabulary(model.clone(), 269, "\u{4E05}\u{4E06}").unwrap();
        let kept = kept(model.tokenizer(), pruned.tokenizer());
        assert_ne!(kept.last(), Some(&268), "rows in between are left out");
        let new: Vec<u32> = (0..20).map(|index| index * 13 % 269).collect();
        let old: Vec<u32> = new.iter().map(|&id| kept[id as usize]).collect();
        let before = logits(&program(&model, Quant::Keep), &old);
        let after = logits(&program(&pruned, Quant::Keep), &new);
        let of_kept = |row: &Vec<u32>| kept.iter().map(|&id| row[id as usize]).collect();
        let before: Vec<Vec<u32>> = before.iter().map(of_kept).collect();
        assert_eq!(before, after);
        assert_eq!(
            pruned.left_out().tokens,
            model.tokenizer().tokens().len() - 269
        );
    }
}

#[test]
fn the_schema_and_the_system_message_are_those_of_the_new_tokens() {
    let model = built_in().unwrap();
    let size = least(&model) + 50;
    let pruned = prune::vocabulary(model, size, TEXT).unwrap();
    let again = bind::schema(pruned.clone(), BUILT_IN_SCHEMA).unwrap();
    let [found, expected] = [&pruned, &again].map(|model| model.grammar().unwrap().blob());
    assert_eq!(found, expected);

    let model = bind::system(chatting(), "a ba\u{4E01}").unwrap();
    let pruned = prune::vocabulary(model.clone(), 270, TEXT).unwrap();
    let kept = kept(model.tokenizer(), pruned.tokenizer());
    let prefix: Vec<u32> = pruned
        .prefix()
        .iter()
        .map(|&id| kept[id as usize])
        .collect();
    assert_eq!(prefix, model.prefix());
}

#[test]
fn sizes_that_are_not_possible_are_refused() {
    let model = built_in().unwrap();
    let all = model.tokenizer().tokens().len();
    let refused = |size| {
        let error = prune::vocabulary(model.clone(), size, TEXT).unwrap_err();
        error.to_string()
    };
    let least = least(&model);
    assert!(refused(least - 1).contains("too few"));
    assert!(refused(all + 1).contains(&format!("the model has {all} tokens")));
    assert!(refused(0).starts_with("--vocab-size: "));
    for size in [least, all] {
        let pruned = prune::vocabulary(model.clone(), size, TEXT).unwrap();
        assert_eq!(pruned.tokenizer().tokens().len(), size);
    }
}

#[test]
fn a_pruned_model_is_evaluated_by_its_bytes() {
    let model = gguf(DType::F32, 300);
    let text = "ab ab b a".repeat(20);
    let of_size = |size: usize| {
        program(
            &prune::vocabulary(model.clone(), size, "").unwrap(),
            Quant::Keep,
        )
    };
    let reference = of_size(300);
    let of = |size: usize| evaluate(&reference, &of_size(size), &text, 32, &|_, _| {}).unwrap();
    let whole = of(300);
    assert_eq!(whole.agreement.unwrap().divergence, 0.0);
    let few = of(260);
    assert_eq!(few.agreement, None);
    assert!(
        few.candidate.tokens() > few.reference.tokens(),
        "smaller tokens"
    );
    let nats = few.candidate.bits_per_byte() * std::f64::consts::LN_2;
    let bytes = text.len() as f64 / few.reference.tokens() as f64;
    let expected = (nats * bytes).exp();
    assert!((few.candidate_perplexity() / expected - 1.0).abs() < 1e-9);
}

/// Models of both schemes, with few tokens more than every text may need.
static SMALL: LazyLock<[[Model; 2]; 2]> = LazyLock::new(|| {
    [gguf(DType::F32, 300), built_in().unwrap()].map(|model| {
        let size = least(&model) + 5;
        [model.clone(), prune::vocabulary(model, size, TEXT).unwrap()]
    })
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_text_still_has_tokens(text in "(\\PC|[ab \u{4E00}\u{4E01}\n]){0,40}") {
        for models in &*SMALL {
            let [before, after] = models.each_ref().map(|model| {
                let tables = model.tokenizer().tables();
                decode(tables, &tables.encode(&text, false))
            });
            prop_assert_eq!(before, after);
        }
    }
}
