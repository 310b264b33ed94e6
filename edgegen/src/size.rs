//! Sizes with units. MB is 10^6 bytes, MiB is 2^20.

use serde::{Deserialize, Deserializer};

/// A size in bytes as a profile writes it: `"520 KB"`.
pub(crate) struct Size(pub(crate) u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_size(&text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// A speed in bytes per second as a profile writes it: `"4 GB/s"`.
pub(crate) struct Bandwidth(pub(crate) u64);

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.strip_suffix("/s")
            .ok_or_else(|| format!("`{text}` is no speed: write one such as `4 GB/s`"))
            .and_then(parse_size)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Bytes of a size such as `200 MB`, `1.5 MiB` or `4096 B`, exactly.
///
/// # Errors
///
/// No number, no known unit, no whole number of bytes, zero, or over 2^63.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let refuse = |why: &str| {
        Err(format!(
            "`{text}` is not a size: {why}; write a number and a unit such as `200 MB` \
             (units: B, KB, MB, GB of 10^3, 10^6, 10^9 bytes; KiB, MiB, GiB of 2^10, 2^20, 2^30)"
        ))
    };
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return refuse("no number");
    }
    if whole.len() > 19 || fraction.len() > 9 {
        return refuse("too many digits");
    }
    let Some((_, factor)) = UNITS
        .iter()
        .find(|(name, _)| *name == unit.strip_prefix(' ').unwrap_or(unit))
    else {
        return refuse("no unit that edgegen knows");
    };
    let digits: u128 = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| format!("`{text}` is not a size: no number"))?;
    let scale = 10u128.pow(fraction.len() as u32);
    let scaled = digits * u128::from(*factor);
    if !scaled.is_multiple_of(scale) {
        return refuse("no whole number of bytes");
    }
    match u64::try_from(scaled / scale) {
        Ok(0) => refuse("nothing fits into zero bytes"),
        Ok(bytes) if bytes <= i64::MAX as u64 => Ok(bytes),
        _ => refuse("too large"),
    }
}

/// A size that [`parse_size`] reads back as the same number of bytes.
pub fn exact_size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    let fitting = units
        .into_iter()
        .find(|(_, factor)| bytes.is_multiple_of(*factor));
    let (unit, factor) = fitting.unwrap_or(("B", 1));
    format!("{} {unit}", bytes / factor)
}

/// A size for people, in decimal units and three significant digits: `50 MB`, `1.32 MB`, `812 B`.
pub fn format_size(bytes: u64) -> String {
    let (unit, factor) = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)]
        .into_iter()
        // 999,500 bytes would round to `1000 KB`.
        .find(|(_, factor)| bytes >= factor - factor / 2000)
        .unwrap_or(("B", 1));
    let value = bytes as f64 / factor as f64;
    let decimals = match value {
        v if factor == 1 || v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let number = format!("{value:.decimals$}");
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => &number,
    };
    format!("{number} {unit}")
}

const UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("KB", 1_000),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// A size in MB (10^6 bytes), for people.
pub(crate) fn mb(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}

/// Two sizes that differ, so that one sees it.
pub(crate) fn apart(one: u64, other: u64) -> [String; 2] {
    let rounded = [one, other].map(mb);
    match rounded[0] == rounded[1] {
        true => [one, other].map(|bytes| format!("{bytes} bytes")),
        false => rounded,
    }
}
