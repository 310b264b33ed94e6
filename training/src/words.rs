//! What things and places are called: noun phrases and the place that they say.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

use crate::action::Where;
use crate::frames::parse_lists;
use crate::random::{Rng, chance, one_of, pick, weighted};

/// A name as singular and plural, either of which may be missing.
#[derive(Debug, Clone)]
struct Name {
    singular: Option<String>,
    plural: Option<String>,
}

/// The dictionary of `words.txt`.
#[derive(Debug)]
pub struct Words {
    things: BTreeMap<String, Vec<Name>>,
    places: Vec<(String, Vec<String>)>,
}

/// Words, and what they say.
#[derive(Debug, Clone, Default)]
pub struct Phrase {
    /// The words.
    pub text: String,
    /// The place that they say.
    pub place: Where,
    /// Whether the noun is plural.
    pub plural: bool,
}

const HOUSE: &[&str] = &[
    "in the house",
    "in the whole house",
    "in every room",
    "in all rooms",
    "everywhere",
    "in all the rooms",
    "throughout the house",
    "around the house",
    "all over the house",
    "in the entire house",
];

impl Words {
    /// Reads `words.txt`.
    ///
    /// # Errors
    /// If a section is not known, or a line is no entry.
    pub fn parse(text: &str) -> Result<Self> {
        let (mut things, mut places) = (BTreeMap::new(), Vec::new());
        let lists = parse_lists(text)?.into_iter();
        let entries = lists.flat_map(|(section, lines)| {
            lines.into_iter().map(move |line| (section.clone(), line))
        });
        for (section, line) in entries {
            let (key, names) = line
                .split_once(':')
                .with_context(|| format!("no colon: {line}"))?;
            let names = names.split(',').map(str::trim);
            match section.as_str() {
                "things" => {
                    let word =
                        |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
                    let names = names.map(|name| {
                        let (singular, plural) = name.split_once('|').unwrap_or((name, ""));
                        Name {
                            singular: word(singular),
                            plural: word(plural),
                        }
                    });
                    things.insert(key.to_owned(), names.collect());
                }
                "places" => places.push((key.to_owned(), names.map(str::to_owned).collect())),
                _ => bail!("no such section: {section}"),
            }
        }
        Ok(Self { things, places })
    }

    /// A noun without determiner, and whether it is plural.
    fn noun(&self, rng: &mut Rng, what: &str, plural: bool) -> (String, bool) {
        let name = one_of(rng, &self.things[what]);
        match (&name.singular, &name.plural) {
            (_, Some(many)) if plural => (many.clone(), true),
            (Some(one), _) => (one.clone(), false),
            (None, Some(many)) => (many.clone(), true),
            (None, None) => unreachable!("a name has a form"),
        }
    }

    /// A noun alone, as in "more light".
    pub fn bare(&self, rng: &mut Rng, what: &str) -> Phrase {
        let plural = chance(rng, 0.3);
        let (text, plural) = self.noun(rng, what, plural);
        Phrase {
            text,
            plural,
            ..Phrase::default()
        }
    }

    /// A room that has a name, and the name.
    fn room(&self, rng: &mut Rng) -> (String, String) {
        let (key, names) = one_of(rng, &self.places[..self.places.len() - 2]);
        (key.clone(), one_of(rng, names).clone())
    }

    /// The bare name of a room, as in "kitchen light".
    pub fn room_name(&self, rng: &mut Rng) -> Phrase {
        if chance(rng, 0.06) {
            let floor = pick(rng, &["upstairs", "downstairs"]);
            return Phrase {
                text: floor.to_string(),
                place: one(floor),
                plural: false,
            };
        }
        let (key, text) = self.room(rng);
        Phrase {
            text,
            place: one(&key),
            plural: false,
        }
    }

