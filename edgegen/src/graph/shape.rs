//! What a graph's shape allows: where weights may change without a change of what is computed.

use std::collections::BTreeSet;

use crate::model::TensorKey;

use super::{Graph, Liveness, Node, Operation, ValueId, Values};

/// A product that gives a value: `weight × x + bias`, and of heads a gain for each element after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Linear {
    pub(crate) weight: TensorKey,
    pub(crate) bias: Option<TensorKey>,
    pub(crate) gain: Option<TensorKey>,
}

impl Linear {
    /// What has an element for each row of the weights.
    pub(crate) fn vectors(&self) -> impl Iterator<Item = TensorKey> {
        self.bias.into_iter().chain(self.gain)
    }
}

/// A norm, and the matrices that alone read what it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Norm {
    pub(crate) gain: TensorKey,
    pub(crate) readers: Vec<TensorKey>,
    /// What lies in the readers is looked up elsewhere, too.
    pub(crate) shared: bool,
}

/// A feed-forward network: neurons that products give, and one product reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Neurons {
    /// What an activation bends.
    pub(crate) bent: Linear,
    /// What is multiplied with it, if anything is: it may be scaled.
    pub(crate) up: Option<Linear>,
    pub(crate) down: TensorKey,
}

/// An attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attended {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) output: TensorKey,
    /// Query heads that share a key.
    pub(crate) heads_per_kv: usize,
    pub(crate) head_dim: usize,
}

/// What the residual stream is made of and read by, where a rotation of it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotatable {
    /// Matrices of which the stream is a row.
    pub(crate) lookups: Vec<TensorKey>,
    /// What is added to the stream.
    pub(crate) writers: Vec<Linear>,
    /// The matrices that read it, through norms.
    pub(crate) readers: Vec<TensorKey>,
}

/// A graph with what each value is made of and read by.
pub(crate) struct Shape<'g> {
    graph: &'g Graph,
    liveness: Liveness,
    /// Steps that touch each class, in order.
    steps: Vec<Vec<&'g Node>>,
}

impl<'g> Shape<'g> {
    pub(crate) fn of(graph: &'g Graph) -> Self {
        let liveness = Liveness::new(graph);
        let mut steps = vec![Vec::new(); liveness.classes.len()];
        for node in graph.nodes() {
            for value in touched(node) {
                steps[liveness.class(value)].push(node);
            }
        }
        Self {
            graph,
            liveness,
            steps,
        }
    }

    /// The norms whose gains may be multiplied into the matrices that follow.
    pub(crate) fn norms(&self) -> Vec<Norm> {
        let lookups = self.graph.nodes().filter_map(|node| match node {
            Operation::Embed { matrix, .. } => Some(matrix),
            _ => None,
        });
        let lookups: Vec<&TensorKey> = lookups.collect();
        let norms = self.graph.nodes().filter_map(|node| match node {
            Operation::RmsNorm { gain, out, .. } => {
                let readers = self.readers(*out, node)?;
                Some(Norm {
                    gain: *gain,
                    shared: lookups.iter().any(|key| readers.contains(key)),
                    readers,
                })
            }
            _ => None,
        });
        norms.collect()
    }

    /// The feed-forward networks whose neurons may be scaled or left out.
    pub(crate) fn neurons(&self) -> Vec<Neurons> {
        let networks = self.graph.nodes().filter_map(|node| match node {
            Operation::SiluMul { gate, up, out }
            | Operation::GeluMul { gate, up, out }
            | Operation::Relu2Mul { gate, up, out } => Some(Neurons {
                bent: self.linear(*gate)?,
                up: Some(self.linear(*up)?),
                down: self.reader(*out, node)?,
            }),
            Operation::Gelu { x } | Operation::GeluErf { x } | Operation::Relu2 { x } => {
                Some(Neurons {
                    bent: self.product(x.from, |step| std::ptr::eq(step, node))?,
                    up: None,
                    down: self.only_matrix(x.to)?,
                })
            }
            _ => None,
        });
        networks.collect()
    }

    /// The attentions whose heads may be rotated or left out.
    pub(crate) fn attentions(&self) -> Vec<Attended> {
        let all = self.graph.nodes().filter_map(|node| match node {
            Operation::Attention {
                shape,
                state,
                query,
                out,
                ..
            } => {
                let store = self.graph.nodes().find(
                    |store| matches!(store, Operation::Store { state: kept, .. } if kept == state),
                )?;
                let Operation::Store { key, value, .. } = store else {
                    return None;
                };
                Some(Attended {
                    query: self.heads(*query)?,
                    key: self.heads(*key)?,
                    value: self.linear(*value)?,
                    output: self.reader(*out, node)?,
                    heads_per_kv: shape.heads_per_kv,
                    head_dim: shape.head_dim,
                })
            }
            _ => None,
        });
        all.collect()
    }

