//! Promise: it runs on a microcontroller, with the memory that the profile says.

use tests::riscv32::Image;
use tests::{Emitted, Missing, Outcome, Recipe, Target, instructions, paths};

/// Self-test, a text, and the memory that they took.
fn runs(emitted: &Emitted, prompt: &str, answer: &str) -> Result<Image, Missing> {
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
    Ok(image)
}

/// Decoding keeps its instruction budget.
fn costs(image: &Image, emitted: &Emitted, budget: u64) {
    let kept = instructions::keeps(&emitted.name, image.per_token(8), budget);
    kept.unwrap_or_else(|wrong| panic!("{wrong}"));
}

fn homectl_answers_on_a_microcontroller() -> Outcome {
    let emitted = Recipe::built_in("homectl-riscv32", "esp32", "q4").emit();
    let answer = r#"{"do":"off","what":"lamp","where":"kitchen"}"#;
    let prompt = "switch off the lamp in the kitchen";
    let image = runs(&emitted, prompt, answer)?;
    costs(&image, &emitted, 15_983_822);

    // Store access fault: the guard below the stack stops what would go on into nothing.
    let overflow = image.run(&[":overflow 100000", ":exit"]);
    assert_eq!(overflow.status, Some(7), "{overflow:?}");
    Ok(())
}

/// Weights in flash of their own, as in a partition of an ESP32.
fn weights_outside_the_image_are_checked_and_give_the_same_bits() -> Outcome {
    let recipe = Recipe::new("tiny-riscv32", &paths::tiny(), "esp32", "q8");
    let emitted = recipe.with("--weights=external").emit();
    let mut image = Image::build(&emitted)?;
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
    Ok(())
}

fn a_random_model_says_the_same_on_a_microcontroller() -> Outcome {
    let host = Recipe::new("llama-q8", &paths::llama(), "host", "q8").emit();
    let args = ["Once upon a time", "--max-tokens", "12"];
    let text = Target::Host.build(&host).json("generate", &args)["text"].clone();
    let recipe = Recipe::new("llama-riscv32", &paths::llama(), "esp32", "q8");
    let emitted = recipe.with("--context=128").emit();
    let image = runs(&emitted, ":text 12", text.as_str().expect("a text"))?;
    costs(&image, &emitted, 3_825_245);
    Ok(())
}

tests::trials![
    long: weights_outside_the_image_are_checked_and_give_the_same_bits,
    a_random_model_says_the_same_on_a_microcontroller,
    homectl_answers_on_a_microcontroller,
];