    /// A room as an object: "the kitchen", "this room", "the whole house".
    pub fn that_room(&self, rng: &mut Rng) -> Phrase {
        match weighted(rng, &[("one", 60), ("here", 22), ("all", 8), ("two", 8)]) {
            "here" => Phrase {
                text: pick(
                    rng,
                    &[
                        "the room",
                        "this room",
                        "it in here",
                        "my room",
                        "the place",
                        "it",
                    ],
                )
                .to_string(),
                ..Phrase::default()
            },
            "all" => Phrase {
                text: pick(
                    rng,
                    &[
                        "the whole house",
                        "the house",
                        "all rooms",
                        "the entire house",
                        "every room",
                    ],
                )
                .to_string(),
                place: Where::All,
                plural: false,
            },
            "two" => {
                let ((a, x), (b, y)) = self.two(rng);
                let the = pick(rng, &["the ", ""]);
                Phrase {
                    text: format!("the {x} and {the}{y}"),
                    place: Where::Places(vec![a, b]),
                    plural: false,
                }
            }
            _ => {
                let (key, name) = self.room(rng);
                let the = determiner(rng);
                Phrase {
                    text: format!("{the}{name}"),
                    place: one(&key),
                    plural: false,
                }
            }
        }
    }

    fn two(&self, rng: &mut Rng) -> ((String, String), (String, String)) {
        let first = self.room(rng);
        loop {
            let second = self.room(rng);
            if second.0 != first.0 {
                return (first, second);
            }
        }
    }

    /// Where, as an adverb: "in the kitchen", "upstairs", "everywhere".
    pub fn adverb(&self, rng: &mut Rng) -> Phrase {
        match weighted(
            rng,
            &[
                ("room", 78),
                ("floor", 7),
                ("outside", 2),
                ("all", 7),
                ("two", 8),
                ("three", 1),
            ],
        ) {
            "floor" => {
                let floor = pick(rng, &["upstairs", "downstairs"]);
                Phrase {
                    text: floor.to_string(),
                    place: one(floor),
                    plural: false,
                }
            }
            "outside" => Phrase {
                text: pick(rng, &["outside", "outdoors"]).to_string(),
                place: one("garden"),
                plural: false,
            },
            "all" => Phrase {
                text: pick(rng, HOUSE).to_string(),
                place: Where::All,
                plural: false,
            },
            "two" => {
                let ((a, x), (b, y)) = self.two(rng);
                let join = pick(rng, &["and the ", "and the ", "and ", "and in the "]);
                Phrase {
                    text: format!("{} the {x} {join}{y}", preposition(&a)),
                    place: Where::Places(vec![a, b]),
                    plural: false,
                }
            }
            "three" => {
                let (text, keys) = self.three(rng);
                Phrase {
                    text: format!("in {text}"),
                    place: Where::Places(keys),
                    plural: false,
                }
            }
            _ => {
                let (key, name) = self.room(rng);
                let text = match rng_case(rng) {
                    0 => format!("{} {name}", preposition(&key)),
                    _ => format!("{} {}{name}", preposition(&key), determiner(rng)),
                };
                Phrase {
                    text,
                    place: one(&key),
                    plural: false,
                }
            }
        }
    }

    fn three(&self, rng: &mut Rng) -> (String, Vec<String>) {
        let ((a, x), (b, y)) = self.two(rng);
        let (c, z) = loop {
            let third = self.room(rng);
            if third.0 != a && third.0 != b {
                break third;
            }
        };
        let the = pick(rng, &["the ", ""]);
        let comma = pick(rng, &[", ", " ", " and "]);
        (
            format!("the {x}{comma}{the}{y} and {the}{z}"),
            vec![a, b, c],
        )
    }

    /// An adverb of place with a space before it, or nothing.
    pub fn maybe_at(&self, rng: &mut Rng) -> Phrase {
        if chance(rng, 0.38) {
            Phrase::default()
        } else if chance(rng, 0.13) {
            Phrase {
                text: pick(
                    rng,
                    &[
                        " in here",
                        " here",
                        " in this room",
                        " in the room",
                        " around here",
                        " over here",
                    ],
                )
                .to_string(),
                ..Phrase::default()
            }
        } else {
            let phrase = self.adverb(rng);
            Phrase {
                text: format!(" {}", phrase.text),
                ..phrase
            }
        }
    }

