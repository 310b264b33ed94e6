//! Search: it keeps within what is asked for, is better than one format for all, goes on where it was
//! interrupted, and what it finds can be kept in a file and carried out.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::architectures::changed;
use crate::common::gguf::Gguf;
use crate::common::{Shape, Tiny, data};
use edgegen::cache::Cache;
use edgegen::compress::{compress, compress_cached, sensitivity};
use edgegen::error::Result;
use edgegen::import::{built_in, import};
use edgegen::interpret::evaluate;
use edgegen::model::{DType, Model, Role, TensorKey};
use edgegen::plan::{Plan, PlanFile, Quant, Request, plan};
use edgegen::profile::Profile;
use edgegen::program::{CacheFormat, WeightFormat};
use edgegen::progress::Stages;
use edgegen::search::{Goal, Solution, Task, search};
use edgegen::text::Texts;

fn tiny(tied: bool) -> Model {
    let shape = Shape {
        tied,
        dtype: DType::F32,
        vocab: 300,
        ..Shape::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.gguf");
    std::fs::write(&path, Gguf::new(&Tiny::new(shape, 5)).bytes()).unwrap();
    import(&path).unwrap()
}

/// A short text, so that the tests are.
fn texts() -> Texts {
    Texts::of(&edgegen::text::CALIBRATION[..20_000]).unwrap()
}

fn searched(model: &Model, goal: Goal, cache: &Cache, progress: Stages<'_>) -> Result<Solution> {
    searched_on(&texts(), model, goal, cache, progress)
}

fn searched_on(
    texts: &Texts,
    model: &Model,
    goal: Goal,
    cache: &Cache,
    progress: Stages<'_>,
) -> Result<Solution> {
    let profile = Profile::load("host").unwrap();
    let request = Request {
        context: Some(64),
        ..Request::default()
    };
    let task = Task {
        profile: &profile,
        request: &request,
        goal,
        texts,
        cache,
        progress,
    };
    search(model.clone(), &task)
}

fn within(bytes: usize) -> Goal {
    Goal {
        budget: Some(bytes),
        max_loss: None,
    }
}

fn quiet(_: &'static str, _: usize, _: usize) {}

fn planned(model: &Model, quant: &str) -> Plan {
    planned_on(&texts(), model, quant)
}

fn planned_on(texts: &Texts, model: &Model, quant: &str) -> Plan {
    let request = Request {
        quant: quant.parse::<Quant>().unwrap(),
        context: Some(64),
        calibration: (quant.starts_with('t')).then(|| texts.calibration().to_owned()),
        ..Request::default()
    };
    plan(model, &Profile::load("host").unwrap(), &request).unwrap()
}

#[test]
fn what_fits_stays() {
    let model = tiny(true);
    let found = searched(&model, Goal::default(), &Cache::none(), &quiet).unwrap();
    assert_eq!(&found.schedule.plan, &planned(&model, "keep"));
    assert_eq!(found.loss, None);
    let flash = planned(&model, "q8").footprint().flash();
    let found = searched(&model, within(flash), &Cache::none(), &quiet).unwrap();
    assert_eq!(
        found.schedule.plan.formats(),
        planned(&model, "q8").formats()
    );
    assert_eq!(found.schedule.plan.footprint().flash(), flash);
}

/// The device's limits count as a budget does, and what is found is a crate's size exactly.
#[test]
fn budgets_are_kept() {
    for tied in [true, false] {
        let model = tiny(tied);
        let cache = tempfile::tempdir().unwrap();
        let cache = Cache::at(cache.path());
        let [least, most] = ["t2", "q8"].map(|quant| planned(&model, quant).footprint().flash());
        let mut sizes = Vec::new();
        for part in [2, 5, 8] {
            let budget = least + (most - least) * part / 10;
            let found = searched(&model, within(budget), &cache, &quiet).unwrap();
            let plan = &found.schedule.plan;
            assert!(
                plan.footprint().flash() <= budget,
                "{} > {budget}",
                plan.footprint().flash()
            );
            let program = compress_cached(&found.model, plan, &cache, &|_, _| {}).unwrap();
            assert_eq!(program.flash_bytes(), plan.footprint().flash());
            let steps = &found.schedule.steps;
            assert!(steps.windows(2).all(|pair| pair[0].after == pair[1].before));
            assert_eq!(steps.last().unwrap().after, plan.footprint().flash());
            sizes.push(plan.footprint().flash());
        }
        assert!(sizes[0] < sizes[1] && sizes[1] < sizes[2], "{sizes:?}");
    }
}

/// Codes with one scale a row are for weights that a rotation made alike: others have them only where
/// nothing else fits.
#[test]
fn what_is_not_rotated_has_formats_with_blocks() {
    // So that a random network predicts no worse than chance.
    let flat = ("final_logit_softcapping", serde_json::json!(0.5));
    for name in ["gemma2", "gemma3_text"] {
        let model = changed(name, std::slice::from_ref(&flat)).unwrap();
        let flash = |quant: &str| planned(&model, quant).footprint().flash();
        let is_coded = |budget: usize| {
            let found = searched(&model, within(budget), &Cache::none(), &quiet).unwrap();
            let formats = found.schedule.plan.formats();
            formats.values().any(|format| format.calibrated())
        };
        assert!(!is_coded(flash("q4") * 11 / 10), "{name}");
        assert!(is_coded(flash("t2") * 11 / 10), "{name}");
    }
}

#[test]
fn a_budget_that_cannot_be_met_names_the_nearest() {
    let model = tiny(true);
    let refused = |budget: usize| {
        let error = searched(&model, within(budget), &Cache::none(), &quiet);
        error.unwrap_err().to_string()
    };
    let text = refused(1000);
    assert!(
        text.contains("nothing is small enough for 0.00 MB; anything takes more than 0."),
        "{text}"
    );
    assert!(text.contains("give more with `--budget-mb`"), "{text}");
    // Two sizes never print alike, and what is said to be enough is.
    let text = refused(10_000);
    assert!(
        text.contains("nothing is small enough for 10000 bytes; the nearest is 1"),
        "{text}"
    );
    let (_, enough) = text.split_once("give at least `--budget-mb ").unwrap();
    let (enough, _) = enough.split_once('`').unwrap();
    let enough = (enough.parse::<f64>().unwrap() * 1e6) as usize;
    assert!(enough < 30_000, "{enough}");
    searched(&model, within(enough), &Cache::none(), &quiet).unwrap();
    // A random model may gain a little by what it loses, but not as much.
    let goal = Goal {
        budget: None,
        max_loss: Some(-1.0),
    };
    let text = searched(&model, goal, &Cache::none(), &quiet)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains(
            "--max-kl: nothing that fits loses as little; the nearest that was tried loses"
        ),
        "{text}"
    );
}

/// homectl knows commands, and nothing of prose.
#[test]
fn a_text_that_the_model_does_not_know_is_refused() {
    let homectl = concat!(env!("CARGO_MANIFEST_DIR"), "/models/homectl");
    let model = edgegen::import::import(homectl.as_ref()).unwrap();
    let error = searched(&model, within(500_000), &Cache::none(), &quiet).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("the model predicts the text worse than chance")
            && text.contains("--calibration FILE"),
        "{text}"
    );
}

