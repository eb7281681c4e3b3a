//! What is generated and committed equals what the source would make now.

use std::fs;
use std::path::Path;

#[test]
fn the_reference_of_the_metrics_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == modelarts_exporter::metrics::document(),
        "docs/metrics.md differs from the catalogue: run `make docs`"
    );
}

#[test]
fn every_family_has_a_help_and_a_name_of_ours() {
    let mut names = std::collections::BTreeSet::new();
    for family in modelarts_exporter::metrics::FAMILIES {
        assert!(names.insert(family.name), "{} stands twice", family.name);
        assert!(family.name.starts_with("modelarts_"), "{}", family.name);
        assert!(!family.help.is_empty() && !family.help.ends_with('.'), "{}", family.name);
    }
}
