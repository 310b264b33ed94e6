//! Where in a schema: a JSON pointer.

use std::fmt;
use std::rc::Rc;

/// A place; the default is the whole schema. What is above is shared, so that many places below
/// one with a long name take no more than it.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(Option<Rc<(Place, String)>>);

impl Place {
    /// The place of a member or an item of what is here.
    pub(super) fn below(&self, name: impl ToString) -> Self {
        Self(Some(Rc::new((self.clone(), name.to_string()))))
    }

    /// Whether it is the whole schema.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = &self.0 else {
            return f.write_str("#");
        };
        let (above, name) = &**step;
        write!(f, "{above}/{}", name.replace('~', "~0").replace('/', "~1"))
    }
}