    /// What a rotation of the residual stream must change, if a rotation is possible.
    ///
    /// # Errors
    ///
    /// Says what stands in the way.
    pub(crate) fn rotatable(&self) -> Result<Rotatable, String> {
        let mut found = Rotatable {
            lookups: Vec::new(),
            writers: Vec::new(),
            readers: Vec::new(),
        };
        for node in &self.steps[self.liveness.class(self.graph.residual)] {
            let reads = || format!("`{}` reads the residual stream", node.name());
            match node {
                Operation::Embed { matrix, .. } => found.lookups.push(*matrix),
                // A rotation of a multiple is the multiple of the rotation.
                Operation::Scale { .. } => {}
                Operation::Add { y, .. } => {
                    let writer = self.linear(*y);
                    found.writers.push(writer.ok_or_else(|| {
                        format!(
                            "`{}`, which is added to the residual stream, is no product",
                            self.graph.values[y.0].name
                        )
                    })?);
                }
                Operation::RmsNorm { out, .. } => {
                    found
                        .readers
                        .extend(self.readers(*out, node).ok_or_else(reads)?);
                }
                _ => return Err(reads()),
            }
        }
        // A matrix of which the stream is a row may be a projection, too: what it reads must be rotated.
        for node in self.graph.nodes() {
            if let Operation::MatMul { matrix, input, .. } = node
                && matrix.iter().any(|key| found.lookups.contains(key))
                && !matrix.iter().any(|key| found.readers.contains(key))
            {
                let writer = self.linear(*input);
                found.writers.push(
                    writer.ok_or("the embedding reads another value than the residual stream")?,
                );
            }
        }
        found.readers.retain(|key| !found.lookups.contains(key));
        Ok(found)
    }

    /// The product that gives a value, if nothing but a bias and a factor changes it and nothing but
    /// one step reads it. A factor on all elements leaves each its own: what turns or leaves out rows
    /// of the matrix does the same to the value.
    fn linear(&self, value: ValueId) -> Option<Linear> {
        self.product(value, |_| false)
    }

    /// The same of heads, which steps may change that treat each by itself: all alike, or by a gain.
    fn heads(&self, value: ValueId) -> Option<Linear> {
        let mut gain = None;
        let linear = self.product(value, |node| match node {
            Operation::Rope { .. } | Operation::HeadNorm { .. } => true,
            Operation::HeadLayerNorm { gain: of, .. } => gain.replace(*of).is_none(),
            _ => false,
        })?;
        Some(Linear { gain, ..linear })
    }

    fn product(&self, value: ValueId, mut may_change: impl FnMut(&Node) -> bool) -> Option<Linear> {
        let class = self.liveness.class(value);
        let mut linear = None;
        let mut readers = 0;
        for node in &self.steps[class] {
            match node {
                Operation::MatMul { matrix, out, .. } => {
                    let of = |&value: &ValueId| self.liveness.class(value) == class;
                    match out.iter().position(of) {
                        Some(at) => {
                            linear = Some(Linear {
                                weight: matrix[at],
                                bias: None,
                                gain: None,
                            });
                        }
                        None => readers += 1,
                    }
                }
                Operation::AddBias { bias, .. } => linear.as_mut()?.bias = Some(*bias),
                Operation::Scale { .. } => {}
                node if may_change(node) => {}
                _ => readers += 1,
            }
        }
        linear.filter(|_| readers == 1)
    }

    /// The matrices that read a value or a multiple of it, which `writer` gives, if nothing else does.
    fn readers(&self, value: ValueId, writer: &Node) -> Option<Vec<TensorKey>> {
        let class = self.liveness.class(value);
        let mut readers = Vec::new();
        for &node in &self.steps[class] {
            match node {
                Operation::MatMul { matrix, input, .. } if self.liveness.class(*input) == class => {
                    readers.extend(matrix);
                }
                Operation::Scale { .. } => {}
                node if std::ptr::eq(node, writer) => {}
                _ => return None,
            }
        }
        Some(readers)
    }

    /// The only matrix that reads a value of this number.
    fn only_matrix(&self, value: ValueId) -> Option<TensorKey> {
        let mut matrices = self.steps[self.liveness.class(value)]
            .iter()
            .filter_map(|node| match node {
                Operation::MatMul { matrix, input, .. } if *input == value => Some(matrix),
                _ => None,
            });
        match (matrices.next()?.as_slice(), matrices.next()) {
            ([matrix], None) => Some(*matrix),
            _ => None,
        }
    }

    /// The only matrix that reads a value.
    fn reader(&self, value: ValueId, writer: &Node) -> Option<TensorKey> {
        match self.readers(value, writer)?[..] {
            [reader] => Some(reader),
            _ => None,
        }
    }
}

