//! TOML that people write: what is wrong with it, and where.

use serde::de::DeserializeOwned;

use crate::error::{Error, Remedy, Result};

/// Reads a text. What helps is `otherwise`, or a name that a misspelled one resembles.
///
/// # Errors
///
/// When it is no TOML, or has other fields.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, otherwise: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let problem = error.message();
        let place = match error.span() {
            Some(span) => {
                let before = &text[..span.start];
                let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
                format!("line {}, column {column}", line_at(text, span.start))
            }
            None => "TOML".to_owned(),
        };
        // Serde's words for a field that there is not: its name, and all that there are.
        let names: Vec<&str> = problem.split('`').skip(1).step_by(2).collect();
        let remedy = match &names[..] {
            [unknown, all @ ..] if problem.starts_with("unknown field") => {
                Remedy::similar(unknown, all, otherwise)
            }
            _ => otherwise.into(),
        };
        Error::new(problem).at(place).remedy(remedy)
    })
}

/// The number, from 1, of the line that holds a byte.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|&b| b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_field_is_recognised() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[expect(dead_code, reason = "it is only looked for")]
            model_size: Option<u32>,
        }
        let message = |text| parse::<Fields>(text, "see there").unwrap_err().to_string();
        let misspelled = message("# \nmodel_sze = 1\n");
        assert!(
            misspelled.contains("line 2, column 1: unknown field `model_sze`"),
            "{misspelled}"
        );
        assert!(
            misspelled.contains("a similar name is `model_size`; see there"),
            "{misspelled}"
        );
        let other = message("xyz = 1\n");
        assert!(other.ends_with("help: see there"), "{other}");
        let number = message("model_size = \"1\"\n");
        assert!(
            number.contains("line 1, column 14") && number.ends_with("help: see there"),
            "{number}"
        );
    }
}