    /// A thing without a place; "all the lights" says the whole house.
    pub fn thing(&self, rng: &mut Rng, what: &str) -> Phrase {
        let plural = chance(rng, 0.35);
        let (noun, plural) = self.noun(rng, what, plural);
        if plural && chance(rng, 0.2) {
            let all = pick(rng, &["all the", "all", "all of the", "all my"]);
            return Phrase {
                text: format!("{all} {noun}"),
                place: Where::All,
                plural,
            };
        }
        let countable = self.things[what]
            .iter()
            .any(|name| name.singular.as_ref() == Some(&noun) && name.plural.is_some());
        if !plural && countable && chance(rng, 0.04) {
            return Phrase {
                text: format!("{} {noun}", pick(rng, &["every", "each", "every single"])),
                place: Where::All,
                plural,
            };
        }
        let the = weighted(
            rng,
            &[
                ("the ", 70),
                ("", 14),
                ("my ", 5),
                ("that ", 3),
                ("this ", 3),
                ("our ", 2),
                ("those ", 1),
                ("both ", 1),
                ("a ", 1),
            ],
        );
        let the = match the {
            "those " | "both " if !plural => "the ",
            "a " | "that " | "this " if plural => "the ",
            other => other,
        };
        Phrase {
            text: format!("{the}{noun}"),
            place: Where::Here,
            plural,
        }
    }

    /// A thing, mostly with its place.
    pub fn noun_phrase(&self, rng: &mut Rng, what: &str) -> Phrase {
        match what {
            "door" | "lock" => self.door(rng),
            _ => match weighted(
                rng,
                &[
                    ("alone", 30),
                    ("before", 30),
                    ("after", 28),
                    ("all", 6),
                    ("two", 8),
                    ("three", 2),
                    ("door", 2),
                ],
            ) {
                "alone" => self.thing(rng, what),
                "before" => {
                    let room = self.room_name(rng);
                    let plural = chance(rng, 0.35);
                    let (noun, plural) = self.noun(rng, what, plural);
                    let the = if plural && chance(rng, 0.15) {
                        "all the "
                    } else {
                        determiner(rng)
                    };
                    let the = if chance(rng, 0.15) { "" } else { the };
                    Phrase {
                        text: format!("{the}{} {noun}", room.text),
                        place: room.place,
                        plural,
                    }
                }
                "all" => {
                    let thing = self.thing(rng, what);
                    Phrase {
                        text: format!("{} {}", thing.text, pick(rng, HOUSE)),
                        place: Where::All,
                        ..thing
                    }
                }
                "two" => {
                    let ((a, x), (b, y)) = self.two(rng);
                    let places = Where::Places(vec![a, b]);
                    let plural = chance(rng, 0.7);
                    let (noun, plural) = self.noun(rng, what, plural);
                    let text = match rng_case(rng) {
                        0 | 1 => format!("the {noun} in the {x} and the {y}"),
                        2 => format!("the {noun} in {x} and {y}"),
                        3 => format!("the {x} {noun} and the {y} {noun}"),
                        4 => format!("{x} and {y} {noun}"),
                        _ => format!("the {x} and {y} {noun}"),
                    };
                    Phrase {
                        text,
                        place: places,
                        plural,
                    }
                }
                "three" => {
                    let (text, keys) = self.three(rng);
                    let (noun, plural) = self.noun(rng, what, true);
                    let text = if chance(rng, 0.5) {
                        format!("the {noun} in {text}")
                    } else {
                        format!("{text} {noun}")
                    };
                    Phrase {
                        text,
                        place: Where::Places(keys),
                        plural,
                    }
                }
                "door" if what == "light" => {
                    let side = pick(rng, &["front door", "back door"]);
                    let (noun, plural) = self.noun(rng, what, false);
                    let text = match rng_case(rng) {
                        0..3 => format!("the {side} {noun}"),
                        3 => format!("the {noun} by the {side}"),
                        _ => format!("the {noun} at the {side}"),
                    };
                    Phrase {
                        text,
                        place: one(side),
                        plural,
                    }
                }
                _ => {
                    let thing = self.thing(rng, what);
                    let at = self.adverb(rng);
                    Phrase {
                        text: format!("{} {}", thing.text, at.text),
                        place: at.place,
                        plural: thing.plural,
                    }
                }
            },
        }
    }

