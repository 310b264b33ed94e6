//! Numbers, durations and values as people say them.

use rand::RngExt;

use crate::random::{Rng, chance, pick, weighted};

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = [
    "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

/// A whole number in words; from 0 to 100.
fn words(rng: &mut Rng, n: u32) -> String {
    match n {
        0..20 => ONES[n as usize].into(),
        100 => pick(rng, &["a hundred", "one hundred", "hundred"]).into(),
        _ if n.is_multiple_of(10) => TENS[n as usize / 10].into(),
        _ => {
            let join = weighted(rng, &[(" ", 6), ("-", 3), ("", 1)]);
            format!("{}{join}{}", TENS[n as usize / 10], ONES[n as usize % 10])
        }
    }
}

/// A whole number in words or digits.
pub fn whole(rng: &mut Rng, n: u32) -> String {
    if n <= 100 && chance(rng, 0.45) {
        words(rng, n)
    } else {
        n.to_string()
    }
}

/// A number of halves in words or digits.
fn halves(rng: &mut Rng, halves: u32) -> String {
    let n = halves / 2;
    if halves.is_multiple_of(2) {
        return whole(rng, n);
    }
    match rng.random_range(0..8) {
        0..3 => format!("{n}.5"),
        3 => format!("{n},5"),
        4 => format!("{} point five", words(rng, n)),
        5 => format!("{n} and a half"),
        _ => format!("{} and a half", words(rng, n)),
    }
}

/// A duration in seconds, and its words. `adjective` is as in "ten minute timer".
pub fn duration(rng: &mut Rng, adjective: bool) -> (u32, String) {
    let kind = weighted(rng, &[("s", 16), ("m", 50), ("h", 12), ("special", 22)]);
    if adjective {
        return match kind {
            "s" => {
                let n = seconds(rng);
                (n, unit(rng, n, &["second", "second", "sec", "-second"]))
            }
            "h" => {
                let n = rng.random_range(1..=4);
                (
                    3600 * n,
                    unit(rng, n, &["hour", "hour", "hr", "-hour", "h"]),
                )
            }
            "special" => {
                let specials = [
                    (1800, "half hour"),
                    (1800, "half an hour"),
                    (1800, "half-hour"),
                    (5400, "one and a half hour"),
                    (3600, "one hour"),
                    (900, "quarter hour"),
                    (90, "ninety second"),
                    (150, "two and a half minute"),
                    (5400, "ninety minute"),
                    (5400, "90 minute"),
                    (210, "three and a half minute"),
                    (60, "one minute"),
                ];
                let (n, text) = pick(rng, &specials);
                (n, text.into())
            }
            _ => {
                let n = minutes(rng);
                (
                    60 * n,
                    unit(rng, n, &["minute", "minute", "min", "-minute", "minutes"]),
                )
            }
        };
    }
    match kind {
        "s" => {
            let n = seconds(rng);
            let one = &["second", "sec"][..];
            let many = &["seconds", "seconds", "seconds", "secs", "sec", "s"][..];
            (n, unit(rng, n, if n == 1 { one } else { many }))
        }
        "m" => {
            let n = minutes(rng);
            let one = &["minute", "min"][..];
            let many = &[
                "minutes", "minutes", "minutes", "minutes", "mins", "min", "m",
            ][..];
            (60 * n, unit(rng, n, if n == 1 { one } else { many }))
        }
        "h" => {
            let n = weighted(
                rng,
                &[
                    (1, 3),
                    (2, 5),
                    (3, 4),
                    (4, 3),
                    (5, 2),
                    (6, 2),
                    (7, 1),
                    (8, 2),
                    (9, 1),
                    (10, 1),
                    (11, 1),
                    (12, 1),
                    (24, 1),
                ],
            );
            let one = &["hour", "hr"][..];
            let many = &["hours", "hours", "hours", "hrs", "hr", "h"][..];
            (3600 * n, unit(rng, n, if n == 1 { one } else { many }))
        }
        _ => special(rng),
    }
}

fn special(rng: &mut Rng) -> (u32, String) {
    match rng.random_range(0..12) {
        0..6 => {
            let fixed = [
                (60, "a minute"),
                (60, "one minute"),
                (3600, "an hour"),
                (3600, "an hour"),
                (3600, "one hour"),
                (1800, "half an hour"),
                (1800, "half an hour"),
                (1800, "half hour"),
                (1800, "a half hour"),
                (900, "a quarter of an hour"),
                (900, "quarter of an hour"),
                (900, "a quarter hour"),
                (2700, "three quarters of an hour"),
                (5400, "an hour and a half"),
                (5400, "an hour and a half"),
                (5400, "one and a half hours"),
                (5400, "1.5 hours"),
                (120, "a couple of minutes"),
                (120, "a couple minutes"),
                (7200, "a couple of hours"),
                (30, "half a minute"),
                (90, "a minute and a half"),
                (90, "one and a half minutes"),
                (2, "a couple of seconds"),
                (1, "a second"),
                (1, "one second"),
                (4500, "an hour and a quarter"),
                (6300, "an hour and three quarters"),
                (4500, "one and a quarter hours"),
            ];
            let (n, text) = pick(rng, &fixed);
            (n, text.into())
        }
        6 | 7 => {
            let n = rng.random_range(1..=6);
            (1800 * (2 * n + 1), halves(rng, 2 * n + 1) + " hours")
        }
        8 => {
            let n = rng.random_range(1..=9);
            (30 * (2 * n + 1), halves(rng, 2 * n + 1) + " minutes")
        }
        9 | 10 => {
            let hours = rng.random_range(1..=3);
            let minutes = pick(rng, &[5, 10, 15, 15, 20, 30, 30, 40, 45, 50]);
            let h = match hours {
                1 => pick(rng, &["an hour", "one hour", "1 hour"]).to_string(),
                _ => whole(rng, hours) + " hours",
            };
            let and = pick(rng, &[" and ", " and ", " "]);
            let m = whole(rng, minutes) + pick(rng, &[" minutes", " minutes", " min"]);
            (3600 * hours + 60 * minutes, h + and + &m)
        }
        _ => {
            let minutes = rng.random_range(1..=5);
            let seconds = pick(rng, &[10, 15, 20, 30, 30, 45]);
            let m = match minutes {
                1 => pick(rng, &["a minute", "one minute", "1 minute"]).to_string(),
                _ => whole(rng, minutes) + " minutes",
            };
            let and = pick(rng, &[" and ", " and ", " "]);
            let s = whole(rng, seconds) + pick(rng, &[" seconds", " seconds", " sec"]);
            (60 * minutes + seconds, m + and + &s)
        }
    }
}

/// A number with a unit; short units may stick to digits.
fn unit(rng: &mut Rng, n: u32, units: &[&str]) -> String {
    let unit = pick(rng, units);
    if unit.len() == 1 {
        let space = if chance(rng, 0.7) { "" } else { " " };
        return format!("{n}{space}{unit}");
    }
    let number = whole(rng, n);
    if unit.starts_with('-') {
        number + unit
    } else if unit.len() <= 3
        && number.starts_with(|c: char| c.is_ascii_digit())
        && chance(rng, 0.3)
    {
        number + unit
    } else {
        number + " " + unit
    }
}

fn seconds(rng: &mut Rng) -> u32 {
    match rng.random_range(0..4) {
        0 => rng.random_range(2..=59),
        1 => pick(rng, &[90, 100, 120, 60, 75, 80, 45, 180]),
        _ => 5 * rng.random_range(1..=12),
    }
}

fn minutes(rng: &mut Rng) -> u32 {
    match rng.random_range(0..10) {
        0..4 => rng.random_range(1..=15),
        4 | 5 => rng.random_range(1..=60),
        6 => pick(rng, &[90, 75, 120, 100, 80, 70, 65, 85, 95]),
        _ => 5 * rng.random_range(1..=12),
    }
}

/// A level, temperature or share that a thing is set to, and its words.
pub fn value(rng: &mut Rng, what: &str) -> (f64, &'static str, String) {
    match what {
        "heating" | "cooling" => temperature(rng),
        "fan" if chance(rng, 0.6) => {
            let n = weighted(
                rng,
                &[
                    (1, 4),
                    (2, 5),
                    (3, 5),
                    (4, 3),
                    (5, 3),
                    (6, 1),
                    (7, 1),
                    (8, 1),
                    (9, 1),
                    (10, 1),
                ],
            );
            let number = whole(rng, n);
            let text = match rng.random_range(0..6) {
                0 | 1 => format!("level {number}"),
                2 => format!(
                    "{} {number}",
                    pick(rng, &["speed", "speed", "step", "stage"])
                ),
                _ => number,
            };
            (f64::from(n), "level", text)
        }
        _ => percent(rng, what),
    }
}

fn percent(rng: &mut Rng, what: &str) -> (f64, &'static str, String) {
    if chance(rng, 0.3) {
        let mut named = vec![
            (25, "low"),
            (50, "medium"),
            (50, "half"),
            (50, "halfway"),
            (75, "high"),
            (100, "full"),
            (100, "maximum"),
            (100, "max"),
            (25, "a quarter"),
            (75, "three quarters"),
            (50, "half way"),
            (50, "mid"),
            (100, "the maximum"),
            (100, "the max"),
            (25, "one quarter"),
            (50, "fifty fifty"),
        ];
        match what {
            "light" | "lamp" => named.extend([
                (100, "full brightness"),
                (50, "half brightness"),
                (25, "low brightness"),
                (75, "high brightness"),
                (100, "full power"),
                (100, "maximum brightness"),
                (50, "medium brightness"),
            ]),
            "volume" => named.extend([
                (100, "full blast"),
                (100, "full volume"),
                (50, "half volume"),
                (25, "low volume"),
            ]),
            "blinds" => named.extend([
                (50, "half open"),
                (50, "halfway open"),
                (50, "half closed"),
                (50, "the middle"),
            ]),
            _ => named.extend([
                (100, "full speed"),
                (25, "low speed"),
                (75, "high speed"),
                (50, "medium speed"),
                (100, "full power"),
                (50, "half speed"),
                (100, "top speed"),
            ]),
        }
        let (n, text) = pick(rng, &named);
        return (f64::from(n), "percent", text.into());
    }
    let n = if chance(rng, 0.6) {
        5 * rng.random_range(0..=20)
    } else {
        rng.random_range(0..=100)
    };
    let plain = what != "fan" && chance(rng, 0.3);
    (
        f64::from(n),
        "percent",
        if plain {
            whole(rng, n)
        } else {
            percents(rng, n)
        },
    )
}

fn percents(rng: &mut Rng, n: u32) -> String {
    match rng.random_range(0..6) {
        0 | 1 => format!("{n}%"),
        2 => format!("{n} %"),
        3 => whole(rng, n) + " per cent",
        _ => whole(rng, n) + " percent",
    }
}

fn temperature(rng: &mut Rng) -> (f64, &'static str, String) {
    if chance(rng, 0.22) {
        let n = if chance(rng, 0.8) {
            rng.random_range(60..=80)
        } else {
            rng.random_range(45..=95)
        };
        let number = whole(rng, n);
        let text = match rng.random_range(0..10) {
            0..3 => number,
            3..6 => number + " degrees",
            6 => number + " degrees fahrenheit",
            7 => number + " fahrenheit",
            8 => format!("{n}{}", pick(rng, &["f", " f", "°f", " °f"])),
            _ => format!("{n}{}", pick(rng, &["°", " deg", " °"])),
        };
        return (f64::from(n), "fahrenheit", text);
    }
    let mut n = 2 * if chance(rng, 0.8) {
        rng.random_range(16..=25)
    } else {
        rng.random_range(5..=44)
    };
    if chance(rng, 0.2) {
        n += 1;
    }
    let number = halves(rng, n);
    let digits = number.ends_with(|c: char| c.is_ascii_digit());
    let text = match rng.random_range(0..12) {
        0..4 => number,
        4..8 => number + " degrees",
        8 => number + " degrees celsius",
        9 => {
            number
                + pick(
                    rng,
                    &[" celsius", " celcius", " centigrade", " degrees centigrade"],
                )
        }
        10 if digits => number + pick(rng, &["c", " c", "°c", " °c", "ºc"]),
        11 if digits => number + pick(rng, &["°", " deg", " °"]),
        _ => number + " degree",
    };
    (f64::from(n) / 2.0, "celsius", text)
}

/// A step by which a thing changes, and its words.
pub fn step(rng: &mut Rng, what: &str) -> (f64, &'static str, String) {
    match what {
        "heating" | "cooling" => {
            let (n, text) = match rng.random_range(0..10) {
                0 => (
                    2,
                    pick(rng, &["a degree", "one degree", "1 degree", "1°"]).to_string(),
                ),
                1 => (
                    1,
                    pick(
                        rng,
                        &[
                            "half a degree",
                            "half a degree",
                            "0.5 degrees",
                            "a half degree",
                        ],
                    )
                    .to_string(),
                ),
                2 => (
                    4,
                    pick(rng, &["a couple of degrees", "two degrees", "2°"]).to_string(),
                ),
                3 => {
                    let n = 2 * rng.random_range(1..=5) + 1;
                    (n, halves(rng, n) + " degrees")
                }
                _ => {
                    let n = rng.random_range(1..=10);
                    (
                        2 * n,
                        whole(rng, n) + if n == 1 { " degree" } else { " degrees" },
                    )
                }
            };
            let (unit, suffix) = weighted(
                rng,
                &[
                    (("celsius", ""), 7),
                    (("celsius", " celsius"), 1),
                    (("fahrenheit", " fahrenheit"), 2),
                ],
            );
            (f64::from(n) / 2.0, unit, text + suffix)
        }
        "fan" if chance(rng, 0.6) => {
            let n = rng.random_range(1..=4);
            let text = match n {
                1 => pick(
                    rng,
                    &[
                        "one level",
                        "a level",
                        "1 level",
                        "one step",
                        "one speed level",
                    ],
                )
                .to_string(),
                _ => whole(rng, n) + pick(rng, &[" levels", " steps", " levels"]),
            };
            (f64::from(n), "level", text)
        }
        _ => {
            let n = if chance(rng, 0.75) {
                5 * rng.random_range(1..=12)
            } else {
                rng.random_range(1..=60)
            };
            (f64::from(n), "percent", percents(rng, n))
        }
    }
}

/// A time of the clock, which no action can hold.
pub fn clock(rng: &mut Rng) -> String {
    let hour = rng.random_range(1..=12);
    match rng.random_range(0..8) {
        0 => pick(
            rng,
            &[
                "noon",
                "midnight",
                "sunset",
                "sunrise",
                "lunch time",
                "dawn",
            ],
        )
        .to_string(),
        1 => format!("{hour}:{:02}", 5 * rng.random_range(0..12)),
        2 => format!("half past {}", words(rng, hour)),
        3 => format!("{} {}", whole(rng, hour), pick(rng, &["o'clock", "oclock"])),
        4 => format!(
            "quarter {} {}",
            pick(rng, &["to", "past"]),
            words(rng, hour)
        ),
        5 | 6 => format!("{hour}{}", pick(rng, &["pm", "am", " pm", " am", " p.m."])),
        _ => whole(rng, hour),
    }
}
