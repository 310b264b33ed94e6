//! The checked schema → a nondeterministic automaton of its compact JSON, written from the end to
//! the beginning: each part is given the state that follows it.

use std::collections::HashMap;

use regex_automata::nfa::thompson::{BuildError, Builder, NFA, Transition};
use regex_automata::util::primitives::StateID;

use super::node::{Id, Kind, Nodes, Property};
use super::number::{Numbers, Range};

type Result<T> = std::result::Result<T, Box<BuildError>>;

/// The automaton of all texts that the schema allows.
///
/// # Errors
///
/// When it takes more than so many bytes.
pub(super) fn nfa(nodes: &Nodes, max_bytes: usize) -> Result<NFA> {
    let mut writer = Writer {
        nodes,
        builder: Builder::new(),
    };
    writer.builder.set_size_limit(Some(max_bytes))?;
    writer.builder.start_pattern()?;
    let end = writer.builder.add_match()?;
    let start = writer.node(nodes.root(), end)?;
    writer.builder.finish_pattern(start)?;
    Ok(writer.builder.build(start, start)?)
}

struct Writer<'n> {
    nodes: &'n Nodes,
    builder: Builder,
}

/// The digits of a number that are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Digits<'r> {
    /// How many.
    count: usize,
    /// Those before the point, which follows them; none once it is written.
    whole: Option<usize>,
    /// What they must not be less than; none if they cannot be.
    least: Option<&'r [u8]>,
    /// What they must not be greater than; none if they cannot be.
    greatest: Option<&'r [u8]>,
}

impl<'r> Digits<'r> {
    fn of(range: &'r Range) -> Self {
        Self {
            count: range.least.len(),
            whole: Some(range.whole),
            least: bound(Some(range.least.as_bytes()), b'0'),
            greatest: bound(Some(range.greatest.as_bytes()), b'9'),
        }
    }

    /// What is to come after one of them.
    fn after(self, digit: u8) -> Self {
        let rest = |bound: &'r [u8]| (bound[0] == digit).then_some(&bound[1..]);
        Self {
            count: self.count - 1,
            whole: self.whole.and_then(|whole| whole.checked_sub(1)),
            least: bound(self.least.and_then(rest), b'0'),
            greatest: bound(self.greatest.and_then(rest), b'9'),
        }
    }
}

/// No bound where it consists of the extreme digit.
fn bound(digits: Option<&[u8]>, extreme: u8) -> Option<&[u8]> {
    digits.filter(|digits| digits.iter().any(|&digit| digit != extreme))
}

