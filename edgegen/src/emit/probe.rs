//! The crate that measures a device.

use std::collections::BTreeSet;

use crate::profile::InstructionSet;
use crate::program::{CacheFormat, WeightFormat};

use super::Crate;
use super::isa;
use super::sources::without_tests;

/// A program without dependencies that prints the profile of the device it runs on.
pub fn probe() -> Crate {
    let mut files = Crate::new();
    for (path, text) in edgegen_templates::PROBE {
        files.insert_text(path, without_tests(text));
    }
    files.insert_text(
        "src/instruction_sets.rs",
        runtime_kernels::INSTRUCTION_SETS.to_owned(),
    );
    let needed = isa::Needed {
        sets: InstructionSet::ALL,
        formats: &[WeightFormat::Q4],
        cache: CacheFormat::F32,
        rows: BTreeSet::new(),
    };
    for (path, text) in isa::kernels(&needed) {
        files.insert_text(&format!("src/kernels/{path}"), text);
    }
    files
}
