//! The text's way through the network.

use crate::model::{Architecture, Role};

use super::dense::Dense;
use super::network::Linear;
use super::parts;
use super::rope;
use super::windows::Windows;

/// The residual stream of all tokens, between two layers.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    window: usize,
    /// `[window][cos, sin][pairs]`.
    rope: Vec<f32>,
    /// `[tokens, hidden_size]`.
    residual: Dense,
}

impl Stream {
    /// At the beginning: the tokens' rows of the embedding.
    pub(crate) fn new(architecture: &Architecture, embedding: &Dense, windows: &Windows) -> Self {
        let mut residual = Dense::zeros(windows.tokens.len(), embedding.cols);
        let rows = residual.values.chunks_exact_mut(embedding.cols);
        for (row, &token) in rows.zip(&windows.tokens) {
            row.copy_from_slice(embedding.row(token as usize));
        }
        Self {
            window: windows.size,
            rope: rope::table(&architecture.rope, windows.size),
            residual,
        }
    }

    /// Goes through a layer. `project` says what projections make of the input that they have in
    /// common.
    pub(crate) fn layer(
        &mut self,
        architecture: &Architecture,
        mut project: impl FnMut(&[Linear], &Dense) -> Vec<Dense>,
    ) {
        let normed = self.normed(architecture);
        let queries_keys_values = [
            (Role::Query, Role::QueryBias),
            (Role::Key, Role::KeyBias),
            (Role::Value, Role::ValueBias),
        ];
        let mut outputs = project(&queries_keys_values, &normed).into_iter();
        let [queries, keys, values] = std::array::from_fn(|_| outputs.next().expect("one each"));
        let attended = parts::attention(
            architecture,
            self.window,
            &self.rope,
            queries,
            keys,
            &values,
        );
        let output = (Role::AttentionOutput, Role::AttentionOutputBias);
        let output = project(&[output], &attended);
        parts::add(&mut self.residual, &output[0]);
        let normed = self.normed(architecture);
        let gate_up = [(Role::Gate, Role::GateBias), (Role::Up, Role::UpBias)];
        let gate_up = project(&gate_up, &normed);
        let hidden = parts::silu_mul(&gate_up[0], &gate_up[1]);
        let down = project(&[(Role::Down, Role::DownBias)], &hidden);
        parts::add(&mut self.residual, &down[0]);
    }

    /// The stream as the next norm gives it, without a gain.
    pub(crate) fn normed(&self, architecture: &Architecture) -> Dense {
        parts::rms_norm(&self.residual, architecture.rms_norm_eps)
    }

    /// The squared distance of another stream as a part of this one's squares, a sum over the tokens;
    /// the first of each window is an attention sink and says little.
    pub(crate) fn change(&self, other: &Self) -> f64 {
        let square = |x: f32| f64::from(x).powi(2);
        let rows = (0..self.residual.rows).filter(|row| row % self.window != 0);
        rows.map(|row| {
            let (a, b) = (self.residual.row(row), other.residual.row(row));
            let distance: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
            let squares: f64 = a.iter().map(|&a| square(a)).sum();
            distance / squares.max(f64::MIN_POSITIVE)
        })
        .sum()
    }
}
