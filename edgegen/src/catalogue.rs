//! What is read, from the tables that read it: for people (`docs/models.md`) and for other programs.

use std::fmt;

use serde::Serialize;

use crate::architectures;
use crate::import::{GGUF_TYPES, pre_tokenizers};
use crate::plan::nearest;

/// All that is read.
#[derive(Debug, Serialize)]
pub struct Catalogue {
    /// The networks.
    pub architectures: Vec<Architecture>,
    /// The forms of files, and what is read in each.
    pub files: Vec<File>,
    /// How weights may be stored in GGUF.
    pub types: Vec<Type>,
    /// How text may become tokens.
    pub tokenizers: Vec<Tokenizer>,
}

/// A network, in the words of each format.
#[derive(Debug, Serialize)]
pub struct Architecture {
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// The class of transformers.
    pub class: &'static str,
    /// `general.architecture` in GGUF, if there is one.
    pub gguf: Option<&'static str>,
    /// Models that have it.
    pub models: &'static [&'static str],
}

/// A form of files.
#[derive(Debug, Serialize)]
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What is read in it.
    pub what: &'static str,
}

/// A type of GGUF.
#[derive(Debug, Serialize)]
pub struct Type {
    /// GGUF's name.
    pub name: &'static str,
    /// Bits a weight, scales included.
    pub bits_per_weight: f64,
    /// The weight format that `keep` makes of it.
    pub kept_as: &'static str,
}

/// A tokenizer.
#[derive(Debug, Serialize)]
pub struct Tokenizer {
    /// Its scheme, and its pre-tokenizer where there is one.
    pub name: String,
    /// Names of `tokenizer.ggml.pre` in GGUF.
    pub gguf: &'static [&'static str],
}

const FILES: [File; 6] = [
    File {
        name: "GGUF",
        what: "version 2 or 3, with its tokenizer: one file, or those of gguf-split",
    },
    File {
        name: "Hugging Face",
        what: "a folder: `config.json`, `tokenizer.json`, safetensors in F32, F16 or BF16, whole or in shards; of a \
               model of images or sound (`text_config`) the text model",
    },
    File {
        name: "Hugging Face, quantized",
        what: "by GPTQ (2, 3, 4, 8 bits), AWQ (`gemm`, `gemv`), compressed-tensors (integers of 4 and 8 bits, FP8), as FP8 in blocks, or BitNet's",
    },
    File {
        name: "the hub",
        what: "`hf:OWNER/NAME`, with `@REVISION` or `:FILE.gguf` behind it",
    },
    File {
        name: "llama2.c",
        what: "a checkpoint of version 0 (f32) or 2 (int8), with its tokenizer beside it",
    },
    File {
        name: "LoRA",
        what: "a folder of PEFT, added to a model of any form by `--lora`",
    },
];

/// What this edgegen reads.
pub fn catalogue() -> Catalogue {
    let architectures = architectures::all().map(|family| Architecture {
        model_type: family.model_type,
        class: family.class,
        gguf: family.gguf,
        models: family.models,
    });
    let types = GGUF_TYPES.iter().map(|(_, dtype)| Type {
        name: dtype.name(),
        bits_per_weight: dtype.bits_per_weight(),
        kept_as: nearest(*dtype).name(),
    });
    let sentence_piece = Tokenizer {
        name: "SentencePiece BPE".into(),
        gguf: &[],
    };
    let byte_level = pre_tokenizers()
        .iter()
        .map(|(pre_tokenizer, names)| Tokenizer {
            name: pre_tokenizer.kind(),
            gguf: names,
        });
    Catalogue {
        architectures: architectures.collect(),
        files: FILES.into(),
        types: types.collect(),
        tokenizers: [sentence_piece].into_iter().chain(byte_level).collect(),
    }
}

/// In Markdown.
impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = |name: &str| format!("`{name}`");
        let codes = |names: &[&str]| {
            names
                .iter()
                .map(|name| code(name))
                .collect::<Vec<_>>()
                .join(", ")
        };
        writeln!(
            f,
            "# Models\n\n\
             What edgegen reads, as `edgegen models` prints it (`--json` for programs). The models are\n\
             examples: what counts is the architecture, and a model of another size is read as well.\n\
             A setting that would change what the network computes, and is not built, is refused by its\n\
             name; one that nobody knows is ignored, with a warning.\n\n\
             ## Architectures\n"
        )?;
        let rows = self.architectures.iter().map(|architecture| {
            [
                code(architecture.model_type),
                code(architecture.class),
                architecture.gguf.map_or_else(String::new, code),
                architecture.models.join(", "),
            ]
        });
        table(
            f,
            ["`model_type`", "class of transformers", "in GGUF", "models"],
            rows,
        )?;
        writeln!(f, "\n## Files\n")?;
        let rows = self
            .files
            .iter()
            .map(|file| [file.name, file.what].map(str::to_owned));
        table(f, ["format", "what is read"], rows)?;
        writeln!(f, "\n## Types of weights in GGUF\n")?;
        let rows = self.types.iter().map(|row| {
            let bits = format!("{:.2}", row.bits_per_weight);
            [code(row.name), bits, code(row.kept_as)]
        });
        table(f, ["type", "bits a weight", "`--quant keep` makes"], rows)?;
        writeln!(f, "\n## Tokenizers\n")?;
        let rows = self
            .tokenizers
            .iter()
            .map(|row| [row.name.clone(), codes(row.gguf)]);
        table(f, ["tokenizer", "`tokenizer.ggml.pre` in GGUF"], rows)
    }
}

/// A table whose columns lie one below the other; the last is as wide as it likes.
fn table<const COLUMNS: usize>(
    f: &mut fmt::Formatter<'_>,
    head: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> fmt::Result {
    let rows: Vec<[String; COLUMNS]> = [head.map(str::to_owned)].into_iter().chain(rows).collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths[COLUMNS - 1] = 0;
    for (at, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(widths) {
            write!(f, "| {cell:<width$} ")?;
        }
        writeln!(f, "|")?;
        if at == 0 {
            widths
                .iter()
                .try_for_each(|width| write!(f, "|{:-<1$}", "", width.max(&1) + 2))?;
            writeln!(f, "|")?;
        }
    }
    Ok(())
}
