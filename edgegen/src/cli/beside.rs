//! What commands take beside a model's file.

use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::import::{self, Adapter};

use super::quoted;

/// What is given beside a model's file.
#[derive(clap::Args)]
pub(super) struct Beside {
    /// Tokenizer of a llama2.c model [default: `tokenizer.bin` beside it]
    #[arg(long, value_name = "FILE", requires = "model")]
    tokenizer: Option<PathBuf>,
    /// LoRA adapter to add to the weights: PEFT's folder, and a scale if not 1; can be given more than once
    #[arg(long, value_name = "FOLDER[:SCALE]", requires = "model", value_parser = adapter())]
    lora: Vec<Adapter>,
}

fn adapter() -> impl TypedValueParser<Value = Adapter> {
    OsStringValueParser::new().try_map(|text| Adapter::parse(&text))
}

impl Beside {
    /// The same, as the macro and build scripts have it.
    pub(super) fn given(&self) -> import::Beside {
        import::Beside {
            tokenizer: self.tokenizer.clone(),
            lora: self.lora.clone(),
        }
    }

    /// The options, as they are written.
    pub(super) fn options(&self) -> impl Iterator<Item = (&'static str, String)> {
        let tokenizer = self
            .tokenizer
            .iter()
            .map(|path| ("--tokenizer", quoted(path)));
        let adapters = self.lora.iter().map(|adapter| {
            let mut written = adapter.folder.clone().into_os_string();
            // A folder's own name may end as a scale does.
            if Adapter::parse(&written).as_ref() != Ok(adapter) {
                written.push(format!(":{}", adapter.scale));
            }
            ("--lora", quoted(Path::new(&written)))
        });
        tokenizer.chain(adapters)
    }
}
