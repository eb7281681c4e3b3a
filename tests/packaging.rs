//! What is shipped beside the binary says the same as the source.

use std::collections::BTreeSet;
use std::path::Path;

fn repository(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The text between two marks.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text.find(before).unwrap_or_else(|| panic!("no {before:?}")) + before.len();
    text[start..].split_once(after).unwrap_or_else(|| panic!("no {after:?}")).0
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_source() {
    let toolchain = repository("rust-toolchain.toml");
    let dockerfile = repository("Dockerfile");
    assert_eq!(
        between(&dockerfile, "FROM docker.io/library/rust:", "-"),
        between(&toolchain, "channel = \"", "\""),
    );
}

#[test]
fn the_shipped_files_agree_on_the_port() {
    let example = repository("config/modelarts-exporter.toml");
    let port = between(&example, "\"127.0.0.1:", "\"");
    for (file, expected) in [
        ("Dockerfile", format!("WEB__LISTEN_ADDRESSES=:{port}\n")),
        ("Dockerfile", format!("EXPOSE {port}\n")),
        ("deploy/prometheus/prometheus.yml", format!("[\"127.0.0.1:{port}\"]")),
    ] {
        assert!(repository(file).contains(&expected), "{file} has no {expected:?}");
    }
}

#[test]
fn the_first_file_of_the_readme_is_the_minimal_one() {
    let readme = repository("README.md");
    let shown = between(&readme, "   ```toml\n", "   ```\n").replace("\n   ", "\n");
    let minimal = repository("config/minimal.toml");
    let (_, body) = minimal.split_once("\n\n").expect("a comment, then the file");
    assert_eq!(shown.trim(), body.trim());
}

#[test]
fn what_is_shipped_names_metrics_that_exist() {
    let documented = repository("docs/metrics.md");
    let documented: BTreeSet<_> = names(&documented).collect();
    for file in [
        "README.md",
        "docs/architecture.md",
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts.test.yml",
        "deploy/grafana/overview.json",
    ] {
        let text = repository(file);
        let mut used = names(&text).peekable();
        assert!(used.peek().is_some(), "{file} names no metric");
        for name in used {
            assert!(documented.contains(name), "{file} names {name}, docs/metrics.md does not");
        }
    }
}

/// Every word that starts like a metric of ours.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("modelarts_"))
}
