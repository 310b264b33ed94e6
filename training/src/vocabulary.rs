//! The tokenizer: byte-level BPE over lower case, trained on commands and answers.

use anyhow::{Result, anyhow};
use rand::SeedableRng;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::normalizers::utils::Lowercase;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, PreTokenizerWrapper, Tokenizer};

#[cfg(feature = "train")]
use crate::generate::Example;
use crate::generate::{Generator, Natural, Split};
use crate::random::Rng;

/// Tokens of the vocabulary.
pub const VOCAB_SIZE: usize = 1024;
/// Begins a text.
pub const START: u32 = 0;
/// Ends a command, and an answer.
pub const END: u32 = 1;

const SPECIAL: [&str; 2] = ["<|start|>", "<|end|>"];
const TRAINING_LINES: usize = 60_000;

/// Trains the tokenizer.
///
/// # Errors
/// If the library refuses its own parts.
pub fn train(natural: &Natural) -> Result<Tokenizer> {
    let mut tokenizer = Tokenizer::new(BPE::default());
    let bytes = ByteLevel::new(false, true, true);
    tokenizer
        .with_normalizer(Some(Lowercase))
        .map_err(|error| anyhow!(error))?
        .with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::Digits(Digits::new(true)),
            PreTokenizerWrapper::ByteLevel(bytes),
        ])))
        .with_decoder(Some(bytes));
    let mut trainer = TrainerWrapper::BpeTrainer(
        BpeTrainerBuilder::new()
            .vocab_size(VOCAB_SIZE)
            .show_progress(false)
            .special_tokens(SPECIAL.map(|name| AddedToken::from(name, true)).to_vec())
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build(),
    );
    let generator = Generator::new(Split::Train, 0.05)?;
    let mut rng = Rng::seed_from_u64(7);
    let lines = (0..TRAINING_LINES).flat_map(|index| {
        let example = if index % 8 == 0 {
            natural.example(&mut rng, 0.05)
        } else {
            generator.example(&mut rng)
        };
        [example.command, example.answer]
    });
    tokenizer
        .train(&mut trainer, lines)
        .map_err(|error| anyhow!(error))?;
    let template = TemplateProcessing::builder()
        .try_single("<|start|> $A <|end|>")
        .map_err(|error| anyhow!(error))?
        .special_tokens(vec![(SPECIAL[0], START), (SPECIAL[1], END)])
        .build()?;
    tokenizer.with_post_processor(Some(template));
    Ok(tokenizer)
}

/// The ids of an example, and where its answer begins.
///
/// # Errors
/// If the library cannot encode.
#[cfg(feature = "train")]
pub fn encode(tokenizer: &Tokenizer, example: &Example) -> Result<(Vec<u32>, usize)> {
    let encode = |text: &str, special| {
        let encoding = tokenizer
            .encode_fast(text, special)
            .map_err(|error| anyhow!(error))?;
        Ok::<_, anyhow::Error>(encoding.get_ids().to_vec())
    };
    let mut ids = encode(&example.command, true)?;
    let answer = ids.len();
    ids.extend(encode(&example.answer, false)?);
    ids.push(END);
    Ok((ids, answer))
}
