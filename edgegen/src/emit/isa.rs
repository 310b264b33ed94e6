//! The generated choice of instruction set, and the kernels that it needs.

use std::collections::BTreeSet;
use std::fmt::Write;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::graph::KERNELS;
use crate::profile::InstructionSet;
use crate::program::{CacheFormat, WeightFormat};

/// The name of a set's type.
fn token(set: InstructionSet) -> Ident {
    format_ident!("{}", set.token())
}

/// `isa.rs`: the sets of this crate, slowest first.
pub(super) fn isa(sets: &[InstructionSet], target: &str) -> TokenStream {
    let tokens: Vec<Ident> = sets.iter().map(|&set| token(set)).collect();
    let names: Vec<&str> = sets.iter().map(|set| set.name()).collect();
    let docs = sets.iter().map(|set| format!(" `{set}`."));
    let count = super::literal::number(sets.len());
    let baseline = names[0];
    let guard = sets.iter().find_map(|set| set.architecture()).map(|arch| {
        let message = format!(
            "this crate's kernels are for {arch}: build with `--target {target}`, or emit the model again \
             with a profile for the target that is built for"
        );
        quote! {
            #[cfg(not(target_arch = #arch))]
            compile_error!(#message);
        }
    });
    quote! {
        //! The instruction sets of this crate, and the choice among them.
        //!
        //! The choice changes the speed, never a bit of the result.

        use super::kernels::{Q8Block, in_default_mode, #(#tokens),*};
        use super::model::{ACTIVATION_BLOCKS, Memory};
        use super::pass::{Batch, Observer, run_on};
        use super::weights::Weights;

        #guard

        /// An instruction set that this crate holds kernels for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum InstructionSet {
            #(#[doc = #docs] #tokens),*
        }

        impl InstructionSet {
            /// All, slowest first.
            pub const ALL: [Self; #count] = [#(Self::#tokens),*];

            /// The name of the one that this crate cannot do without.
            pub const BASELINE: &'static str = #baseline;

            /// The fastest one that this CPU has, if it has the baseline.
            pub fn best() -> Option<Self> {
                Self::available().last()
            }

            /// Those that this CPU has, slowest first.
            pub fn available() -> impl Iterator<Item = Self> {
                Self::ALL.into_iter().filter(|set| set.is_available())
            }

            /// Whether this CPU has it.
            pub fn is_available(self) -> bool {
                match self {
                    #(Self::#tokens => #tokens::new().is_some()),*
                }
            }

            /// The name, as in profiles.
            pub const fn name(self) -> &'static str {
                match self {
                    #(Self::#tokens => #names),*
                }
            }

            /// The one of this name, if this CPU has it.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::available().find(|set| set.name() == name)
            }

            pub(crate) fn run(
                self,
                threads: usize,
                weights: &Weights,
                memory: &mut Memory,
                activations: &mut [Q8Block; ACTIVATION_BLOCKS],
                batch: Batch<'_>,
                observer: &mut dyn Observer,
            ) {
                in_default_mode(|| match self {
                    #(Self::#tokens => {
                        let Some(isa) = #tokens::new() else {
                            panic!("this CPU lacks {}", self.name());
                        };
                        run_on(isa, threads, weights, memory, activations, batch, observer);
                    })*
                });
            }
        }
    }
}

/// The folders of kernels that these sets need; the sampler needs `scalar`.
fn folders(sets: &[InstructionSet]) -> Vec<InstructionSet> {
    let needs = |set: &InstructionSet| {
        let own = sets
            .iter()
            .any(|used| used == set || used.borrows().contains(&set.module()));
        own || *set == InstructionSet::Scalar
    };
    InstructionSet::ALL.iter().copied().filter(needs).collect()
}

/// What a crate needs of the kernels.
pub(super) struct Needed<'a> {
    pub(super) sets: &'a [InstructionSet],
    pub(super) formats: &'a [WeightFormat],
    pub(super) cache: CacheFormat,
    /// Names of the kernels that compute a token from its own values.
    pub(super) rows: BTreeSet<&'static str>,
}

/// The file of a kernel, without its ending.
fn file_of(kernel: &str) -> String {
    let mut file = String::new();
    for letter in kernel.chars() {
        if letter.is_uppercase() && !file.is_empty() {
            file.push('_');
        }
        file.extend(letter.to_lowercase());
    }
    file
}

/// What formats have in common, but not all of them.
const OF_FORMATS: [&str; 5] = [
    "codes.rs",
    "scaled.rs",
    "six_bits.rs",
    "sixteens.rs",
    "super_block.rs",
];

/// Those of [`OF_FORMATS`] that the files of some formats use.
fn shared(formats: &[WeightFormat]) -> BTreeSet<&'static str> {
    let text = |format: &WeightFormat| {
        let path = format!("formats/{format}.rs");
        let found = runtime_kernels::SOURCES.iter().find(|(at, _)| *at == path);
        found.map_or("", |(_, text)| text)
    };
    let texts: Vec<&str> = formats.iter().map(text).collect();
    let used = |file: &&str| {
        let name = format!("super::super::{}::", file.trim_end_matches(".rs"));
        texts.iter().any(|text| text.contains(&name))
    };
    OF_FORMATS.into_iter().filter(used).collect()
}

