//! Promise: it runs on a microcontroller, with the memory that the profile says.

use tests::riscv32::Image;
use tests::{Emitted, Recipe, instructions, paths};

/// Self-test, a text, and the memory that they took.
fn runs(emitted: &Emitted, prompt: &str, answer: &str) -> Option<Image> {
    let image = Image::build(emitted)?;
    let session = image.run(&[":self-test", prompt, ":usage", ":exit"]);
    assert_eq!(session.status, Some(0), "{session:?}");
    assert_eq!(session.lines[0], format!("ok: {}", emitted.hash()));
    assert_eq!(session.lines[1], answer);
    let usage = session.usage();
    println!("{}: {usage:?}", emitted.name);
    // What is left lets an interrupt in.
    assert!(usage.stack * 4 <= usage.stack_size * 3, "{usage:?}");
    assert!(usage.flash <= 2_000_000, "{usage:?}");
    Some(image)
}

/// Decoding keeps its instruction budget.
fn costs(image: &Image, emitted: &Emitted, budget: u64) {
    let kept = instructions::keeps(&emitted.name, image.per_token(8), budget);
    kept.unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn homectl_answers_on_a_microcontroller() {
    let emitted = Recipe::built_in("homectl-riscv32", "esp32", "q4").emit();
    let answer = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;
    let prompt = "switch off the lamp in the kitchen";
    let Some(image) = runs(&emitted, prompt, answer) else {
        return;
    };
    costs(&image, &emitted, 15_983_822);

    // Store access fault: the guard below the stack stops what would go on into nothing.
    let overflow = image.run(&[":overflow 100000", ":exit"]);
    assert_eq!(overflow.status, Some(7), "{overflow:?}");
}

/// Weights in flash of their own, as in a partition of an ESP32.
#[test]
fn weights_outside_the_image_are_checked_and_give_the_same_bits() {
    let recipe = Recipe::new("tiny-riscv32", &paths::tiny(), "esp32", "q8");
    let emitted = recipe.with("--weights=external").emit();
    let Some(mut image) = Image::build(&emitted) else {
        return;
    };
    let session = image.run(&[":self-test", ":usage", ":exit"]);
    assert_eq!(session.lines[0], format!("ok: {}", emitted.hash()));
    let weights = image.weights.take().expect("a file of weights");
    let bytes = std::fs::read(&weights).expect("a readable file");
    println!("{:?} and {} bytes of weights", session.usage(), bytes.len());

    let said = |image: &Image| {
        let session = image.run(&[":exit"]);
        assert_eq!(session.status, Some(103), "{session:?}");
        session.lines.concat()
    };
    assert_eq!(said(&image), "this is no file of weights");
    let mut changed = bytes;
    *changed.last_mut().expect("a byte") ^= 1;
    let file = paths::work("riscv32").join("changed.weights");
    std::fs::write(&file, changed).expect("a writable target folder");
    image.weights = Some(file);
    assert_eq!(said(&image), "bytes of the file were changed");
}

#[test]
fn stories_runs_on_a_microcontroller() {
    let Some(model) = paths::stories() else {
        return;
    };
    let text = ", there was a little girl named Lily. She";
    let recipe = Recipe::new("stories-riscv32", &model, "esp32", "q8");
    let emitted = recipe.with("--context=128").emit();
    let Some(image) = runs(&emitted, ":text 12", text) else {
        return;
    };
    costs(&image, &emitted, 6_630_644);
}
