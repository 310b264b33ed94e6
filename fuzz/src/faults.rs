//! Faults in files that were right.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Numbers that break arithmetic.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    7,
    0x7F,
    0xFF,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    1 << 31,
    1 << 32,
    1 << 53,
    1 << 62,
    1 << 63,
    u64::MAX,
    u64::MAX - 31,
    0x7FC0_0000,
];

/// A number that breaks arithmetic, or any other.
pub fn number(u: &mut Unstructured<'_>) -> Result<u64> {
    match u.ratio(3, 4)? {
        true => Ok(*u.choose(&NUMBERS)?),
        false => u.arbitrary(),
    }
}

/// A text that breaks what expects a name.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    const TEXTS: [&str; 10] = [
        "",
        " ",
        "a",
        "\u{1b}[31m\r",
        "two\nlines",
        "../x",
        "\"",
        "▁",
        "é\u{301}🦀",
        "<0x00>",
    ];
    Ok(match u.int_in_range(0..=11)? {
        10 => "x".repeat(5000),
        11 => u.arbitrary::<&str>()?.to_owned(),
        at => TEXTS[at].to_owned(),
    })
}

/// A value of JSON that may not belong where it is.
fn value(u: &mut Unstructured<'_>) -> Result<Value> {
    Ok(match u.int_in_range(0..=11)? {
        0 => Value::Null,
        1 => json!(u.arbitrary::<bool>()?),
        2..=4 => json!(number(u)?),
        5 => json!(-(number(u)? as i64 / 2)),
        6 => json!(*u.choose(&[0.5, -0.5, 1e300, 5e-324, 1e-5, 1e15])?),
        7 => json!([]),
        8 => json!({}),
        9 => json!([null, {"a": [0]}]),
        _ => json!(text(u)?),
    })
}

/// Makes up to three faults, wherever they are.
pub fn spoil_json(u: &mut Unstructured<'_>, root: &mut Value) -> Result<()> {
    for _ in 0..u.int_in_range(1..=3)? {
        spoil_node(u, root)?;
    }
    Ok(())
}

fn spoil_node(u: &mut Unstructured<'_>, node: &mut Value) -> Result<()> {
    let inner = u.ratio(4, 5)?;
    match node {
        Value::Array(list) if inner && !list.is_empty() => {
            let at = u.choose_index(list.len())?;
            spoil_node(u, &mut list[at])
        }
        Value::Object(object) if inner && !object.is_empty() => {
            let at = u.choose_index(object.len())?;
            let child = object.values_mut().nth(at).expect("an index");
            spoil_node(u, child)
        }
        _ if u.ratio(1, 3)? => {
            *node = value(u)?;
            Ok(())
        }
        Value::Array(list) => spoil_list(u, list),
        Value::Object(object) => spoil_object(u, object),
        Value::String(string) => {
            let at = u.choose_index(string.len() + 1)?;
            string.insert_str(string.floor_char_boundary(at), &text(u)?);
            Ok(())
        }
        Value::Number(known) => {
            let by = u.int_in_range(-2..=2)?;
            *node = match known.as_i64() {
                Some(known) => json!(known.wrapping_add(by)),
                None => json!(known.as_f64().unwrap_or(0.0) * by as f64),
            };
            Ok(())
        }
        _ => {
            *node = value(u)?;
            Ok(())
        }
    }
}

fn spoil_list(u: &mut Unstructured<'_>, list: &mut Vec<Value>) -> Result<()> {
    let at = u.choose_index(list.len() + 1)?;
    match u.int_in_range(0..=3)? {
        0 if at < list.len() => drop(list.remove(at)),
        1 if at < list.len() => list.push(list[at].clone()),
        2 => list.truncate(at),
        _ => list.insert(at, value(u)?),
    }
    Ok(())
}

fn spoil_object(u: &mut Unstructured<'_>, object: &mut Map<String, Value>) -> Result<()> {
    if object.is_empty() || u.ratio(1, 4)? {
        object.insert(text(u)?, value(u)?);
        return Ok(());
    }
    let at = u.choose_index(object.len())?;
    let key = object.keys().nth(at).expect("an index").clone();
    let removed = object.shift_remove(&key).expect("a key");
    match u.int_in_range(0..=2)? {
        0 => {}
        1 => drop(object.insert(text(u)?, removed)),
        _ => {
            object.insert(format!("{key}_"), removed.clone());
            object.insert(key, removed);
        }
    }
    Ok(())
}

/// Makes up to three faults in the first `within` bytes.
pub fn spoil_bytes(u: &mut Unstructured<'_>, bytes: &mut Vec<u8>, within: usize) -> Result<()> {
    for _ in 0..u.int_in_range(1..=3)? {
        let within = within.min(bytes.len());
        if within == 0 {
            return Ok(());
        }
        let at = u.choose_index(within)?;
        let end = bytes.len().min(at + u.int_in_range(1..=40)?);
        match u.int_in_range(0..=5)? {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            3 => bytes[at] = u.arbitrary()?,
            _ => {
                let width = *u.choose(&[1, 2, 4, 8])?;
                let end = bytes.len().min(at + width);
                bytes[at..end].copy_from_slice(&number(u)?.to_le_bytes()[..end - at]);
            }
        }
    }
    Ok(())
}
