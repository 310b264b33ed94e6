//! Commands with their answers, from frames and words.

use std::collections::HashMap;

use anyhow::{Context, Result};
use rand::{RngExt, SeedableRng};

use crate::action::{Action, Where};
use crate::frames::{self, Section, choose, tidy};
use crate::noise;
use crate::numbers;
use crate::random::{Rng, chance, one_of, pick, weighted};
use crate::words::{Phrase, Words};

/// A command and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What is said.
    pub command: String,
    /// The JSON.
    pub answer: String,
}

/// Makes commands without end.
pub struct Generator {
    words: Words,
    sections: Vec<Section>,
    weights: Vec<(usize, u32)>,
    wrappers: HashMap<String, Vec<String>>,
    noise: f64,
    /// How much likelier delays and corrections are than in the evaluation.
    drill: u32,
}

/// Frames of training or of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// What training sees.
    Train,
    /// What it never sees.
    Eval,
}

impl Split {
    /// The text of the frames.
    pub fn frames(self) -> &'static str {
        match self {
            Self::Train => include_str!("../phrases/train.txt"),
            Self::Eval => include_str!("../phrases/eval.txt"),
        }
    }

    /// The text of the wrappers.
    pub fn wrappers(self) -> &'static str {
        match self {
            Self::Train => include_str!("../phrases/wrappers.train.txt"),
            Self::Eval => include_str!("../phrases/wrappers.eval.txt"),
        }
    }

    /// Delays and corrections are the hardest to learn: training sees more of them.
    fn drill(self) -> u32 {
        match self {
            Self::Train => 2,
            Self::Eval => 1,
        }
    }
}

const KINDS: &[&str] = &[
    "light", "lamp", "plug", "heating", "cooling", "fan", "tv", "music", "radio", "blinds", "door",
    "window",
];
const COLORS: &[&str] = &[
    "red",
    "blue",
    "green",
    "yellow",
    "purple",
    "pink",
    "orange",
    "warm white",
    "cold white",
    "white",
    "violet",
    "turquoise",
];
const APPLIANCES: &[&str] = &[
    "the oven",
    "the kettle",
    "the washing machine",
    "the dishwasher",
    "the coffee machine",
    "the coffee maker",
    "the toaster",
    "the microwave",
    "the fridge",
    "the dryer",
    "the vacuum",
    "the robot",
    "the printer",
    "the computer",
    "the stove",
    "the shower",
    "the sprinkler",
    "the camera",
    "the doorbell",
    "the car",
    "the iron",
    "the hair dryer",
    "the freezer",
    "the water",
    "the dryer",
    "the blender",
    "the laptop",
    "the phone",
    "the bath",
    "the hob",
    "the tap",
    "the xbox",
    "the playstation",
    "the router",
    "the wifi",
    "the vacuum cleaner",
    "the lawn mower",
    "the pool pump",
    "the humidifier",
];
const TOPICS: &[&str] = &[
    "love",
    "cats",
    "history",
    "the sea",
    "autumn",
    "football",
    "dragons",
    "my dog",
    "rome",
    "the moon",
    "music",
    "space",
    "pirates",
    "the war",
    "cooking",
    "winter",
    "a princess",
    "politics",
    "physics",
    "robots",
    "dogs",
];

/// What a frame became.
struct Filled {
    text: String,
    action: Action,
    /// Whether a delay makes sense.
    plain: bool,
}

impl Generator {
    /// A generator over one split. `noise` is the share of commands with typing errors.
    ///
    /// # Errors
    /// If a file of phrases is malformed.
    pub fn new(split: Split, noise: f64) -> Result<Self> {
        let sections = frames::parse(split.frames())?;
        let weights = sections.iter().enumerate().map(|(index, section)| {
            let spread =
                (section.frames.len() as f64).sqrt() * (1.0 + section.whats.len() as f64 / 3.0);
            let scale = match section.act.as_str() {
                "none" => 36.0,
                "scene" | "pause" | "resume" | "next" | "previous" | "mute" | "unmute" => 4.0,
                "set" | "upby" | "downby" => 14.0,
                "start" => 32.0,
                _ => 10.0,
            };
            (index, (scale * spread) as u32)
        });
        let weights = weights.collect();
        let wrappers = frames::parse_lists(split.wrappers())?.into_iter().collect();
        Ok(Self {
            words: Words::parse(include_str!("../phrases/words.txt"))?,
            sections,
            weights,
            wrappers,
            noise,
            drill: split.drill(),
        })
    }

