//! States that no text tells apart, in a time that grows as the number of edges times its
//! logarithm (A. Valmari, Fast brief practical DFA minimization, 2012).

use std::collections::HashMap;

use super::automaton::Automaton;

/// The class of each state: equal if no text tells them apart. Classes are numbered in the order
/// of their first states. Each state must lead to an end, and edges that share a byte must have the
/// same bytes.
pub(super) fn classes(automaton: &Automaton) -> Vec<u32> {
    let states = &automaton.states;
    let (mut labels, mut tails) = (Vec::new(), Vec::new());
    let mut into = vec![Vec::new(); states.len()];
    for (state, from) in (0..).zip(states) {
        for edge in &from.edges {
            into[edge.next as usize].push(labels.len() as u32);
            labels.push(edge.low);
            tails.push(state);
        }
    }
    let mut blocks = Partition::new(states.iter().map(|state| state.accepts));
    // Sets of edges that have one label and lead into one block.
    let mut cords = Partition::new(labels);
    let (mut cord, mut block) = (0, 1);
    while cord < cords.len() {
        // States with such an edge are told apart from those without.
        for &edge in cords.set(cord) {
            blocks.mark(tails[edge as usize]);
        }
        blocks.split();
        cord += 1;
        while block < blocks.len() {
            for &state in blocks.set(block) {
                for &edge in &into[state as usize] {
                    cords.mark(edge);
                }
            }
            cords.split();
            block += 1;
        }
    }
    let mut numbers = HashMap::new();
    let in_order = blocks.set_of.iter().map(|set| {
        let next = numbers.len() as u32;
        *numbers.entry(set).or_insert(next)
    });
    in_order.collect()
}

/// Disjoint sets of elements, which are refined by marking some and splitting them off.
struct Partition {
    /// All elements, those of a set side by side, marked ones first.
    elements: Vec<u32>,
    /// Where each element is.
    location: Vec<u32>,
    set_of: Vec<u32>,
    /// First element of each set, and what is behind its last.
    ends: Vec<(u32, u32)>,
    /// Number of marked elements of each set.
    marked: Vec<u32>,
    /// Sets with marked elements.
    touched: Vec<u32>,
}

impl Partition {
    /// Sets of elements with the same key.
    fn new<K: Ord + Copy>(keys: impl IntoIterator<Item = K>) -> Self {
        let keys: Vec<K> = keys.into_iter().collect();
        let mut elements: Vec<u32> = (0..keys.len() as u32).collect();
        elements.sort_by_key(|&element| keys[element as usize]);
        let (mut location, mut set_of) = (vec![0; keys.len()], vec![0; keys.len()]);
        let mut ends = Vec::new();
        let mut at = 0;
        for set in elements.chunk_by(|&a, &b| keys[a as usize] == keys[b as usize]) {
            let first = at;
            for &element in set {
                location[element as usize] = at;
                set_of[element as usize] = ends.len() as u32;
                at += 1;
            }
            ends.push((first, at));
        }
        Self {
            location,
            set_of,
            marked: vec![0; ends.len()],
            touched: Vec::new(),
            ends,
            elements,
        }
    }

    /// The number of sets.
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn set(&self, set: usize) -> &[u32] {
        let (first, end) = self.ends[set];
        &self.elements[first as usize..end as usize]
    }

    /// Marks an element that is not.
    fn mark(&mut self, element: u32) {
        let set = self.set_of[element as usize] as usize;
        if self.marked[set] == 0 {
            self.touched.push(set as u32);
        }
        let (from, to) = (
            self.location[element as usize],
            self.ends[set].0 + self.marked[set],
        );
        self.elements.swap(from as usize, to as usize);
        self.location[self.elements[from as usize] as usize] = from;
        self.location[element as usize] = to;
        self.marked[set] += 1;
    }

    /// Splits sets of which a part is marked; the smaller part is the new set. Nothing is marked
    /// afterwards.
    fn split(&mut self) {
        while let Some(set) = self.touched.pop() {
            let (first, end) = self.ends[set as usize];
            let middle = first + std::mem::take(&mut self.marked[set as usize]);
            if middle == end {
                continue;
            }
            let (new, old) = if middle - first <= end - middle {
                ((first, middle), (middle, end))
            } else {
                ((middle, end), (first, middle))
            };
            self.ends[set as usize] = old;
            for &element in &self.elements[new.0 as usize..new.1 as usize] {
                self.set_of[element as usize] = self.ends.len() as u32;
            }
            self.ends.push(new);
            self.marked.push(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::automaton::{Edge, State};
    use super::*;
    use proptest::prelude::*;

    /// Automata over three letters, not all of whose edges are there.
    fn automata() -> impl Strategy<Value = Automaton> {
        (1usize..30).prop_flat_map(|count| {
            let next = prop::option::weighted(0.8, 0..count as u32);
            let state = (prop::collection::vec(next, 3), any::<bool>());
            let states = prop::collection::vec(state, count);
            states.prop_map(|states| Automaton {
                states: states
                    .into_iter()
                    .map(|(next, accepts)| State {
                        edges: (b'a'..)
                            .step_by(2)
                            .zip(next)
                            .filter_map(|(low, next)| {
                                let (high, next) = (low + 1, next?);
                                Some(Edge { low, high, next })
                            })
                            .collect(),
                        accepts,
                    })
                    .collect(),
            })
        })
    }

    proptest! {
        /// Two states have one class exactly if no pair that they lead to differs, where a missing
        /// edge leads to a state of its own that accepts nothing.
        #[test]
        fn classes_are_what_no_text_tells_apart(automaton in automata()) {
            let states = &automaton.states;
            let count = states.len();
            let next = |state: usize, low: u8| {
                let edges = states.get(state).map_or(&[][..], |state| &state.edges);
                edges.iter().find(|edge| edge.low == low).map_or(count, |edge| edge.next as usize)
            };
            let accepts = |state: usize| states.get(state).is_some_and(|state| state.accepts);
            let mut differ = vec![vec![false; count + 1]; count + 1];
            loop {
                let mut changed = false;
                for a in 0..=count {
                    for b in 0..=count {
                        let apart = accepts(a) != accepts(b)
                            || [b'a', b'c', b'e'].iter().any(|&low| differ[next(a, low)][next(b, low)]);
                        changed |= apart && !std::mem::replace(&mut differ[a][b], apart);
                    }
                }
                if !changed {
                    break;
                }
            }
            // Each state must lead to an end, or be reached from none that does.
            let live: Vec<usize> = (0..count).filter(|&state| differ[state][count]).collect();
            let mut trimmed = automaton.clone();
            for state in &mut trimmed.states {
                state.edges.retain(|edge| differ[edge.next as usize][count]);
            }
            let classes = classes(&trimmed);
            for &a in &live {
                for &b in &live {
                    prop_assert_eq!(classes[a] == classes[b], !differ[a][b], "{} {}", a, b);
                }
            }
        }
    }
}
