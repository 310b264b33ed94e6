//! LoRA adapters of a tiny model: whatever they hold, adding one ends soon, in a model that holds
//! together or in a refusal that names the adapter's file and a remedy.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use edgegen::import::{Adapter, Beside};
use serde_json::json;

use crate::common::hf::{Entry, safetensors};
use crate::common::{Tiny, lora};
use crate::faults::{number, spoil_bytes, spoil_json, text};
use crate::import::{Files, gguf_files, judge, small};
use crate::input::{Input, with_folder};
use crate::safetensors::spoil_header;

/// An adapter's folder; a file by itself is its `adapter_model.safetensors`.
pub fn lora(data: &[u8]) {
    let files = match Input::new(data) {
        Input::File(bytes) => {
            let mut files = files(&ADAPTER);
            files[1].1 = bytes.to_vec();
            Ok(files)
        }
        Input::Recipe(kind, u) => recipe(kind, u),
    };
    static MODEL: LazyLock<Vec<u8>> = LazyLock::new(|| gguf_files().swap_remove(0));
    with_folder(|folder| {
        let model = folder.join("x.gguf");
        std::fs::write(&model, &*MODEL).unwrap();
        for (name, bytes) in files.unwrap_or_default() {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        let adapter = Adapter {
            folder: folder.to_owned(),
            scale: 1.0,
        };
        let beside = Beside {
            lora: vec![adapter],
            ..Beside::default()
        };
        judge(&model, &beside);
    });
}

fn files(adapter: &lora::Folder) -> Files {
    vec![
        (
            "adapter_config.json",
            adapter.config.to_string().into_bytes(),
        ),
        ("adapter_model.safetensors", safetensors(&adapter.tensors)),
    ]
}

/// Of matrices that are in another order in the model's file and of such that are not, and of a
/// vector that was trained whole.
static ADAPTER: LazyLock<lora::Folder> = LazyLock::new(|| {
    let modules = ["self_attn.q_proj", "self_attn.k_proj", "mlp.down_proj"];
    let modules = modules.map(|module| format!("model.layers.0.{module}"));
    let modules = modules.each_ref().map(String::as_str);
    let mut adapter = lora::Folder::new(&Tiny::new(small(), 1), &modules, 2);
    adapter.add("model.norm.weight", vec![8], &[1.5; 8]);
    adapter.config["rank_pattern"] = json!({"k_proj": lora::RANK});
    adapter.config["alpha_pattern"] = json!({"^model.layers.0.mlp.down_proj": 1.5});
    adapter
});

pub fn adapters() -> Vec<Vec<u8>> {
    vec![files(&ADAPTER).swap_remove(1).1]
}

fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<Files> {
    let u = &mut u;
    let mut adapter = ADAPTER.clone();
    match kind {
        0 | 1 => spoil_json(u, &mut adapter.config)?,
        2 | 3 => {
            for _ in 0..u.int_in_range(1..=3)? {
                spoil_tensor(u, &mut adapter.tensors)?;
            }
        }
        _ => {}
    }
    let mut files = files(&adapter);
    match kind {
        4 => spoil_header(u, &mut files[1].1)?,
        5 | 6 => {
            let file = &mut files[usize::from(kind % 2)].1;
            let within = file.len();
            spoil_bytes(u, file, within)?;
        }
        7 => drop(files.remove(u.choose_index(2)?)),
        _ => {}
    }
    Ok(files)
}

fn spoil_tensor(u: &mut Unstructured<'_>, tensors: &mut Vec<Entry>) -> Result<()> {
    if tensors.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(tensors.len())?;
    let other = u.choose(tensors)?.clone();
    let (name, dtype, shape, bytes) = &mut tensors[at];
    match u.int_in_range(0..=8)? {
        0 => name.push_str(&text(u)?),
        1 => *name = other.0,
        2 => *dtype = u.choose(&["F16", "BF16", "F64", "I32", "F8_E4M3"])?,
        3 => shape.push(number(u)? as usize),
        4 if !shape.is_empty() => {
            let at = u.choose_index(shape.len())?;
            shape[at] = number(u)? as usize;
        }
        5 => (*shape, *bytes) = (other.2, other.3),
        6 => {
            let within = bytes.len();
            spoil_bytes(u, bytes, within)?;
        }
        7 => drop(tensors.remove(at)),
        _ => shape.reverse(),
    }
    Ok(())
}
