//! The supported subset of JSON Schema, checked.

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
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
        items: Box<Self>,
        min: u32,
        max: Option<u32>,
    },
    /// An object with its properties in this order.
    Object(Vec<Property>),
    /// Any of these.
    AnyOf(Vec<Self>),
}

/// A property of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Property {
    /// The name as compact JSON text, with its quotes.
    pub(super) name: String,
    pub(super) value: Node,
    pub(super) required: bool,
}

/// Which numbers; bounds and step in thousandths, which are exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    /// The least, included.
    pub(super) min: Option<i64>,
    /// The greatest, included.
    pub(super) max: Option<i64>,
    /// What each is a multiple of.
    pub(super) step: i64,
}

/// Thousandths in one.
pub(super) const ONE: i64 = 1000;
