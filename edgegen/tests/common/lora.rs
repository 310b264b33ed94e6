//! Writes a LoRA adapter as PEFT does.

use std::path::Path;

use serde_json::{Value, json};

use super::hf::safetensors;
use super::{Random, Tiny};

/// The files of an adapter: tests change what they want wrong.
#[derive(Debug, Clone)]
pub struct Folder {
    pub config: Value,
    /// Name, type in safetensors, shape, bytes.
    pub tensors: Vec<(String, &'static str, Vec<usize>, Vec<u8>)>,
}

/// Of every matrix that is added.
pub const RANK: usize = 3;

impl Folder {
    /// One without tensors, which adds the whole of each product.
    pub fn empty() -> Self {
        let config = json!({
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "some/base",
            "r": RANK, "lora_alpha": RANK, "lora_dropout": 0.1, "bias": "none",
            "target_modules": ["q_proj"], "modules_to_save": null, "inference_mode": true,
            "use_dora": false, "use_rslora": false, "init_lora_weights": true,
        });
        Self {
            config,
            tensors: Vec::new(),
        }
    }

    /// Random matrices for modules of a model.
    pub fn new(tiny: &Tiny, modules: &[&str], seed: u64) -> Self {
        let mut folder = Self::empty();
        let mut random = Random(seed);
        let model = super::hf::Folder::new(tiny);
        for module in modules {
            let name = format!("{module}.weight");
            let (.., shape, _) = model.tensors.iter().find(|(n, ..)| *n == name).unwrap();
            for (part, rows, cols) in [("A", RANK, shape[1]), ("B", shape[0], RANK)] {
                let values: Vec<f32> = (0..rows * cols).map(|_| random.signed()).collect();
                folder.add(
                    &format!("{module}.lora_{part}.weight"),
                    vec![rows, cols],
                    &values,
                );
            }
        }
        folder
    }

    /// Adds a tensor of F32.
    pub fn add(&mut self, name: &str, shape: Vec<usize>, values: &[f32]) {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let name = format!("base_model.model.{name}");
        self.tensors.push((name, "F32", shape, bytes));
    }

    pub fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
        write("adapter_config.json", self.config.to_string().into_bytes());
        write("adapter_model.safetensors", safetensors(&self.tensors));
    }
}
