//! Alternatives of which no value can be valid against two.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::node::{Id, Kind, Nodes};

/// Most parts of alternatives that are looked at.
const MAX_WORK: usize = 1 << 20;

/// Why alternatives are not known to exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// Two of them, by their indices, may have values in common.
    Between(usize, usize),
    /// To compare them would take too long.
    TooMany,
}

/// Finds out whether alternatives exclude each other; nothing if they do.
pub(super) fn overlap(nodes: &Nodes, alternatives: &[Id]) -> Option<Overlap> {
    let mut comparison = Comparison {
        nodes,
        left: MAX_WORK,
    };
    let (a, b) = comparison.overlap(alternatives.iter().copied().enumerate().collect())?;
    Some(match comparison.left {
        0 => Overlap::TooMany,
        _ => Overlap::Between(a, b),
    })
}

struct Comparison<'n> {
    nodes: &'n Nodes,
    /// How much work is left.
    left: usize,
}

/// The required properties of an object, and the alternative that it is a part of.
type Required<'n> = (usize, IndexMap<&'n str, Id>);

impl<'n> Comparison<'n> {
    /// Two owners of parts that are not known to exclude each other; also where to know it would
    /// take too much work.
    fn overlap(&mut self, mut parts: Vec<(usize, Id)>) -> Option<(usize, usize)> {
        let (first, second) = two_owners(parts.iter().map(|&(owner, _)| owner))?;
        parts.reverse();
        let mut constants = HashMap::new();
        // Two owners of constants of each type, or the only one twice.
        let mut of_constants: HashMap<char, (usize, usize)> = HashMap::new();
        // Owners of parts that allow many values of a type.
        let mut of_types = Vec::new();
        let mut objects = Vec::new();
        while let Some((owner, id)) = parts.pop() {
            if !self.spend(1) {
                return Some((first, second));
            }
            let nodes = self.nodes;
            match &nodes[id].kind {
                Kind::AnyOf(list) => parts.extend(list.iter().rev().map(|&id| (owner, id))),
                Kind::Literals(texts) => {
                    for text in texts {
                        match constants.insert(equal_to(text), owner) {
                            Some(other) if other != owner => return Some(ordered(other, owner)),
                            _ if !self.spend(1) => return Some((first, second)),
                            _ => {}
                        }
                        let known = of_constants.entry(type_of_text(text));
                        known
                            .and_modify(|owners| {
                                if owner != owners.0 {
                                    owners.1 = owner;
                                }
                            })
                            .or_insert((owner, owner));
                    }
                }
                Kind::Object(properties) => {
                    of_types.push(('{', owner));
                    let required = properties.iter().filter(|property| property.required);
                    let required = required.map(|property| (&property.name[..], property.value));
                    objects.push((owner, required.collect()));
                }
                Kind::String { .. } => of_types.push(('"', owner)),
                Kind::Number(_) => of_types.push(('0', owner)),
                Kind::Boolean => of_types.push(('b', owner)),
                Kind::Null => of_types.push(('n', owner)),
                Kind::Array { .. } => of_types.push(('[', owner)),
            }
        }
        for &(kind, owner) in &of_types {
            if let Some(&(a, b)) = of_constants.get(&kind)
                && (a, b) != (owner, owner)
            {
                return Some(ordered(if a == owner { b } else { a }, owner));
            }
        }
        let mut known = HashMap::new();
        for (kind, owner) in of_types.into_iter().filter(|&(kind, _)| kind != '{') {
            if let Some(other) = known.insert(kind, owner)
                && other != owner
            {
                return Some(ordered(other, owner));
            }
        }
        self.objects(&objects.iter().collect::<Vec<_>>())
    }

    /// As [`Self::overlap`], of objects: one property tells all apart, or for each two there is one.
    fn objects(&mut self, objects: &[&Required<'n>]) -> Option<(usize, usize)> {
        let owners = two_owners(objects.iter().map(|(owner, _)| *owner))?;
        for name in objects[0].1.keys() {
            if !self.spend(objects.len()) {
                return Some(owners);
            }
            let value = |(owner, required): &&Required<'n>| Some((*owner, *required.get(name)?));
            if let Some(values) = objects.iter().map(value).collect()
                && self.overlap(values).is_none()
            {
                return None;
            }
        }
        if objects.len() == 2 {
            return Some(owners);
        }
        let pairs = objects.iter().enumerate();
        let mut pairs =
            pairs.flat_map(|(index, a)| objects[index + 1..].iter().map(move |b| [*a, *b]));
        pairs.find_map(|pair| self.objects(&pair))
    }

    /// Whether so much work is left.
    fn spend(&mut self, work: usize) -> bool {
        self.left = self.left.saturating_sub(work);
        self.left > 0
    }
}

/// The first two that differ.
fn two_owners(mut owners: impl Iterator<Item = usize>) -> Option<(usize, usize)> {
    let first = owners.next()?;
    owners
        .find(|&owner| owner != first)
        .map(|other| ordered(first, other))
}

fn ordered(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// A text that equal constants have in common: 1 and 1.0 are one value, and the order of an
/// object's members says nothing. Numbers are compared as readers with doubles do.
fn equal_to(constant: &str) -> String {
    fn doubles(value: &mut Value) {
        match value {
            // No zero is negative.
            Value::Number(number) => {
                *value = Value::from(number.as_f64().map(|double| double + 0.0))
            }
            Value::Array(list) => list.iter_mut().for_each(doubles),
            Value::Object(object) => object.values_mut().for_each(doubles),
            _ => {}
        }
    }
    let mut value: Value = serde_json::from_str(constant).unwrap_or_default();
    value.sort_all_objects();
    doubles(&mut value);
    value.to_string()
}

/// The first letter of a compact JSON text tells its type.
fn type_of_text(text: &str) -> char {
    match text.chars().next() {
        Some('f' | 't') => 'b',
        Some('-' | '0'..='9') | None => '0',
        Some(first) => first,
    }
}