/// What was measured before an interruption is not measured again, and the result is the same.
#[test]
fn an_interrupted_search_goes_on() {
    let model = tiny(true);
    let [least, most] = ["t2", "t4"].map(|quant| planned(&model, quant).footprint().flash());
    let goal = within((least + most) / 2);
    let expected = searched(&model, goal, &Cache::none(), &quiet).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let measured = || std::fs::read_dir(folder.path()).map_or(0, Iterator::count);
    let interrupted = catch_unwind(AssertUnwindSafe(|| {
        searched(&model, goal, &cache, &|stage, done, _| {
            assert!(stage != "calibrating a choice" || done == 0, "interrupted");
        })
    }));
    assert!(interrupted.is_err());
    let before = measured();
    assert!(before > model.architecture().num_hidden_layers);

    let stages = Mutex::new(Vec::new());
    let found = searched(&model, goal, &cache, &|stage, done, all| {
        stages.lock().unwrap().push((stage, done, all));
    });
    let found = found.unwrap();
    assert_eq!(found.file, expected.file);
    assert_eq!(found.loss, expected.loss);
    assert!(measured() > before);
    let stages = stages.into_inner().unwrap();
    let probing = |(stage, done, all): &(&str, usize, usize)| {
        *stage == "measuring what each matrix needs" && done < all
    };
    assert!(!stages.iter().any(probing), "{stages:?}");

    // A third one has nothing left to do.
    let again = searched(&model, goal, &cache, &|stage, _, _| {
        assert_eq!(stage, "measuring what each matrix needs");
    });
    assert_eq!(again.unwrap().file, expected.file);
}