    /// The next command.
    pub fn example(&self, rng: &mut Rng) -> Example {
        let section = &self.sections[weighted(rng, &self.weights)];
        let filled = self.command(rng, section);
        let text = if filled.action.act == "none" && chance(rng, 0.75) {
            filled.text
        } else {
            self.wrap(rng, &filled.text, &filled.action)
        };
        Example {
            command: noise::disturb(rng, &tidy(&text), self.noise),
            answer: filled.action.json(),
        }
    }

    /// A command of a section, with delays and corrections but no noise.
    fn command(&self, rng: &mut Rng, section: &Section) -> Filled {
        let mut filled = self.fill(rng, section);
        if section.act != "none" && filled.plain && chance(rng, 0.02 * f64::from(self.drill)) {
            let other = self.any(rng, |section| section.act != "none");
            let sorry = pick(
                rng,
                &[
                    ", no wait, ",
                    " no ",
                    " no wait ",
                    " sorry i mean ",
                    " i mean ",
                    ", sorry, ",
                    " no sorry ",
                    ", no, ",
                    " oh no ",
                    " wait no ",
                ],
            );
            filled.text = format!("{}{sorry}{}", other.text, filled.text);
        }
        if filled.plain {
            self.time(rng, &mut filled);
        }
        filled
    }

    /// A command of some section that `wanted` accepts.
    fn any(&self, rng: &mut Rng, wanted: impl Fn(&Section) -> bool) -> Filled {
        loop {
            let section = &self.sections[weighted(rng, &self.weights)];
            if wanted(section) {
                let filled = self.fill(rng, section);
                if filled.plain {
                    return filled;
                }
            }
        }
    }

    /// Fills a frame's slots.
    fn fill(&self, rng: &mut Rng, section: &Section) -> Filled {
        let frame = one_of(rng, &section.frames);
        let (frame, place) = frame.split_once(" = ").unwrap_or((frame, ""));
        // A frame that names no thing means the first of its section.
        let named = ["{np}", "{thing}", "{bare}"]
            .iter()
            .any(|slot| frame.contains(slot));
        let what = match &section.whats[..] {
            [] => "",
            whats => {
                let any = one_of(rng, whats);
                if named { any } else { &whats[0] }
            }
        };
        let (act, by) = match section.act.as_str() {
            "upby" => ("up", true),
            "downby" => ("down", true),
            act => (act, false),
        };
        let mut action = Action {
            act: act.into(),
            what: what.into(),
            ..Action::default()
        };
        if place == "all" {
            action.place = Where::All;
        }
        let mut text = choose(rng, frame);
        if text.contains("{mode}") && chance(rng, 0.5) {
            let start = pick(
                rng,
                &[
                    "activate ",
                    "start ",
                    "turn on ",
                    "switch to ",
                    "go to ",
                    "set ",
                    "enable ",
                    "begin ",
                    "enter ",
                    "switch on ",
                    "run ",
                    "go into ",
                ],
            );
            text = format!("{start}{}{text}", pick(rng, &["", "the "]));
        }
        let plain = ["{np}", "{thing}", "{every}", "{mode}", "{everyin}"]
            .iter()
            .any(|slot| frame.contains(slot))
            && [
                "on", "off", "open", "close", "lock", "unlock", "set", "up", "down", "scene",
            ]
            .contains(&act)
            && ![
                "why ",
                "forgot",
                "did ",
                "who ",
                "if ",
                "left ",
                "need {np}",
                "with {np}",
                "wait",
            ]
            .iter()
            .any(|word| frame.contains(word));
        let mut plural = false;
        while let Some((open, close)) = next_slot(&text) {
            let slot = text[open + 1..close].to_owned();
            let phrase = self.slot(rng, &slot, &text[close + 1..], section, by, &mut action);
            plural |= phrase.plural;
            // "All the lights" of a kitchen are not those of the house.
            if phrase.place != Where::Here
                && !(phrase.place == Where::All && matches!(action.place, Where::Places(_)))
            {
                action.place = phrase.place;
            }
            text.replace_range(open..=close, &phrase.text);
        }
        text = text.replace("{be}", if plural { "are" } else { "is" });
        if section.act == "none" {
            action = Action {
                act: "none".into(),
                ..Action::default()
            };
        }
        if ["scene", "start", "stop"].contains(&act) {
            action.place = Where::Here;
        }
        Filled {
            text: tidy(&text),
            action,
            plain,
        }
    }

