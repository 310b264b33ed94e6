//! Numbers, against exact arithmetic in millionths and against readers that hold doubles.

use proptest::prelude::*;
use serde_json::Value;

use super::Language;

const MILLION: i128 = 1_000_000;

/// Millionths as a decimal, in one of three notations.
fn decimal(millionths: i128, notation: u8) -> String {
    let sign = if millionths < 0 { "-" } else { "" };
    let (whole, rest) = (millionths.abs() / MILLION, millionths.abs() % MILLION);
    match notation {
        0 if rest == 0 => format!("{sign}{whole}"),
        0 => format!(
            "{sign}{whole}.{}",
            format!("{rest:06}").trim_end_matches('0')
        ),
        1 => format!("{sign}{}e-6", millionths.abs()),
        _ => format!("{sign}0.{:030}E+24", millionths.abs()),
    }
}

/// Whether a number is written at all: at most fifteen digits, at most three behind the point.
fn is_written(millionths: i128) -> bool {
    let digits = decimal(millionths, 0)
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    millionths % 1000 == 0 && digits <= 15
}

/// A number of a magnitude, with any number of digits behind the point.
fn number() -> impl Strategy<Value = i128> {
    let whole = prop_oneof![
        Just(0i128),
        -20i128..20,
        (0u32..19, -10i128..10).prop_map(|(power, near)| 10i128.pow(power) + near),
        (0u32..19, 1i128..10).prop_map(|(power, digit)| -digit * 10i128.pow(power)),
        9_007_199_254_740i128..9_007_199_254_745,
        any::<i64>().prop_map(|n| i128::from(n) / 1000),
    ];
    let unit = prop_oneof![Just(MILLION), Just(100_000), Just(1000), Just(1)];
    (whole, unit, 0..MILLION).prop_map(|(whole, unit, rest)| whole * MILLION + rest / unit * unit)
}

