//! The supported subset of JSON Schema, checked.

use crate::error::Error;

use super::automaton::MAX_STATES;
use super::number::Numbers;
use super::place::Place;

/// A checked schema: nodes, each after those that it is made of. What is referred to many times
/// is there once.
#[derive(Debug)]
pub(super) struct Nodes {
    list: Vec<Node>,
}

/// Which node.
pub(super) type Id = usize;

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Where it is in the schema.
    pub(super) place: Place,
    /// Nodes on the longest way down.
    pub(super) height: usize,
    /// About how many states it takes, all that it is made of included as often as it is used.
    pub(super) size: u64,
}

/// What a value may be.
#[derive(Debug)]
pub(super) enum Kind {
    /// One of these, as compact JSON text.
    Literals(Vec<String>),
    /// A string of so many characters.
    String { min: u32, max: Option<u32> },
    /// A number.
    Number(Numbers),
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// A list of so many items.
    Array {
        items: Id,
        min: u32,
        max: Option<u32>,
    },
    /// An object with its properties in this order.
    Object(Vec<Property>),
    /// Any of these.
    AnyOf(Vec<Id>),
}

/// A property of an object.
#[derive(Debug)]
pub(super) struct Property {
    /// The name as compact JSON text, with its quotes.
    pub(super) name: String,
    pub(super) value: Id,
    pub(super) required: bool,
}

impl Nodes {
    /// No node.
    pub(super) fn new() -> Self {
        Self { list: Vec::new() }
    }

    /// Adds what is made of nodes that are there.
    pub(super) fn add(&mut self, kind: Kind, place: Place) -> Id {
        let parts = kind.parts();
        let below = parts.iter().map(|&(part, _)| self[part].height).max();
        let sizes = parts
            .iter()
            .map(|&(part, times)| self[part].size.saturating_mul(times));
        let size = sizes.fold(kind.own_size(), u64::saturating_add);
        self.list.push(Node {
            place,
            height: 1 + below.unwrap_or(0),
            size,
            kind,
        });
        self.list.len() - 1
    }

    /// The last node, which is made of all others.
    pub(super) fn root(&self) -> Id {
        self.list.len() - 1
    }

    /// The refusal of a node that takes too many states: names the part that takes most of them.
    pub(super) fn too_large(&self, id: Id) -> Error {
        let mut node = &self[id];
        while let Some(part) = node
            .kind
            .parts()
            .iter()
            .map(|&(part, _)| &self[part])
            .max_by_key(|part| part.size)
            && part.size > node.size / 2
        {
            node = part;
        }
        let (what, remedy) = node.kind.told();
        Error::new(format!(
            "the schema needs more than {MAX_STATES} states, most of them for {what}"
        ))
        .at(node.place.to_string())
        .remedy(remedy)
    }
}

impl std::ops::Index<Id> for Nodes {
    type Output = Node;

    fn index(&self, id: Id) -> &Node {
        &self.list[id]
    }
}

impl Kind {
    /// What it is made of, and how many times.
    fn parts(&self) -> Vec<(Id, u64)> {
        match self {
            Self::Array { items, min, max } => vec![(*items, copies(*min, *max))],
            Self::Object(properties) => properties.iter().map(|p| (p.value, 1)).collect(),
            Self::AnyOf(nodes) => nodes.iter().map(|&node| (node, 1)).collect(),
            _ => Vec::new(),
        }
    }

    /// States beside those of its parts.
    fn own_size(&self) -> u64 {
        match self {
            Self::Literals(texts) => texts.iter().map(|text| text.len() as u64).sum(),
            Self::String { min, max } => 10 * (1 + u64::from(max.unwrap_or(*min))),
            Self::Number(numbers) => numbers.size(),
            Self::Boolean | Self::Null => 10,
            Self::Array { min, max, .. } => 4 + 2 * copies(*min, *max),
            Self::Object(properties) => properties.iter().map(|p| 4 + p.name.len() as u64).sum(),
            Self::AnyOf(nodes) => nodes.len() as u64,
        }
    }

    /// What makes it large, and what helps.
    fn told(&self) -> (String, &'static str) {
        match self {
            Self::Literals(texts) => (
                counted(texts.len(), "constant", "constants"),
                "give fewer or shorter constants",
            ),
            Self::String { min, max } => (
                format!("strings of {} characters", max.unwrap_or(*min)),
                "lower `maxLength` or `minLength`; what is longer than an answer can be left unbounded",
            ),
            Self::Number(_) => (
                "numbers".into(),
                "give `minimum` and `maximum` that are closer",
            ),
            Self::Boolean | Self::Null => ("a word".into(), "leave it out"),
            Self::Array { min, max, .. } => (
                format!("{} items one by one", copies(*min, *max)),
                "lower `maxItems` or `minItems`; without `maxItems` items are counted no further than `minItems`",
            ),
            Self::Object(properties) => (
                counted(properties.len(), "property", "properties"),
                "give fewer properties, shorter names, or such as have less values",
            ),
            Self::AnyOf(nodes) => (
                counted(nodes.len(), "alternative", "alternatives"),
                "give fewer alternatives, or such as begin differently",
            ),
        }
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// How many times an array's items are written down.
fn copies(min: u32, max: Option<u32>) -> u64 {
    u64::from(max.unwrap_or(min.max(1)))
}