    /// What a slot becomes. Values and times go into the action; places are in the phrase.
    fn slot(
        &self,
        rng: &mut Rng,
        slot: &str,
        rest: &str,
        section: &Section,
        by: bool,
        action: &mut Action,
    ) -> Phrase {
        let text = |text: String| Phrase {
            text,
            ..Phrase::default()
        };
        let what = action.what.clone();
        match slot {
            "np" => {
                let phrase = self.words.noun_phrase(rng, &what);
                if rest.is_empty() && section.act != "query" && chance(rng, 0.05) {
                    let wrong = self.words.noun_phrase(rng, &what);
                    return Phrase {
                        text: correction(rng, &wrong.text, &phrase.text),
                        ..phrase
                    };
                }
                phrase
            }
            "thing" => self.words.thing(rng, &what),
            "bare" => self.words.bare(rng, &what),
            "at" => self.words.maybe_at(rng),
            "in" | "everyin" => self.words.adverb(rng),
            "room" => self.words.room_name(rng),
            "thatroom" => self.words.that_room(rng),
            "every" => self.words.every(rng),
            "doornp" => self.words.noun_phrase(rng, "door"),
            "locknp" => self.words.lock(rng),
            "any" => {
                let what = pick(rng, KINDS);
                self.words.noun_phrase(rng, what)
            }
            "lights" => {
                let what = pick(rng, &["light", "light", "lamp"]);
                self.words.noun_phrase(rng, what)
            }
            "value" => {
                let pair = |rng: &mut Rng| match by {
                    true => numbers::step(rng, &what),
                    false => numbers::value(rng, &what),
                };
                let (value, unit, words) = pair(rng);
                action.value = Some((value, unit));
                if rest.is_empty() && chance(rng, 0.03 * f64::from(self.drill)) {
                    let (_, _, wrong) = pair(rng);
                    return text(correction(rng, &wrong, &words));
                }
                text(words)
            }
            "time" => {
                let adjective = rest.starts_with(" timer") || rest.starts_with(" countdown");
                let adjective = adjective && chance(rng, 0.85);
                let (seconds, words) = numbers::duration(rng, adjective);
                action.after_s = Some(seconds);
                if rest.is_empty() && chance(rng, 0.02 * f64::from(self.drill)) {
                    let (_, wrong) = numbers::duration(rng, false);
                    return text(correction(rng, &wrong, &words));
                }
                text(words)
            }
            "mode" => text(
                pick(
                    rng,
                    &[
                        "mode",
                        "mode",
                        "mode",
                        "scene",
                        "mode on",
                        "scene on",
                        "setting",
                        "mode please",
                        "lighting",
                        "scenario",
                    ],
                )
                .to_string(),
            ),
            "scene" => text(
                pick(
                    rng,
                    &[
                        "scene",
                        "activate scene",
                        "set scene",
                        "start scene",
                        "set the scene to",
                        "run scene",
                        "set mode",
                        "mode",
                        "switch to",
                        "activate",
                        "set the house to",
                    ],
                )
                .to_string(),
            ),
            "clock" => text(numbers::clock(rng)),
            "color" => text(pick(rng, COLORS).to_string()),
            "appliance" => {
                let name = pick(rng, APPLIANCES);
                text(if chance(rng, 0.25) {
                    name.trim_start_matches("the ").into()
                } else {
                    name.to_string()
                })
            }
            "topic" => text(pick(rng, TOPICS).to_string()),
            "n" => {
                let n = rng.random_range(2..=300);
                text(numbers::whole(rng, n))
            }
            "do2" | "do3" | "do4" => {
                let filled = loop {
                    let filled = self.any(rng, |section| {
                        section.act != "none" && section.act != "query" && section.act != "scene"
                    });
                    if slot == "do4" || filled.text.split(' ').count() <= 8 {
                        break filled;
                    }
                };
                text(filled.text)
            }
            other => unreachable!("no such slot: {other}"),
        }
    }

