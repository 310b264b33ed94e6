//! SentencePiece's own file, `tokenizer.model`: a message of Protocol Buffers
//! (`sentencepiece_model.proto`), of which the fields that BPE needs are read.

use super::gguf::{self, GgufTokenizer};
use super::hf::Config;
use super::hf_file::Name;
use crate::error::{Error, Place, Result};
use crate::model::{MAX_TOKENS, Scheme, SpacePrefix, Tokenizer};

/// Builds the tokenizer of a file with the ids that end a generation, and what
/// `tokenizer_config.json` adds. If the file wants a space before the text, it is put there as
/// transformers 5 does, which SentencePiece itself does before a space and an added token too.
///
/// # Errors
/// When the file is malformed, or no BPE, or changes texts in a way that is not built.
pub fn read(file: &[u8], config: &Config, stop: &[u32]) -> Result<Tokenizer> {
    let model = Model::read(file)?;
    model.check()?;
    let mut tokens = model.pieces;
    add(config, &mut tokens)?;
    let id = |name: &Option<Name>, usual: i128| match name {
        None => Some(usual),
        Some(name) => {
            let mut tokens = tokens.iter().zip(0..);
            tokens.find_map(|(token, id)| (token.text == name.text()).then_some(id))
        }
    };
    let mut parts = gguf::parts(&GgufTokenizer {
        model: "llama",
        tokens: tokens.iter().map(|token| token.text).collect(),
        scores: Some(tokens.iter().map(|token| token.score).collect()),
        token_type: Some(tokens.iter().map(|token| token.kind).collect()),
        bos: id(&config.bos_token, model.bos),
        eos: id(&config.eos_token, model.eos),
        stop: stop.iter().map(|&id| id.into()).collect(),
        add_bos: config.add_bos_token,
        add_eos: config.add_eos_token,
        ..GgufTokenizer::default()
    })?;
    if let Scheme::SentencePiece(scheme) = &mut parts.scheme {
        scheme.space_prefix = match (model.space_prefix, config.legacy == Some(true)) {
            (false, _) => SpacePrefix::Never,
            (true, false) => SpacePrefix::First,
            (true, true) => SpacePrefix::Missing,
        };
    }
    for added in &mut parts.added {
        if let Some(said) = config.added_tokens_decoder.get(&added.id.to_string()) {
            (added.strip_left, added.strip_right) = (said.lstrip, said.rstrip);
        }
    }
    Tokenizer::new(parts)
}

/// Adds the tokens that only the configuration has; ids between them have none.
fn add<'a>(config: &'a Config, tokens: &mut Vec<Piece<'a>>) -> Result<()> {
    const ADDED: &str = "added_tokens_decoder";
    let added = config.added_tokens_decoder.iter().map(|(id, token)| {
        let id = id.parse().ok().filter(|&id: &usize| id < MAX_TOKENS);
        let id = id.ok_or_else(|| Error::new(format!("{id:?} is no id of a token")).at(ADDED))?;
        Ok((id, token))
    });
    for (id, token) in added.collect::<Result<Vec<_>>>()? {
        if tokens.len() <= id {
            tokens.resize(id + 1, UNUSED);
        }
        let piece = &mut tokens[id];
        if !piece.text.is_empty() && piece.text != token.content {
            let (text, other) = (piece.text, &token.content);
            return Err(
                Error::new(format!("the id {id} is both {text:?} and {other:?}")).at(ADDED),
            );
        }
        piece.text = &token.content;
        piece.kind = match (piece.kind, token.special) {
            (UNKNOWN, _) => UNKNOWN,
            (_, true) => CONTROL,
            (_, false) => USER_DEFINED,
        };
    }
    Ok(())
}

/// The kinds of pieces, which GGUF took over.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

const UNUSED: Piece<'_> = Piece {
    text: "",
    score: 0.0,
    kind: 5,
};

#[derive(Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    score: f32,
    kind: i32,
}

