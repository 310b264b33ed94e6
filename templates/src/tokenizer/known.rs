//! What is known of the tokenizer when this is compiled: a generated crate knows its own, and has no
//! code for others.

use super::Scheme;

/// How text becomes the first symbols.
pub(super) const SCHEME: Option<Scheme> = None;
/// Whether texts are put into normalization form C first.
pub(super) const NFC: Option<bool> = None;
/// Whether added tokens are found in texts as the model takes them.
pub(super) const LATE: Option<bool> = None;
