//! `docs/metrics.md`, made from the catalogue.

use std::fmt::Write as _;

use crate::metrics::FAMILIES;

/// The document as committed.
pub fn document() -> String {
    let mut text = String::new();
    for family in FAMILIES {
        let _ = writeln!(text, "{}", family.name);
    }
    text
}
