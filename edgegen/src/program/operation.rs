//! The operations of a program.

use crate::program::{Buffer, Matrix, Vector};

/// One step over the tokens of a batch. Offsets are in floats from the start of a token's row.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// `output = rms_norm(input) * gain` (Zhang & Sennrich 2019, arXiv:1910.07467).
    RmsNorm {
        /// The gain's name in the generated crate.
        name: &'static str,
        /// `[hidden_size]`.
        gain: Vector,
        /// Read.
        input: Buffer,
        /// Written.
        output: Buffer,
    },
    /// Activations to i8 blocks, for the integer products that follow.
    Quantize {
        /// Read.
        input: Buffer,
    },
    /// `output[start..] = matrix × input`; integer formats read the last quantized activations.
    MatMul {
        /// The matrix's name in the generated crate.
        name: &'static str,
        /// `[rows, cols]`.
        matrix: Matrix,
        /// Read.
        input: Buffer,
        /// Written.
        output: Buffer,
        /// First float written.
        start: usize,
    },
    /// `buffer[start..] += bias`.
    AddBias {
        /// The bias's name in the generated crate.
        name: &'static str,
        /// `[rows]`.
        bias: Vector,
        /// Updated.
        buffer: Buffer,
        /// First float updated.
        start: usize,
    },
    /// Rotates `heads` heads of [`Buffer::QueryKeyValue`] in place.
    Rope {
        /// First float of the first head.
        start: usize,
        /// Heads.
        heads: usize,
    },
    /// Copies keys and values of the batch to the KV cache.
    StoreKeyValue {
        /// First float of the keys in [`Buffer::QueryKeyValue`].
        key: usize,
        /// First float of the values.
        value: usize,
    },
    /// Causal attention of the queries at the start of
    /// [`Buffer::QueryKeyValue`] over the KV cache, into [`Buffer::Attended`].
    Attention,
    /// `hidden = silu(gate) * up`.
    SiluMul {
        /// First float of `up` in [`Buffer::GateUp`]; also the count.
        up: usize,
    },
    /// `residual += normed`.
    AddResidual,
}
