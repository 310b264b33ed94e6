//! A program as stable text: for reading, and for snapshots.

use std::fmt::{self, Display, Formatter};

use crate::graph::{Argument, Memory, Tensors};
use crate::program::{
    CacheFormat, Matrix, Operation, Place, Placed, Program, StateShape, Vector, WeightFiles,
};

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
        match s.kv_cache {
            CacheFormat::F32 => writeln!(f, "kv cache {} floats", s.kv_cache_len())?,
            format => writeln!(f, "kv cache {} words of {format}", s.kv_cache_len())?,
        }
        writeln!(f, "activations {} floats", s.arena)?;
        for file in self.files.files() {
            writeln!(f, "file {}: {} bytes", file.name, file.bytes.len())?;
        }
        writeln!(f, "embedding")?;
        operations(f, &self.files, &self.code.embedding)?;
        for (index, layer) in self.code.layers.iter().enumerate() {
            writeln!(f, "layer {index}")?;
            operations(f, &self.files, layer)?;
        }
        writeln!(f, "head")?;
        operations(f, &self.files, &self.code.head)
    }
}

fn operations(f: &mut Formatter<'_>, files: &WeightFiles, operations: &[Operation]) -> fmt::Result {
    for operation in operations {
        write!(f, "  {}", operation.name())?;
        for (index, (name, argument)) in operation.arguments().into_iter().enumerate() {
            write!(f, "{} {name}: ", if index == 0 { "" } else { "," })?;
            text(f, files, &argument)?;
        }
        writeln!(f)?;
    }
    Ok(())
}

fn text(
    f: &mut Formatter<'_>,
    files: &WeightFiles,
    argument: &Argument<'_, Placed>,
) -> fmt::Result {
    match argument {
        Argument::Values(values) => at(f, values.place()),
        Argument::Tensors(Tensors::Vector(of)) => vector(f, files, of),
        Argument::Tensors(Tensors::Matrix(of) | Tensors::Lookup(of)) => matrix(f, files, of),
        Argument::Tensors(Tensors::Table(table)) => vector(f, files, &table.rows),
        Argument::Memory(Memory::State(kept)) => {
            let StateShape { positions, window } = kept.shape;
            write!(f, "({positions} positions at {}", kept.start)?;
            match window {
                Some(window) => write!(f, ", a window of {window})"),
                None => write!(f, ")"),
            }
        }
        Argument::Number(value) => write!(f, "{value:e}"),
        Argument::Size(size) => write!(f, "{size}"),
        Argument::Heads(shape) => {
            write!(
                f,
                "({} heads of {}, {} to a key, times {:e}",
                shape.heads, shape.head_dim, shape.heads_per_kv, shape.scale
            )?;
            match shape.cap {
                Some(cap) => write!(f, ", capped at {cap:e})"),
                None => write!(f, ")"),
            }
        }
    }
}

/// A place: `name[start..end]`, and from token to token if that is more.
fn at(f: &mut Formatter<'_>, place: &Place) -> fmt::Result {
    write!(
        f,
        "{}[{}..{}",
        place.name,
        place.start,
        place.start + place.len
    )?;
    match place.stride == place.len {
        true => write!(f, "]"),
        false => write!(f, ", +{}]", place.stride),
    }
}

fn matrix(f: &mut Formatter<'_>, files: &WeightFiles, matrix: &Matrix) -> fmt::Result {
    write!(
        f,
        "({} {} [{}, {}]",
        matrix.name, matrix.format, matrix.rows, matrix.cols
    )?;
    for part in &matrix.parts {
        write!(f, " {}:{}", files.files()[part.file].name, part.range.start)?;
    }
    write!(f, ")")
}

fn vector(f: &mut Formatter<'_>, files: &WeightFiles, vector: &Vector) -> fmt::Result {
    let (part, name) = (&vector.part, &vector.name);
    let file = &files.files()[part.file].name;
    write!(
        f,
        "({name} f32 [{}] {file}:{})",
        vector.len, part.range.start
    )
}
