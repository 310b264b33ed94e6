//! Guesses are those of prompt look-up: what followed the last three tokens when they were said
//! last.

use super::super::model::{BATCH, CONTEXT, LOGIT_ROWS};
use super::super::options::Options;
use super::{OnHeap, encode, filling, greedy};

/// How many tokens of an answer are guessed right.
fn guessed(prompt: &[u32], fed: &[u32], batch: usize) -> usize {
    let mut said = prompt.to_vec();
    let (mut guesses, mut right) = (Vec::new(), 0);
    for &token in fed {
        if guesses.first() == Some(&token) {
            guesses.remove(0);
            right += 1;
            said.push(token);
            continue;
        }
        let room = CONTEXT - said.len();
        said.push(token);
        guesses.clear();
        if LOGIT_ROWS > 1 && batch >= LOGIT_ROWS && room >= LOGIT_ROWS {
            guesses = look_up(&said);
        }
    }
    right
}

fn look_up(said: &[u32]) -> Vec<u32> {
    let Some(last) = said.len().checked_sub(3) else {
        return Vec::new();
    };
    let Some(start) = (0..last).rev().find(|&start| said[start..start + 3] == said[last..]) else {
        return Vec::new();
    };
    let mut text = said.to_vec();
    for at in start + 3..start + 2 + LOGIT_ROWS {
        text.push(text[at]);
    }
    text.split_off(said.len())
}

#[test]
fn as_many_tokens_are_guessed_as_prompt_look_up_guesses() {
    let mut total = 0;
    let prompts = ["the the the the", "a b a b a b a", r#"{"do":"off","what":"lamp","where":"kitchen"} switch off the lamp in the kitchen"#];
    let mut prompts: Vec<String> = prompts.map(str::to_owned).to_vec();
    prompts.extend((2..12).map(|less| filling(CONTEXT - less)));
    for prompt in &prompts {
        for (batch, temperature) in [(BATCH, 0.0), (LOGIT_ROWS, 0.0), (LOGIT_ROWS - 1, 0.0), (BATCH, 0.4)] {
            let mut session = OnHeap::new();
            session.set_batch(batch);
            let options = Options { temperature, ..greedy(usize::MAX) };
            let Ok(mut generation) = session.generate(prompt, &options) else {
                continue;
            };
            let answer: Vec<u32> = generation.by_ref().filter_map(|piece| piece.token()).collect();
            let found = generation.guessed_tokens();
            let prompt = encode(prompt);
            let fed = session.position() - prompt.len();
            assert_eq!(found, guessed(&prompt, &answer[..fed], batch), "{prompt:?} {answer:?}");
            total += found;
        }
    }
    assert!(total > 0, "nothing was guessed");
}