/// The kernel files of a crate: path below `src/kernels`, and text.
pub(super) fn kernels(needed: &Needed<'_>) -> Vec<(String, String)> {
    let &Needed {
        sets,
        formats,
        cache,
        ref rows,
    } = needed;
    let unused: BTreeSet<String> = KERNELS
        .iter()
        .filter(|kernel| !rows.contains(*kernel))
        .map(|kernel| format!("{}.rs", file_of(kernel)))
        .collect();
    let folders = folders(sets);
    let of = |folder: &str| {
        InstructionSet::ALL
            .iter()
            .find(|set| set.module() == folder)
    };
    let shared = shared(formats);
    let mut files = Vec::new();
    let mut modules = Vec::new();
    for (path, text) in runtime_kernels::SOURCES {
        match path.split_once('/') {
            Some(("formats", file)) => {
                let format = file.trim_end_matches(".rs");
                if !formats.iter().any(|used| used.name() == format) {
                    continue;
                }
            }
            Some(("caches", file)) => {
                if file.trim_end_matches(".rs") != cache.name() {
                    continue;
                }
            }
            Some((folder, _)) if let Some(set) = of(folder) => {
                if !folders.contains(set) {
                    continue;
                }
            }
            None if unused.contains(*path) => continue,
            None if OF_FORMATS.contains(path) && !shared.contains(path) => continue,
            _ => modules.push(path.trim_end_matches(".rs")),
        }
        files.push(((*path).to_owned(), (*text).to_owned()));
    }
    files.push(("mod.rs".into(), root(&modules, needed)));
    files
}

/// The condition of what a set has alone.
fn cfg(set: InstructionSet) -> String {
    set.architecture().map_or_else(String::new, |arch| {
        format!("#[cfg(target_arch = \"{arch}\")]\n")
    })
}

/// How many architectures these sets belong to.
fn architectures(sets: &[InstructionSet]) -> usize {
    let mut all: Vec<&str> = sets.iter().filter_map(|set| set.architecture()).collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}

/// Names for another architecture, so that all that the compiler says there is what is to be done:
/// a path and its condition each.
fn stand_ins(sets: &[InstructionSet]) -> impl Iterator<Item = (String, String)> {
    sets.iter().filter_map(|&set| {
        let path = format!("scalar::Scalar as {}", set.token());
        let condition = format!("#[cfg(not(target_arch = \"{}\"))]\n", set.architecture()?);
        Some((path, condition))
    })
}

/// `kernels/mod.rs`: the modules that are there, and the names that the rest uses.
fn root(modules: &[&str], needed: &Needed<'_>) -> String {
    let (sets, formats, cache) = (needed.sets, needed.formats, needed.cache);
    let mut text = String::from(
        "//! The kernels: the same bits on every instruction set.\n//!\n\
         //! Copied from edgegen's `runtime-kernels`; only the chosen instruction sets and\n\
         //! weight formats are here.\n\n",
    );
    let mut lines: Vec<(String, String)> = modules
        .iter()
        .map(|module| (format!("mod {module};"), String::new()))
        .collect();
    for set in folders(sets) {
        lines.push((format!("mod {};", set.module()), cfg(set)));
    }
    lines.sort();
    for (line, cfg) in lines {
        let _ = writeln!(text, "{cfg}{line}");
    }
    text.push_str("\n/// The weight formats of this model.\nmod formats {\n");
    let mut names: Vec<&str> = formats.iter().map(|format| format.name()).collect();
    names.sort_unstable();
    for name in &names {
        let _ = writeln!(text, "    pub mod {name};");
    }
    let _ = writeln!(
        text,
        "}}\n\n/// The format of the KV cache.\nmod caches {{\n    pub mod {cache};\n}}\n"
    );
    let mut uses = vec![
        "argmax::argmax".to_owned(),
        "attention::{Attention, ROWS, attention_span}".into(),
        "cache::{Cache, head_words, padded_head_words}".into(),
        format!("caches::{cache}::{}", cache.kernel()),
        "exp_weights::ExpWeights".into(),
        "float_mode::in_default_mode".into(),
        "format::Format".into(),
        "hash::BitHash".into(),
        "isa::Isa".into(),
        "matmul::MatMul".into(),
        "quantize::{Q8Block, Quantize}".into(),
        "shape::{All, Const, Dim, GROUP, Window}".into(),
    ];
    let rows = needed.rows.iter();
    uses.extend(rows.map(|kernel| format!("{}::{kernel}", file_of(kernel))));
    uses.extend(
        names
            .iter()
            .map(|name| format!("formats::{name}::{}", name.to_uppercase())),
    );
    let mut plain = sets.to_vec();
    plain.push(InstructionSet::Scalar);
    plain.sort_unstable();
    plain.dedup();
    let mut uses: Vec<(String, String)> =
        uses.into_iter().map(|path| (path, String::new())).collect();
    let several = architectures(&plain) > 1;
    uses.extend(plain.iter().map(|&set| {
        let path = format!("{}::{}", set.module(), set.token());
        (path, cfg(set))
    }));
    if !several {
        uses.extend(stand_ins(sets));
    }
    uses.sort();
    for (path, cfg) in uses {
        let _ = writeln!(text, "{cfg}pub use {path};");
    }
    text
}