/// What is found loses less than one format for all matrices of the same size; with more bytes, less
/// is lost; and within a loss, fewer bytes are taken the more may be lost. Losses are in nats for
/// each of the original's tokens, since what is found may have fewer tokens.
#[test]
#[ignore = "nightly"]
fn a_trained_model_loses_less_than_with_one_format_nightly() {
    let model = built_in().unwrap();
    let texts = Texts::of(&data::answers(1200)).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let cache = Cache::at(cache.path());
    let original = compress(&model, &planned_on(&texts, &model, "keep"), &|_, _| {}).unwrap();
    let nats = |model: &Model, plan: &Plan| {
        let program = compress_cached(model, plan, &cache, &|_, _| {}).unwrap();
        let found = evaluate(&original, &program, texts.held_out(), 64, &|_, _| {}).unwrap();
        (found.candidate_perplexity() / found.reference.perplexity()).ln()
    };
    let mut losses = Vec::new();
    for quant in ["t3", "t4"] {
        let uniform = planned_on(&texts, &model, quant);
        let budget = uniform.footprint().flash();
        let found = searched_on(&texts, &model, within(budget), &cache, &quiet).unwrap();
        let plan = &found.schedule.plan;
        assert!(plan.footprint().flash() <= budget);
        let loss = nats(&found.model, plan);
        let stated = found.loss.unwrap();
        assert!((stated.nats - loss).abs() < 1e-9, "{stated:?}, not {loss}");
        let others = nats(&model, &uniform);
        assert!(
            loss < others,
            "{quant}: {loss} with the search, {others} without"
        );
        losses.push(loss);
    }
    assert!(losses[1] < losses[0], "{losses:?}");

    let mut flash = Vec::new();
    for most in [0.2, 0.02] {
        let goal = Goal {
            budget: None,
            max_loss: Some(most),
        };
        let found = searched_on(&texts, &model, goal, &cache, &quiet).unwrap();
        let loss = found.loss.unwrap();
        assert!(loss.divergence.unwrap_or(loss.nats) <= most);
        flash.push(found.schedule.plan.footprint().flash());
    }
    assert!(flash[0] < flash[1], "{flash:?}");
    assert!(flash[1] < planned_on(&texts, &model, "q8").footprint().flash());
}

/// Weights of equal sizes are told apart by calibration text and by where formats are.
#[test]
fn weights_of_others_are_not_taken_from_the_cache() {
    let model = tiny(true);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let texts = [
        &edgegen::text::CALIBRATION[..20_000],
        &edgegen::text::HELD_OUT[..9_000],
    ];
    let formats = |first, second| {
        let mut formats = planned(&model, "t3").formats().clone();
        formats.insert(TensorKey::layer(0, Role::Up), first);
        formats.insert(TensorKey::layer(1, Role::Up), second);
        formats
    };
    let (less, more) = (WeightFormat::T3, WeightFormat::T4);
    for text in texts {
        for formats in [formats(less, more), formats(more, less)] {
            let request = Request {
                formats: Some(formats),
                context: Some(64),
                calibrate: true,
                calibration: Some(text.to_owned()),
                ..Request::default()
            };
            let plan = plan(&model, &Profile::load("host").unwrap(), &request).unwrap();
            let expected = compress(&model, &plan, &|_, _| {}).unwrap();
            let found = compress_cached(&model, &plan, &cache, &|_, _| {}).unwrap();
            assert_eq!(found.digest(), expected.digest());
        }
    }
}

