//! Paths that somebody else names.

use std::path::{Component, Path};

/// Whether a path, with `/` between its parts, stays below the folder that it is joined to, on every
/// system.
pub(crate) fn stays_below(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !path.contains(|c: char| c == '\\' || c == ':' || c.is_control())
        && Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_does_not_stay() {
        for path in ["a", "a/b.c", ".a/..b", "ä b"] {
            assert!(stays_below(path), "{path:?}");
        }
        for path in [
            "", ".", "..", "/a", "a/", "a//b", "a/./b", "a/../b", "../a", r"..\a", "c:a", "a\0",
            "a\nb",
        ] {
            assert!(!stays_below(path), "{path:?}");
        }
    }
}