/// The values that a step reads or writes, each once.
fn touched(node: &Node) -> BTreeSet<ValueId> {
    let mut values = BTreeSet::new();
    for of in node.values() {
        match of {
            Values::In(value) | Values::Out(value) | Values::Scratch(value) => {
                values.insert(*value);
            }
            Values::Update(updated) => {
                values.insert(updated.to);
            }
            Values::Outs(all) => values.extend(all),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, fuse};
    use crate::import::built_in;
    use crate::model::Role;

    fn layer(role: Role) -> TensorKey {
        TensorKey::layer(3, role)
    }

    /// homectl: Llama without biases, whose output projection is the embedding.
    fn graph() -> Graph {
        built_in().unwrap().graph()
    }

    #[test]
    fn llama_may_be_folded_scaled_pruned_and_rotated() {
        let graph = graph();
        let shape = Shape::of(&graph);
        let layers = graph.layers.len();

        let norms = shape.norms();
        assert_eq!(norms.len(), 2 * layers + 1);
        let attention = Norm {
            gain: layer(Role::AttentionNorm),
            readers: [Role::Query, Role::Key, Role::Value].map(layer).to_vec(),
            shared: false,
        };
        assert_eq!(norms[6], attention);
        let output = Norm {
            gain: TensorKey::global(Role::OutputNorm),
            readers: vec![TensorKey::global(Role::Embedding)],
            shared: true,
        };
        assert_eq!(norms[2 * layers], output);

        let linear = |role| Linear {
            weight: layer(role),
            bias: None,
            gain: None,
        };
        assert_eq!(shape.neurons().len(), layers);
        let neurons = Neurons {
            bent: linear(Role::Gate),
            up: Some(linear(Role::Up)),
            down: layer(Role::Down),
        };
        assert_eq!(shape.neurons()[3], neurons);

        assert_eq!(shape.attentions().len(), layers);
        let attended = &shape.attentions()[3];
        assert_eq!(
            (
                attended.query,
                attended.key,
                attended.value,
                attended.output
            ),
            (
                linear(Role::Query),
                linear(Role::Key),
                linear(Role::Value),
                layer(Role::AttentionOutput)
            )
        );

        let found = shape.rotatable().unwrap();
        assert_eq!(found.lookups, [TensorKey::global(Role::Embedding)]);
        assert_eq!(found.writers.len(), 2 * layers);
        assert_eq!(found.readers.len(), 5 * layers);
    }

    /// A factor on a value changes nothing of what may be done with the weights, wherever it stands.
    #[test]
    fn factors_stand_in_no_way() {
        let plain = graph();
        let model = built_in().unwrap();
        let has = |key: TensorKey| model.tensors().contains_key(&key);
        let mut g = Builder::new(model.architecture(), &has);
        with_factors(&mut g);
        let mut factors = g.finish();
        fuse::projections(&mut factors);
        let (plain, factors) = (Shape::of(&plain), Shape::of(&factors));
        assert_eq!(factors.norms(), plain.norms());
        assert_eq!(factors.neurons(), plain.neurons());
        assert_eq!(factors.attentions(), plain.attentions());
        assert_eq!(factors.rotatable(), plain.rotatable());
    }

    /// Llama's network with a factor on each value.
    fn with_factors(g: &mut Builder<'_>) {
        let x = g.embed(Role::Embedding);
        let mut x = g.scale(x, 2.0);
        for _ in 0..g.architecture().num_hidden_layers {
            g.layer();
            let normed = g.rms_norm(x, Role::AttentionNorm);
            let normed = g.scale(normed, 2.0);
            let [query, key, value] = [Role::Query, Role::Key, Role::Value].map(|role| {
                let projected = g.linear(normed, role);
                g.scale(projected, 2.0)
            });
            let (query, key) = (g.rope(query), g.rope(key));
            let attended = g.attention(query, key, value);
            let attended = g.scale(attended, 2.0);
            let output = g.linear(attended, Role::AttentionOutput);
            let output = g.scale(output, 2.0);
            x = g.add(x, output);

            let normed = g.rms_norm(x, Role::FeedForwardNorm);
            let gate = g.linear(normed, Role::Gate);
            let gate = g.scale(gate, 2.0);
            let up = g.linear(normed, Role::Up);
            let up = g.scale(up, 2.0);
            let hidden = g.silu_mul(gate, up);
            let hidden = g.scale(hidden, 2.0);
            let down = g.linear(hidden, Role::Down);
            x = g.add(x, down);
            x = g.scale(x, 2.0);
        }
        g.head();
        let normed = g.rms_norm(x, Role::OutputNorm);
        let normed = g.scale(normed, 2.0);
        g.logits(normed);
    }

    /// The graph of one layer of homectl with another network than Llama's.
    fn graph_of(layer: impl Fn(&mut Builder<'_>, ValueId) -> ValueId) -> Graph {
        let model = built_in().unwrap();
        let mut g = Builder::new(model.architecture(), &|_| false);
        let x = g.embed(Role::Embedding);
        g.layer();
        layer(&mut g, x);
        g.finish()
    }

    #[test]
    fn neurons_of_each_activation_may_be_left_out() {
        type Plain = fn(&mut Builder<'_>, ValueId) -> ValueId;
        let linear = |role| Linear {
            weight: TensorKey::layer(0, role),
            bias: None,
            gain: None,
        };
        let activations: [Plain; 3] = [|g, x| g.gelu(x), |g, x| g.gelu_erf(x), |g, x| g.relu2(x)];
        for bend in activations {
            let graph = graph_of(|g, x| {
                let up = g.linear(x, Role::Up);
                let hidden = bend(g, up);
                g.linear(hidden, Role::Down)
            });
            let neurons = Neurons {
                bent: linear(Role::Up),
                up: None,
                down: TensorKey::layer(0, Role::Down),
            };
            assert_eq!(Shape::of(&graph).neurons(), [neurons]);
        }
        type Gated = fn(&mut Builder<'_>, ValueId, ValueId) -> ValueId;
        let gates: [Gated; 3] = [
            |g, gate, up| g.silu_mul(gate, up),
            |g, gate, up| g.gelu_mul(gate, up),
            |g, gate, up| g.relu2_mul(gate, up),
        ];
        for bend in gates {
            let graph = graph_of(|g, x| {
                let (gate, up) = (g.linear(x, Role::Gate), g.linear(x, Role::Up));
                let hidden = bend(g, gate, up);
                g.linear(hidden, Role::Down)
            });
            let neurons = Neurons {
                bent: linear(Role::Gate),
                up: Some(linear(Role::Up)),
                down: TensorKey::layer(0, Role::Down),
            };
            assert_eq!(Shape::of(&graph).neurons(), [neurons]);
        }
    }

    /// A head that is left out takes its gain with it, if it has one of its own.
    #[test]
    fn gains_of_heads_belong_to_them() {
        for own in [true, false] {
            let graph = graph_of(|g, x| {
                let [query, key, value] =
                    [Role::Query, Role::Key, Role::Value].map(|role| g.linear(x, role));
                let query = match own {
                    true => g.head_layer_norm(query, Role::QueryNorm),
                    false => g.head_norm(query, Role::QueryNorm),
                };
                let attended = g.attention(query, key, value);
                g.linear(attended, Role::AttentionOutput)
            });
            let attended = &Shape::of(&graph).attentions()[0];
            let gain = own.then_some(TensorKey::layer(0, Role::QueryNorm));
            assert_eq!(attended.query.gain, gain);
            assert_eq!(attended.key.gain, None);
        }
    }

    /// A rotation keeps neither a mean nor what a function does to each element.
    #[test]
    fn means_and_caps_stand_in_the_way_of_rotations() {
        let normed = |g: &mut Builder<'_>, x| {
            let normed = g.layer_norm_gain(x, Role::AttentionNorm);
            g.linear(normed, Role::Query)
        };
        for (graph, operation) in [
            (graph_of(normed), "LayerNormGain"),
            (graph_of(|g, x| g.soft_cap(x, 30.0)), "SoftCap"),
        ] {
            let reason = Shape::of(&graph).rotatable().unwrap_err();
            assert_eq!(reason, format!("`{operation}` reads the residual stream"));
            assert_eq!(Shape::of(&graph).norms(), []);
        }
    }

    /// What reads the stream but a norm, and what is added that no product gives.
    #[test]
    fn other_streams_are_not_rotated_and_say_why() {
        let residual = |graph: &Graph| graph.residual;
        let mut direct = graph();
        let x = residual(&direct);
        let Some(Operation::MatMul { input, .. }) = direct.head.last_mut() else {
            panic!("a product gives the logits");
        };
        *input = x;
        let reason = Shape::of(&direct).rotatable().unwrap_err();
        assert_eq!(reason, "`MatMul` reads the residual stream");

        let mut added = graph();
        let hidden = added.layers[0].iter().find_map(|node| match node {
            Operation::SiluMul { out, .. } => Some(*out),
            _ => None,
        });
        let Some(Operation::Add { y, .. }) = added.layers[0].last_mut() else {
            panic!("a layer ends with an addition");
        };
        *y = hidden.unwrap();
        let reason = Shape::of(&added).rotatable().unwrap_err();
        let expected = "`hidden`, which is added to the residual stream, is no product";
        assert_eq!(reason, expected);
    }
}
