//! Which jobs are found by a project's list, as the operator writes it.

use std::time::Duration;

use modelarts_exporter::model::{NamePattern, Status, VersionSelection};

use super::{GOOD, load, mistakes};

/// The good file with this table, and without its job.
fn with(discovery: &str) -> String {
    let text = GOOD.replace("[[projects.jobs]]\njob_id = 182626\n", "");
    format!("{text}\n[projects.discovery]\n{discovery}\n")
}

#[test]
fn filters_become_what_is_admitted() {
    let (config, _) = load(&with(
        r#"enabled = true
        name_regex = "prod-.*"
        max_age = "7d"
        statuses = ["running", "pending", "running"]
        versions = "all"
        workspace_id = "w1""#,
    ))
    .unwrap();
    let discovery = config.projects[0].discovery.as_ref().unwrap();
    assert_eq!(discovery.name, Some(NamePattern::new("prod-.*").unwrap()));
    assert_eq!(discovery.max_age, Some(Duration::from_hours(7 * 24)));
    assert_eq!(discovery.statuses, [Status::Running, Status::Pending]);
    assert_eq!(discovery.versions, VersionSelection::All);
    assert_eq!(discovery.workspace_id.as_deref(), Some("w1"));
    assert!(config.projects[0].jobs.is_empty());
    let shown = config.effective.to_string();
    for line in ["name_regex = \"prod-.*\"", "statuses = [\"running\", \"pending\"]"] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    let (defaults, _) = load(&with("enabled = true")).unwrap();
    let discovery = defaults.projects[0].discovery.as_ref().unwrap();
    assert_eq!((&discovery.name, discovery.statuses.len()), (&None, 0));
    assert_eq!(discovery.max_age, Some(Duration::from_hours(30 * 24)));
}

#[test]
fn switched_off_it_is_as_if_it_were_not_there() {
    let beside = format!("{GOOD}\n[projects.discovery]\nname_regex = \"a\"\n");
    assert_eq!(load(&beside).unwrap().0.projects[0].discovery, None);
    let beside = format!("{GOOD}\n[projects.discovery]\nenabled = true\n");
    let (both, _) = load(&beside).unwrap();
    assert!(both.projects[0].discovery.is_some() && both.projects[0].jobs.len() == 1);
    insta::assert_snapshot!(mistakes(&with("enabled = false")), @"exporter.toml | projects[0].jobs | no jobs | add a [[projects.jobs]] table with a job_id, or set discovery.enabled = true");
}

#[test]
fn every_mistake_is_said_at_once() {
    insta::assert_snapshot!(mistakes(&with(
        r#"enabled = "yes"
        name_regex = "a)|(b"
        max_age = "soon"
        statuses = ["running", "sleeping"]
        versions = []
        workspace_id = ""
        status = []"#,
    )), @r#"
    exporter.toml | projects[0].discovery.enabled | expected true or false, found a text | write it without quotes
    exporter.toml | projects[0].discovery.max_age | is not a duration | write a number and a unit, such as "30s", "5m" or "30d"
    exporter.toml | projects[0].discovery.name_regex | is not a regular expression | 
    exporter.toml | projects[0].discovery.status | is not a key of the configuration | did you mean `statuses`?
    exporter.toml | projects[0].discovery.statuses | names an unknown status | choose from creating, pending, running, terminating, completed, failed, terminated, abnormal, unknown
    exporter.toml | projects[0].discovery.versions | is an empty list | write "latest", "all" or a list such as [278813, "V0003"]
    exporter.toml | projects[0].discovery.workspace_id | is empty | 
    "#);
}
