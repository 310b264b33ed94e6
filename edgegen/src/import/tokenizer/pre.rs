//! The pre-tokenizers that are known: by llama.cpp's names, and by their regular expressions.

use crate::error::Error;
use crate::model::PreTokenizer;

/// Other names of llama.cpp for Llama 3's words, which say nothing else of it.
const DBRX: &str = "dbrx";
const SMAUG: &str = "smaug-bpe";

/// Names of GGUF's `tokenizer.ggml.pre`.
const NAMES: [(PreTokenizer, &[&str]); 9] = [
    (
        PreTokenizer::Gpt2,
        &[
            "gpt-2",
            "gpt2",
            "phi-2",
            "olmo",
            "mpt",
            "jais",
            "trillion",
            "granite-docling",
            "mellum",
            "gigachat",
            "a.x-4.0",
        ],
    ),
    (
        PreTokenizer::Smollm,
        &[
            "smollm",
            "refact",
            "starcoder",
            "command-r",
            "codeshell",
            "exaone",
            "minerva-7b",
        ],
    ),
    (
        PreTokenizer::LlamaBpe,
        &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
            "lfm2",
            "jina-v5-nano",
            DBRX,
            SMAUG,
        ],
    ),
    (
        PreTokenizer::Qwen2,
        &[
            "qwen2",
            "deepseek-r1-qwen",
            "stablelm2",
            "megrez",
            "kormo",
            "f2llmv2",
            "hunyuan",
        ],
    ),
    (PreTokenizer::Qwen35, &["qwen35"]),
    // llama.cpp itself takes GPT-2's words for EXAONE 4's.
    (PreTokenizer::Exaone4, &["exaone4"]),
    (
        PreTokenizer::Gpt4o,
        &["gpt-4o", "llama4", "kanana2", "talkie"],
    ),
    (PreTokenizer::Tekken, &["tekken"]),
    (PreTokenizer::Hunyuan, &["hunyuan-dense", "deepseek-v3"]),
];

/// The pre-tokenizers that are known, with their names in GGUF.
pub(crate) fn pre_tokenizers() -> &'static [(PreTokenizer, &'static [&'static str])] {
    &NAMES
}

/// What follows from a name in a GGUF.
#[derive(Clone, Copy)]
pub(super) struct Named {
    pub(super) pre_tokenizer: PreTokenizer,
    /// A word that is a token is that token, and a text begins with BOS unless the file says
    /// otherwise: llama.cpp's rule for these names.
    pub(super) whole_words: bool,
    /// Texts are normalized first: llama.cpp does not, but the models of these names were trained so.
    pub(super) nfc: bool,
}

/// Names of which the models' own tokenizers normalize.
const NFC: [&str; 5] = ["qwen2", "deepseek-r1-qwen", "qwen35", "megrez", "stablelm2"];

/// The pre-tokenizer of a name.
pub(super) fn by_name(name: &str) -> Option<Named> {
    let (pre_tokenizer, _) = NAMES.into_iter().find(|(_, names)| names.contains(&name))?;
    let whole_words = match pre_tokenizer {
        PreTokenizer::LlamaBpe => ![DBRX, SMAUG].contains(&name),
        PreTokenizer::Tekken => true,
        _ => false,
    };
    Some(Named {
        pre_tokenizer,
        whole_words,
        nfc: NFC.contains(&name),
    })
}

/// Regular expressions, one after another, of which each cuts what the one before left.
const EXPRESSIONS: [(PreTokenizer, &[&str]); 7] = [
    (
        PreTokenizer::LlamaBpe,
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        PreTokenizer::Qwen2,
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        PreTokenizer::Qwen35,
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        PreTokenizer::Exaone4,
        &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        PreTokenizer::Gpt4o,
        &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        PreTokenizer::Tekken,
        &[
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
    ),
    (
        PreTokenizer::Hunyuan,
        &[
            r"\p{N}{1,3}",
            "[一-龥\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+",
            r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##,
        ],
    ),
];

/// The pre-tokenizer of regular expressions, however a file writes ends of lines and quotes in them.
pub(super) fn by_expressions(expressions: &[&str]) -> Option<PreTokenizer> {
    let plain = |text: &&str| {
        let text = text.replace('\r', r"\r").replace('\n', r"\n");
        text.replace("\\\"", "\"")
    };
    let plain: Vec<String> = expressions.iter().map(plain).collect();
    let (pre_tokenizer, _) = EXPRESSIONS.into_iter().find(|(_, known)| *known == plain)?;
    Some(pre_tokenizer)
}

/// The refusal of what is none of these.
pub(super) fn unknown(what: &str, place: &str) -> Error {
    let names = NAMES.map(|(pre_tokenizer, _)| pre_tokenizer.name());
    Error::unsupported(format!("{what} is not a known pre-tokenizer"))
        .at(place)
        .remedy(format!(
            "supported are {}; a guess would give wrong ids",
            names.join(", ")
        ))
}
