//! Files that people write, such as texts and plans: read whole, up to a size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Place, Result};
use crate::import::gguf;

/// The mark that may stand before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a file of at most so many bytes, without a byte order mark. `what` it is, with its article,
/// is for messages.
///
/// # Errors
///
/// When it cannot be read, or is longer.
pub(crate) fn read(what: &str, path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| Error::io(&format!("read {what}"), path, &error))?;
    // A text may begin so too, but has no zeros.
    if gguf::recognise(&bytes) && bytes.iter().take(8).any(|&byte| byte == 0) {
        let problem = format!("this is a model in GGUF, and not {what}");
        let way = format!("give a file with {what} in it");
        return Err(Error::new(problem).in_file(path).remedy(way));
    }
    check_length(what, &bytes, most).map_err(|error| error.in_file(path))?;
    // Editors on Windows write it, and nobody means it.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(bytes)
}

/// Refuses more than so many bytes.
///
/// # Errors
///
/// Says how many there may be.
pub(crate) fn check_length(what: &str, bytes: &[u8], most: u64) -> Result<()> {
    if bytes.len() as u64 > most {
        let problem = format!("{what} has more than {most} bytes");
        return Err(Error::new(problem).remedy("give a shorter one"));
    }
    Ok(())
}

/// As [`read`], of a text in UTF-8.
///
/// # Errors
///
/// As [`read`], and when it is not UTF-8.
pub(crate) fn read_text(what: &str, path: &Path, most: u64) -> Result<String> {
    String::from_utf8(read(what, path, most)?).map_err(|error| {
        Error::new(format!("{what} is not UTF-8"))
            .in_file(path)
            .at(Place::Offset(error.utf8_error().valid_up_to()))
            .remedy("convert it, for instance with `iconv -t UTF-8`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn an_endless_file_is_refused() {
        let error = read("the text", Path::new("/dev/zero"), 1000).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("the text has more than 1000 bytes"),
            "{message}"
        );
    }

    #[test]
    fn a_model_is_recognised() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"GGUF\x03\0\0\0").unwrap();
        let message = read_text("the plan", file.path(), 1000)
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("this is a model in GGUF, and not the plan"),
            "{message}"
        );
        let about = "GGUF is a format of models";
        std::fs::write(file.path(), about).unwrap();
        assert_eq!(read_text("the text", file.path(), 1000).unwrap(), about);
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (stored, expected) in [
            ("\u{feff}{}", "{}"),
            ("\u{feff}", ""),
            ("\u{feff}\u{feff}", "\u{feff}"),
            ("a\u{feff}", "a\u{feff}"),
        ] {
            std::fs::write(file.path(), stored).unwrap();
            assert_eq!(read_text("the text", file.path(), 9).unwrap(), expected);
        }
    }

    #[test]
    fn as_many_bytes_as_are_allowed_are_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_text("the text", file.path(), 5).unwrap(), "12345");
        assert!(read_text("the text", file.path(), 4).is_err());
    }
}