    /// Adds a delay or a duration, sometimes.
    fn time(&self, rng: &mut Rng, filled: &mut Filled) {
        let lasts = ["on", "off", "open", "close"].contains(&filled.action.act.as_str());
        let kind = weighted(
            rng,
            &[
                ("", 78),
                ("later", 14 * self.drill),
                ("lasting", if lasts { 8 * self.drill } else { 0 }),
                ("both", if lasts { 2 * self.drill } else { 0 }),
            ],
        );
        if matches!(kind, "later" | "both") {
            let (seconds, words) = numbers::duration(rng, false);
            filled.action.after_s = Some(seconds);
            let phrase = one_of(rng, &self.wrappers["later"]).replace("{time}", &words);
            let first = phrase.ends_with("and then") || chance(rng, 0.35);
            filled.text = match first {
                true => format!("{phrase}{}{}", pick(rng, &[" ", " ", ", "]), filled.text),
                false => format!("{} {phrase}", filled.text),
            };
        }
        if matches!(kind, "lasting" | "both") {
            let (seconds, words) = numbers::duration(rng, false);
            filled.action.for_s = Some(seconds);
            let phrase = one_of(rng, &self.wrappers["lasting"]).replace("{time}", &words);
            filled.text = match chance(rng, 0.12) {
                true => format!("{phrase}{}{}", pick(rng, &[" ", ", "]), filled.text),
                false => format!("{} {phrase}", filled.text),
            };
        }
    }

    /// Politeness and filling words around a command.
    fn wrap(&self, rng: &mut Rng, text: &str, action: &Action) -> String {
        let mut text = text.to_owned();
        let question = action.act == "query" || text.starts_with("i ") || text.starts_with("it");
        if chance(rng, if question { 0.08 } else { 0.33 }) {
            let before = if question {
                pick(
                    rng,
                    &[
                        "hey",
                        "um",
                        "so",
                        "ok",
                        "well",
                        "uh",
                        "oh",
                        "hi",
                        "please",
                        "quick question",
                        "just checking",
                        "do you know",
                        "tell me",
                        "say",
                        "listen",
                        "right",
                        "hmm",
                        "excuse me",
                        "sorry",
                    ],
                )
            } else {
                one_of(rng, &self.wrappers["before"]).as_str()
            };
            let comma = if before.split(' ').count() < 3 && chance(rng, 0.15) {
                ","
            } else {
                ""
            };
            text = format!("{before}{comma} {text}");
        }
        if chance(rng, 0.2) {
            let comma = if chance(rng, 0.15) { "," } else { "" };
            text = format!("{text}{comma} {}", one_of(rng, &self.wrappers["after"]));
        }
        // What people add that is not the command.
        if let Some(reasons) = self
            .wrappers
            .get("reason before")
            .filter(|_| chance(rng, 0.06))
        {
            let join = pick(rng, &[" ", ", ", ", ", ". ", "! ", " so ", " and "]);
            text = format!("{}{join}{text}", one_of(rng, reasons));
        }
        if let Some(reasons) = self
            .wrappers
            .get("reason after")
            .filter(|_| chance(rng, 0.05))
        {
            let join = pick(rng, &[" ", ", ", ", ", ". "]);
            text = format!("{text}{join}{}", one_of(rng, reasons));
        }
        if chance(rng, 0.05) {
            let gaps: Vec<usize> = text
                .match_indices(' ')
                .map(|(at, _)| at)
                .chain([text.len()])
                .collect();
            let at = pick(rng, &gaps);
            let filler = pick(
                rng,
                &[
                    "like",
                    "um",
                    "uh",
                    "just",
                    "please",
                    "really",
                    "literally",
                    "maybe",
                    "kindly",
                    "quickly",
                    "er",
                    "also",
                    "then",
                    "simply",
                    "well",
                ],
            );
            text.insert_str(at, &format!(" {filler}"));
        }
        text
    }
}