    fn door(&self, rng: &mut Rng) -> Phrase {
        let phrase = |text: String, place: Where, plural: bool| Phrase {
            text,
            place,
            plural,
        };
        match weighted(
            rng,
            &[
                ("front", 26),
                ("back", 16),
                ("alone", 14),
                ("room", 22),
                ("to", 10),
                ("all", 8),
                ("both", 3),
                ("floor", 2),
            ],
        ) {
            "front" => phrase(format!("{}front door", the(rng)), one("front door"), false),
            "back" => phrase(format!("{}back door", the(rng)), one("back door"), false),
            "alone" => phrase(
                pick(
                    rng,
                    &[
                        "the door",
                        "the door",
                        "the door",
                        "door",
                        "that door",
                        "this door",
                        "my door",
                    ],
                )
                .to_string(),
                Where::Here,
                false,
            ),
            "all" => {
                let text = pick(
                    rng,
                    &[
                        "all doors",
                        "all the doors",
                        "all of the doors",
                        "every door",
                        "all the doors in the house",
                        "every single door",
                        "the doors everywhere",
                    ],
                );
                phrase(text.into(), Where::All, text.contains("doors"))
            }
            "both" => phrase(
                pick(
                    rng,
                    &[
                        "the front and back door",
                        "the front and the back door",
                        "front and back doors",
                        "the front door and the back door",
                    ],
                )
                .to_string(),
                Where::Places(vec!["front door".into(), "back door".into()]),
                true,
            ),
            "floor" => {
                let floor = pick(rng, &["upstairs", "downstairs"]);
                phrase(format!("the doors {floor}"), one(floor), true)
            }
            "to" => {
                let (key, name) = self.room(rng);
                let join = pick(rng, &["to", "of", "in", "to"]);
                phrase(format!("the door {join} the {name}"), one(&key), false)
            }
            _ => {
                let (key, name) = if chance(rng, 0.25) {
                    ("garage".into(), "garage".into())
                } else {
                    self.room(rng)
                };
                phrase(format!("{}{name} door", the(rng)), one(&key), false)
            }
        }
    }

    /// The lock of a door: "the lock on the front door".
    pub fn lock(&self, rng: &mut Rng) -> Phrase {
        let door = self.door(rng);
        let text = match rng_case(rng) {
            0 | 1 => format!("{} lock", door.text),
            2 => format!("the lock of {}", door.text),
            3 => {
                return Phrase {
                    text: "the lock".into(),
                    ..Phrase::default()
                };
            }
            _ => format!("the lock on {}", door.text),
        };
        Phrase {
            text,
            plural: false,
            ..door
        }
    }

    /// Where "everything" is: the whole house unless a place is said.
    pub fn every(&self, rng: &mut Rng) -> Phrase {
        if chance(rng, 0.5) {
            return Phrase {
                place: Where::All,
                ..Phrase::default()
            };
        }
        let phrase = self.adverb(rng);
        Phrase {
            text: format!(" {}", phrase.text),
            ..phrase
        }
    }
}

fn one(place: &str) -> Where {
    Where::Places(vec![place.into()])
}

fn rng_case(rng: &mut Rng) -> u32 {
    pick(rng, &[0, 1, 2, 3, 4, 5])
}

fn the(rng: &mut Rng) -> &'static str {
    weighted(rng, &[("the ", 8), ("", 2), ("my ", 1)])
}

fn determiner(rng: &mut Rng) -> &'static str {
    weighted(rng, &[("the ", 16), ("my ", 2), ("our ", 1)])
}

fn preposition(place: &str) -> &'static str {
    match place {
        "terrace" => "on",
        _ => "in",
    }
}
