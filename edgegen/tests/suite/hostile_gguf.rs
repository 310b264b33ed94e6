//! Wrong GGUF files: each is refused, with the file, the place and a remedy.

use crate::common::gguf::{Entry, Gguf};
use crate::common::{Scaling, Shape, Tiny, assert_refused};
use edgegen::cache::Cache;
use edgegen::compile::compile;
use edgegen::error::{Kind, Result};
use edgegen::import::import;
use edgegen::model::{DType, Model};
use edgegen::plan::Request;
use edgegen::profile::Profile;
use edgegen::progress::Quiet;

fn file() -> Gguf {
    Gguf::new(&Tiny::new(Shape::default(), 1))
}

fn read(bytes: &[u8]) -> Result<Model> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.gguf");
    std::fs::write(&path, bytes).unwrap();
    import(&path)
}

type Case = (&'static str, fn(&mut Gguf), &'static str, &'static str);

fn check(cases: &[Case]) {
    for (what, spoil, place, problem) in cases {
        let mut file = file();
        spoil(&mut file);
        assert_refused(what, read(&file.bytes()), "bad.gguf: ", place, problem);
    }
}

fn entry(name: &str, dims: &[u64]) -> Entry {
    Entry {
        name: name.into(),
        dims: dims.to_vec(),
        kind: 0,
        bytes: vec![0; 4 * dims.iter().product::<u64>() as usize],
        offset: None,
    }
}

#[test]
fn wrong_headers() {
    check(&[
        (
            "version 1",
            |f| f.version = 1,
            "version",
            "1 is not supported",
        ),
        (
            "version 4",
            |f| f.version = 4,
            "version",
            "4 is not supported",
        ),
        (
            "big-endian",
            |f| f.version = 3u32.swap_bytes(),
            "version",
            "big-endian",
        ),
        (
            "alignment 0",
            |f| f.u32("general.alignment", 0),
            "general.alignment",
            "power of two",
        ),
        (
            "alignment 24",
            |f| f.u32("general.alignment", 24),
            "general.alignment",
            "power of two",
        ),
        (
            "large alignment",
            |f| f.u32("general.alignment", 1 << 30),
            "general.alignment",
            "power",
        ),
        (
            "alignment as text",
            |f| f.text("general.alignment", "32"),
            "general.alignment",
            "string",
        ),
        ("key twice", |f| f.keys.push(f.keys[5].clone()), "", "twice"),
        ("boolean 2", |f| f.set("x", 7, vec![2]), "x", "no boolean"),
        (
            "value of type 77",
            |f| f.set("x", 77, vec![]),
            "x",
            "77 is no type",
        ),
        (
            "array of type 77",
            |f| f.array("x", 77, 0, vec![]),
            "x",
            "77 is no type",
        ),
        (
            "endless array",
            |f| f.array("x", 0, usize::MAX, vec![]),
            "",
            "do not fit",
        ),
        (
            "endless strings",
            |f| f.array("x", 8, 1 << 40, vec![]),
            "",
            "do not fit",
        ),
        (
            "endless string",
            |f| f.set("x", 8, vec![255; 8]),
            "",
            "do not fit",
        ),
        (
            "arrays in arrays",
            |f| {
                let level = [vec![9, 0, 0, 0], vec![1, 0, 0, 0, 0, 0, 0, 0]].concat();
                f.set("x", 9, level.repeat(100));
            },
            "x",
            "nested",
        ),
    ]);
    // What is of no use is read over.
    let mut others = file();
    others.array("x.doubles", 12, 2, vec![0xFF; 16]);
    let inner = [vec![0, 0, 0, 0], vec![1, 0, 0, 0, 0, 0, 0, 0], vec![7]].concat();
    others.array("x.arrays", 9, 2, inner.repeat(2));
    read(&others.bytes()).unwrap();
    for (at, what) in [(8, "tensors"), (16, "metadata keys")] {
        for count in [u64::MAX, 1 << 40, 1 << 20] {
            let mut bytes = file().bytes();
            bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
            assert_refused(what, read(&bytes), "bad.gguf: ", "header", "do not fit");
        }
    }
    let mut bytes = file().bytes();
    bytes[..4].copy_from_slice(b"FUGG");
    assert_refused("magic", read(&bytes), "bad.gguf: ", "version", "big-endian");
    bytes[..4].copy_from_slice(b"GGML");
    assert_refused("magic", read(&bytes), "bad.gguf: ", "", "no GGUF file");
    assert_refused("empty", read(&[]), "bad.gguf: ", "", "no GGUF file");
}

#[test]
fn truncated_anywhere() {
    let (header, bytes) = file().write();
    let steps = (4..header)
        .step_by(7)
        .chain([header, header + 1, bytes.len() - 1]);
    for end in steps {
        assert_refused(
            &format!("cut at {end}"),
            read(&bytes[..end]),
            "bad.gguf: ",
            "",
            "",
        );
    }
}

#[test]
fn wrong_tensor_tables() {
    check(&[
        (
            "tensor twice",
            |f| f.tensors.push(f.tensors[3].clone()),
            "blk.",
            "twice",
        ),
        (
            "no dimensions",
            |f| f.tensors[0].dims.clear(),
            "token_embd",
            "0 dimensions",
        ),
        (
            "five dimensions",
            |f| f.tensors[0].dims = vec![1; 5],
            "token_embd",
            "5 dimensions",
        ),
        (
            "endless dimensions",
            |f| f.tensors[0].dims = vec![u64::MAX; 2],
            "token_embd",
            "too large",
        ),
        (
            "overflow",
            |f| f.tensors[0].dims = vec![1 << 40, 1 << 40],
            "token_embd",
            "too large",
        ),
        (
            "empty",
            |f| f.tensors[0].dims = vec![0, 5],
            "token_embd",
            "empty",
        ),
        (
            "experts",
            |f| {
                f.tensors
                    .push(entry("blk.0.ffn_gate_exps.weight", &[4, 4, 2]))
            },
            "ffn_gate_exps",
            "no matrix",
        ),
        (
            "unknown type",
            |f| f.tensors[0].kind = 99,
            "token_embd",
            "99 is unknown",
        ),
        (
            "removed type",
            |f| f.tensors[0].kind = 4,
            "token_embd",
            "Q4_2 is not supported",
        ),
        (
            "off the alignment",
            |f| f.tensors[0].offset = Some(4),
            "token_embd",
            "alignment",
        ),
        (
            "beyond the file",
            |f| f.tensors[0].offset = Some(1 << 30),
            "token_embd",
            "end",
        ),
        (
            "far beyond the file",
            |f| f.tensors[0].offset = Some(u64::MAX - 31),
            "token_embd",
            "end",
        ),
        (
            "overlap",
            |f| f.tensors[1].offset = Some(32),
            "",
            "overlaps",
        ),
        (
            "missing",
            |f| f.tensors.retain(|t| t.name != "blk.1.ffn_up.weight"),
            "",
            "Up of layer 1 is missing",
        ),
        (
            "bias in one layer",
            |f| f.tensors.push(entry("blk.0.attn_q.bias", &[32])),
            "",
            "QueryBias of layer 1 is missing",
        ),
        (
            "unknown",
            |f| f.tensors.push(entry("blk.0.attn_sinks.weight", &[4])),
            "attn_sinks",
            "no part",
        ),
        (
            "layer too many",
            |f| f.tensors.push(entry("blk.2.attn_q.bias", &[32])),
            "",
            "layer",
        ),
        (
            "shape",
            |f| f.tensor("blk.0.attn_q.weight").dims = vec![64, 16],
            "blk.0.attn_q.weight",
            "shape",
        ),
        (
            "NaN",
            |f| {
                f.tensor("blk.1.attn_k.weight").bytes[128..132]
                    .copy_from_slice(&f32::NAN.to_le_bytes())
            },
            "blk.1.attn_k.weight",
            "row 1, column 0 is not finite",
        ),
        (
            "infinity",
            |f| {
                f.tensor("output_norm.weight").bytes[8..12]
                    .copy_from_slice(&f32::INFINITY.to_le_bytes())
            },
            "output_norm.weight",
            "column 2 is not finite",
        ),
    ]);
    for dtype in [
        DType::F16,
        DType::BF16,
        DType::Q8_0,
        DType::Q4_0,
        DType::Q4_1,
        DType::Q5_0,
        DType::Q5_1,
    ] {
        let mut file = Gguf::new(&Tiny::new(
            Shape {
                dtype,
                ..Shape::default()
            },
            1,
        ));
        file.tensor("blk.0.ffn_up.weight").bytes[..2].copy_from_slice(&[0xFF, 0xFF]);
        assert_refused(
            dtype.name(),
            read(&file.bytes()),
            "bad.gguf: ",
            "blk.0.ffn_up.weight",
            "not finite",
        );
    }
}

/// Finite weights, whose products or squares are not: of an infinite sum of squares a norm makes zeros.
#[test]
fn weights_that_overflow() {
    let cases: [(&str, &str, f32); 4] = [
        ("the largest", "token_embd.weight", f32::MAX),
        ("a square", "token_embd.weight", 2e19),
        ("the residual of a layer", "blk.1.ffn_down.weight", f32::MAX),
        ("logits", "output_norm.weight", f32::MAX),
    ];
    for (what, name, weight) in cases {
        let mut file = file();
        let count = file.tensor(name).bytes.len() / 4;
        file.tensor(name).bytes = weight.to_le_bytes().repeat(count);
        let model = read(&file.bytes()).unwrap();
        let profile = Profile::load("host").unwrap();
        let compiled = compile(
            &model,
            &profile,
            &Request::default(),
            &Cache::none(),
            &Quiet,
        );
        let refused = compiled.map(|_| ());
        assert_refused(what, refused, "", "", "values that are not finite");
    }
}

#[test]
fn wrong_configurations() {
    check(&[
        (
            "no architecture",
            |f| f.remove("general.architecture"),
            "general.architecture",
            "missing",
        ),
        (
            "architecture",
            |f| f.text("general.architecture", "mamba"),
            "general.architecture",
            "`mamba` is not supported",
        ),
        (
            "no width",
            |f| f.remove("llama.embedding_length"),
            "llama.embedding_length",
            "missing",
        ),
        (
            "width as text",
            |f| f.text("llama.embedding_length", "32"),
            "llama.embedding_length",
            "string",
        ),
        (
            "negative width",
            |f| f.set("llama.embedding_length", 5, vec![255; 4]),
            "llama.embedding_length",
            "-1",
        ),
        (
            "width 0",
            |f| f.u32("llama.embedding_length", 0),
            "llama.embedding_length",
            "outside",
        ),
        (
            "absurd layers",
            |f| f.u32("llama.block_count", u32::MAX),
            "llama.block_count",
            "outside",
        ),
        (
            "absurd context",
            |f| f.u32("llama.context_length", u32::MAX),
            "llama.context_length",
            "outside",
        ),
        (
            "absurd heads",
            |f| f.u32("llama.attention.key_length", u32::MAX),
            "llama.attention.value_length",
            "not supported",
        ),
        (
            "no heads",
            |f| {
                f.u32("llama.attention.head_count", 0);
                f.remove("llama.attention.key_length")
            },
            "llama.attention.head_count",
            "divided",
        ),
        (
            "uneven heads",
            |f| f.u32("llama.attention.head_count_kv", 3),
            "llama.attention.head_count_kv",
            "evenly",
        ),
        (
            "heads by layer",
            |f| {
                f.array(
                    "llama.attention.head_count",
                    4,
                    2,
                    vec![4, 0, 0, 0, 2, 0, 0, 0],
                )
            },
            "llama.attention.head_count",
            "array",
        ),
        (
            "no epsilon",
            |f| f.remove("llama.attention.layer_norm_rms_epsilon"),
            "layer_norm_rms_epsilon",
            "missing",
        ),
        (
            "epsilon 0",
            |f| f.f32("llama.attention.layer_norm_rms_epsilon", 0.0),
            "llama.attention.layer_norm_rms_epsilon",
            "positive",
        ),
        (
            "epsilon NaN",
            |f| f.f32("llama.attention.layer_norm_rms_epsilon", f32::NAN),
            "layer_norm_rms_epsilon",
            "finite",
        ),
        (
            "odd rotation",
            |f| f.u32("llama.rope.dimension_count", 7),
            "llama.rope.dimension_count",
            "7 is not supported",
        ),
        (
            "wide rotation",
            |f| f.u32("llama.rope.dimension_count", 10),
            "llama.rope.dimension_count",
            "10 is not supported",
        ),
        (
            "base -1",
            |f| f.f32("llama.rope.freq_base", -1.0),
            "llama.rope.freq_base",
            "positive",
        ),
        (
            "encoder",
            |f| f.bool("llama.attention.causal", false),
            "llama.attention.causal",
            "causal",
        ),
        (
            "experts",
            |f| f.u32("llama.expert_count", 8),
            "llama.expert_count",
            "not supported",
        ),
        (
            "sliding window",
            |f| f.u32("llama.attention.sliding_window", 4096),
            "llama.attention.sliding_window",
            "not supported",
        ),
        (
            "soft cap",
            |f| f.f32("llama.attn_logit_softcapping", 50.0),
            "llama.attn_logit_softcapping",
            "not supported",
        ),
        (
            "unknown scaling",
            |f| f.text("llama.rope.scaling.type", "ntk"),
            "llama.rope.scaling.type",
            "`ntk` is not supported",
        ),
        (
            "scaling without its tensors",
            |f| f.text("llama.rope.scaling.type", "longrope"),
            "rope_factors_short.weight",
            "is missing",
        ),
        (
            "factor infinite",
            |f| f.f32("llama.rope.scaling.factor", f32::INFINITY),
            "llama.rope.scaling.factor",
            "finite",
        ),
        (
            "factors",
            |f| f.tensors.push(entry("rope_freqs.weight", &[3])),
            "rope_freqs.weight",
            "3 factors for 4",
        ),
        (
            "factors of 0",
            |f| f.tensors.push(entry("rope_freqs.weight", &[4])),
            "rope scaling factors",
            "positive",
        ),
        (
            "factors of short contexts alone",
            |f| f.tensors.push(entry("rope_factors_short.weight", &[4])),
            "rope_factors_long.weight",
            "is missing",
        ),
        (
            "two factors",
            |f| {
                f.tensors.push(entry("rope_freqs.weight", &[4]));
                f.f32("llama.rope.scaling.factor", 2.0)
            },
            "rope_freqs.weight",
            "second scaling",
        ),
    ]);
    // What is off is no obstacle.
    let mut file = file();
    file.u32("llama.expert_count", 0);
    file.u32("llama.attention.sliding_window", 0);
    read(&file.bytes()).unwrap();
    let scaling = Scaling::Linear { factor: 2.0 };
    let file = Gguf::new(&Tiny::new(
        Shape {
            scaling,
            ..Shape::default()
        },
        1,
    ));
    read(&file.bytes()).unwrap();
}

#[test]
fn wrong_tokenizers() {
    fn gpt2(f: &mut Gguf, merges: &[&str]) {
        f.text("tokenizer.ggml.model", "gpt2");
        f.text("tokenizer.ggml.pre", "gpt-2");
        let tokens = ["a", "b", "c", "ab", "abc"];
        f.texts("tokenizer.ggml.tokens", &tokens);
        f.remove("tokenizer.ggml.token_type");
        f.texts("tokenizer.ggml.merges", merges);
    }
    check(&[
        (
            "no type",
            |f| f.remove("tokenizer.ggml.model"),
            "tokenizer.ggml.model",
            "missing",
        ),
        (
            "type",
            |f| f.text("tokenizer.ggml.model", "bert"),
            "tokenizer.ggml.model",
            "not known",
        ),
        (
            "no tokens",
            |f| f.remove("tokenizer.ggml.tokens"),
            "tokenizer.ggml.tokens",
            "missing",
        ),
        (
            "tokens as numbers",
            |f| f.array("tokenizer.ggml.tokens", 4, 0, vec![]),
            "tokenizer.ggml.tokens",
            "array",
        ),
        (
            "no scores",
            |f| f.remove("tokenizer.ggml.scores"),
            "tokenizer.ggml.scores",
            "missing",
        ),
        (
            "few scores",
            |f| f.array("tokenizer.ggml.scores", 6, 1, vec![0; 4]),
            "tokenizer.ggml.scores",
            "1 entries for 272 tokens",
        ),
        (
            "scores NaN",
            |f| f.array("tokenizer.ggml.scores", 6, 272, vec![255; 272 * 4]),
            "tokenizer.ggml.scores",
            "finite",
        ),
        (
            "few kinds",
            |f| f.array("tokenizer.ggml.token_type", 5, 0, vec![]),
            "tokenizer.ggml.token_type",
            "0 entries",
        ),
        (
            "scores that a converter did not know",
            |f| {
                let scores = (-1000f32).to_le_bytes().repeat(272);
                f.array("tokenizer.ggml.scores", 6, 272, scores)
            },
            "tokenizer.ggml.scores",
            "no token has a score",
        ),
        (
            "tokens that are no text",
            |f| {
                let bytes = [1, 0, 0, 0, 0, 0, 0, 0, 0xFF].repeat(272);
                f.array("tokenizer.ggml.tokens", 8, 272, bytes)
            },
            "tokenizer.ggml.tokens",
            "not all UTF-8",
        ),
        (
            "unknown kind",
            |f| f.array("tokenizer.ggml.token_type", 5, 272, vec![9; 272 * 4]),
            "tokenizer.ggml.token_type",
            "has the type",
        ),
        (
            "no pre-tokenizer",
            |f| {
                gpt2(f, &[]);
                f.remove("tokenizer.ggml.pre")
            },
            "tokenizer.ggml.pre",
            "missing",
        ),
        (
            "unknown pre-tokenizer",
            |f| {
                gpt2(f, &[]);
                f.text("tokenizer.ggml.pre", "mystery")
            },
            "tokenizer.ggml.pre",
            "mystery",
        ),
        (
            "no merges",
            |f| {
                gpt2(f, &[]);
                f.remove("tokenizer.ggml.merges")
            },
            "tokenizer.ggml.merges",
            "missing",
        ),
        (
            "too many tokens",
            |f| f.u32("llama.vocab_size", 100),
            "token_embd.weight",
            "shape",
        ),
        (
            "more tokens than rows",
            |f| {
                let more = Gguf::new(&Tiny::new(
                    Shape {
                        vocab: 273,
                        ..Shape::default()
                    },
                    1,
                ));
                for (key, kind, bytes) in more.keys {
                    if key.starts_with("tokenizer.") {
                        f.set(&key, kind, bytes);
                    }
                }
            },
            "vocab_size",
            "273 tokens, the embedding has 272 rows",
        ),
    ]);
}

/// Splitting a piece everywhere takes the square of its length.
/// Types of ggml.h and those that it no longer has, by their numbers.
#[test]
fn types_that_are_not_read_are_refused_by_name() {
    for (kind, name) in [
        (4, "Q4_2"),
        (5, "Q4_3"),
        (9, "Q8_1"),
        (15, "Q8_K"),
        (16, "IQ2_XXS"),
        (17, "IQ2_XS"),
        (18, "IQ3_XXS"),
        (19, "IQ1_S"),
        (21, "IQ3_S"),
        (22, "IQ2_S"),
        (24, "I8"),
        (25, "I16"),
        (26, "I32"),
        (27, "I64"),
        (28, "F64"),
        (29, "IQ1_M"),
        (31, "Q4_0_4_4"),
        (32, "Q4_0_4_8"),
        (33, "Q4_0_8_8"),
        (36, "IQ4_NL_4_4"),
        (37, "IQ4_NL_4_8"),
        (38, "IQ4_NL_8_8"),
        (40, "NVFP4"),
    ] {
        let mut file = file();
        file.tensors[0].kind = kind;
        let problem = format!("the element type {name} is not supported");
        let read = read(&file.bytes());
        assert!(read.as_ref().unwrap_err().to_string().contains("Q4_K_M"));
        assert_refused(name, read, "bad.gguf: ", "token_embd", &problem);
    }
}

#[test]
fn endless_pieces_are_refused_at_once() {
    let start = std::time::Instant::now();
    for (length, count) in [(10 << 20, 1), (4000, 3000)] {
        let mut file = file();
        let long = "x".repeat(length);
        let mut tokens: Vec<&str> = (0..272).map(|_| "y").collect();
        tokens.extend(std::iter::repeat_n(long.as_str(), count));
        file.texts("tokenizer.ggml.tokens", &tokens);
        file.array(
            "tokenizer.ggml.scores",
            6,
            tokens.len(),
            vec![0; tokens.len() * 4],
        );
        file.remove("tokenizer.ggml.token_type");
        assert_refused(
            "long",
            read(&file.bytes()),
            "bad.gguf: ",
            "tokenizer.ggml.scores",
            "too long",
        );
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// A chat template is a program that can double a text with each step.
#[test]
fn chat_templates_of_endless_text_are_left_out() {
    let doubled = format!(
        "{{% set x = 'aaaaaaaaaaaaaaaa' %}}{}{{{{ x }}}}",
        "{% set x = x ~ x %}".repeat(60)
    );
    let added = doubled.replace("x ~ x", "x + x");
    let replaced = doubled.replace("x ~ x", "x|replace('a', 'aaaa')");
    for template in [
        doubled.as_str(),
        &added,
        &replaced,
        "{{ 'aaaaaaaaaaaaaaaa' * 1000000000000 }}",
        "{{ 'a'|center(1000000000000) }}",
        "{{ 'a'|indent(1000000000000) }}",
        "{{ '%1000000000000d'|format(1) }}",
        "{{ '{:>30000000000}'.format(1) }}{{ messages[0].content }}",
        "{{ '{:.7000000000f}'.format(1) }}{{ messages[0].content }}",
        "{{ '{:99999999999999999999}'.format(1) }}{{ messages[0].content }}",
        "{{ ('{:>1000000}' * 500).format(*range(500)) }}{{ messages[0].content }}",
        "{{ range(1000000000000)|list }}",
        "{{ messages[0].content|batch(1000000000000, 'x')|list }}",
        "{{ [1] * 1000000000000 }}",
        "{{ 10 ** 1000000000000 }}",
        "{% set x = 'a' * 1000000 %}{% set y = x.replace('a', x) %}{{ messages[0].content }}",
        "{% set x = 'a' * 1000000 %}{{ ([x] * 100000)|join }}{{ messages[0].content }}",
        "{% set x = ['a' * 1000000] %}{{ ','.join(x * 100000) }}{{ messages[0].content }}",
        "{{ messages|tojson(indent=9223372036854775807) }}",
        "{{ ([messages] * 100000)|tojson }}",
    ] {
        let mut file = file();
        file.text("tokenizer.chat_template", template);
        eprintln!("{}", &template[..template.len().min(60)]);
        let model = read(&file.bytes()).unwrap();
        assert_eq!(model.chat_template(), None, "{template}");
    }
}

/// A chat template is a program: it may want all time and memory there is.
#[test]
fn endless_chat_templates_are_left_out() {
    let start = std::time::Instant::now();
    for template in [
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ messages[5].content }}",
        "{{ messages[0]['content'] | tojson }}",
        "{{ 1 // 0 }}{% if %}",
        "{{ raise_exception('no') }}",
        "",
    ] {
        let mut file = file();
        file.text("tokenizer.chat_template", template);
        let model = read(&file.bytes()).unwrap();
        assert_eq!(model.chat_template(), None, "{template}");
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// What parses, shows, compares or drops a chain calls itself for each link.
#[test]
#[ignore = "long"]
fn long_chains_in_chat_templates_end() {
    const USER: &str = "{{ messages[0].content }}";
    for (start, link, end) in [
        ("{{ messages", "()", " }}"),
        ("{{ messages", ".a", " }}"),
        ("{{ messages", "[0]", " }}"),
        ("{{ 'a'", "|trim", " }}"),
        ("{{ 1", " is defined", " }}"),
        ("{{ ", "-", "1 }}"),
        ("{{ ", "not ", "true }}"),
        ("{{ ", "'a' ~ ", "'b' }}"),
        ("{{ ", "1 + ", "1 }}"),
        ("{{ ", "true and ", "true }}"),
        ("{{ ", "1 if true else ", "1 }}"),
        ("{% if false %}a", "{% elif false %}b", "{% endif %}"),
    ] {
        let mut file = file();
        let chain = link.repeat(65_000 / link.len());
        file.text(
            "tokenizer.chat_template",
            &[start, &chain, end, USER].concat(),
        );
        eprintln!("{link}");
        // Some take long, on a busy machine too long.
        if let Err(error) = read(&file.bytes()) {
            assert_eq!(error.kind(), Kind::DoesNotFit, "{error}");
        }
    }
    for shown in ["", "{{ n.x }}", "{{ n.x|tojson }}", "{{ n.x == n.y }}"] {
        let mut file = file();
        let nested = "{% set n = namespace(x=[], y=[]) %}{% for i in range(7000) %}\
             {% set n.x = [n.x] %}{% set n.y = [n.y] %}{% endfor %}";
        file.text("tokenizer.chat_template", &[nested, shown, USER].concat());
        eprintln!("{shown}");
        read(&file.bytes()).unwrap();
    }
}

/// A step of the engine may copy a list, which can be doubled again and again.
#[test]
#[ignore = "long"]
fn endless_chat_templates_are_refused() {
    let start = std::time::Instant::now();
    let doubled = format!(
        "{{% set x = [1, 2, 3, 4] %}}{}{{{{ messages[0].content }}}}",
        "{% set x = x + x %}".repeat(60)
    );
    let mut file = file();
    file.text("tokenizer.chat_template", &doubled);
    let error = read(&file.bytes()).unwrap_err();
    assert_eq!(error.kind(), Kind::DoesNotFit, "{error}");
    let message = error.to_string();
    assert!(
        message.contains("the chat template takes more than"),
        "{message}"
    );
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
