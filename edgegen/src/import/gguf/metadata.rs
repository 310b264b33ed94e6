//! GGUF's metadata: typed values by key.

use std::collections::BTreeMap;

use super::reader::Reader;
use crate::error::{Error, Result};
use crate::import::config::{self, Config, IGNORED, KEYS};

/// All metadata of a file.
#[derive(Debug)]
pub(in crate::import) struct Metadata(Config<Value>);

/// A value, widened to one type of each kind.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    /// Text that is no UTF-8, as far as it can be shown.
    Damaged(String),
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Bools(Vec<bool>),
    Texts(Vec<String>),
    /// An array that nothing can use: of arrays, or of texts of which one is no UTF-8.
    Others,
}

/// Arrays in arrays that are followed; more is no real file.
const DEPTH: usize = 4;

impl Metadata {
    /// Reads `count` keys with their values.
    pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self> {
        let mut values = BTreeMap::new();
        for _ in 0..count {
            let key = reader.string()?;
            let kind = reader.u32()?;
            let value = Value::read(reader, kind, 0).map_err(|e| e.at(key))?;
            if values.insert(key.to_owned(), value).is_some() {
                return Err(Error::new("the key is there twice")
                    .at(key)
                    .remedy("the file is damaged; fetch or convert it again"));
            }
        }
        Ok(Self(values.into_iter().collect()))
    }

    /// As [`Config::set_aside`], of an architecture's keys.
    pub(super) fn set_aside(&self, prefix: &str) -> Vec<String> {
        let is_known = |name: &str| {
            KEYS.contains(&name) || IGNORED.iter().any(|(ignored, _)| *ignored == name)
        };
        self.0.set_aside(prefix, is_known)
    }

    /// As [`Config::refuse_unread`].
    pub(super) fn refuse_unread(&self, prefix: &str) -> Result<()> {
        let problem = "this setting is not supported";
        self.0.refuse_unread(prefix, &[IGNORED], problem)
    }

