//! What the tests of the families compare.

use std::fmt::Write as _;

use crate::metrics::{FAMILIES, FamilyIndex, Sink};

/// Lines as in text, so that what is compared is what is read.
#[derive(Default)]
pub(super) struct Lines(pub(super) String);

impl Sink for Lines {
    fn sample(&mut self, family: FamilyIndex, labels: &[(&'static str, &str)], value: f64) {
        let names: Vec<_> = labels.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, FAMILIES[family].labels, "{}", FAMILIES[family].name);
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let name = FAMILIES[family].name;
        writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")).unwrap();
    }
}
