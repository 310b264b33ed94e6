//! The frames: sentences with slots, by the action that they mean.

use anyhow::{Context, Result, ensure};

use crate::random::{Rng, pick};

/// Frames that mean the same action.
#[derive(Debug, Clone)]
pub struct Section {
    /// The verb.
    pub act: String,
    /// The things that it may apply to.
    pub whats: Vec<String>,
    /// Sentences with alternatives `(a|b)` and slots `{np}`; "= place" at the end says where.
    pub frames: Vec<String>,
}

/// Reads a file of frames.
///
/// # Errors
/// If a frame comes before the first section, or a section is not of an action.
pub fn parse(text: &str) -> Result<Vec<Section>> {
    let section = |(header, frames): (String, Vec<String>)| {
        let mut words = header.split(' ').map(str::to_owned);
        let act = words.next().context("a section without a verb")?;
        let whats: Vec<String> = words.collect();
        ensure!(
            act == "none" || !whats.is_empty(),
            "a section without things: {header}"
        );
        Ok(Section { act, whats, frames })
    };
    parse_lists(text)?.into_iter().map(section).collect()
}

/// The lines of a file, by the sections `[name]` that they are under.
///
/// # Errors
/// If a line comes before the first section.
pub fn parse_lists(text: &str) -> Result<Vec<(String, Vec<String>)>> {
    let mut lists: Vec<(String, Vec<String>)> = Vec::new();
    for line in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        match line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            Some(name) => lists.push((name.to_owned(), Vec::new())),
            None => {
                let list = lists.last_mut().context("a line before a section")?;
                list.1.push(line.to_owned());
            }
        }
    }
    Ok(lists)
}

/// A frame with each alternative chosen.
pub fn choose(rng: &mut Rng, frame: &str) -> String {
    let mut text = frame.to_owned();
    while let Some(open) = text.find('(') {
        let close = open + text[open..].find(')').expect("alternatives are closed");
        let options: Vec<&str> = text[open + 1..close].split('|').collect();
        let chosen = pick(rng, &options).to_string();
        text.replace_range(open..=close, &chosen);
    }
    tidy(&text)
}

/// All sentences that a frame stands for, its slots as they are.
#[cfg(test)]
pub fn expand(frame: &str) -> Vec<String> {
    let Some(open) = frame.find('(') else {
        return vec![tidy(frame)];
    };
    let close = open + frame[open..].find(')').expect("alternatives are closed");
    let options = frame[open + 1..close].split('|');
    options
        .flat_map(|option| {
            expand(&format!(
                "{}{option}{}",
                &frame[..open],
                &frame[close + 1..]
            ))
        })
        .collect()
}

/// Single spaces, none at the ends.
pub fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