/// The first slot but `{be}`, which depends on the others.
fn next_slot(text: &str) -> Option<(usize, usize)> {
    let open = text
        .match_indices('{')
        .map(|(at, _)| at)
        .find(|&at| !text[at..].starts_with("{be}"))?;
    Some((open, open + text[open..].find('}')?))
}

/// "the lamp, no, the fan": the second counts.
fn correction(rng: &mut Rng, wrong: &str, right: &str) -> String {
    let sorry = pick(
        rng,
        &[
            " no ",
            ", no, ",
            " no wait ",
            " i mean ",
            " sorry ",
            " sorry i mean ",
            " no i mean ",
            " or rather ",
            " wait no ",
            " actually ",
            ", actually ",
            " oh no ",
            " make that ",
            ", sorry, ",
            " no make it ",
            ", i meant ",
            " no sorry ",
            ", wait, ",
        ],
    );
    format!("{wrong}{sorry}{right}")
}

/// Sentences of people, with their places exchanged.
pub struct Natural {
    examples: Vec<Example>,
    words: Words,
}

impl Natural {
    /// Reads lines of command, tab, answer.
    ///
    /// # Errors
    /// If a line has no tab.
    pub fn new(text: &str) -> Result<Self> {
        Ok(Self {
            examples: parse_examples(text)?,
            words: Words::parse(include_str!("../phrases/words.txt"))?,
        })
    }

    /// How many sentences there are.
    #[cfg(feature = "train")]
    pub fn len(&self) -> usize {
        self.examples.len()
    }

    /// A sentence, often with another place than it had.
    pub fn example(&self, rng: &mut Rng, noise: f64) -> Example {
        let mut example = one_of(rng, &self.examples).clone();
        if let Some((key, _)) = example
            .answer
            .split_once(r#""where":""#)
            .and_then(|(_, rest)| rest.split_once('"'))
        {
            let key = key.to_owned();
            let name = format!(" {key}");
            if example.command.matches(&name).count() == 1
                && !key.contains("stairs")
                && !key.contains("door")
                && key != "garden"
                && key != "terrace"
            {
                let room = self.words.room_name(rng);
                if let Where::Places(places) = &room.place
                    && !places[0].contains("stairs")
                {
                    example.command = example.command.replace(&name, &format!(" {}", room.text));
                    example.answer = example.answer.replace(
                        &format!(r#""where":"{key}""#),
                        &format!(r#""where":"{}""#, places[0]),
                    );
                }
            }
        }
        example.command = noise::disturb(rng, &example.command, noise);
        example
    }
}

/// Lines of command, tab, answer.
///
/// # Errors
/// If a line has no tab.
pub fn parse_examples(text: &str) -> Result<Vec<Example>> {
    text.lines()
        .map(|line| {
            let (command, answer) = line
                .split_once('\t')
                .with_context(|| format!("no tab: {line}"))?;
            Ok(Example {
                command: command.into(),
                answer: answer.into(),
            })
        })
        .collect()
}

/// The evaluation set: `count` different commands of the held-out frames.
///
/// # Errors
/// If a file of phrases is malformed.
pub fn evaluation(count: usize) -> Result<Vec<Example>> {
    let generator = Generator::new(Split::Eval, 0.1)?;
    let mut rng = Rng::seed_from_u64(20);
    let mut seen = std::collections::HashSet::new();
    let mut examples = Vec::new();
    while examples.len() < count {
        let example = generator.example(&mut rng);
        if example.command.len() <= MAX_COMMAND && seen.insert(example.command.clone()) {
            examples.push(example);
        }
    }
    Ok(examples)
}

/// Longest command that the data has, in bytes.
pub const MAX_COMMAND: usize = 90;
