//! What the operator wants: layers, mistakes, secrets, and the documents written from the table.

use modelarts_exporter::config;

#[test]
fn the_example_file_is_the_generated_one() {
    assert_generated("config/modelarts-exporter.toml", &config::example_file());
}

#[test]
fn the_reference_is_the_generated_one() {
    assert_generated("docs/configuration.md", &config::reference());
}

fn assert_generated(path: &str, wanted: &str) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = std::fs::read_to_string(root.join(path)).unwrap_or_default();
    assert!(found == wanted, "{path} is not what the code says: run `make docs`");
}
