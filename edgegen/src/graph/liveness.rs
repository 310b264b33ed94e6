//! Which values share a place, and from when to when they are needed.

use std::ops::RangeInclusive;

use super::{Graph, ValueId, Values};

/// Values that are made of each other in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    /// The first of them.
    pub(crate) root: ValueId,
    /// The steps from its making to its last reading, counted through the graph.
    pub(crate) steps: RangeInclusive<usize>,
    /// The stages of these steps.
    pub(crate) stages: RangeInclusive<usize>,
    /// The classes beside it, itself included: a product writes them together.
    pub(crate) group: Vec<usize>,
}

/// The classes of a graph's values.
#[derive(Debug, Clone)]
pub(crate) struct Liveness {
    pub(crate) classes: Vec<Class>,
    /// The class of each value.
    of: Vec<usize>,
}

impl Liveness {
    pub(crate) fn new(graph: &Graph) -> Self {
        let mut found = Self {
            classes: Vec::new(),
            of: vec![usize::MAX; graph.values.len()],
        };
        let steps = graph.nodes().count();
        let stages = graph.layers.len() + 2;
        let mut step = 0;
        for (stage, nodes) in graph.stages().enumerate() {
            for node in nodes {
                for values in node.values() {
                    match values {
                        Values::In(value) => found.used(*value, step, stage),
                        Values::Out(value) | Values::Scratch(value) => {
                            found.made(*value, step, stage);
                        }
                        Values::Outs(values) => {
                            let first = found.classes.len();
                            let group: Vec<usize> = (first..first + values.len()).collect();
                            for value in values {
                                found.made(*value, step, stage);
                                found.classes.last_mut().expect("it was made").group =
                                    group.clone();
                            }
                        }
                        Values::Update(updated) => {
                            found.of[updated.to.0] = found.of[updated.from.0];
                            found.used(updated.to, step, stage);
                        }
                    }
                }
                step += 1;
            }
        }
        // The head runs once for some of the tokens after the other: what it is given stays.
        for class in &mut found.classes {
            let (first, last) = (*class.stages.start(), *class.stages.end());
            if first < stages - 1 && last == stages - 1 {
                class.steps = *class.steps.start()..=steps;
            }
        }
        found
    }

    /// The class of a value.
    pub(crate) fn class(&self, value: ValueId) -> usize {
        self.of[value.0]
    }

    fn made(&mut self, value: ValueId, step: usize, stage: usize) {
        let class = self.classes.len();
        self.of[value.0] = class;
        self.classes.push(Class {
            root: value,
            steps: step..=step,
            stages: stage..=stage,
            group: vec![class],
        });
    }

    fn used(&mut self, value: ValueId, step: usize, stage: usize) {
        let class = &mut self.classes[self.of[value.0]];
        class.steps = *class.steps.start()..=step;
        class.stages = *class.stages.start()..=stage;
    }
}