/// A bound: its keyword, millionths and notation.
fn bound(keys: [&'static str; 2]) -> impl Strategy<Value = Option<(&'static str, i128, u8)>> {
    prop::option::weighted(0.8, (prop::sample::select(keys.to_vec()), number(), 0u8..3))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// A number within reach of the bounds is accepted exactly if it is within them, and written.
    #[test]
    fn bounds_are_exact(
        low in bound(["minimum", "exclusiveMinimum"]),
        high in bound(["maximum", "exclusiveMaximum"]),
        gap in prop::option::of(0i128..3 * MILLION),
        whole in any::<bool>(),
        others in prop::collection::vec(number(), 10),
    ) {
        // Half of the ranges are narrow.
        let high = match (low, high, gap) {
            (Some((_, low, _)), Some((key, _, notation)), Some(gap)) => Some((key, low + gap, notation)),
            (_, high, _) => high,
        };
        let bounds: Vec<_> = low.into_iter().chain(high).collect();
        let members = bounds.iter().map(|&(key, millionths, notation)| format!(",\"{key}\":{}", decimal(millionths, notation)));
        let kind = if whole { "integer" } else { "number" };
        let schema = format!("{{\"type\":\"{kind}\"{}}}", members.collect::<String>());
        let within = |n: i128| bounds.iter().all(|&(key, bound, notation)| {
            let double = |n, notation| decimal(n, notation).parse::<f64>().unwrap();
            let (value, limit) = (double(n, 0), double(bound, notation));
            match key {
                "minimum" => n >= bound && value >= limit,
                "exclusiveMinimum" => n > bound && value > limit,
                "maximum" => n <= bound && value <= limit,
                _ => n < bound && value < limit,
            }
        });
        let allowed = |n: i128| within(n) && is_written(n) && (!whole || n % MILLION == 0);
        let near = bounds.iter().flat_map(|&(_, bound, _)| [1000, 10_000, 100_000, MILLION].into_iter().flat_map(move |unit| {
            (-2..=3).map(move |steps| (bound.div_euclid(unit) + steps) * unit)
        }));
        let probes: Vec<i128> = near.chain(others).chain([0, 999_999_999_999_999 * MILLION]).collect();
        match Language::of(schema.as_bytes()) {
            Err(error) => {
                prop_assert!(error.contains("no value is possible"), "{}: {}", schema, error);
                for n in probes {
                    prop_assert!(!allowed(n), "{}: {} is possible", schema, decimal(n, 0));
                }
            }
            Ok(language) => {
                let limit = |&(key, n, notation): &(&str, i128, u8)| {
                    (key.to_owned(), Value::from(decimal(n, notation).parse::<f64>().unwrap()))
                };
                let limits = bounds.iter().map(limit).chain([("type".into(), kind.into())]);
                let validator = jsonschema::validator_for(&limits.collect()).unwrap();
                for n in probes {
                    let text = decimal(n, 0);
                    prop_assert_eq!(language.has(&text), allowed(n), "{} {}", schema, text);
                    if allowed(n) {
                        let double = Value::from(text.parse::<f64>().unwrap());
                        prop_assert!(validator.is_valid(&double), "{} {}", schema, text);
                    }
                    // Zeros at the end change nothing.
                    if !whole && n % MILLION != 0 && is_written(n) && text.len() < 12 {
                        let digits = text.len() - text.find('.').unwrap();
                        let longer = text + "0";
                        prop_assert_eq!(language.has(&longer), allowed(n) && digits < 4, "{} {}", schema, longer);
                    }
                }
            }
        }
    }

    /// Multiples are exact, and listed in their shortest form.
    #[test]
    fn multiples_are_exact(
        step in 2i128..5000,
        first in prop_oneof![-3000i128..3000, Just(10_000_000_000_000_000), Just(-999_999_999_999_999_000)],
        count in 0i128..60,
        whole in any::<bool>(),
        notation in 0u8..3,
    ) {
        let (low, high) = (first * 1000, (first + count * step) * 1000);
        let kind = if whole { "integer" } else { "number" };
        let schema = format!(
            "{{\"type\":\"{kind}\",\"multipleOf\":{},\"minimum\":{},\"maximum\":{}}}",
            decimal(step * 1000, notation), decimal(low, 0), decimal(high, 0)
        );
        let allowed = |n: i128| (low..=high).contains(&n) && n % (step * 1000) == 0 && is_written(n) && (!whole || n % MILLION == 0);
        let probes = (low / 1000 - 3..=low / 1000 + 5200).chain(high / 1000 - 3..high / 1000 + 5).map(|n| n * 1000);
        match Language::of(schema.as_bytes()) {
            Err(error) => {
                prop_assert!(error.contains("no value is possible"), "{}: {}", schema, error);
                for n in probes {
                    prop_assert!(!allowed(n), "{}: {} is possible", schema, decimal(n, 0));
                }
            }
            Ok(language) => for n in probes {
                prop_assert_eq!(language.has(&decimal(n, 0)), allowed(n), "{} {}", schema, decimal(n, 0));
            }
        }
    }
}

/// What is no canonical number is not accepted, whatever its value.
#[test]
fn numbers_have_one_sign_and_no_zeros_before_them() {
    let numbers = Language::of(br#"{"type":"number"}"#).unwrap();
    let whole = Language::of(br#"{"type":"integer"}"#).unwrap();
    for text in [
        "-0", "-0.0", "00", "01", "-01", "+1", ".5", "1.", "1e3", "--1", "", "-", "0x1",
    ] {
        assert!(!numbers.has(text) && !whole.has(text), "{text}");
    }
    for (text, is_number) in [
        ("0.0", true),
        ("1.250", true),
        ("1.2500", false),
        ("999999999999.999", true),
        ("9999999999999.99", true),
        ("9999999999999.999", false),
        ("99999999999999.9", true),
        ("99999999999999.99", false),
        ("999999999999999.9", false),
    ] {
        assert_eq!(numbers.has(text), is_number, "{text}");
        assert!(!whole.has(text), "{text}");
    }
    for (text, is_whole) in [
        ("999999999999999", true),
        ("-999999999999999", true),
        ("1000000000000000", false),
        ("0", true),
    ] {
        assert!(
            numbers.has(text) == is_whole && whole.has(text) == is_whole,
            "{text}"
        );
    }
}

/// As many multiples as are listed, and one more.
#[test]
fn ten_thousand_multiples_are_listed() {
    let schema = |min: u32| {
        format!(r#"{{"type":"integer","minimum":{min},"maximum":20000,"multipleOf":2}}"#)
    };
    let most = Language::of(schema(1).as_bytes()).unwrap();
    assert!(most.has("2") && most.has("20000") && !most.has("0") && !most.has("20002"));
    assert!(Language::of(schema(0).as_bytes()).is_err());
    // Any whole step, without bounds: few multiples have no more than fifteen digits.
    let coarse = Language::of(br#"{"type":"number","multipleOf":400000000000000}"#).unwrap();
    for (text, is_multiple) in [
        ("0", true),
        ("-800000000000000", true),
        ("1200000000000000", false),
        ("1", false),
    ] {
        assert_eq!(coarse.has(text), is_multiple, "{text}");
    }
    let none_but_zero =
        Language::of(br#"{"type":"integer","multipleOf":18446744073709.553}"#).unwrap();
    assert!(none_but_zero.has("0") && !none_but_zero.has("1"));
}
