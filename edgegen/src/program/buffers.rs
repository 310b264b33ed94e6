//! The activations' memory: which buffers there are and where they lie.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::program::{COLUMN_PADDING, ROW_PADDING, Shapes};

/// A buffer of activations, `[batch][width]` of f32 unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Buffer {
    /// The residual stream.
    Residual,
    /// A norm's output, or a projection on its way to the residual stream.
    Normed,
    /// Queries, keys and values of the batch.
    QueryKeyValue,
    /// Attention's output.
    Attended,
    /// Scratch for attention's scores: some rows as long as the context.
    Scores,
    /// Gate and up projections.
    GateUp,
    /// The feed-forward network's hidden activations.
    Hidden,
    /// The last norm's output on its way to the output projection, where that needs another basis.
    Mixed,
    /// Logits of one position or some.
    Logits,
}

impl Buffer {
    /// The name in the generated crate's constants and in the program's text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Residual => "residual",
            Self::Normed => "normed",
            Self::QueryKeyValue => "query_key_value",
            Self::Attended => "attended",
            Self::Scores => "scores",
            Self::GateUp => "gate_up",
            Self::Hidden => "hidden",
            Self::Mixed => "mixed",
            Self::Logits => "logits",
        }
    }
}

/// A buffer's place in the arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// Offset in floats.
    pub start: usize,
    /// Floats of one token.
    pub width: usize,
    /// Tokens.
    pub rows: usize,
}

impl Region {
    /// The floats of the first `tokens` tokens.
    pub fn range(&self, tokens: usize) -> Range<usize> {
        self.start..self.start + self.width * tokens
    }
}

/// Where every buffer lies. Buffers that are never alive together share memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arena {
    regions: BTreeMap<Buffer, Region>,
    len: usize,
}

impl Arena {
    /// Lays out the buffers of a transformer with these shapes: the attention's
    /// buffers lie over the feed-forward network's.
    pub fn new(shapes: &Shapes) -> Self {
        let hidden = shapes.hidden_size.next_multiple_of(COLUMN_PADDING);
        let queries = projected(shapes.num_attention_heads * shapes.head_dim);
        let key_values = projected(shapes.num_key_value_heads * shapes.head_dim);
        let intermediate = projected(shapes.intermediate_size);
        let columns = |width: usize| width.next_multiple_of(COLUMN_PADDING);

        let mut arena = Self {
            regions: BTreeMap::new(),
            len: 0,
        };
        let batch = shapes.batch;
        arena.place(Buffer::Residual, columns(hidden), batch);
        arena.place(Buffer::Normed, columns(hidden), batch);
        let shared = arena.len;
        arena.place(
            Buffer::QueryKeyValue,
            columns(queries + 2 * key_values),
            batch,
        );
        arena.place(Buffer::Attended, columns(queries), batch);
        let rows = batch * (shapes.num_attention_heads / shapes.num_key_value_heads);
        arena.place(
            Buffer::Scores,
            columns(shapes.context) * rows.min(runtime_kernels::attention::ROWS),
            1,
        );
        let attention_end = std::mem::replace(&mut arena.len, shared);
        arena.place(Buffer::GateUp, columns(2 * intermediate), batch);
        arena.place(Buffer::Hidden, columns(intermediate), batch);
        let layers_end = std::mem::replace(&mut arena.len, shared).max(attention_end);
        // A product leaves padding as it is, so that nothing else may lie there.
        if hidden != shapes.hidden_size {
            arena.len = layers_end;
        }
        arena.place(Buffer::Mixed, columns(hidden), shapes.logit_rows());
        arena.len = arena.len.max(layers_end);
        arena.place(
            Buffer::Logits,
            columns(shapes.vocab_size),
            shapes.logit_rows(),
        );
        arena
    }

    fn place(&mut self, buffer: Buffer, width: usize, rows: usize) {
        let start = self.len;
        self.len += width * rows;
        self.regions.insert(buffer, Region { start, width, rows });
    }

    /// A buffer's place.
    pub fn region(&self, buffer: Buffer) -> &Region {
        &self.regions[&buffer]
    }

    /// Every buffer with its place, in a fixed order.
    pub fn regions(&self) -> impl Iterator<Item = (Buffer, &Region)> {
        self.regions
            .iter()
            .map(|(&buffer, region)| (buffer, region))
    }

    /// Floats in all.
    pub fn floats(&self) -> usize {
        self.len
    }
}

/// Rows of a projection in its fused matrix.
pub fn projected(rows: usize) -> usize {
    rows.next_multiple_of(ROW_PADDING)
}
