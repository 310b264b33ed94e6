//! Prints what emitting SmolLM2 and building its crate cost, as a Markdown table.

use tests::{Recipe, measure, paths};

fn main() {
    let Some(model) = paths::smollm2() else {
        return;
    };
    let recipe = Recipe::new("smollm2-measured", &model, "host", "keep");
    if let Some(rows) = measure::emission_and_builds(&recipe) {
        print!("{}", measure::table(&rows));
    }
}
