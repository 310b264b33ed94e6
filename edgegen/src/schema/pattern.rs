//! The checked schema → a regular expression of its compact JSON.

use crate::error::{Error, Result};

use super::node::{Node, Property};
use super::number;

/// A character of a JSON string: itself, or escaped.
const CHARACTER: &str = r#"(?:[ !#-\[\]-\x{10FFFF}]|\\["\\/bfnrt])"#;

/// The expression of all texts that a node allows.
///
/// # Errors
///
/// When it would list too many numbers.
pub(super) fn pattern(node: &Node) -> Result<String> {
    Ok(match node {
        Node::Literals(texts) => {
            let texts: Vec<String> = texts
                .iter()
                .map(|text| regex_syntax::escape(text))
                .collect();
            group(&texts.join("|"))
        }
        Node::String { min, max } => format!("\"{CHARACTER}{}\"", counts(*min, *max)),
        Node::Number(numbers) => match number::pattern(*numbers) {
            Some(pattern) => group(&pattern),
            None => {
                return Err(Error::new("a `multipleOf` with more than 10,000 multiples")
                    .remedy("give `minimum` and `maximum` that are closer, or use an integer"));
            }
        },
        Node::Boolean => "(?:true|false)".into(),
        Node::Null => "null".into(),
        Node::Array { items, min, max } => array(&pattern(items)?, *min, *max),
        Node::Object(properties) => format!(r"\{{{}\}}", members(properties, false)?),
        Node::AnyOf(nodes) => {
            let patterns = nodes.iter().map(pattern).collect::<Result<Vec<_>>>()?;
            group(&patterns.join("|"))
        }
    })
}

fn group(pattern: &str) -> String {
    format!("(?:{pattern})")
}

fn counts(min: u32, max: Option<u32>) -> String {
    match max {
        Some(max) => format!("{{{min},{max}}}"),
        None => format!("{{{min},}}"),
    }
}

fn array(item: &str, min: u32, max: Option<u32>) -> String {
    let some = |max: Option<u32>| {
        let further = counts(min.saturating_sub(1), max.map(|max| max - 1));
        format!("{item}(?:,{item}){further}")
    };
    match (min, max) {
        (_, Some(0)) => r"\[\]".into(),
        (0, max) => format!(r"\[(?:{})?\]", some(max)),
        (_, max) => format!(r"\[{}\]", some(max)),
    }
}

/// The members of an object, after others or as the first.
fn members(properties: &[Property], after_others: bool) -> Result<String> {
    let Some((first, rest)) = properties.split_first() else {
        return Ok(String::new());
    };
    let comma = if after_others { "," } else { "" };
    let name = regex_syntax::escape(&first.name);
    let with = format!("{comma}{name}:{}", pattern(&first.value)?);
    Ok(match (first.required, after_others) {
        (true, _) => with + &members(rest, true)?,
        (false, true) => format!("(?:{with})?{}", members(rest, true)?),
        (false, false) => {
            format!(
                "(?:{with}{}|{})",
                members(rest, true)?,
                members(rest, false)?
            )
        }
    })
}
