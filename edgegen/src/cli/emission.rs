//! From a model to a crate on disk: what `emit` and `demo` have in common.

use std::fmt::Write;
use std::path::PathBuf;

use crate::cache::Cache;
use crate::compile::compile;
use crate::emit::{WriteReport, check_apart, check_destination, weights_file, write};
use crate::error::Result;
use crate::model::{Licence, Model};
use crate::plan::{Plan, Request};
use crate::profile::{App, Profile};
use crate::program::{Golden, Placement};
use crate::size::format_size;
use serde_json::Value;

use super::plan::session;
use super::progress::{self, Terminal};
use super::{quoted, shown_path};

/// What to compile, how, and where to.
pub(super) struct Emission<'a> {
    pub(super) model: &'a Model,
    pub(super) profile: &'a Profile,
    pub(super) request: Request,
    /// The crate's name.
    pub(super) name: String,
    /// The crate's folder.
    pub(super) out: PathBuf,
    /// A prompt to try.
    pub(super) prompt: &'static str,
    /// Whether to replace files that edgegen did not write.
    pub(super) force: bool,
    /// Files and folders that are read, and must stay.
    pub(super) inputs: Vec<PathBuf>,
}

impl<'a> Emission<'a> {
    /// Writes the crate.
    ///
    /// # Errors
    ///
    /// When the folder is somebody's, what is read would be replaced, the model does not fit, or its
    /// weights overflow.
    pub(super) fn run(self) -> Result<Done<'a>> {
        check_destination(&self.out, self.force)?;
        let compiled = compile(
            self.model,
            self.profile,
            &self.request,
            &Cache::of_user(),
            &Terminal,
        )?;
        let report = progress::spin("writing the crate", || {
            let krate = compiled.krate(&self.name);
            let paths = krate.files().keys().map(String::as_str);
            check_apart(&self.out, paths, &self.inputs)?;
            write(&krate, &self.out, self.force)
        })?;
        let (plan, golden) = compiled.figures();
        Ok(Done {
            emission: self,
            plan,
            golden,
            report,
        })
    }
}

/// What was done.
pub(super) struct Done<'a> {
    emission: Emission<'a>,
    plan: Plan,
    golden: Golden,
    report: WriteReport,
}

impl Done<'_> {
    /// The crate's figures.
    pub(super) fn json(&self) -> Value {
        let conversions = self.plan.conversions().iter().map(|conversion| {
            serde_json::json!({
                "from": conversion.from.name(),
                "to": conversion.to.name(),
                "matrices": conversion.count,
                "lossless": conversion.lossless,
            })
        });
        serde_json::json!({
            "name": self.emission.name,
            "path": self.emission.out.to_string_lossy(),
            "platform": self.emission.profile.name(),
            "origin": self.emission.model.origin(),
            "weights": conversions.collect::<Vec<_>>(),
            "weights_file": self.weights_file(),
            "flash_bytes": self.plan.footprint().flash(),
            "ram_bytes": self.plan.footprint().ram(),
            "vocab_size": self.emission.model.architecture().vocab_size,
            "context": self.plan.sizes().context,
            "kv_cache": self.plan.sizes().kv_cache.name(),
            "answer_cache": self.plan.sizes().answer_cache,
            "licences": self.emission.model.licences().iter().map(Licence::stated).collect::<Vec<_>>(),
            "warnings": self.emission.model.warnings(),
            "system_tokens": self.emission.model.prefix().len(),
            "hash": format!("{:016x}", self.golden.logits),
            "written": self.report.written,
            "unchanged": self.report.unchanged,
            "removed": self.report.removed,
        })
    }

    /// The crate's figures, for people.
    pub(super) fn text(&self) -> String {
        let WriteReport {
            written,
            unchanged,
            removed,
        } = self.report;
        let footprint = self.plan.footprint();
        let size = |bytes: usize| format_size(bytes as u64);
        let mut text = String::new();
        let mut row = |what: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{what:<9}{value}");
        };
        row(
            "crate",
            &format_args!(
                "{} in {}",
                self.emission.name,
                shown_path(&self.emission.out)
            ),
        );
        row(
            "files",
            &format_args!("{written} written, {unchanged} unchanged, {removed} removed"),
        );
        let model = self.emission.model;
        if let Some(origin) = model.origin() {
            row("from", &origin);
        }
        let shapes = self.plan.shapes(model);
        for (what, kept, all, _) in shapes.kept(model.left_out()) {
            row("kept", &format_args!("{what}: {kept} of {all}"));
        }
        for conversion in self.plan.conversions() {
            row("weights", conversion);
        }
        if !self.emission.model.prefix().is_empty() {
            let tokens = self.emission.model.prefix().len();
            row("system", &format_args!("{tokens} tokens, computed now"));
        }
        if let Some(file) = self.weights_file() {
            row("file", &format_args!("{file}: ship it with the program"));
        }
        row(
            "flash",
            &format_args!("{} of weights and tables", size(footprint.flash())),
        );
        row(
            "RAM",
            &format_args!(
                "{} a session of {}",
                size(footprint.ram()),
                session(self.plan.sizes())
            ),
        );
        row("hash", &format_args!("{:016x}", self.golden.logits));
        for stated in model.licences().iter().filter_map(Licence::stated) {
            row(
                "licence",
                &format_args!("{stated}: NOTICE has what to pass on"),
            );
        }
        for warning in model.warnings() {
            row("warning", &warning);
        }
        row("next", &self.next());
        text
    }

    /// Bytes of flash and of RAM.
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.plan.footprint().flash(), self.plan.footprint().ram()]
    }

    /// The file that the program needs beside it.
    fn weights_file(&self) -> Option<String> {
        let external = self.plan.weights() == Placement::External;
        external.then(|| weights_file(&self.emission.name))
    }

    /// A prompt that leaves room for an answer, if the context is long enough for one.
    fn prompt(&self) -> Option<&'static str> {
        let (model, prompt) = (self.emission.model, self.emission.prompt);
        let tokens = model.tokenizer().tables().encode(prompt, true);
        let fits = model.prefix().len() + tokens.len() < self.plan.sizes().context;
        fits.then_some(prompt)
    }

    /// The command that builds the crate, or runs it where this machine can.
    fn next(&self) -> String {
        let target = self.emission.profile.target();
        let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let build = if self.emission.profile.std() && target == here && cfg!(target_os = "linux") {
            let weights = self.weights_file();
            let weights = weights.map_or_else(String::new, |file| format!("--weights {file} "));
            match self.prompt() {
                Some(prompt) => format!("cargo run --release -- generate {weights}{prompt:?}"),
                None => format!("cargo run --release -- self-test {weights}")
                    .trim_end()
                    .into(),
            }
        } else if self.emission.profile.std() && target.contains("-linux-") {
            "cross build --release".to_owned()
        } else {
            format!("cargo build --release --target {target}")
        };
        let (out, build) = if self.emission.profile.app() == Some(App::Browser) {
            (self.emission.out.join("web"), "npm start".to_owned())
        } else {
            (self.emission.out.clone(), build)
        };
        format!("cd {} && {build}", quoted(&out))
    }
}
