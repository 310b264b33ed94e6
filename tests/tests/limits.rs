//! Promise: a model fits its device or is refused with the figures, and emission and builds stay
//! within their limits of time and memory.

use tests::{Recipe, measure, paths, run};

#[test]
fn a_model_too_large_is_refused_with_the_figures() {
    let Some(model) = paths::smollm2() else {
        return;
    };
    let folder = tempfile::tempdir_in(paths::work("oversize")).expect("a writable target folder");
    let recipe = Recipe::new("smollm2-oversize", &model, "raspberry_pi", "keep");

    let out = folder.path().join("refused");
    let output = run::output(&mut recipe.command(&out));
    assert!(!output.status.success());
    assert!(!out.exists());
    let message = String::from_utf8_lossy(&output.stderr);
    for part in ["50", "MB", "--allow-oversize"] {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }

    let out = folder.path().join("allowed");
    run::must(&mut recipe.with("--allow-oversize").command(&out));
    assert!(out.join("Cargo.toml").exists());
}

#[test]
fn emission_and_builds_keep_their_limits() {
    let Some(model) = paths::smollm2() else {
        return;
    };
    let recipe = Recipe::new("smollm2-measured", &model, "host", "keep");
    let Some(rows) = measure::emission_and_builds(&recipe) else {
        return;
    };
    print!("{}", measure::table(&rows));
    for row in &rows {
        assert!(row.kept(), "{row:?}");
    }
}
