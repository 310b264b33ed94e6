//! What a model's conversations are bound to: a schema that answers fit, a system message that
//! chats begin with.
//!
//! Both are in tokens of the model's vocabulary: a stage after import, and again after a vocabulary
//! is pruned.

use crate::error::{Error, Result};
use crate::model::{ChatTemplate, Model, Tokenizer};
use crate::schema;

/// The model with its answers bound to a JSON Schema.
///
/// # Errors
///
/// As [`schema::compile`].
pub fn schema(model: Model, schema: &[u8]) -> Result<Model> {
    let grammar = schema::compile(schema, model.tokenizer())?;
    Ok(model.with_grammar(schema.to_owned(), grammar))
}

/// The model with a system message of its own: that of every chat without another.
///
/// # Errors
///
/// When the model has no chat template, or one without a place for a system message.
pub fn system(model: Model, text: &str) -> Result<Model> {
    let refused = |problem: &str| {
        Error::option("system", problem).remedy("leave it out, and put the text into the prompts")
    };
    let template = model
        .chat_template()
        .cloned()
        .ok_or_else(|| refused("the model has no chat template"))?
        .with_default_system(text)
        .ok_or_else(|| refused("the model's chat template takes no system message"))?;
    Ok(begun(model, template))
}

/// The model with a smaller vocabulary, bound to what it was bound to: `tokenizer` has the tokens
/// `kept` (ids, ascending) of the present one, in their order.
///
/// # Errors
///
/// As [`Model::with_vocabulary`], and when the schema needs bytes that the vocabulary lacks.
pub(crate) fn vocabulary(model: &Model, tokenizer: Tokenizer, kept: &[u32]) -> Result<Model> {
    let mut smaller = model.clone().with_vocabulary(tokenizer, kept)?;
    if let Some(text) = model.schema() {
        smaller = schema(smaller, text)?;
    }
    let template = smaller.chat_template().cloned();
    match template.filter(|_| !model.prefix().is_empty()) {
        Some(template) => Ok(begun(smaller, template)),
        None => Ok(smaller),
    }
}

fn begun(model: Model, template: ChatTemplate) -> Model {
    let tables = model.tokenizer().tables();
    let prefix = tables.encode(template.beginning(), true);
    model.with_prefix(template, prefix)
}
