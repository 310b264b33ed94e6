//! Projections of one input become one: their rows are the rows of one matrix.

use std::collections::BTreeSet;

use super::{Graph, Node, Operation, ValueId, Values};

/// Joins products of one input that follow each other but for their biases. Values that are read whole
/// stay apart: they need padding of their own.
pub(super) fn projections(graph: &mut Graph) {
    let whole = read_whole(graph);
    let parts = [&mut graph.embedding, &mut graph.head];
    for nodes in graph.layers.iter_mut().chain(parts) {
        let mut at = 0;
        while at < nodes.len() {
            while let Some(next) = next(nodes, at, &whole) {
                let Operation::MatMul { matrix, out, .. } = nodes.remove(next) else {
                    unreachable!("`next` finds products");
                };
                let Operation::MatMul {
                    matrix: matrices,
                    out: outs,
                    ..
                } = &mut nodes[at]
                else {
                    unreachable!("`next` looks after products");
                };
                matrices.extend(matrix);
                outs.extend(out);
            }
            at += 1;
        }
    }
}

/// The product that the one at `at` can take in.
fn next(nodes: &[Node], at: usize, whole: &BTreeSet<ValueId>) -> Option<usize> {
    let apart = |out: &[ValueId]| out.iter().any(|value| whole.contains(value));
    let Operation::MatMul { input, out, .. } = &nodes[at] else {
        return None;
    };
    if apart(out) {
        return None;
    }
    let biases = nodes[at + 1..]
        .iter()
        .take_while(|node| matches!(node, Operation::AddBias { .. }));
    let next = at + 1 + biases.count();
    match nodes.get(next)? {
        Operation::MatMul {
            input: other, out, ..
        } if other == input && !apart(out) => Some(next),
        _ => None,
    }
}

/// The values that products read, and what they are made of in place.
fn read_whole(graph: &Graph) -> BTreeSet<ValueId> {
    let mut whole = BTreeSet::from([graph.logits]);
    let nodes: Vec<&Node> = graph.nodes().collect();
    for node in nodes.into_iter().rev() {
        if let Operation::MatMul { input, .. } = node {
            whole.insert(*input);
        }
        for values in node.values() {
            if let Values::Update(updated) = values
                && whole.contains(&updated.to)
            {
                whole.insert(updated.from);
            }
        }
    }
    whole
}
