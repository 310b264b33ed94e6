//! Values → places: those that are never alive together share memory.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use runtime_kernels::{attention, attention_span};

use crate::graph::{Extent, Graph, Liveness, ValueId};
use crate::program::{COLUMN_PADDING, Place, ROW_PADDING, Shapes};

/// Tokens of a batch, and positions of the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) tokens: usize,
    /// Tokens whose logits are computed together.
    pub(crate) logit_rows: usize,
    pub(crate) context: usize,
    /// The widest window, if all attentions have one.
    pub(crate) window: Option<usize>,
}

impl Batch {
    pub(crate) fn of(shapes: &Shapes) -> Self {
        Self {
            tokens: shapes.batch,
            logit_rows: shapes.logit_rows(),
            context: shapes.context,
            window: shapes.widest_window(),
        }
    }
}

/// Where every value lies.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The values' classes.
    liveness: Liveness,
    /// Each class's place, with its padding where it has some of its own.
    places: Vec<Place>,
    /// Floats in all.
    pub(crate) floats: usize,
}

/// Classes that lie side by side.
struct Unit {
    classes: Vec<usize>,
    steps: RangeInclusive<usize>,
    stages: RangeInclusive<usize>,
    width: usize,
    rows: usize,
    start: usize,
}

impl Unit {
    fn floats(&self) -> usize {
        self.width * self.rows
    }

    /// Whether it is needed in more than one stage.
    fn crosses(&self) -> bool {
        self.stages.start() != self.stages.end()
    }

    /// Whether both are needed at some step.
    fn meets(&self, other: &Self) -> bool {
        self.steps.start() <= other.steps.end() && other.steps.start() <= self.steps.end()
    }
}

impl Places {
    /// What crosses stages lies first, so that layers that are alike have their values in the same places; the
    /// logits, which are read after a pass, lie last and by themselves.
    pub(crate) fn new(graph: &Graph, batch: Batch) -> Self {
        let liveness = Liveness::new(graph);
        let logits = liveness.class(graph.logits);
        let (last, units): (Vec<Unit>, Vec<Unit>) = units(graph, &liveness, batch)
            .into_iter()
            .partition(|unit| unit.classes.contains(&logits));
        let (mut placed, mut within): (Vec<Unit>, Vec<Unit>) =
            units.into_iter().partition(Unit::crosses);
        put(&mut placed, &[]);
        // What lies within a stage meets nothing of another.
        within.sort_by_key(|unit| (*unit.stages.start(), Reverse(unit.floats())));
        for stage in within.chunk_by_mut(|a, b| a.stages == b.stages) {
            put(stage, &placed);
        }
        placed.append(&mut within);
        let mut floats = placed
            .iter()
            .map(|unit| unit.start + unit.floats())
            .max()
            .unwrap_or(0);
        for mut unit in last {
            unit.start = floats;
            floats += unit.floats();
            placed.push(unit);
        }
        let mut places = vec![None; liveness.classes.len()];
        for unit in &placed {
            let mut start = unit.start;
            for &class in &unit.classes {
                let root = &graph.values[liveness.classes[class].root.0];
                let len = match unit.classes.len() {
                    1 => unit.width,
                    _ => graph
                        .width(liveness.classes[class].root)
                        .next_multiple_of(ROW_PADDING),
                };
                places[class] = Some(Place {
                    name: root.name.to_owned(),
                    start,
                    stride: unit.width,
                    len,
                });
                start += len;
            }
        }
        let places = places.into_iter();
        Self {
            liveness,
            places: places
                .map(|place| place.expect("every class has a unit"))
                .collect(),
            floats,
        }
    }

    /// A value's place, with its padding where it has some of its own.
    pub(crate) fn place(&self, value: ValueId) -> &Place {
        &self.places[self.liveness.class(value)]
    }

    /// The class of a value.
    pub(crate) fn class(&self, value: ValueId) -> usize {
        self.liveness.class(value)
    }

    /// Whether a value has padding of its own, up to whole columns.
    pub(crate) fn is_whole(&self, value: ValueId) -> bool {
        self.liveness.classes[self.class(value)].group.len() == 1
    }

    /// The place of values side by side.
    pub(crate) fn union(&self, values: &[ValueId]) -> Place {
        let places: Vec<&Place> = values.iter().map(|&value| self.place(value)).collect();
        let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
        Place {
            name: names.join("_"),
            start: places[0].start,
            stride: places[0].stride,
            len: places.iter().map(|place| place.len).sum(),
        }
    }
}

fn units(graph: &Graph, liveness: &Liveness, batch: Batch) -> Vec<Unit> {
    let head = graph.layers.len() + 1;
    let classes = liveness.classes.iter().enumerate();
    let first_of_group = classes.filter(|(index, class)| class.group[0] == *index);
    first_of_group
        .map(|(_, first)| {
            let members = first.group.iter().map(|&class| &liveness.classes[class]);
            let last = members.clone().map(|class| *class.steps.end()).max();
            let last_stage = members.clone().map(|class| *class.stages.end()).max();
            let (width, rows) = match graph.values[first.root.0].extent {
                Extent::Token(_) => {
                    let widths =
                        members.map(|class| graph.width(class.root).next_multiple_of(ROW_PADDING));
                    let tokens = match *first.stages.start() == head {
                        true => batch.logit_rows,
                        false => batch.tokens,
                    };
                    (widths.sum(), tokens)
                }
                Extent::Scores { heads_per_kv } => {
                    let rows = attention::ROWS.min(batch.tokens * heads_per_kv);
                    let span = attention_span(batch.context, batch.window);
                    (span.next_multiple_of(COLUMN_PADDING) * rows, 1)
                }
            };
            let width: usize = width;
            Unit {
                classes: first.group.clone(),
                steps: *first.steps.start()..=last.expect("a group has members"),
                stages: *first.stages.start()..=last_stage.expect("a group has members"),
                width: width.next_multiple_of(COLUMN_PADDING),
                rows,
                start: 0,
            }
        })
        .collect()
}

/// Places units one after the other, beside others that have their places.
fn put(units: &mut [Unit], others: &[Unit]) {
    for index in 0..units.len() {
        let (placed, rest) = units.split_at_mut(index);
        rest[0].start = lowest(&rest[0], others.iter().chain(&*placed));
    }
}

/// The lowest start at which a unit meets none of the others.
fn lowest<'a>(unit: &Unit, placed: impl Iterator<Item = &'a Unit>) -> usize {
    let mut others: Vec<(usize, usize)> = placed
        .filter(|other| other.meets(unit))
        .map(|other| (other.start, other.start + other.floats()))
        .collect();
    others.sort_unstable();
    let mut start = 0;
    for (from, to) in others {
        if start + unit.floats() <= from {
            break;
        }
        start = start.max(to);
    }
    start
}
