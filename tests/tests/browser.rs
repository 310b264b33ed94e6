//! Promise: it runs in a browser, and gives the same bits there.

use tests::browser::{self, Expected};
use tests::{Recipe, paths, run};

/// The page of a recipe's crate does all that it should.
fn works(recipe: &Recipe, expected: Expected<'_>) {
    if !run::has("chromium", "chromium") {
        return;
    }
    let emitted = recipe.emit();
    let Some(web) = browser::package(&emitted) else {
        return;
    };
    print!("{}", browser::check(&web, &emitted, expected));
}

#[test]
fn homectl_works_in_a_browser() {
    works(
        &Recipe::built_in("homectl-browser", "browser", "q4"),
        Expected {
            prompt: "switch off the lamp in the kitchen",
            answer: r#"{"do":"off","what":"lamp","where":"kitchen"}"#,
            long: 0,
        },
    );
}

#[test]
fn smollm2_works_in_a_browser() {
    let Some(model) = paths::smollm2() else {
        return;
    };
    works(
        &Recipe::new("smollm2-browser", &model, "browser", "keep")
            .with("--context=256")
            .with("--allow-oversize"),
        Expected {
            prompt: "What is 2+2? Answer with a number only.",
            answer: "2 + 2 = 4",
            long: 120,
        },
    );
}
