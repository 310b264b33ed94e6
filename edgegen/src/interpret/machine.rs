//! Runs a program's operations by the frame that the generated crate has.

use std::borrow::Cow;

use edgegen_templates::frame::{self, AttentionShape, Frame};
use edgegen_templates::team::Team;
use runtime_kernels::{
    F16, F32, F32Cache, I8Cache, IQ4NL, IQ4XS, MXFP4, Q2K, Q3K, Q4, Q4K, Q4M, Q5, Q5K, Q5M, Q6K,
    Q8, T2, T3, T4, TQ1, TQ2,
};

use crate::graph::{Heads, Machine, Rows};
use crate::program::{
    CacheFormat, Matrix, Part, Place, Placed, Program, State, Table, Vector, WeightFormat,
};

use super::kept;

/// A program with the state of a pass.
pub(super) struct Running<'f, 'p, T> {
    pub(super) program: &'p Program,
    /// The ids.
    pub(super) tokens: &'f [u32],
    pub(super) frame: Frame<'f, T>,
}

impl<'p, T> Running<'_, 'p, T> {
    fn bytes(&self, part: &Part) -> &'p [u8] {
        self.program.files.bytes(part)
    }

    fn parts(&self, matrix: &Matrix) -> Vec<&'p [u8]> {
        matrix.parts.iter().map(|part| self.bytes(part)).collect()
    }
}

/// A place, as the frame takes it.
pub(super) fn place(place: &Place) -> frame::Place {
    frame::Place {
        start: place.start,
        stride: place.stride,
        len: place.len,
    }
}

/// Calls with the type of a format.
macro_rules! with_format {
    ($format:expr, $F:ident => $call:expr) => {
        with_format!(
            $format, $F => $call;
            F32 F16 Q8 Q6K Q5M Q5 Q5K Q4M Q4 Q4K IQ4NL IQ4XS MXFP4 T4 Q3K T3 Q2K TQ2 T2 TQ1
        )
    };
    ($format:expr, $F:ident => $call:expr; $($Format:ident)*) => {
        match $format {
            $(WeightFormat::$Format => {
                type $F = $Format;
                $call
            })*
        }
    };
}

impl<'p, T: Team<'p>> Machine<'p, Placed> for Running<'_, 'p, T> {
    type Isa = T::Isa;
    type Place = frame::Place;

    fn input(&self, of: &Place) -> frame::Place {
        place(of)
    }

    fn output(&self, of: &Place) -> frame::Place {
        place(of)
    }

    fn update(&self, of: &Place) -> frame::Place {
        place(of)
    }

    fn scratch(&self, of: &Place) -> frame::Place {
        place(of)
    }

    fn vector(&self, of: &Vector) -> Cow<'p, [u8]> {
        Cow::Borrowed(self.bytes(&of.part))
    }

    fn table(&self, of: &Table) -> Rows<'p> {
        Rows {
            bytes: Cow::Borrowed(self.bytes(&of.rows.part)),
            row: of.row * size_of::<f32>(),
        }
    }

    fn rows<const N: usize>(
        &mut self,
        places: [frame::Place; N],
        kernel: impl Fn(T::Isa, usize, [&mut [f32]; N]) + Sync,
    ) {
        self.frame.rows(places, kernel);
    }

    fn embed(&mut self, matrix: &Matrix, out: &Place) {
        let (parts, blocks) = (self.parts(matrix), matrix.blocks());
        let (tokens, out) = (self.tokens, place(out));
        with_format!(matrix.format, F => self.frame.embed::<F, _>(&parts, blocks, tokens, out));
    }

    fn quantize(&mut self, input: &Place, shared: &usize) {
        self.frame.quantize(place(input), *shared);
    }

    fn mat_mul(&mut self, matrix: &Matrix, input: &Place, out: &Place) {
        let (parts, blocks) = (self.parts(matrix), matrix.blocks());
        let (input, out) = (place(input), place(out));
        with_format!(matrix.format, F => self.frame.mat_mul::<F, _>(&parts, blocks, input, out));
    }

    fn store(&mut self, state: &State, key: &Place, value: &Place) {
        let shapes = &self.program.shapes;
        let (key, value) = (place(key), place(value));
        match shapes.kv_cache {
            CacheFormat::F32 => self.frame.store(kept(shapes, *state, F32Cache), key, value),
            CacheFormat::I8 => self.frame.store(kept(shapes, *state, I8Cache), key, value),
        }
    }

    fn attention(
        &mut self,
        shape: &Heads,
        state: &State,
        query: &Place,
        scores: &Place,
        out: &Place,
    ) {
        let shapes = &self.program.shapes;
        let shape = AttentionShape {
            heads: shape.heads,
            head_dim: shape.head_dim,
            heads_per_kv: shape.heads_per_kv,
            scale: shape.scale,
            cap: shape.cap,
        };
        let window = state.shape.window;
        let (query, scores, out) = (place(query), place(scores), place(out));
        match shapes.kv_cache {
            CacheFormat::F32 => {
                let state = kept(shapes, *state, F32Cache);
                self.frame
                    .attention(window, shape, state, query, scores, out);
            }
            CacheFormat::I8 => {
                let state = kept(shapes, *state, I8Cache);
                self.frame
                    .attention(window, shape, state, query, scores, out);
            }
        }
    }
}
