//! Decimal numbers, exactly.

/// All numbers that are written are less than this many thousandths from zero.
pub(super) const BEYOND: i64 = 1_000_000_000_000_000_000;

/// A number: digits × 10^exponent.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    negative: bool,
    /// Values of digits, without zeros at the ends; none for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// A number's JSON text.
    pub(super) fn new(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        // An exponent that exceeds this belongs to a zero, or to what is as good as one.
        let exponent = exponent.parse().unwrap_or(match exponent.starts_with('-') {
            true => i64::MIN / 2,
            false => i64::MAX / 2,
        });
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes());
        let mut digits: Vec<u8> = all
            .filter(u8::is_ascii_digit)
            .map(|digit| digit - b'0')
            .skip_while(|&digit| digit == 0)
            .collect();
        let len = digits.len();
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let zeros = (len - digits.len()) as i64;
        Self {
            negative: text.starts_with('-') && !digits.is_empty(),
            digits,
            exponent: exponent
                .saturating_sub(fraction.len() as i64)
                .saturating_add(zeros),
        }
    }

    /// The number with the other sign.
    pub(super) fn negated(mut self) -> Self {
        self.negative = !self.negative && !self.digits.is_empty();
        self
    }

    /// The nearest double.
    pub(super) fn double(&self) -> f64 {
        let digits: String = self
            .digits
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect();
        let sign = if self.negative { "-" } else { "" };
        let text = format!("{sign}0{digits}e{}", self.exponent);
        text.parse().unwrap_or(f64::NAN)
    }

    /// Whether nothing follows the point.
    pub(super) fn is_whole(&self) -> bool {
        self.digits.is_empty() || self.exponent >= 0
    }

    /// The greatest number of thousandths that is not greater, and whether it is equal. What is
    /// [`BEYOND`] is taken for that, or for its opposite, and not for equal.
    pub(super) fn thousandths(&self) -> (i64, bool) {
        let exponent = self.exponent.saturating_add(3);
        let count = exponent.saturating_add(self.digits.len() as i64);
        if self.digits.is_empty() {
            return (0, true);
        }
        if count > 18 {
            return (if self.negative { -BEYOND } else { BEYOND }, false);
        }
        let digit = |at: i64| i64::from(*self.digits.get(at as usize).unwrap_or(&0));
        let magnitude = (0..count).fold(0, |value, at| 10 * value + digit(at));
        let exact = exponent >= 0;
        match (self.negative, exact) {
            (false, _) => (magnitude, exact),
            (true, true) => (-magnitude, true),
            (true, false) => (-magnitude - 1, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Thousandths in any notation, with more digits after them.
        #[test]
        fn notations(n in 1 - BEYOND..BEYOND, shift in -30i64..30, more in "0*|[0-9]{0,5}[1-9]", zeros in 0usize..3) {
            let sign = if n < 0 { "-" } else { "" };
            // The digits of n and `more` behind the point, which `shift` moves.
            let text = format!("{sign}{:018}", n.abs());
            let digits = text.trim_start_matches('-').to_owned() + &more;
            let point = 18 + shift;
            let mantissa = match usize::try_from(point) {
                Ok(0) => format!("0.{digits}"),
                Ok(point) if point < digits.len() => format!("{}.{}", &digits[..point], &digits[point..]),
                Ok(point) => format!("{digits:0<point$}"),
                Err(_) => format!("0.{}{digits}", "0".repeat(-point as usize)),
            };
            let text = format!("{sign}{}{mantissa}e{}", "0".repeat(zeros), -3 - shift);
            let exact = more.bytes().all(|digit| digit == b'0');
            let floor = if exact || n >= 0 { n } else { n - 1 };
            let decimal = Decimal::new(&text);
            prop_assert_eq!(decimal.thousandths(), (floor, exact), "{}", text);
            prop_assert_eq!(decimal.is_whole(), exact && n % 1000 == 0, "{}", text);
            let up = floor + i64::from(!exact);
            prop_assert_eq!(decimal.negated().thousandths(), (-up, exact), "{}", text);
        }
    }

    #[test]
    fn extremes() {
        for (text, floor, exact) in [
            ("0", 0, true),
            ("-0.000", 0, true),
            ("0e999999999999999999999", 0, true),
            ("1e15", BEYOND, false),
            ("-1e15", -BEYOND, false),
            ("999999999999999.999", BEYOND - 1, true),
            ("999999999999999.9999", BEYOND - 1, false),
            ("1e999999999999999999999", BEYOND, false),
            ("-1e-999999999999999999999", -1, false),
            ("1e-999999999999999999999", 0, false),
            ("0.001", 1, true),
            ("0.0010000000001", 1, false),
            ("-0.0010000000001", -2, false),
        ] {
            assert_eq!(Decimal::new(text).thousandths(), (floor, exact), "{text}");
        }
    }
}
