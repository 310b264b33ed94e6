//! Writes a graph down, as an architecture tells it.

use crate::model::{Architecture, Role, TensorKey};

use super::{
    Extent, Graph, Heads, Node, Operation, State, StateId, Table, TableId, Updated, Value, ValueId,
};

/// A graph that grows.
pub(crate) struct Builder<'a> {
    architecture: &'a Architecture,
    has: &'a dyn Fn(TensorKey) -> bool,
    graph: Graph,
    part: Part,
}

/// The part that grows.
#[derive(Clone, Copy)]
enum Part {
    Embedding,
    Layer(usize),
    Head,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(architecture: &'a Architecture, has: &'a dyn Fn(TensorKey) -> bool) -> Self {
        Self {
            architecture,
            has,
            graph: Graph {
                values: Vec::new(),
                states: Vec::new(),
                tables: Vec::new(),
                embedding: Vec::new(),
                layers: Vec::new(),
                head: Vec::new(),
                residual: ValueId(0),
                logits: ValueId(0),
            },
            part: Part::Embedding,
        }
    }

    pub(crate) fn finish(self) -> Graph {
        self.graph
    }

    /// Shapes and constants.
    pub(crate) fn architecture(&self) -> &'a Architecture {
        self.architecture
    }

    /// Whether the model has a tensor that may be missing.
    pub(crate) fn has(&self, role: Role) -> bool {
        (self.has)(self.key(role))
    }

    /// Whether layers have a tensor that may be missing: all, or none.
    pub(crate) fn layers_have(&self, role: Role) -> bool {
        (self.has)(TensorKey::layer(0, role))
    }

    /// A table; what is the same is one.
    fn table(&mut self, table: Table) -> TableId {
        let tables = &mut self.graph.tables;
        let known = tables.iter().position(|known| *known == table);
        TableId(known.unwrap_or_else(|| {
            tables.push(table);
            tables.len() - 1
        }))
    }

    /// The residual stream at its beginning.
    pub(crate) fn embed(&mut self, role: Role) -> ValueId {
        let width = self.shape(role).1;
        let out = self.value("residual", width);
        let matrix = self.key(role);
        self.push(Operation::Embed { matrix, out });
        self.graph.residual = out;
        out
    }

    /// `x` and the row of its position.
    pub(crate) fn add_positions(&mut self, x: ValueId, role: Role) -> ValueId {
        let key = self.key(role);
        let bias = self.table(Table::Tensor(key));
        self.update(x, |x| Operation::AddPosition { x, bias })
    }

    /// Begins the next layer.
    pub(crate) fn layer(&mut self) {
        self.part = Part::Layer(self.graph.layers.len());
        self.graph.layers.push(Vec::new());
    }

    /// Begins what follows the last layer.
    pub(crate) fn head(&mut self) {
        self.part = Part::Head;
    }

    /// `rms_norm(x) * gain`.
    pub(crate) fn rms_norm(&mut self, x: ValueId, gain: Role) -> ValueId {
        let size = self.graph.width(x);
        let out = self.value(gain.name(), size);
        let eps = self.architecture.rms_norm_eps;
        let gain = self.key(gain);
        self.push(Operation::RmsNorm {
            x,
            gain,
            eps,
            size,
            out,
        });
        out
    }

    /// `layer_norm(x) * gain + bias`.
    pub(crate) fn layer_norm(&mut self, x: ValueId, gain: Role, bias: Role) -> ValueId {
        let size = self.graph.width(x);
        let out = self.value(gain.name(), size);
        let eps = self.architecture.rms_norm_eps;
        let (gain, bias) = (self.key(gain), self.key(bias));
        self.push(Operation::LayerNorm {
            x,
            gain,
            bias,
            eps,
            size,
            out,
        });
        out
    }

    /// `layer_norm(x) * gain`.
    pub(crate) fn layer_norm_gain(&mut self, x: ValueId, gain: Role) -> ValueId {
        let size = self.graph.width(x);
        let out = self.value(gain.name(), size);
        let eps = self.architecture.rms_norm_eps;
        let gain = self.key(gain);
        self.push(Operation::LayerNormGain {
            x,
            gain,
            eps,
            size,
            out,
        });
        out
    }

    /// `weight × x`, and the bias, where the model has one.
    pub(crate) fn linear(&mut self, x: ValueId, weight: Role) -> ValueId {
        let bias = weight.bias().filter(|&bias| self.has(bias));
        self.product(x, weight, bias)
    }

    /// `weight × x + bias`.
    pub(crate) fn biased(&mut self, x: ValueId, weight: Role) -> ValueId {
        self.product(x, weight, weight.bias())
    }

    fn product(&mut self, x: ValueId, weight: Role, bias: Option<Role>) -> ValueId {
        let out = self.value(weight.name(), self.shape(weight).0);
        let matrix = vec![self.key(weight)];
        self.push(Operation::MatMul {
            matrix,
            input: x,
            out: vec![out],
        });
        match bias {
            Some(bias) => {
                let bias = self.key(bias);
                self.update(out, |x| Operation::AddBias { x, bias })
            }
            None => out,
        }
    }

    /// `rms_norm` of each head, times a gain that all have in common.
    pub(crate) fn head_norm(&mut self, x: ValueId, gain: Role) -> ValueId {
        let head_dim = self.architecture.head_dim;
        let heads = self.graph.width(x) / head_dim;
        let eps = self.architecture.rms_norm_eps;
        let gain = self.key(gain);
        self.update(x, |x| Operation::HeadNorm {
            x,
            gain,
            eps,
            heads,
            head_dim,
        })
    }

    /// `layer_norm` of each head, times a gain of its own.
    pub(crate) fn head_layer_norm(&mut self, x: ValueId, gain: Role) -> ValueId {
        let head_dim = self.architecture.head_dim;
        let heads = self.graph.width(x) / head_dim;
        let eps = self.architecture.rms_norm_eps;
        let gain = self.key(gain);
        self.update(x, |x| Operation::HeadLayerNorm {
            x,
            gain,
            eps,
            heads,
            head_dim,
        })
    }

    /// Rotates each head by the token's position, in layers that have RoPE.
    pub(crate) fn rope(&mut self, x: ValueId) -> ValueId {
        let Part::Layer(layer) = self.part else {
            unreachable!("heads are of layers");
        };
        let Some(rope) = self.architecture.rope(layer) else {
            return x;
        };
        let head_dim = self.architecture.head_dim;
        let heads = self.graph.width(x) / head_dim;
        let half = rope.dim / 2;
        let table = self.table(Table::Rope(rope.clone()));
        self.update(x, |x| Operation::Rope {
            x,
            heads,
            head_dim,
            half,
            table,
        })
    }

    /// Keeps keys and values, and attends to all that is kept.
    pub(crate) fn attention(&mut self, query: ValueId, key: ValueId, value: ValueId) -> ValueId {
        let a = self.architecture;
        let heads_per_kv = a.num_attention_heads / a.num_key_value_heads;
        self.graph.states.push(State::KeyValue {
            heads: a.num_key_value_heads,
            head_dim: a.head_dim,
            window: match self.part {
                Part::Layer(layer) => a.window(layer),
                Part::Embedding | Part::Head => None,
            },
        });
        let state = StateId(self.graph.states.len() - 1);
        self.push(Operation::Store { state, key, value });
        let scores = self.extent("scores", Extent::Scores { heads_per_kv });
        let out = self.value("attended", self.graph.width(query));
        let shape = Heads {
            heads: a.num_attention_heads,
            heads_per_kv,
            head_dim: a.head_dim,
            scale: a.attention_scale,
            cap: a.caps.scores,
        };
        self.push(Operation::Attention {
            shape,
            state,
            query,
            scores,
            out,
        });
        out
    }

    /// `silu(gate) * up`.
    pub(crate) fn silu_mul(&mut self, gate: ValueId, up: ValueId) -> ValueId {
        self.gated(up, |out| Operation::SiluMul { gate, up, out })
    }

    /// `gelu(gate) * up`, by `tanh`.
    pub(crate) fn gelu_mul(&mut self, gate: ValueId, up: ValueId) -> ValueId {
        self.gated(up, |out| Operation::GeluMul { gate, up, out })
    }

    /// `max(0, gate)² * up`.
    pub(crate) fn relu2_mul(&mut self, gate: ValueId, up: ValueId) -> ValueId {
        self.gated(up, |out| Operation::Relu2Mul { gate, up, out })
    }

    fn gated(&mut self, up: ValueId, operation: impl FnOnce(ValueId) -> Node) -> ValueId {
        let out = self.value("hidden", self.graph.width(up));
        self.push(operation(out));
        out
    }

    /// `gelu(x)` by `tanh`, in its place.
    pub(crate) fn gelu(&mut self, x: ValueId) -> ValueId {
        self.update(x, |x| Operation::Gelu { x })
    }

    /// `gelu(x)` by `erf`, in its place.
    pub(crate) fn gelu_erf(&mut self, x: ValueId) -> ValueId {
        self.update(x, |x| Operation::GeluErf { x })
    }

    /// `max(0, x)²`, in its place.
    pub(crate) fn relu2(&mut self, x: ValueId) -> ValueId {
        self.update(x, |x| Operation::Relu2 { x })
    }

    /// `cap * tanh(x / cap)`, in its place.
    pub(crate) fn soft_cap(&mut self, x: ValueId, cap: f32) -> ValueId {
        self.update(x, |x| Operation::SoftCap { x, cap })
    }

    /// `x` as 8 bits a value tell it, in its place.
    pub(crate) fn round_i8(&mut self, x: ValueId) -> ValueId {
        self.update(x, |x| Operation::RoundI8 { x })
    }

    /// `x + y`, in the place of `x`.
    pub(crate) fn add(&mut self, x: ValueId, y: ValueId) -> ValueId {
        self.update(x, |x| Operation::Add { x, y })
    }

    /// `x * factor`, in the place of `x`; nothing, where the factor is 1.
    pub(crate) fn scale(&mut self, x: ValueId, factor: f32) -> ValueId {
        match factor {
            1.0 => x,
            factor => self.update(x, |x| Operation::Scale { x, factor }),
        }
    }

    /// The logits. The output projection may be the embedding, and have a matrix before it that takes
    /// the last norm's gain.
    pub(crate) fn logits(&mut self, x: ValueId) {
        let x = match self.has(Role::OutputMix) {
            true => self.linear(x, Role::OutputMix),
            false => x,
        };
        let weight = match self.has(Role::Output) {
            true => Role::Output,
            false => Role::Embedding,
        };
        let out = self.value("logits", self.shape(weight).0);
        let matrix = vec![self.key(weight)];
        self.push(Operation::MatMul {
            matrix,
            input: x,
            out: vec![out],
        });
        self.graph.logits = match self.architecture.caps.logits {
            Some(cap) => self.soft_cap(out, cap),
            None => out,
        };
    }

    /// The same, and the bias of the output projection.
    pub(crate) fn biased_logits(&mut self, x: ValueId) {
        self.logits(x);
        let bias = self.key(Role::OutputBias);
        self.graph.logits = self.update(self.graph.logits, |x| Operation::AddBias { x, bias });
    }

    fn update(&mut self, from: ValueId, operation: impl FnOnce(Updated) -> Node) -> ValueId {
        let to = self.value(self.graph.values[from.0].name, self.graph.width(from));
        self.push(operation(Updated { from, to }));
        to
    }

    fn shape(&self, role: Role) -> (usize, usize) {
        self.architecture.shape(role)
    }

    fn key(&self, role: Role) -> TensorKey {
        let layer = match self.part {
            Part::Layer(layer) if role.is_per_layer() => Some(layer),
            _ => None,
        };
        TensorKey { layer, role }
    }

    fn value(&mut self, name: &'static str, width: usize) -> ValueId {
        self.extent(name, Extent::Token(width))
    }

    fn extent(&mut self, name: &'static str, extent: Extent) -> ValueId {
        self.graph.values.push(Value { name, extent });
        ValueId(self.graph.values.len() - 1)
    }

    fn push(&mut self, node: Node) {
        match self.part {
            Part::Embedding => self.graph.embedding.push(node),
            Part::Layer(layer) => self.graph.layers[layer].push(node),
            Part::Head => self.graph.head.push(node),
        }
    }
}
