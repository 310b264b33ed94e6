//! The answer: one action as the JSON of `ACTIONS.md`.

use serde_json::{Map, Value, json};

/// Where an action applies.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Where {
    /// No place was said.
    #[default]
    Here,
    /// One or more places, in the order that they were said.
    Places(Vec<String>),
    /// The whole house.
    All,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Action {
    /// The verb.
    pub act: String,
    /// What it applies to; empty for `none`.
    pub what: String,
    /// Where.
    pub place: Where,
    /// Value and unit.
    pub value: Option<(f64, &'static str)>,
    /// Delay in seconds.
    pub after_s: Option<u32>,
    /// Duration in seconds.
    pub for_s: Option<u32>,
}

impl Action {
    /// The compact JSON text.
    pub fn json(&self) -> String {
        let mut fields = Map::new();
        let mut field = |name: &str, value: Value| fields.insert(name.into(), value);
        field("do", json!(self.act));
        if !self.what.is_empty() {
            field("what", json!(self.what));
        }
        match &self.place {
            Where::Here => None,
            Where::All => field("where", json!("all")),
            Where::Places(places) if places.len() == 1 => field("where", json!(places[0])),
            Where::Places(places) => field("where", json!(places)),
        };
        if let Some((value, unit)) = self.value {
            let whole = value.fract() == 0.0;
            field(
                "value",
                if whole {
                    json!(value as i64)
                } else {
                    json!(value)
                },
            );
            field("unit", json!(unit));
        }
        if let Some(seconds) = self.after_s {
            field("after_s", json!(seconds));
        }
        if let Some(seconds) = self.for_s {
            field("for_s", json!(seconds));
        }
        Value::Object(fields).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_order_and_compact() {
        let action = Action {
            act: "set".into(),
            what: "heating".into(),
            place: Where::Places(vec!["bedroom".into()]),
            value: Some((19.5, "celsius")),
            after_s: Some(60),
            ..Action::default()
        };
        assert_eq!(
            action.json(),
            r#"{"do":"set","what":"heating","where":"bedroom","value":19.5,"unit":"celsius","after_s":60}"#
        );
    }
}