impl Writer<'_> {
    fn node(&mut self, id: Id, next: StateID) -> Result<StateID> {
        let nodes = self.nodes;
        match &nodes[id].kind {
            Kind::Literals(texts) => self.texts(texts, next),
            Kind::String { min, max } => self.string(*min, *max, next),
            Kind::Number(Numbers::Listed(texts)) => self.texts(texts, next),
            Kind::Number(Numbers::Ranges(ranges)) => self.ranges(ranges, next),
            Kind::Boolean => self.texts(&["true", "false"], next),
            Kind::Null => self.text("null", next),
            Kind::Array { items, min, max } => self.array(*items, *min, *max, next),
            Kind::Object(properties) => self.object(properties, next),
            Kind::AnyOf(nodes) => {
                let nodes = nodes.iter().map(|&node| self.node(node, next));
                let ways = nodes.collect::<Result<Vec<_>>>()?;
                Ok(self.builder.add_union(ways)?)
            }
        }
    }

    fn byte(&mut self, byte: u8, next: StateID) -> Result<StateID> {
        self.bytes(byte, byte, next)
    }

    fn bytes(&mut self, low: u8, high: u8, next: StateID) -> Result<StateID> {
        Ok(self.builder.add_range(edge(low, high, next))?)
    }

    fn text(&mut self, text: &str, next: StateID) -> Result<StateID> {
        let mut bytes = text.bytes().rev();
        bytes.try_fold(next, |next, byte| self.byte(byte, next))
    }

    fn texts(&mut self, texts: &[impl AsRef<str>], next: StateID) -> Result<StateID> {
        let texts = texts.iter().map(|text| self.text(text.as_ref(), next));
        let ways = texts.collect::<Result<Vec<_>>>()?;
        Ok(self.builder.add_union(ways)?)
    }

    fn string(&mut self, min: u32, max: Option<u32>, next: StateID) -> Result<StateID> {
        let quote = edge(b'"', b'"', next);
        let mut state = match max {
            Some(_) => self.builder.add_sparse(vec![quote])?,
            None => {
                let again = self.builder.add_empty()?;
                let mut edges = self.character(again)?;
                edges.push(quote);
                let state = self.builder.add_sparse(sorted(edges))?;
                self.builder.patch(again, state)?;
                state
            }
        };
        for count in (0..max.unwrap_or(min)).rev() {
            let mut edges = self.character(state)?;
            if count >= min {
                edges.push(quote);
            }
            state = self.builder.add_sparse(sorted(edges))?;
        }
        self.byte(b'"', state)
    }

    /// A character of a string: itself in UTF-8, or escaped.
    fn character(&mut self, next: StateID) -> Result<Vec<Transition>> {
        let escaped = b"\"/\\bfnrt".map(|byte| edge(byte, byte, next));
        let escaped = self.builder.add_sparse(escaped.to_vec())?;
        let mut then = |low, high, next| self.bytes(low, high, next);
        let one = then(0x80, 0xBF, next)?;
        let two = then(0x80, 0xBF, one)?;
        let three = then(0x80, 0xBF, two)?;
        Ok(vec![
            edge(b' ', b'!', next),
            edge(b'#', b'[', next),
            edge(b'\\', b'\\', escaped),
            edge(b']', 0x7F, next),
            edge(0xC2, 0xDF, one),
            // Neither overlong forms, nor surrogates, nor what is beyond Unicode.
            edge(0xE0, 0xE0, then(0xA0, 0xBF, one)?),
            edge(0xE1, 0xEC, two),
            edge(0xED, 0xED, then(0x80, 0x9F, one)?),
            edge(0xEE, 0xEF, two),
            edge(0xF0, 0xF0, then(0x90, 0xBF, two)?),
            edge(0xF1, 0xF3, three),
            edge(0xF4, 0xF4, then(0x80, 0x8F, two)?),
        ])
    }

    fn ranges(&mut self, ranges: &[Range], next: StateID) -> Result<StateID> {
        let mut known = HashMap::new();
        let mut ways = Vec::new();
        for range in ranges {
            let digits = self.digits(Digits::of(range), next, &mut known)?;
            ways.push(match range.negative {
                true => self.byte(b'-', digits)?,
                false => digits,
            });
        }
        Ok(self.builder.add_union(ways)?)
    }

    fn digits<'r>(
        &mut self,
        digits: Digits<'r>,
        next: StateID,
        known: &mut HashMap<Digits<'r>, StateID>,
    ) -> Result<StateID> {
        if let Some(&state) = known.get(&digits) {
            return Ok(state);
        }
        let mut ways = Vec::new();
        // What is left out is zeros.
        if digits.whole.is_none_or(|whole| whole == 0) && digits.least.is_none() {
            ways.push(next);
        }
        if digits.count > 0 {
            let low = digits.least.map_or(b'0', |least| least[0]);
            let high = digits.greatest.map_or(b'9', |greatest| greatest[0]);
            let mut edges = Vec::new();
            for digit in low..=high {
                edges.push(edge(
                    digit,
                    digit,
                    self.digits(digits.after(digit), next, known)?,
                ));
            }
            let further = self.builder.add_sparse(edges)?;
            ways.push(match digits.whole {
                Some(0) => self.byte(b'.', further)?,
                _ => further,
            });
        }
        let state = self.builder.add_union(ways)?;
        known.insert(digits, state);
        Ok(state)
    }

    fn array(&mut self, items: Id, min: u32, max: Option<u32>, next: StateID) -> Result<StateID> {
        let close = self.byte(b']', next)?;
        let mut item = match max {
            Some(0) => return self.byte(b'[', close),
            Some(_) => self.node(items, close)?,
            None => {
                let after = self.builder.add_union(vec![close])?;
                let item = self.node(items, after)?;
                let comma = self.byte(b',', item)?;
                self.builder.patch(after, comma)?;
                item
            }
        };
        for count in (1..max.unwrap_or(min)).rev() {
            let mut ways = vec![self.byte(b',', item)?];
            if count >= min {
                ways.push(close);
            }
            let after = self.builder.add_union(ways)?;
            item = self.node(items, after)?;
        }
        let mut ways = vec![item];
        if min == 0 {
            ways.push(close);
        }
        let first = self.builder.add_union(ways)?;
        self.byte(b'[', first)
    }

    fn object(&mut self, properties: &[Property], next: StateID) -> Result<StateID> {
        let close = self.byte(b'}', next)?;
        // The names that can come next, and whether none must.
        let mut names = Names::default();
        let mut optional = true;
        for property in properties.iter().rev() {
            let mut ways = Vec::new();
            if let Some(name) = names.root {
                ways.push(self.byte(b',', name)?);
            }
            if optional {
                ways.push(close);
            }
            let after = self.builder.add_union(ways)?;
            let value = self.node(property.value, after)?;
            let colon = self.byte(b':', value)?;
            if property.required {
                names = Names::default();
                optional = false;
            }
            names.add(&property.name, colon, &mut self.builder)?;
        }
        let mut ways: Vec<StateID> = names.root.into_iter().collect();
        if optional {
            ways.push(close);
        }
        let first = self.builder.add_union(ways)?;
        self.byte(b'{', first)
    }
}

/// Names, none of which begins with another, as a tree of their bytes. A further name leaves the
/// tree before it as it is and shares all but its own path, so that the choice among many optional
/// properties takes no more than their names.
#[derive(Default)]
struct Names {
    root: Option<StateID>,
    edges: HashMap<StateID, Vec<Transition>>,
}

impl Names {
    fn add(&mut self, name: &str, next: StateID, builder: &mut Builder) -> Result<()> {
        let mut path = Vec::new();
        let mut state = self.root;
        for byte in name.bytes() {
            let mut edges = state.map_or(Vec::new(), |state| self.edges[&state].clone());
            let at = edges.iter().position(|edge| edge.start == byte);
            state = at.map(|at| edges.remove(at).next);
            path.push((byte, edges));
        }
        let mut state = next;
        for (byte, mut edges) in path.into_iter().rev() {
            edges.push(edge(byte, byte, state));
            let edges = sorted(edges);
            state = builder.add_sparse(edges.clone())?;
            self.edges.insert(state, edges);
        }
        self.root = Some(state);
        Ok(())
    }
}

fn edge(start: u8, end: u8, next: StateID) -> Transition {
    Transition { start, end, next }
}

fn sorted(mut edges: Vec<Transition>) -> Vec<Transition> {
    edges.sort_unstable_by_key(|edge| edge.start);
    edges
}
