//! A program as stable text: for reading, and for snapshots.

use std::fmt::{self, Display, Formatter};

use crate::program::{CacheFormat, Matrix, Operation, Program, Vector, WeightFiles};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let s = &self.shapes;
        writeln!(f, "hidden_size {}", s.hidden_size)?;
        writeln!(f, "intermediate_size {}", s.intermediate_size)?;
        writeln!(f, "num_hidden_layers {}", s.num_hidden_layers)?;
        writeln!(
            f,
            "heads {} × {}, key-value heads {}",
            s.num_attention_heads, s.head_dim, s.num_key_value_heads
        )?;
        writeln!(f, "vocab_size {}", s.vocab_size)?;
        writeln!(
            f,
            "context {}, batch {}, answer cache {}",
            s.context, s.batch, s.answer_cache
        )?;
        writeln!(
            f,
            "rms_norm_eps {:#010x}, attention_scale {:#010x}",
            s.rms_norm_eps.to_bits(),
            s.attention_scale.to_bits()
        )?;
        match s.kv_cache {
            CacheFormat::F32 => writeln!(f, "kv cache {} floats", s.kv_cache_len())?,
            format => writeln!(f, "kv cache {} words of {format}", s.kv_cache_len())?,
        }
        for (buffer, region) in self.arena.regions() {
            writeln!(
                f,
                "buffer {} at {}: {} × {}",
                buffer.name(),
                region.start,
                region.rows,
                region.width
            )?;
        }
        for file in self.files.files() {
            writeln!(f, "file {}: {} bytes", file.name, file.bytes.len())?;
        }
        writeln!(f, "rope {}", vector(&self.files, &self.rope))?;
        writeln!(f, "embedding {}", matrix(&self.files, &self.embedding))?;
        for (index, layer) in self.layers.iter().enumerate() {
            writeln!(f, "layer {index}")?;
            operations(f, &self.files, &layer.operations)?;
        }
        writeln!(f, "head")?;
        operations(f, &self.files, &self.head)
    }
}

fn operations(f: &mut Formatter<'_>, files: &WeightFiles, operations: &[Operation]) -> fmt::Result {
    for operation in operations {
        match operation {
            Operation::RmsNorm {
                name,
                gain,
                input,
                output,
            } => writeln!(
                f,
                "  {} = rms_norm {} with {name} {}",
                output.name(),
                input.name(),
                vector(files, gain)
            )?,
            Operation::Quantize { input } => writeln!(f, "  quantize {}", input.name())?,
            Operation::MatMul {
                name,
                matrix: m,
                input,
                output,
                start,
            } => writeln!(
                f,
                "  {}[{start}..] = {name} × {} {}",
                output.name(),
                input.name(),
                matrix(files, m)
            )?,
            Operation::AddBias {
                name,
                bias,
                buffer,
                start,
            } => writeln!(
                f,
                "  {}[{start}..] += {name} {}",
                buffer.name(),
                vector(files, bias)
            )?,
            Operation::Rope { start, heads } => writeln!(f, "  rope [{start}..], {heads} heads")?,
            Operation::StoreKeyValue { key, value } => {
                writeln!(f, "  store keys [{key}..], values [{value}..]")?;
            }
            Operation::Attention => writeln!(f, "  attended = attention")?,
            Operation::SiluMul { up } => writeln!(f, "  hidden = silu(gate) * up [{up}..]")?,
            Operation::AddResidual => writeln!(f, "  residual += normed")?,
        }
    }
    Ok(())
}

fn matrix(files: &WeightFiles, matrix: &Matrix) -> String {
    let parts: Vec<String> = matrix
        .parts
        .iter()
        .map(|part| format!("{}:{}", files.files()[part.file].name, part.range.start))
        .collect();
    format!(
        "({} [{}, {}] {})",
        matrix.format,
        matrix.rows,
        matrix.cols,
        parts.join(" ")
    )
}

fn vector(files: &WeightFiles, vector: &Vector) -> String {
    let part = &vector.part;
    format!(
        "(f32 [{}] {}:{})",
        vector.len,
        files.files()[part.file].name,
        part.range.start
    )
}
