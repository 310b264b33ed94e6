//! The crate that measures a device.

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
    let formats = [WeightFormat::Q4];
    for (path, text) in isa::kernels(&InstructionSet::ALL, &formats, CacheFormat::F32) {
        files.insert_text(&format!("src/kernels/{path}"), text);
    }
    files
}