    /// Insists on a value.
    pub(in crate::import) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.missing(key))
    }

    /// That a key is not there.
    pub(super) fn missing(&self, key: &str) -> Error {
        Error::new("the key is missing")
            .at(key)
            .remedy("convert the model again with a current converter")
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.get(key).is_some()
    }

    pub(in crate::import) fn string(&self, key: &str) -> Result<Option<&str>> {
        self.get(key, "a string", |value| match value {
            Value::Text(text) => Some(before_nul(text)),
            _ => None,
        })
    }

    /// A string that is only shown, whatever its bytes are.
    pub(super) fn shown(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::Text(text) | Value::Damaged(text) => Some(before_nul(text)),
            _ => None,
        }
    }

    pub(in crate::import) fn bool(&self, key: &str) -> Result<Option<bool>> {
        self.get(key, "a boolean", |value| match value {
            Value::Bool(value) => Some(*value),
            Value::Bools(values) => uniform(values),
            _ => None,
        })
    }

    /// A whole number that is not negative.
    pub(in crate::import) fn size(&self, key: &str) -> Result<Option<usize>> {
        self.get(key, "a whole number, not negative", |value| {
            usize::try_from(value.integer()?).ok()
        })
    }

    /// A whole number.
    pub(in crate::import) fn integer(&self, key: &str) -> Result<Option<i128>> {
        self.get(key, "a whole number", Value::integer)
    }

    pub(in crate::import) fn float(&self, key: &str) -> Result<Option<f64>> {
        self.get(key, "a finite number", |value| match value {
            Value::Float(value) => Some(*value).filter(|value| value.is_finite()),
            Value::Floats(values) => uniform(values)
                .filter(|value| value.is_finite())
                .map(f64::from),
            _ => Some(value.integer()? as f64),
        })
    }

    pub(in crate::import) fn strings(&self, key: &str) -> Result<Option<&[String]>> {
        self.get(key, "an array of strings", |value| match value {
            Value::Texts(texts) => Some(texts.as_slice()),
            _ => None,
        })
    }

    pub(in crate::import) fn floats(&self, key: &str) -> Result<Option<Vec<f32>>> {
        self.get(key, "an array of numbers", |value| match value {
            Value::Floats(values) => Some(values.clone()),
            Value::Integers(values) => Some(values.iter().map(|&value| value as f32).collect()),
            _ => None,
        })
    }

    pub(in crate::import) fn integers(&self, key: &str) -> Result<Option<&[i64]>> {
        self.get(key, "an array of integers", |value| match value {
            Value::Integers(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    pub(in crate::import) fn bools(&self, key: &str) -> Result<Option<&[bool]>> {
        self.get(key, "an array of booleans", |value| match value {
            Value::Bools(values) => Some(values.as_slice()),
            _ => None,
        })
    }

    fn get<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(value) = self.0.get(key) else {
            return Ok(None);
        };
        read(value).map(Some).ok_or_else(|| {
            Error::new(format!(
                "the value is {}, it must be {wanted}",
                value.kind()
            ))
            .at(key)
            .remedy("the file is damaged or the variation is not supported; convert it again")
        })
    }
}

impl config::Value for Value {
    fn is_off(&self) -> bool {
        match self {
            Self::Integer(value) => *value == 0,
            Self::Float(value) => *value == 0.0,
            Self::Bool(value) => !value,
            Self::Text(text) => text.is_empty(),
            Self::Integers(values) => uniform(values) == Some(0),
            Self::Floats(values) => uniform(values) == Some(0.0),
            Self::Bools(values) => uniform(values) == Some(false),
            _ => false,
        }
    }

    fn words(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Texts(texts) => texts.clone(),
            Self::Bool(value) => vec![value.to_string()],
            other => vec![other.kind()],
        }
    }
}

impl Value {
    fn read(reader: &mut Reader<'_>, kind: u32, depth: usize) -> Result<Self> {
        Ok(match kind {
            0..=5 | 10 | 11 => Self::Integer(integer(reader, kind)?),
            6 => Self::Float(f64::from(f32::from_le_bytes(reader.array()?))),
            7 => Self::Bool(boolean(reader)?),
            8 => match String::from_utf8(reader.text()?.to_vec()) {
                Ok(text) => Self::Text(text),
                Err(error) => Self::Damaged(String::from_utf8_lossy(error.as_bytes()).into()),
            },
            9 => Self::array(reader, depth)?,
            12 => Self::Float(f64::from_le_bytes(reader.array()?)),
            _ => return Err(unknown_type(kind)),
        })
    }

    fn array(reader: &mut Reader<'_>, depth: usize) -> Result<Self> {
        let kind = reader.u32()?;
        let least = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            9 => 12,
            _ => return Err(unknown_type(kind)),
        };
        let count = reader.count(least, "array elements")?;
        Ok(match kind {
            6 => Self::Floats(
                reader
                    .take(count * 4)?
                    .chunks_exact(4)
                    .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                    .collect(),
            ),
            7 => Self::Bools(repeat(count, || boolean(reader))?),
            8 => {
                let texts = repeat(count, || reader.text().map(<[u8]>::to_vec))?;
                let texts = texts.into_iter().map(String::from_utf8);
                texts
                    .collect::<Result<_, _>>()
                    .map_or(Self::Others, Self::Texts)
            }
            9 if depth + 1 == DEPTH => {
                return Err(
                    Error::new(format!("arrays are nested more than {DEPTH} deep"))
                        .remedy("the file is damaged; fetch it again"),
                );
            }
            9 => {
                for _ in 0..count {
                    Self::array(reader, depth + 1)?;
                }
                Self::Others
            }
            12 => Self::Floats(repeat(count, || {
                Ok(f64::from_le_bytes(reader.array()?) as f32)
            })?),
            // What is too large for anything is as large as can be.
            _ => Self::Integers(repeat(count, || {
                Ok(i64::try_from(integer(reader, kind)?).unwrap_or(i64::MAX))
            })?),
        })
    }

    /// An integer, be it as an array of equal ones.
    fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Integers(values) => uniform(values).map(i128::from),
            _ => None,
        }
    }

    fn kind(&self) -> String {
        match self {
            Self::Integer(value) => format!("the integer {value}"),
            Self::Float(value) => format!("the number {value}"),
            Self::Bool(value) => format!("the boolean {value}"),
            Self::Text(_) => "a string".to_owned(),
            Self::Damaged(_) => "a string that is not UTF-8".to_owned(),
            Self::Integers(_) => "an array of integers".to_owned(),
            Self::Floats(_) => "an array of numbers".to_owned(),
            Self::Bools(_) => "an array of booleans".to_owned(),
            Self::Texts(_) => "an array of strings".to_owned(),
            Self::Others => "an array of arrays, or of texts that are not all UTF-8".to_owned(),
        }
    }
}

fn integer(reader: &mut Reader<'_>, kind: u32) -> Result<i128> {
    Ok(match kind {
        0 => u8::from_le_bytes(reader.array()?).into(),
        1 => i8::from_le_bytes(reader.array()?).into(),
        2 => u16::from_le_bytes(reader.array()?).into(),
        3 => i16::from_le_bytes(reader.array()?).into(),
        4 => reader.u32()?.into(),
        5 => i32::from_le_bytes(reader.array()?).into(),
        10 => reader.u64()?.into(),
        11 => i64::from_le_bytes(reader.array()?).into(),
        _ => return Err(unknown_type(kind)),
    })
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool> {
    match reader.array()? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(Error::new(format!("{other} is no boolean"))
            .remedy("the file is damaged; fetch it again")),
    }
}

/// What is before a NUL: as C reads it.
fn before_nul(text: &str) -> &str {
    text.split_once('\0').map_or(text, |(before, _)| before)
}

/// The value that all of an array have: some layers could have another.
fn uniform<T: Copy + PartialEq>(values: &[T]) -> Option<T> {
    let first = *values.first()?;
    values.iter().all(|&value| value == first).then_some(first)
}

fn repeat<T>(count: usize, read: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    std::iter::repeat_with(read).take(count).collect()
}

fn unknown_type(kind: u32) -> Error {
    Error::unsupported(format!("{kind} is no type of a value in GGUF 2 or 3"))
        .remedy("the file is damaged or newer than this reader; convert it again")
}
