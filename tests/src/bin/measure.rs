//! Prints what emitting SmolLM2 and building its crate cost, as a Markdown table.

use tests::{Outcome, Recipe, measure, paths};

fn main() -> Outcome {
    let model = paths::smollm2()?;
    let recipe = Recipe::new("smollm2-measured", &model, "host", "keep");
    let rows = measure::emission_and_builds(&recipe)?;
    print!("{}", measure::table(&rows));
    Ok(())
}
