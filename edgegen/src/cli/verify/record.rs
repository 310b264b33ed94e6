//! `VERIFIED.md`: what was found, a row for each device and instruction set.

use std::path::Path;

use crate::error::Result;
use crate::plain::{markdown, plain};
use crate::small_file;

use super::super::output;
use super::{Bench, SelfTest};

/// The record's name in the crate's folder.
pub(super) const RECORD: &str = "VERIFIED.md";

pub(super) const HEAD: &str = "# Verified\n\n\
    What `edgegen verify` found: the golden hash of the logits, computed on the device, and the speed there.\n\n\
    | device | instruction set | hash | prefill, tokens/s | decode, tokens/s | memory |\n\
    |---|---|---|---|---|---|\n";

/// The most bytes of what a program says of itself.
const MOST: usize = 200;
/// The most bytes of a record.
const MOST_RECORD: u64 = 1 << 20;

pub(super) struct Row<'a> {
    pub(super) device: &'a str,
    pub(super) test: &'a SelfTest,
    pub(super) bench: &'a Bench,
}

impl Row<'_> {
    pub(super) fn markdown(&self) -> String {
        let Self {
            device,
            test,
            bench,
        } = self;
        let hash = match test.passed() {
            true => format!("`{}`", text(&test.hash)),
            false => format!("**differs from {} on**", text(test.difference())),
        };
        format!(
            "| {} | {} | {hash} | {:.1} | {:.1} | {:.1} MB |\n",
            text(&device.replace('|', "/")),
            text(&test.isa),
            bench.prefill_tokens_per_second,
            bench.decode_tokens_per_second,
            bench.memory_used_mb,
        )
    }
}

/// What the program says of itself: it may run on a machine of somebody else.
fn text(said: &str) -> String {
    markdown(&plain(said, MOST))
}

/// Puts the row into the record, in place of one of the same device and instruction set.
pub(super) fn put(file: &Path, row: &Row<'_>) -> Result<()> {
    let old = match file.is_file() {
        true => small_file::read_text("the record", file, MOST_RECORD)?,
        false => HEAD.to_owned(),
    };
    let new = row.markdown();
    let key = |line: &str| line.split('|').take(3).collect::<String>();
    let mut kept: String = old
        .lines()
        .filter(|line| key(line) != key(&new))
        .map(|line| format!("{line}\n"))
        .collect();
    kept.push_str(&new);
    output::write("it", file, &kept)
}