/// What was measured with another text, context or KV cache is not taken for this.
#[test]
fn measurements_of_others_are_not_taken_from_the_cache() {
    let model = tiny(true);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path());
    let other = Texts::of(&edgegen::text::HELD_OUT[..12_000]).unwrap();
    let profile = Profile::load("host").unwrap();
    let [least, most] = ["t2", "t4"].map(|quant| planned(&model, quant).footprint().flash());
    for texts in [&texts(), &other] {
        let measured = |cache| sensitivity(&model, texts.calibration(), cache, &|_, _| {}).unwrap();
        assert_eq!(measured(&cache), measured(&Cache::none()));
        for (context, kv_cache) in [
            (64, CacheFormat::F32),
            (64, CacheFormat::I8),
            (24, CacheFormat::F32),
        ] {
            let request = Request {
                context: Some(context),
                kv_cache,
                ..Request::default()
            };
            let found = |cache| {
                let task = Task {
                    profile: &profile,
                    request: &request,
                    goal: within((least + most) / 2),
                    texts,
                    cache,
                    progress: &quiet,
                };
                search(model.clone(), &task).unwrap()
            };
            let (found, expected) = (found(&cache), found(&Cache::none()));
            assert_eq!(found.loss, expected.loss, "{context}, {kv_cache:?}");
            assert_eq!(found.file, expected.file, "{context}, {kv_cache:?}");
        }
    }
}

fn file(model: &Model) -> PlanFile {
    let mut formats: BTreeMap<TensorKey, WeightFormat> = planned(model, "t3").formats().clone();
    formats.insert(TensorKey::layer(1, Role::Value), WeightFormat::Q8);
    PlanFile::new(model, Some(290), formats, Some("a text"))
}

#[test]
fn a_plan_survives_its_file() {
    let model = tiny(true);
    let file = file(&model);
    let read = PlanFile::parse(&file.write()).unwrap();
    assert_eq!(read, file);
    assert_eq!(read.vocab_size(), Some(290));
    let formats = read.formats(&model, "a text").unwrap();
    assert_eq!(formats[&TensorKey::layer(1, Role::Value)], WeightFormat::Q8);
    assert_eq!(formats[&TensorKey::layer(0, Role::Value)], WeightFormat::T3);
}

#[test]
fn bad_plans_are_refused() {
    let model = tiny(true);
    let good = file(&model).write();
    let refused = |text: &str| {
        let file = PlanFile::parse(text);
        let formats = file.and_then(|file| file.formats(&model, "a text"));
        formats.unwrap_err().to_string()
    };
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{good}");
        refused(&good.replace(from, to))
    };
    for (from, to, expected) in [
        ("version = 1", "version = 2", "version: version 2, not 1"),
        ("version = 1", "version = ", "line 2, column 11: "),
        ("vocab_size", "vocabulary", "unknown field `vocabulary`"),
        (
            "embedding = \"t3\"",
            "embedding = \"t5\"",
            "formats.embedding: unknown weight format `t5`",
        ),
        (
            "embedding = \"t3\"",
            "embedding = [\"t3\"]",
            "formats.embedding: it must be one format",
        ),
        (
            "output_mix = \"q8\"",
            "output_mix = \"t2\"",
            "formats.output_mix: `t2` is no format of a matrix that calibration makes",
        ),
        (
            "embedding = \"t3\"",
            "",
            "formats.embedding: the model has a matrix there, the plan no format",
        ),
        (
            "embedding",
            "input_norm",
            "formats.input_norm: there is no such matrix",
        ),
        (
            "value = [\"t3\", \"q8\"]",
            "value = [\"t3\"]",
            "formats.value, layer 1: the model has a matrix there",
        ),
        (
            "value = [\"t3\", \"q8\"]",
            "value = [\"t3\", \"q8\", \"q8\"]",
            "formats.value, layer 2: the model has no matrix there",
        ),
        (
            "value = [\"t3\", \"q8\"]",
            "value = \"t3\"",
            "formats.value: it must be a list with a format for each layer",
        ),
        (
            "calibration = ",
            "calibration = \"\" # ",
            "calibration: the plan was made with another calibration text",
        ),
        (
            "model = \"",
            "model = \"0",
            "model: the plan was made for another model",
        ),
        (
            "calibration = ",
            "calibratoin = ",
            "a similar name is `calibration`",
        ),
    ] {
        let text = changed(from, to);
        assert!(text.contains(expected), "{text}");
    }
    let line = good
        .lines()
        .find(|line| line.starts_with("calibration"))
        .unwrap();
    let text = changed(line, "");
    assert!(
        text.contains("is chosen by a calibration text, and the plan was made without one"),
        "{text}"
    );
}
