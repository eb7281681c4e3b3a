//! What is shipped beside the binary says the same as the source.

use std::collections::BTreeSet;
use std::path::Path;

use crate::harness::run_with_config;

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
        "deploy/prometheus/rules.yml",
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts.test.yml",
        "deploy/grafana/overview.json",
        "deploy/grafana/job.json",
        "deploy/grafana/exporter.json",
    ] {
        let text = repository(file);
        let mut used = names(&text).peekable();
        assert!(used.peek().is_some(), "{file} names no metric");
        for name in used {
            // What a histogram is stored as.
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(documented.contains(name), "{file} names {name}, docs/metrics.md does not");
        }
    }
}

#[test]
fn every_alert_has_what_a_woken_person_needs_and_a_test() {
    let alerts = repository("deploy/prometheus/alerts.yml");
    let tests = repository("deploy/prometheus/alerts.test.yml");
    let runbook = repository("docs/operations.md");
    let mut rules = alerts.split("- alert: ").skip(1).peekable();
    assert!(rules.peek().is_some(), "there are no alerts");
    for rule in rules {
        let name = rule.lines().next().unwrap_or_default();
        let anchor = format!("runbook: operations.md#{}\n", name.to_lowercase());
        for part in ["severity: ", "summary: ", "description: ", &anchor] {
            assert!(rule.contains(part), "{name} has no {part:?}");
        }
        assert!(runbook.contains(&format!("\n### {name}\n")), "{name} is not in the runbook");
        let fires = format!("- alertname: {name}\n");
        let is_quiet = format!("- {{ alertname: {name}, eval_time: ");
        assert!(tests.contains(&fires), "no test sees {name} fire");
        // On the near miss, and once it is over.
        assert!(
            tests.matches(&is_quiet).count() >= 2,
            "no test sees {name} quiet before and after"
        );
    }
}

#[test]
fn the_numbers_of_the_alerts_stand_in_one_place() {
    let rules = repository("deploy/prometheus/rules.yml");
    let alerts = repository("deploy/prometheus/alerts.yml");
    let mut known: BTreeSet<_> =
        rules.split("labels: { of: ").skip(1).filter_map(|rest| rest.split(' ').next()).collect();
    let uses = [&alerts, &rules].map(|text| text.split("modelarts:threshold{of=\"").skip(1));
    for name in uses.into_iter().flatten() {
        let name = name.split('"').next().unwrap_or_default();
        assert!(rules.contains(&format!("{{ of: {name} }}")), "rules.yml has no number {name}");
        known.remove(name);
    }
    assert!(known.is_empty(), "nothing uses {known:?}");
}

/// What the Debian package brings: where a file comes from, and where it goes.
fn package() -> Vec<(String, String)> {
    let manifest: toml::Table = repository("Cargo.toml").parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let parts = assets.iter().map(|asset| {
        let part = |place: usize| asset[place].as_str().unwrap();
        let (from, to) = (part(0), part(1));
        match to.strip_suffix('/') {
            Some(_) => (from.to_owned(), format!("/{to}{}", from.rsplit('/').next().unwrap())),
            None => (from.to_owned(), format!("/{to}")),
        }
    });
    parts.collect()
}

#[test]
fn the_package_brings_what_its_unit_names() {
    let package = package();
    let unit = repository("deploy/systemd/modelarts-exporter.service");
    let (program, config) =
        between(&unit, "ExecStart=", "\n").split_once(" --config.file=").unwrap();
    for file in [program, config] {
        assert!(package.iter().any(|(_, to)| to == file), "no {file} in {package:#?}");
    }
    for (from, _) in package.iter().filter(|(from, _)| !from.starts_with("target/")) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        let is_there = match from.file_name().and_then(|name| name.to_str()) {
            Some(name) if name.starts_with('*') => from.parent().unwrap().is_dir(),
            _ => from.is_file(),
        };
        assert!(is_there, "{} is not there", from.display());
    }
    // The folder that the unit has made is the one that its state is in, and that goes with the package.
    let folder = between(&unit, "\nStateDirectory=", "\n");
    let state = between(&unit, "\nEnvironment=MODELARTS_EXPORTER_STATE__FILE=", "\n");
    assert!(state.starts_with(&format!("%S/{folder}/")));
    assert!(repository("deploy/debian/postrm").contains(&format!("rm -rf /var/lib/{folder}\n")));
}

#[tokio::test]
async fn the_packages_file_holds_the_minimal_one_behind_its_marks() {
    let shipped = repository("deploy/debian/modelarts-exporter.toml");
    let lines = shipped.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        _ => line,
    });
    let edited = lines.collect::<Vec<_>>().join("\n");
    let minimal = repository("config/minimal.toml");
    let (_, minimal) = minimal.split_once("\n\n").unwrap();
    let secret = "/etc/modelarts-exporter/password";
    let minimal = minimal.replace("\"password\"", &format!("\"{secret}\""));
    assert!(edited.trim().ends_with(minimal.trim()), "{edited}\nis not\n{minimal}");
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&password, "secret").unwrap();
    let file = edited.replace(secret, password.path().to_str().unwrap());
    let checked = run_with_config("check", &file).await;
    assert!(checked.status.success(), "{}", checked.stderr);
}

/// Every word that starts like a metric of ours.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("modelarts_"))
}