impl<'a> Piece<'a> {
    fn read(message: &'a [u8]) -> Result<Self> {
        let mut piece = Self {
            kind: NORMAL,
            ..UNUSED
        };
        for field in Fields(message) {
            match field? {
                (1, Value::Bytes(text)) => {
                    piece.text =
                        std::str::from_utf8(text).map_err(|_| damaged("a piece is not UTF-8"))?;
                }
                (2, Value::Bits32(score)) => piece.score = f32::from_bits(score),
                (3, Value::Number(kind)) => piece.kind = i32::try_from(kind).unwrap_or(-1),
                _ => {}
            }
        }
        Ok(piece)
    }
}

/// `ModelProto`, with the defaults of its fields.
struct Model<'a> {
    pieces: Vec<Piece<'a>>,
    /// `trainer_spec.model_type`.
    kind: u64,
    bos: i128,
    eos: i128,
    space_suffix: bool,
    /// Whether `normalizer_spec` changes texts by a table of its own.
    normalizes: bool,
    space_prefix: bool,
    removes_spaces: bool,
    escapes_spaces: bool,
}

impl<'a> Model<'a> {
    fn read(file: &'a [u8]) -> Result<Self> {
        let mut model = Self {
            pieces: Vec::new(),
            kind: 1,
            bos: 1,
            eos: 2,
            space_suffix: false,
            normalizes: false,
            space_prefix: true,
            removes_spaces: true,
            escapes_spaces: true,
        };
        for field in Fields(file) {
            match field? {
                (1, Value::Bytes(piece)) => model.pieces.push(Piece::read(piece)?),
                (2, Value::Bytes(trainer)) => model.trainer(trainer)?,
                (3, Value::Bytes(normalizer)) => model.normalizer(normalizer)?,
                _ => {}
            }
        }
        Ok(model)
    }

    fn trainer(&mut self, message: &[u8]) -> Result<()> {
        // Negative numbers are written as 64 bits: -1 is none.
        let id = |number: u64| i128::from(number as i64);
        for field in Fields(message) {
            match field? {
                (3, Value::Number(kind)) => self.kind = kind,
                (24, Value::Number(flag)) => self.space_suffix = flag != 0,
                (41, Value::Number(number)) => self.bos = id(number),
                (42, Value::Number(number)) => self.eos = id(number),
                _ => {}
            }
        }
        Ok(())
    }

    fn normalizer(&mut self, message: &[u8]) -> Result<()> {
        for field in Fields(message) {
            match field? {
                (2, Value::Bytes(table)) => self.normalizes = !table.is_empty(),
                (3, Value::Number(flag)) => self.space_prefix = flag != 0,
                (4, Value::Number(flag)) => self.removes_spaces = flag != 0,
                (5, Value::Number(flag)) => self.escapes_spaces = flag != 0,
                _ => {}
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        let kind = match self.kind {
            2 => None,
            1 => Some("a Unigram model"),
            3 => Some("a model of words"),
            4 => Some("a model of characters"),
            _ => Some("a model of an unknown type"),
        };
        let other = [
            kind,
            self.normalizes
                .then_some("a model with a table of normalization"),
            self.removes_spaces.then_some("a model that removes spaces"),
            (!self.escapes_spaces).then_some("a model that does not escape spaces"),
            self.space_suffix
                .then_some("a model that puts spaces after words"),
        ];
        match other.into_iter().flatten().next() {
            None => Ok(()),
            Some(other) => Err(Error::unsupported(format!("{other} is not supported"))
                .remedy("supported is SentencePiece's BPE with byte fallback that takes texts as they are")),
        }
    }
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Bits32(u32),
    Bits64,
}

/// The fields of a message: numbers and values.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| damaged("a message ends early or has a field of no known type")))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Value::Number(self.number()?),
            1 => {
                self.take(8)?;
                Value::Bits64
            }
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Bits32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, value))
    }

    /// Seven bits in each byte, the lowest first; the last byte has no highest bit.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
}

fn damaged(problem: &str) -> Error {
    Error::new(problem).at(Place::from("tokenizer.model"))
}
