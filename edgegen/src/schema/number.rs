//! Regular expressions of numbers.

use super::node::{Numbers, ONE};

/// The greatest magnitude that is written where the schema gives no bound: fifteen digits, which
/// every reader of JSON holds exactly.
const LARGEST: i64 = 999_999_999_999_999;
/// Most values that are listed one by one.
const MAX_LISTED: i64 = 10_000;
/// Matches nothing.
const NOTHING: &str = "[a&&b]";

/// The expression of the numbers, or `None` if there are too many to list.
pub(super) fn pattern(numbers: Numbers) -> Option<String> {
    let Numbers { min, max, step } = numbers;
    // The range of whole numbers inside the bounds.
    let low = min.map_or(-LARGEST, |min| -(-min).div_euclid(ONE));
    let high = max.map_or(LARGEST, |max| max.div_euclid(ONE));
    match step {
        ONE => Some(whole(low, high)),
        1 => {
            let mut parts = vec![whole(low, high)];
            // Units that are inside the bounds as a whole have any fraction.
            parts.push(fractions("", whole(low.max(0), high - 1)));
            parts.push(fractions("-", whole((-high).max(0), -low - 1)));
            let first = min
                .into_iter()
                .flat_map(|min| min..(low * ONE).min(max.map_or(i64::MAX, |max| max + 1)));
            let last = max
                .into_iter()
                .flat_map(|max| (high * ONE + 1).max(min.unwrap_or(i64::MIN))..=max);
            parts.extend(first.chain(last).map(text));
            Some(parts.join("|"))
        }
        _ => {
            let (min, max) = (min?, max?);
            let (first, last) = (-(-min).div_euclid(step), max.div_euclid(step));
            if last.checked_sub(first)? > MAX_LISTED {
                return None;
            }
            let texts: Vec<String> = (first..=last).map(|n| text(n * step)).collect();
            Some(if texts.is_empty() {
                NOTHING.into()
            } else {
                texts.join("|")
            })
        }
    }
}

fn fractions(sign: &str, whole: String) -> String {
    format!(r"{sign}(?:{whole})\.[0-9]{{1,3}}")
}

/// Thousandths as the shortest decimal, escaped.
fn text(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (units, rest) = (thousandths.abs() / ONE, thousandths.abs() % ONE);
    if rest == 0 {
        return format!("{sign}{units}");
    }
    let digits = format!("{rest:03}");
    format!(r"{sign}{units}\.{}", digits.trim_end_matches('0'))
}

/// The whole numbers of a range.
fn whole(low: i64, high: i64) -> String {
    let mut parts = Vec::new();
    if low < 0 {
        parts.extend(
            natural((-high).max(1), -low)
                .into_iter()
                .map(|part| format!("-{part}")),
        );
    }
    parts.extend(natural(low.max(0), high));
    if parts.is_empty() {
        return NOTHING.into();
    }
    parts.join("|")
}

/// The numbers of a range from 0 on: a part for each count of digits.
fn natural(low: i64, high: i64) -> Vec<String> {
    let mut parts = Vec::new();
    let mut low = low;
    while low <= high {
        let end = 10i64.pow(low.max(1).ilog10() + 1) - 1;
        let end = end.min(high);
        parts.push(digits(&low.to_string(), &end.to_string()));
        low = end + 1;
    }
    parts
}

/// The numbers between two of as many digits.
fn digits(low: &str, high: &str) -> String {
    let (Some(first), Some(last)) = (low.chars().next(), high.chars().next()) else {
        return String::new();
    };
    if low.bytes().all(|digit| digit == b'0') && high.bytes().all(|digit| digit == b'9') {
        return format!("[0-9]{{{}}}", low.len());
    }
    let (low, high) = (&low[1..], &high[1..]);
    if first == last {
        return format!("{first}{}", digits(low, high));
    }
    let count = low.len();
    let mut parts = vec![format!("{first}{}", digits(low, &"9".repeat(count)))];
    let between = (first as u8 + 1, last as u8 - 1);
    if between.0 <= between.1 {
        parts.push(format!(
            "[{}-{}][0-9]{{{count}}}",
            char::from(between.0),
            char::from(between.1)
        ));
    }
    parts.push(format!("{last}{}", digits(&"0".repeat(count), high)));
    format!("(?:{})", parts.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accepts(numbers: Numbers, text: &str) -> bool {
        let pattern = format!("^(?:{})$", pattern(numbers).expect("few enough"));
        fancy_regex::Regex::new(&pattern)
            .expect("an expression")
            .is_match(text)
            .expect("a simple one")
    }

    proptest! {
        /// A whole number is accepted exactly if it is within the bounds.
        #[test]
        fn whole_numbers(a in -2000i64..2000, b in -2000i64..2000, n in -2100i64..2100) {
            let (low, high) = (a.min(b), a.max(b));
            let numbers = Numbers { min: Some(low * ONE), max: Some(high * ONE), step: ONE };
            prop_assert_eq!(accepts(numbers, &n.to_string()), (low..=high).contains(&n));
        }

        /// So is a number with up to three digits after the point.
        #[test]
        fn decimals(a in -9000i64..9000, b in -9000i64..9000, n in -9500i64..9500) {
            let (low, high) = (a.min(b), a.max(b));
            let numbers = Numbers { min: Some(low), max: Some(high), step: 1 };
            let text = text(n).replace('\\', "");
            prop_assert_eq!(accepts(numbers, &text), (low..=high).contains(&n), "{}", text);
        }

        /// Of multiples exactly those are accepted.
        #[test]
        fn multiples(a in -9000i64..9000, b in -9000i64..9000, step in 2i64..900, n in -9500i64..9500) {
            let (low, high) = (a.min(b), a.max(b));
            let numbers = Numbers { min: Some(low), max: Some(high), step };
            let text = text(n).replace('\\', "");
            prop_assert_eq!(accepts(numbers, &text), (low..=high).contains(&n) && n % step == 0);
        }
    }
}
