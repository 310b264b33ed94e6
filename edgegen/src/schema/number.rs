//! Which numbers are written: within bounds, with at most fifteen digits, of which at most three
//! follow the point. Readers that hold numbers as doubles tell all of them apart.

use super::decimal::{BEYOND, Decimal};

/// Thousandths in one.
const ONE: i64 = 1000;
/// Most digits.
const DIGITS: usize = 15;
/// Most multiples, which are listed one by one.
const MAX_LISTED: i64 = 10_000;

/// The numbers that a schema allows, as far as they are written; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    /// These texts.
    Listed(Vec<String>),
    /// All in these ranges.
    Ranges(Vec<Range>),
}

/// Decimals between two with as many digits, in any notation: `0.5` and `0.50`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) negative: bool,
    /// Digits before the point.
    pub(super) whole: usize,
    /// The digits of the magnitudes, included; as many in both.
    pub(super) least: String,
    pub(super) greatest: String,
}

/// Bounds and step, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    min: i64,
    max: i64,
    step: i64,
}

/// Why there are no numbers to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwritten {
    /// None is within the bounds.
    None,
    /// The multiples are too many to list.
    TooMany,
}

impl Bounds {
    /// All numbers, or all whole ones.
    pub(super) fn new(whole: bool) -> Self {
        Self {
            min: 1 - BEYOND,
            max: BEYOND - 1,
            step: if whole { ONE } else { 1 },
        }
    }

    /// Raises the least.
    pub(super) fn at_least(&mut self, bound: &str, exclusive: bool) {
        self.min = self.min.max(least(&Decimal::new(bound), exclusive));
    }

    /// Lowers the greatest.
    pub(super) fn at_most(&mut self, bound: &str, exclusive: bool) {
        let negated = Decimal::new(bound).negated();
        self.max = self.max.min(-least(&negated, exclusive));
    }

    /// Keeps multiples; `false` if the step is no positive multiple of a thousandth.
    pub(super) fn multiples_of(&mut self, step: &str) -> bool {
        let (step, exact) = Decimal::new(step).thousandths();
        if !exact || step <= 0 {
            return false;
        }
        self.step = least_common_multiple(self.step, step);
        true
    }

    /// The numbers.
    pub(super) fn numbers(self) -> Result<Numbers, Unwritten> {
        let Self { min, max, step } = self;
        if step == 1 || step == ONE {
            let fraction = if step == 1 { 3 } else { 0 };
            let mut ranges = ranges(true, (-max).max(1), -min, fraction);
            ranges.extend(self::ranges(false, min.max(0), max, fraction));
            return match ranges.is_empty() {
                true => Err(Unwritten::None),
                false => Ok(Numbers::Ranges(ranges)),
            };
        }
        let (first, last) = (-(-min).div_euclid(step), max.div_euclid(step));
        if last - first >= MAX_LISTED {
            return Err(Unwritten::TooMany);
        }
        let multiples = (first..=last).map(|n| text(n * step));
        let texts: Vec<String> = multiples
            .filter(|text| text.bytes().filter(u8::is_ascii_digit).count() <= DIGITS)
            .collect();
        match texts.is_empty() {
            true => Err(Unwritten::None),
            false => Ok(Numbers::Listed(texts)),
        }
    }
}

impl Numbers {
    /// About how many states they take.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Listed(texts) => texts.iter().map(|text| text.len() as u64).sum(),
            Self::Ranges(_) => 200,
        }
    }
}

/// The least number of thousandths within a lower bound, exactly and among doubles.
fn least(bound: &Decimal, exclusive: bool) -> i64 {
    let (floor, exact) = bound.thousandths();
    if !exclusive {
        return floor + i64::from(!exact);
    }
    let mut n = floor + 1;
    // A reader's double of a bound with many digits may be greater than the bound.
    let bound = bound.double();
    while n.abs() < BEYOND && double(n) <= bound {
        n += 1;
    }
    n
}

/// Thousandths as readers see them.
fn double(thousandths: i64) -> f64 {
    text(thousandths).parse().unwrap_or(f64::NAN)
}

/// Thousandths as the shortest decimal.
fn text(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (units, rest) = (thousandths.abs() / ONE, thousandths.abs() % ONE);
    if rest == 0 {
        return format!("{sign}{units}");
    }
    let digits = format!("{rest:03}");
    format!("{sign}{units}.{}", digits.trim_end_matches('0'))
}

/// The magnitudes in a range of thousandths, from 0 on: a range for each count of digits before
/// the point, with as many behind it as there is room for.
fn ranges(negative: bool, low: i64, high: i64, fraction: usize) -> Vec<Range> {
    let range = |whole: usize| {
        let digits = whole + fraction.min(DIGITS - whole);
        let unit = 10i64.pow((whole + 3 - digits) as u32);
        let first = if whole == 1 {
            0
        } else {
            ONE * 10i64.pow(whole as u32 - 1)
        };
        let last = ONE * 10i64.pow(whole as u32) - unit;
        let least = (low.max(first) + unit - 1) / unit;
        let greatest = high.min(last).div_euclid(unit);
        (least <= greatest).then(|| Range {
            negative,
            whole,
            least: format!("{least:0digits$}"),
            greatest: format!("{greatest:0digits$}"),
        })
    };
    (1..=DIGITS).filter_map(range).collect()
}

fn least_common_multiple(a: i64, b: i64) -> i64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}
