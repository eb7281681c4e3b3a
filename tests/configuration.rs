//! What the operator wants: layers, mistakes, secrets, and the documents written from the table.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod budget;
mod credentials;
mod discovery;
mod shards;

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use modelarts_exporter::cloud::{self, Method};
use modelarts_exporter::config::{self, Config, ConfigError, LogFormat, Source, Warning};
use modelarts_exporter::model::VersionSelection;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::harness::secrets::{self, MARK};

/// A file without mistakes, which the cases below break one by one.
const GOOD: &str = r#"
[poll]
interval = "30s"

[[projects]]
name = "vision"
endpoint = "https://modelarts.example"

[projects.auth]
iam_endpoint = "https://iam.example"
domain = "acme"
username = "exporter"
password = "S3CR3T-password"
project_name = "eu-de"

[[projects.jobs]]
job_id = 182626
"#;

fn load_in(
    folder: &TempDir,
    name: &str,
    text: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<(Config, Vec<Warning>), ConfigError> {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    load_file(&path, environment, flags)
}

fn load_file(
    path: &Path,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<(Config, Vec<Warning>), ConfigError> {
    let owned = |table: &[(&str, &str)]| {
        table.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let loaded = config::load(&Source {
        file: Some(path.to_owned()),
        environment: owned(environment),
        flags: owned(flags),
    });
    // Whatever a test makes of it.
    match &loaded {
        Ok(loaded) => secrets::search("a configuration", &format!("{loaded:?}")),
        Err(error) => secrets::search("its mistakes", &format!("{error}\n{error:?}")),
    }
    loaded
}

fn load(text: &str) -> Result<(Config, Vec<Warning>), ConfigError> {
    load_in(&TempDir::new().unwrap(), "exporter.toml", text, &[], &[])
}

fn good(environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Config {
    load_in(&TempDir::new().unwrap(), "exporter.toml", GOOD, environment, flags).unwrap().0
}

fn password(config: &Config, project: usize) -> &cloud::Password {
    match &config.projects[project].cloud.auth.method {
        Method::Password(password) => password,
        other => panic!("{other:?} is no password"),
    }
}

/// The good file with one passage replaced.
fn edit(passage: &str, by: &str) -> String {
    assert!(GOOD.contains(passage), "the good file has no {passage:?}");
    GOOD.replacen(passage, by, 1)
}

/// The mistakes of an error, without the folder of the test.
fn rows(error: &ConfigError, folder: &TempDir) -> String {
    let mut page = String::new();
    for mistake in &error.mistakes {
        let config::Mistake { place, key, reason, remedy } = mistake;
        writeln!(page, "{place} | {key} | {reason} | {remedy}").unwrap();
    }
    page.replace(&format!("{}/", folder.path().display()), "")
}

fn mistakes_with(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let folder = TempDir::new().unwrap();
    let error = load_in(&folder, "exporter.toml", text, environment, flags).unwrap_err();
    rows(&error, &folder)
}

fn mistakes(text: &str) -> String {
    mistakes_with(text, &[], &[])
}

/// The mistakes of several files, each the good one with one passage replaced.
fn mistakes_of(edits: &[(&str, &str)]) -> String {
    edits.iter().map(|(passage, by)| mistakes(&edit(passage, by))).collect()
}

// === What is right ===

#[test]
fn a_good_file_becomes_settings() {
    let (config, warnings) = load(GOOD).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.web.listen_addresses[0].to_string(), "127.0.0.1:10977");
    assert_eq!(config.web.telemetry_path, "/metrics");
    assert_eq!((config.log.level.as_str(), config.log.format), ("info", LogFormat::Logfmt));
    let [project] = &config.projects[..] else { panic!("one project, not {config:?}") };
    assert_eq!(&*project.cloud.name, "vision");
    assert_eq!(project.cloud.timeout, Duration::from_secs(10));
    assert_eq!(project.cloud.answer_bytes, 16 << 20);
    assert_eq!(project.cloud.extra_metrics, 0, "not asked for");
    assert_eq!(project.schedule.interval, Duration::from_secs(30));
    assert_eq!(project.schedule.requests_per_minute, 60);
    assert_eq!(project.inventory.finished_retention, Duration::from_hours(24));
    assert_eq!(project.jobs[0].job_id.as_str(), "182626");
    assert_eq!(project.jobs[0].versions, VersionSelection::Latest);
    let password = password(&config, 0);
    assert_eq!(password.password.borrow().expose_secret(), "S3CR3T-password");
    assert!(password.password.has_changed().is_ok(), "the secret's sender lives in the config");
}

#[test]
fn a_project_overrides_the_poll_keys_it_names() {
    let (config, _) = load(&edit(
        "[projects.auth]",
        "poll = { interval = \"20s\", concurrency = 3 }\n[projects.auth]",
    ))
    .unwrap();
    let schedule = config.projects[0].schedule;
    assert_eq!((schedule.interval, schedule.concurrency), (Duration::from_secs(20), 3));
    assert_eq!(schedule.pending_interval, Duration::from_mins(2), "from the global table");
}

#[test]
fn versions_are_words_ids_or_names() {
    let versions = |text: &str| {
        let (config, _) = load(&format!("{GOOD}versions = {text}")).unwrap();
        config.projects[0].jobs[0].versions.clone()
    };
    assert_eq!(versions("\"latest\""), VersionSelection::Latest);
    assert_eq!(versions("\"all\""), VersionSelection::All);
    let listed = VersionSelection::Listed(vec!["278813".into(), "V0003".into()]);
    assert_eq!(versions("[278813, \"V0003\", \"278813\"]"), listed);
}

#[test]
fn yaml_is_read_by_its_ending() {
    let yaml = "
projects:
  - name: vision
    endpoint: https://modelarts.example
    project_id: \"0123\"
    auth: { iam_endpoint: https://iam.example, domain: acme, username: exporter, password: x }
    jobs:
      - { job_id: 7, versions: [1, V0002] }
";
    for name in ["exporter.yaml", "exporter.YML"] {
        let folder = TempDir::new().unwrap();
        let (config, _) = load_in(&folder, name, yaml, &[], &[]).unwrap();
        assert_eq!(config.projects[0].cloud.project_id.as_deref(), Some("0123"));
        let listed = VersionSelection::Listed(vec!["1".into(), "V0002".into()]);
        assert_eq!(config.projects[0].jobs[0].versions, listed);
    }
}

#[test]
fn routes_are_brought_into_one_form() {
    let prefix = |text: &str| good(&[], &[("web.route_prefix", text)]).web.route_prefix;
    assert_eq!(["", "/", "/ml", "/ml/"].map(prefix), ["", "", "/ml", "/ml"]);
}

// === Layers ===

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_the_default() {
    let environment = [("MODELARTS_EXPORTER_POLL__INTERVAL", "40s")];
    let flags = [("poll.interval", "50s")];
    let interval = |config: Config| config.projects[0].schedule.interval.as_secs();
    let without = edit("interval = \"30s\"", "");
    assert_eq!(interval(load(&without).unwrap().0), 60);
    assert_eq!(interval(good(&[], &[])), 30);
    assert_eq!(interval(good(&environment, &[])), 40);
    assert_eq!(interval(good(&environment, &flags)), 50);
}

#[test]
fn the_environment_reaches_into_lists_of_tables() {
    let config = good(
        &[
            ("MODELARTS_EXPORTER_PROJECTS__0__PROJECT_ID", "00123456789"),
            ("MODELARTS_EXPORTER_PROJECTS__0__JOBS__1__JOB_ID", "9"),
            ("MODELARTS_EXPORTER_PROJECTS__0__JOBS__1__VERSIONS", "5, V0002"),
            ("MODELARTS_EXPORTER_WEB__LISTEN_ADDRESSES", ":1, [::1]:2"),
            ("MODELARTS_EXPORTER_METRICS__EXTRA_MODEL_METRICS", "true"),
            ("MODELARTS_EXPORTER_WEB__MAX_REQUESTS", "7"),
        ],
        &[],
    );
    let project = &config.projects[0];
    assert_eq!(project.cloud.project_id.as_deref(), Some("00123456789"), "stays text");
    assert_eq!(&*project.cloud.name, "vision", "the file's keys stay");
    assert_eq!(project.jobs.len(), 2);
    let listed = VersionSelection::Listed(vec!["5".into(), "V0002".into()]);
    assert_eq!(project.jobs[1].versions, listed);
    let addresses: Vec<_> = config.web.listen_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, [":1", "[::1]:2"]);
    assert_eq!((config.web.max_requests, project.cloud.extra_metrics), (7, 20));
}

#[test]
fn a_configuration_may_come_from_the_environment_alone() {
    let keys = [
        ("NAME", "vision"),
        ("ENDPOINT", "https://modelarts.example"),
        ("AUTH__IAM_ENDPOINT", "https://iam.example"),
        ("AUTH__DOMAIN", "acme"),
        ("AUTH__USERNAME", "exporter"),
        ("AUTH__PASSWORD", "007"),
        ("AUTH__PROJECT_NAME", "true"),
        ("JOBS__0__JOB_ID", "1"),
    ];
    let environment = keys
        .map(|(key, text)| (format!("MODELARTS_EXPORTER_PROJECTS__0__{key}"), text.to_owned()))
        .to_vec();
    let (config, _) = config::load(&Source { environment, ..Source::default() }).unwrap();
    let password = password(&config, 0);
    assert_eq!(password.password.borrow().expose_secret(), "007");
    assert_eq!(password.project_name.as_deref(), Some("true"));
}

#[test]
fn names_of_kubernetes_are_ignored_with_a_warning() {
    let folder = TempDir::new().unwrap();
    let environment = [
        ("MODELARTS_EXPORTER_PORT", "tcp://10.0.0.1:10977"),
        ("MODELARTS_EXPORTER_WEB_SERVICE_HOST", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    let (_, warnings) = load_in(&folder, "exporter.toml", GOOD, &environment, &[]).unwrap();
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    MODELARTS_EXPORTER_PORT: is not a key of the configuration and is ignored
    MODELARTS_EXPORTER_WEB_SERVICE_HOST: is not a key of the configuration and is ignored
    ");
}

#[test]
fn what_is_allowed_but_unwise_is_said() {
    let text = edit("https://iam.example", "http://iam.example")
        .replace("[projects.auth]", "insecure_skip_verify = true\n[projects.auth]")
        .replace("interval = \"30s\"", "interval = \"5s\"");
    let (_, warnings) = load(&text).unwrap();
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    poll.timeout: is longer than poll.interval: a request that hangs makes its job miss polls
    projects[0].auth.iam_endpoint: sends credentials over plain http, where anyone on the way can read them
    projects[0].insecure_skip_verify: certificates are not verified: anyone on the way can pose as the cloud
    ");
    let loopback = edit("https://iam.example", "http://127.0.0.1:5000");
    assert_eq!(load(&loopback).unwrap().1, [], "nobody listens on loopback");
}

proptest! {
    #[test]
    fn text_from_the_environment_survives_exactly(text in "[^\\p{Cc}]{1,40}") {
        let config = good(&[("MODELARTS_EXPORTER_PROJECTS__0__AUTH__USERNAME", &text)], &[]);
        let password = password(&config, 0);
        prop_assert_eq!(&password.username, &text);
    }

    #[test]
    fn no_file_makes_it_panic(text in "\\PC{0,200}") {
        // Almost always a mistake; what matters is that there is an answer.
        if let Err(error) = load(&text) {
            prop_assert!(!error.mistakes.is_empty());
        }
    }
}

// === Mistakes ===

#[test]
fn all_mistakes_come_at_once_in_columns() {
    let error = load_file(
        Path::new("tests/fixtures/config/many-mistakes.toml"),
        &[("MODELARTS_EXPORTER_POLL__CONCURRENCY", "none")],
        &[("log.format", "xml")],
    )
    .unwrap_err();
    insta::assert_snapshot!(error, @r#"
    the configuration has 18 mistakes
      --log.format                              log.format                      is not a word this key knows; use "logfmt" or "json"
      MODELARTS_EXPORTER_POLL__CONCURRENCY      poll.concurrency                is not a whole number
      tests/fixtures/config/many-mistakes.toml  poll.concurency                 is not a key of the configuration; did you mean `concurrency`?
      tests/fixtures/config/many-mistakes.toml  poll.interval                   is not a duration; write a number and a unit, such as "30s", "5m" or "30d"
      tests/fixtures/config/many-mistakes.toml  projects[0].api                 is not a word this key knows; use "v1" or "v2"
      tests/fixtures/config/many-mistakes.toml  projects[0].auth.method         is not a word this key knows; use "password" or "aksk" or "token" or "ecs_metadata"
      tests/fixtures/config/many-mistakes.toml  projects[0].endpoint            is not a URL; write it like "https://host"
      tests/fixtures/config/many-mistakes.toml  projects[0].jobs[0].job_id      is missing
      tests/fixtures/config/many-mistakes.toml  projects[0].jobs[0].versions    is neither "latest" nor "all"; write "latest", "all" or a list such as [278813, "V0003"]
      tests/fixtures/config/many-mistakes.toml  projects[1].auth.domain         is missing
      tests/fixtures/config/many-mistakes.toml  projects[1].auth.iam_endpoint   is missing
      tests/fixtures/config/many-mistakes.toml  projects[1].auth.password_file  is missing; set it, or auth.password
      tests/fixtures/config/many-mistakes.toml  projects[1].auth.username       is missing
      tests/fixtures/config/many-mistakes.toml  projects[1].endpoint            is missing
      tests/fixtures/config/many-mistakes.toml  projects[1].jobs                no jobs; add a [[projects.jobs]] table with a job_id, or set discovery.enabled = true
      tests/fixtures/config/many-mistakes.toml  projects[1].name                is the name of another project; give each its own
      tests/fixtures/config/many-mistakes.toml  projects[1].project_id          expected a text, found a number; put the id in quotes, or its leading zeros are lost
      tests/fixtures/config/many-mistakes.toml  web.telemetry_path              is taken by another page; use a path such as "/metrics"
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = TempDir::new().unwrap();
    let missing = load_file(&folder.path().join("missing.toml"), &[], &[]).unwrap_err();
    let directory = load_file(folder.path(), &[], &[]).unwrap_err();
    fs::write(folder.path().join("latin1.toml"), b"# caf\xe9").unwrap();
    let latin1 = load_file(&folder.path().join("latin1.toml"), &[], &[]).unwrap_err();
    assert_eq!(directory.mistakes[0].reason, "is a directory");
    insta::assert_snapshot!(rows(&missing, &folder) + &rows(&latin1, &folder), @r"
    missing.toml |  | does not exist | 
    latin1.toml |  | is not UTF-8 text |
    ");
}

#[test]
fn an_empty_file_has_no_projects() {
    let none = config::load(&Source::default()).unwrap_err();
    insta::assert_snapshot!(none, @r"
    the configuration has one mistake
      --config.file  projects  no projects; name a file that has one
    ");
    insta::assert_snapshot!(mistakes("") + &mistakes("# only a comment\n"), @r"
    exporter.toml | projects | no projects | add a [[projects]] table
    exporter.toml | projects | no projects | add a [[projects]] table
    ");
    let folder = TempDir::new().unwrap();
    let yaml = load_in(&folder, "empty.yaml", "# nothing\n", &[], &[]).unwrap_err();
    insta::assert_snapshot!(rows(&yaml, &folder), @"empty.yaml | projects | no projects | add a [[projects]] table");
}

#[test]
fn broken_syntax_has_a_line_and_a_column() {
    let broken = ["[poll]\ninterval = S3CR3T\n", "a = \"S3CR3T", "[poll]\n[poll]\n", "<xml/>"];
    let toml: String = broken.iter().map(|text| mistakes(text)).collect();
    let folder = TempDir::new().unwrap();
    let yaml = load_in(&folder, "broken.yaml", "poll:\n  a: [S3CR3T\n", &[], &[]).unwrap_err();
    insta::assert_snapshot!(toml + &rows(&yaml, &folder), @r#"
    exporter.toml | line 2, column 12 | is not TOML: string values must be quoted, expected literal string | 
    exporter.toml | line 1, column 12 | is not TOML: invalid basic string, expected `"` | 
    exporter.toml | line 2, column 2 | is not TOML: duplicate key | 
    exporter.toml | line 1, column 7 | is not TOML: key with no value, expected `=` | 
    broken.yaml | line 2, column 6 | is not YAML with a table of keys |
    "#);
}

#[test]
fn unknown_keys_are_met_with_the_nearest_known_one() {
    insta::assert_snapshot!(mistakes_of(&[
        ("interval = \"30s\"", "intervall = \"30s\""),
        ("[poll]", "timeout = \"5s\"\n[poll]"),
        ("[poll]", "[pole]"),
        ("username", "user_name"),
        ("[poll]", "\"poll.timeout\" = \"5s\"\n[poll]"),
        ("[poll]", "\"\\u001b[2J\" = 1\n[poll]"),
        ("[projects.auth]", "poll = { intervall = \"20s\" }\n[projects.auth]"),
    ]), @r#"
    exporter.toml | poll.intervall | is not a key of the configuration | did you mean `interval`?
    exporter.toml | timeout | is not a key of the configuration | it belongs in [poll]
    exporter.toml | pole | is not a key of the configuration | did you mean `poll`?
    exporter.toml | projects[0].auth.user_name | is not a key of the configuration | did you mean `username`?
    exporter.toml | projects[0].auth.username | is missing | 
    exporter.toml | "poll.timeout" | is not a key of the configuration | 
    exporter.toml | "\u{1b}[2J" | is not a key of the configuration | 
    exporter.toml | projects[0].poll.intervall | is not a key of the configuration | did you mean `interval`?
    "#);
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    insta::assert_snapshot!(mistakes_of(&[
        ("interval = \"30s\"", "interval = 30"),
        ("interval = \"30s\"", "interval = \"30\""),
        ("interval = \"30s\"", "interval = \"1 month\""),
        ("interval = \"30s\"", "interval = \"0s\""),
        ("interval = \"30s\"", "concurrency = 0"),
        ("interval = \"30s\"", "concurrency = \"4\""),
        ("interval = \"30s\"", "concurrency = -1"),
        ("interval = \"30s\"", "concurrency = 1.5"),
        ("[poll]", "metrics = { extra_model_metrics = \"yes\" }\n[poll]"),
        ("[poll]", "metrics = { info_labels = [\"user\"] }\n[poll]"),
        ("[poll]", "metrics = { info_labels = \"user_name\" }\n[poll]"),
        ("[poll]", "limits = { answer_bytes = \"16 megs\" }\n[poll]"),
        ("[poll]", "limits = { answer_bytes = 16 }\n[poll]"),
        ("[poll]", "limits = { answer_bytes = \"2GiB\" }\n[poll]"),
        ("[poll]", "web = 1\n[poll]"),
        ("name = \"vision\"", "name = [\"vision\"]"),
        ("name = \"vision\"", "name = \"\""),
        ("name = \"vision\"", "name = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""),
        ("name = \"vision\"", "name = \"a\\u0007b\""),
        ("[[projects.jobs]]\njob_id = 182626", "[projects.jobs]\njob_id = 1"),
    ]), @r#"
    exporter.toml | poll.interval | expected a duration, found a number | write a number and a unit, such as "30s", "5m" or "30d"
    exporter.toml | poll.interval | is not a duration | write a number and a unit, such as "30s", "5m" or "30d"
    exporter.toml | poll.interval | is not a duration | write a number and a unit, such as "30s", "5m" or "30d"
    exporter.toml | poll.interval | is not between 100ms and 1d | 
    exporter.toml | poll.concurrency | is not between 1 and 1024 | 
    exporter.toml | poll.concurrency | expected a whole number, found a text | write it without quotes
    exporter.toml | poll.concurrency | is not between 1 and 1024 | 
    exporter.toml | poll.concurrency | expected a whole number, found a number with a point | 
    exporter.toml | metrics.extra_model_metrics | expected true or false, found a text | write it without quotes
    exporter.toml | metrics.info_labels | names an unknown label | choose from user_name, job_desc, workspace_id, pool_id
    exporter.toml | metrics.info_labels | expected a list, found a text | write it in square brackets
    exporter.toml | limits.answer_bytes | is not a size | write a number and a unit, such as "16MiB"
    exporter.toml | limits.answer_bytes | expected a size, found a number | write a number and a unit, such as "16MiB"
    exporter.toml | limits.answer_bytes | is not between 1KiB and 1GiB | 
    exporter.toml | web | is not a table of keys | write [web]
    exporter.toml | projects[0].name | expected a text, found a list | put the value in quotes
    exporter.toml | projects[0].name | is empty | 
    exporter.toml | projects[0].name | is longer than 64 characters | 
    exporter.toml | projects[0].name | contains a control character | 
    exporter.toml | projects[0].jobs | is not a list of tables | write [[projects.jobs]]
    "#);
    insta::assert_snapshot!(mistakes("projects = 1") + &mistakes("projects = [1]") + &mistakes("[projects]\nname = \"a\""), @r"
    exporter.toml | projects | is not a list of tables | write [[projects]]
    exporter.toml | projects[0] | is not a table of keys | 
    exporter.toml | projects | is not a list of tables | write [[projects]]
    ");
}

#[test]
fn the_environment_and_flags_are_named_in_mistakes() {
    insta::assert_snapshot!(mistakes_with(
        GOOD,
        &[
            ("MODELARTS_EXPORTER_POLL__TIMEOUT", "soon"),
            ("MODELARTS_EXPORTER_POLL__INTERVALL", "1s"),
            ("MODELARTS_EXPORTER_WEB__MAX_REQUESTS", "99999999999999999999999999999999999999999"),
            ("MODELARTS_EXPORTER_METRICS__EXTRA_MODEL_METRICS", "on"),
            ("MODELARTS_EXPORTER_PROJECTS__2__NAME", "x"),
            ("MODELARTS_EXPORTER_PROJECTS__0__JOBS__FIRST__JOB_ID", "x"),
            ("MODELARTS_EXPORTER_LIMITS__ANSWER_BYTES__X", "1"),
        ],
        &[("log.level", "verbose"), ("web.listen_addresses", "1"), ("web.telemetry_path", "metrics")],
    ), @r#"
    --log.level | log.level | is neither a level nor a list of directives | use one of off, error, warn, info, debug, trace
    --web.listen-address | web.listen_addresses | address 1: expected "host:port", such as "127.0.0.1:10977" | 
    --web.telemetry-path | web.telemetry_path | is not a path | start it with "/", as in "/metrics"
    MODELARTS_EXPORTER_LIMITS__ANSWER_BYTES__X | limits.answer_bytes | expected a size, found a table | write a number and a unit, such as "16MiB"
    MODELARTS_EXPORTER_METRICS__EXTRA_MODEL_METRICS | metrics.extra_model_metrics | is neither true nor false | 
    MODELARTS_EXPORTER_POLL__INTERVALL | poll.intervall | is not a key of the configuration | did you mean `interval`?
    MODELARTS_EXPORTER_POLL__TIMEOUT | poll.timeout | is not a duration | write a number and a unit, such as "30s", "5m" or "30d"
    MODELARTS_EXPORTER_PROJECTS__0__JOBS__FIRST__JOB_ID | projects[0].jobs | is not a list of tables | write [[projects.jobs]]
    MODELARTS_EXPORTER_PROJECTS__2__NAME | projects[2] | follows a gap in the numbers | count from 0 without a gap
    MODELARTS_EXPORTER_WEB__MAX_REQUESTS | web.max_requests | is not between 1 and 100000 |
    "#);
}

#[test]
fn urls_are_http_and_without_credentials() {
    insta::assert_snapshot!(mistakes_of(&[
        ("https://modelarts.example", "modelarts.example"),
        ("https://modelarts.example", "ftp://modelarts.example"),
        ("https://modelarts.example", "https://user:S3CR3T@modelarts.example"),
        ("https://modelarts.example", "https://modelarts.example?a=1"),
        ("https://modelarts.example", "https://modelarts.example:99999"),
        ("[projects.auth]", "proxy_url = \"socks5://S3CR3T@proxy\"\n[projects.auth]"),
    ]), @r#"
    exporter.toml | projects[0].endpoint | is not a URL | write it like "https://host"
    exporter.toml | projects[0].endpoint | is not an http or https URL | write it like "https://host"
    exporter.toml | projects[0].endpoint | has a user part | credentials belong under [projects.auth]
    exporter.toml | projects[0].endpoint | has a query or a fragment | end it after the path
    exporter.toml | projects[0].endpoint | is not a URL | write it like "https://host"
    exporter.toml | projects[0].proxy_url | is not an http or https URL | write it like "https://host"
    "#);
    load(&edit("[projects.auth]", "proxy_url = \"http://me:S3CR3T@proxy:3128\"\n[projects.auth]"))
        .unwrap();
}

#[test]
fn our_own_paths_and_addresses_do_not_collide() {
    let web = |keys: &str| mistakes(&format!("[web]\n{keys}\n{GOOD}"));
    let cases = [
        "telemetry_path = \"/\"",
        "telemetry_path = \"/-/healthy\"",
        "telemetry_path = \"/jobs/x\"",
        "telemetry_path = \"/a b\"",
        "route_prefix = \"ml\"",
        "route_prefix = \"//\"",
        "max_requests = 0",
        "listen_addresses = []",
        "listen_addresses = [\":80\", \":81\", \":80\"]",
        "listen_addresses = [\"localhost\"]",
        "listen_addresses = [\":70000\"]",
        "listen_addresses = [\"::1:80\"]",
    ];
    insta::assert_snapshot!(cases.iter().map(|case| web(case)).collect::<String>(), @r#"
    exporter.toml | web.telemetry_path | is taken by another page | use a path such as "/metrics"
    exporter.toml | web.telemetry_path | is taken by another page | use a path such as "/metrics"
    exporter.toml | web.telemetry_path | is taken by another page | use a path such as "/metrics"
    exporter.toml | web.telemetry_path | is not a path | start it with "/", as in "/metrics"
    exporter.toml | web.route_prefix | is not a path | start it with "/", as in "/modelarts"
    exporter.toml | web.route_prefix | is not a path | start it with "/", as in "/modelarts"
    exporter.toml | web.max_requests | is not between 1 and 100000 | 
    exporter.toml | web.listen_addresses | is an empty list | name at least one address
    exporter.toml | web.listen_addresses | address 3 is there twice | 
    exporter.toml | web.listen_addresses | address 1: expected "host:port", such as "127.0.0.1:10977" | 
    exporter.toml | web.listen_addresses | address 1: the port is not a number from 0 to 65535 | 
    exporter.toml | web.listen_addresses | address 1: an IPv6 address belongs in brackets: "[::1]:10977" |
    "#);
    load(&format!("[web]\nlisten_addresses = [\":0\", \":0\"]\n{GOOD}")).unwrap();
}

#[test]
fn projects_and_jobs_are_told_apart() {
    let second = GOOD.replace("[poll]\ninterval = \"30s\"\n", "");
    insta::assert_snapshot!(mistakes(&format!("{GOOD}{second}")), @"exporter.toml | projects[1].name | is the name of another project | give each its own");
    insta::assert_snapshot!(mistakes_of(&[
        ("job_id = 182626", ""),
        ("job_id = 182626", "job_id = -1"),
        ("job_id = 182626", "job_id = \"../1\""),
        ("job_id = 182626", "job_id = 1\n[[projects.jobs]]\njob_id = \"1\""),
        ("[[projects.jobs]]\njob_id = 182626", ""),
        ("job_id = 182626", "job_id = 1\nversions = \"newest\""),
        ("job_id = 182626", "job_id = 1\nversions = []"),
        ("job_id = 182626", "job_id = 1\nversions = [true]"),
        ("job_id = 182626", "job_id = 1\nversions = 5"),
        ("[projects.auth]", "project_id = 12345678\n[projects.auth]"),
        ("[projects.auth]", "project_id = \"a/b\"\n[projects.auth]"),
    ]), @r#"
    exporter.toml | projects[0].jobs[0].job_id | is missing | 
    exporter.toml | projects[0].jobs[0].job_id | is not an id: a number of at least 0, or a text | 
    exporter.toml | projects[0].jobs[0].job_id | is not an id: up to 64 letters, digits, `-` and `_` | 
    exporter.toml | projects[0].jobs[1].job_id | is listed twice | keep one of them
    exporter.toml | projects[0].jobs | no jobs | add a [[projects.jobs]] table with a job_id, or set discovery.enabled = true
    exporter.toml | projects[0].jobs[0].versions | is neither "latest" nor "all" | write "latest", "all" or a list such as [278813, "V0003"]
    exporter.toml | projects[0].jobs[0].versions | is an empty list | write "latest", "all" or a list such as [278813, "V0003"]
    exporter.toml | projects[0].jobs[0].versions | expected a number or a text, found true or false | 
    exporter.toml | projects[0].jobs[0].versions | expected a text or a list, found a number | write "latest", "all" or a list such as [278813, "V0003"]
    exporter.toml | projects[0].project_id | expected a text, found a number | put the id in quotes, or its leading zeros are lost
    exporter.toml | projects[0].project_id | is not an id: up to 64 letters, digits, `-` and `_` |
    "#);
}

#[test]
fn authentication_is_complete() {
    insta::assert_snapshot!(mistakes_of(&[
        ("iam_endpoint = \"https://iam.example\"\ndomain = \"acme\"\nusername = \"exporter\"", ""),
        ("password = \"S3CR3T-password\"", ""),
        ("password = \"S3CR3T-password\"", "password = \"\""),
        ("password = \"S3CR3T-password\"", "password = \"S3CR3T\"\npassword_file = \"S\""),
        ("project_name = \"eu-de\"", ""),
        ("domain = \"acme\"", "method = \"S3CR3T\""),
    ]), @r#"
    exporter.toml | projects[0].auth.domain | is missing | 
    exporter.toml | projects[0].auth.iam_endpoint | is missing | 
    exporter.toml | projects[0].auth.username | is missing | 
    exporter.toml | projects[0].auth.password_file | is missing | set it, or auth.password
    exporter.toml | projects[0].auth.password | is empty | 
    exporter.toml | projects[0].auth.password_file | is set beside auth.password | keep one of them
    exporter.toml | projects[0].project_id | is missing, and so is auth.project_name | set one of them: the token is for one project
    exporter.toml | projects[0].auth.method | is not a word this key knows | use "password" or "aksk" or "token" or "ecs_metadata"
    "#);
    insta::assert_snapshot!(mistakes("[[projects]]"), @r"
    exporter.toml | projects[0].auth.domain | is missing | 
    exporter.toml | projects[0].auth.iam_endpoint | is missing | 
    exporter.toml | projects[0].auth.password_file | is missing | set it, or auth.password
    exporter.toml | projects[0].auth.username | is missing | 
    exporter.toml | projects[0].endpoint | is missing | 
    exporter.toml | projects[0].jobs | no jobs | add a [[projects.jobs]] table with a job_id, or set discovery.enabled = true
    exporter.toml | projects[0].name | is missing | 
    exporter.toml | projects[0].project_id | is missing, and so is auth.project_name | set one of them: the token is for one project
    ");
}

#[test]
fn files_of_secrets_and_certificates_are_read_at_once() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(folder.path().join("huge"), vec![b'x'; 70_000]).unwrap();
    fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    fs::write(
        folder.path().join("nonsense.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let case =
        |text: &str| rows(&load_in(&folder, "exporter.toml", text, &[], &[]).unwrap_err(), &folder);
    let password = |file: &str| {
        case(&edit("password = \"S3CR3T-password\"", &format!("password_file = \"{file}\"")))
    };
    let ca = |file: &str| {
        case(&edit("[projects.auth]", &format!("ca_file = \"{file}\"\n[projects.auth]")))
    };
    let all = ["missing", "empty", "huge", "binary", "", "."].map(password).concat()
        + &["missing.pem", "empty", "nonsense.pem"].map(ca).concat();
    insta::assert_snapshot!(all, @r"
    exporter.toml | projects[0].auth.password_file | missing does not exist | 
    exporter.toml | projects[0].auth.password_file | empty is empty | write the secret into it
    exporter.toml | projects[0].auth.password_file | huge is larger than 64 KiB | name a file with the secret alone
    exporter.toml | projects[0].auth.password_file | binary is not UTF-8 text | 
    exporter.toml | projects[0].auth.password_file | is empty | write the path of a file
    exporter.toml | projects[0].auth.password_file | . is a directory | name a file
    exporter.toml | projects[0].ca_file | missing.pem does not exist | 
    exporter.toml | projects[0].ca_file | empty holds no PEM certificate | 
    exporter.toml | projects[0].ca_file | nonsense.pem holds a certificate that cannot be read |
    ");
}

#[test]
fn values_outlive_a_failed_poll() {
    insta::assert_snapshot!(mistakes_of(&[
        ("interval = \"30s\"", "interval = \"5m\""),
        ("interval = \"30s\"", "max_staleness = \"2m\""),
        ("[projects.auth]", "poll = { interval = \"10m\" }\n[projects.auth]"),
        ("[projects.auth]", "poll = { max_staleness = \"1m\" }\n[projects.auth]"),
    ]), @r"
    exporter.toml | poll.max_staleness | is less than 2 x poll.interval + poll.timeout | set it to 10m10s or more
    exporter.toml | poll.max_staleness | is less than 2 x poll.interval + poll.timeout | set it to 2m10s or more
    exporter.toml | projects[0].poll.max_staleness | is less than 2 x projects[0].poll.interval + poll.timeout | set it to 20m10s or more
    exporter.toml | projects[0].poll.max_staleness | is less than 2 x poll.interval + poll.timeout | set it to 1m10s or more
    ");
    load(&edit("interval = \"30s\"", "interval = \"100ms\"\ntimeout = \"50ms\"")).unwrap();
}

#[test]
fn jobs_of_v2_have_no_versions_to_name() {
    let v2 = GOOD.replace("name = \"vision\"", "name = \"vision\"\napi = \"v2\"");
    load(&v2).unwrap();
    load(&v2.replace("job_id = 182626", "job_id = 182626\nversions = \"all\"")).unwrap();
    insta::assert_snapshot!(mistakes(&v2.replace("job_id = 182626", "job_id = 182626\nversions = [7]")), @"exporter.toml | projects[0].jobs[0].versions | names versions, which jobs of api v2 do not have | leave it out");
}

// === What is in use ===

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("password"), "S3CR3T-file").unwrap();
    fs::write(folder.path().join("web.yml"), "").unwrap();
    let text = edit(
        "[projects.auth]",
        "proxy_url = \"http://S3CR3T:S3CR3T@proxy:3128\"\npoll = { timeout = \"7s\" }\noutcome.name_regex = '^(\"?.*?)-\\d+$'\n[projects.auth]",
    );
    let second = GOOD
        .replace("[poll]\ninterval = \"30s\"", "")
        .replace("vision", "a \\\"quoted\\\" name")
        .replace("password = \"S3CR3T-password\"", "password_file = \"password\"")
        .replace(
            "job_id = 182626",
            "job_id = \"a\"\nversions = [7]\n[[projects.jobs]]\njob_id = 8",
        );
    let text = format!("web.config_file = \"web.yml\"\n{text}{second}");
    let (first, _) = load_in(&folder, "exporter.toml", &text, &[], &[]).unwrap();
    let shown = first.effective.to_string();
    assert!(!shown.contains(MARK), "{shown}");
    for line in ["proxy_url = \"http://<secret>@proxy:3128\"", "password = \"<secret>\""] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    // Somewhere else, with what was left out.
    let restored =
        shown.replace("<secret>@", "S3CR3T:S3CR3T@").replace("<secret>", "S3CR3T-password");
    let (again, _) = load_in(&TempDir::new().unwrap(), "other.toml", &restored, &[], &[]).unwrap();
    assert_eq!(again.effective.to_string(), shown);
    for (one, two) in first.projects.iter().zip(&again.projects) {
        assert!(one.is_same_as(two), "{one:?}\n{two:?}");
    }
    assert!(!first.projects[0].is_same_as(&again.projects[1]));
}

#[test]
fn a_project_is_another_one_with_another_key_secret_or_certificate() {
    let load = |text: &str| load(text).unwrap().0.projects.remove(0);
    let good = load(GOOD);
    for (passage, by) in [
        ("\"30s\"", "\"29s\""),
        ("[poll]", "limits.answer_bytes = \"1MiB\"\n[poll]"),
        ("[poll]", "metrics.extra_model_metrics = true\n[poll]"),
        ("S3CR3T-password", "S3CR3T-other"),
        ("182626", "182627"),
        ("job_id = 182626", "job_id = 182626\nversions = \"all\""),
        ("[projects.auth]", "proxy_url = \"http://a:b@proxy\"\n[projects.auth]"),
    ] {
        let other = load(&edit(passage, by));
        assert!(!good.is_same_as(&other) && good.is_same_place_as(&other), "{by}");
    }
    let proxy = |user| {
        load(&edit(
            "[projects.auth]",
            &format!("proxy_url = \"http://{user}@proxy\"\n[projects.auth]"),
        ))
    };
    assert!(!proxy("a:b").is_same_as(&proxy("a:c")) && proxy("a:b").is_same_as(&proxy("a:b")));
    for (passage, by) in [
        ("modelarts.example", "modelarts.example.org"),
        ("[projects.auth]", "project_id = \"1\"\n[projects.auth]"),
        ("vision", "speech"),
        ("eu-de", "eu-nl"),
        ("acme", "other"),
        ("https://iam.example", "https://iam.example.org"),
    ] {
        let other = load(&edit(passage, by));
        assert!(!good.is_same_as(&other) && !good.is_same_place_as(&other), "{by}");
    }
    // With an id it is the same project, whatever name and account lead to it.
    let with_id = |passage, by| {
        load(&edit("[projects.auth]", "project_id = \"1\"\n[projects.auth]").replace(passage, by))
    };
    for (passage, by) in [("eu-de", "eu-nl"), ("acme", "other"), ("iam.example", "iam2.example")] {
        let (one, other) = (with_id("", ""), with_id(passage, by));
        assert!(!one.is_same_as(&other) && one.is_same_place_as(&other), "{by}");
    }
    // What is shown of every project, and what is served, is none of its own.
    for by in ["metrics.info_labels = [\"pool_id\"]", "web.max_requests = 3", "log.level = \"off\""]
    {
        assert!(good.is_same_as(&load(&edit("[poll]", &format!("{by}\n[poll]")))), "{by}");
    }
}

#[test]
fn outcomes_are_kept_as_the_file_says() {
    let text = edit(
        "[poll]",
        "state.file = \"state\"\nlimits.outcome_retention = \"7d\"\nlimits.outcome_names = 5\n[poll]",
    )
    .replace("[projects.auth]", "outcome.name_regex = '^(.*?)-\\d+$'\n[projects.auth]");
    let (config, _) = load(&text).unwrap();
    let rules = &config.projects[0].outcomes;
    assert_eq!((rules.names, rules.retention), (5, Duration::from_hours(7 * 24)));
    assert_eq!((rules.name.apply("train-1"), rules.name.apply("train")), ("train", "train"));
    // Relative to the configuration, not to wherever the daemon was started.
    let path = format!("{:?}", config.state_file.unwrap());
    assert!(path.contains("/state\""), "{path}");
    let (default, _) = load(GOOD).unwrap();
    assert!(default.state_file.is_none());
    assert_eq!(default.projects[0].outcomes.name.apply("train-1"), "train-1");
}

#[test]
fn a_rule_for_names_says_which_part_is_meant() {
    let name_regex = |pattern: &str| {
        mistakes(&edit(
            "[projects.auth]",
            &format!("outcome.name_regex = '{pattern}'\n[projects.auth]"),
        ))
    };
    let all = ["(", "prod-.*", "(?:a)", r"(\w{1000}){1000}"].map(name_regex);
    insta::assert_snapshot!(all.concat(), @r"
    exporter.toml | projects[0].outcome.name_regex | is not a regular expression | 
    exporter.toml | projects[0].outcome.name_regex | has no capture group | put the part that all runs share in parentheses, such as '^(.*?)-\d{8,}$'
    exporter.toml | projects[0].outcome.name_regex | has no capture group | put the part that all runs share in parentheses, such as '^(.*?)-\d{8,}$'
    exporter.toml | projects[0].outcome.name_regex | is too large a regular expression | 
    ");
}

// === Secrets ===

/// Long enough for a loaded machine; a test that passes never waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

async fn wait_for(secret: &mut cloud::Secret, text: &str) {
    let seen = secret.wait_for(|now| now.expose_secret() == text);
    let outcome = tokio::time::timeout(PATIENCE, seen).await.map(|seen| seen.is_ok());
    assert_eq!(outcome, Ok(true), "the secret never became {text}");
}

#[tokio::test]
async fn secret_files_are_followed_through_swaps_and_gaps() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    // The way a ConfigMap is mounted: the file is a link into a folder that is a link itself.
    for version in ["v1", "v2"] {
        fs::create_dir(path(version)).unwrap();
        fs::write(path(version).join("password"), format!("S3CR3T-{version}\n")).unwrap();
    }
    symlink("v1", path("data")).unwrap();
    symlink("data/password", path("linked")).unwrap();
    fs::write(path("plain"), "S3CR3T-a").unwrap();

    let file = |name: &str| format!("password_file = \"{name}\"");
    let first = edit("password = \"S3CR3T-password\"", &file("linked"));
    let second = edit("password = \"S3CR3T-password\"", &file("plain"))
        .replace("[poll]\ninterval = \"30s\"", "")
        .replace("vision", "speech");
    let text = format!("{first}{second}");
    let (config, _) = load_in(&folder, "exporter.toml", &text, &[], &[]).unwrap();
    let secret = |index: usize| {
        let password = password(&config, index);
        password.password.clone()
    };
    let (mut linked, mut plain) = (secret(0), secret(1));
    let stop = CancellationToken::new();
    let period = Duration::from_millis(5);
    let files = config.projects.into_iter().map(|project| project.secret_files);
    let watching: JoinSet<_> = files.map(|files| files.watch(period, stop.clone())).collect();

    wait_for(&mut linked, "S3CR3T-v1").await;
    symlink("v2", path("next")).unwrap();
    fs::rename(path("next"), path("data")).unwrap();
    wait_for(&mut linked, "S3CR3T-v2").await;

    // Gone: two changes of the other file prove that a whole look came between.
    fs::remove_file(path("data")).unwrap();
    for text in ["S3CR3T-b", "S3CR3T-c"] {
        fs::write(path("next"), text).unwrap();
        fs::rename(path("next"), path("plain")).unwrap();
        wait_for(&mut plain, text).await;
    }
    wait_for(&mut linked, "S3CR3T-v2").await;
    symlink("v1", path("data")).unwrap();
    wait_for(&mut linked, "S3CR3T-v1").await;

    stop.cancel();
    tokio::time::timeout(PATIENCE, watching.join_all()).await.expect("stops in time");
}

#[test]
fn certificates_are_taken_as_they_are() {
    let folder = TempDir::new().unwrap();
    let pem = include_str!("fixtures/config/private-ca.pem");
    fs::write(folder.path().join("ca.pem"), pem).unwrap();
    let text = edit("[projects.auth]", "ca_file = \"ca.pem\"\n[projects.auth]");
    let (config, _) = load_in(&folder, "exporter.toml", &text, &[], &[]).unwrap();
    assert_eq!(config.projects[0].cloud.tls.ca_pem.as_deref(), Some(pem.as_bytes()));
}

#[test]
fn a_secret_in_the_wrong_place_is_never_shown() {
    let number = MARK.bytes().fold(8_675_309_u64, |sum, byte| sum * 7 + u64::from(byte));
    let number = number.to_string();
    let odd = [
        edit("\"S3CR3T-password\"", &number),
        edit("\"S3CR3T-password\"", "true"),
        edit("\"S3CR3T-password\"", "[\"S3CR3T-password\"]"),
        edit("\"S3CR3T-password\"", "S3CR3T-password"),
        edit("\"S3CR3T-password\"", "\"S3CR3T-password\\q\""),
        edit("\"S3CR3T-password\"", "{ value = \"S3CR3T-password\" }"),
        edit("\"S3CR3T-password\"", "\"S3CR3T\"\npassword = \"S3CR3T\""),
        edit("password = ", "pasword = "),
        edit("https://iam.example", "https://S3CR3T:S3CR3T@iam.example"),
        edit("https://iam.example", "S3CR3T"),
        edit("\"eu-de\"", "\"eu-de\"\nproject_id = \"S3CR3T\""),
        edit("182626", "\"S3CR3T/S3CR3T\""),
        edit("182626", "1\nversions = \"S3CR3T\""),
        edit("30s", "S3CR3T"),
        edit("[poll]", "log.level = \"S3CR3T\"\n[poll]"),
        edit("[poll]", "log.format = \"S3CR3T\"\n[poll]"),
        edit("[poll]", "S3CR3T\n[poll]"),
        edit("[poll]", "metrics.info_labels = [\"S3CR3T\"]\n[poll]"),
        edit("[poll]", "web.listen_addresses = [\"S3CR3T\", \"S3CR3T:S3CR3T\"]\n[poll]"),
        edit("[poll]", "web.telemetry_path = \"S3CR3T\"\n[poll]"),
        edit("[poll]", "limits.answer_bytes = \"S3CR3T\"\n[poll]"),
        edit("[projects.auth]", "outcome.name_regex = \"(S3CR3T\"\n[projects.auth]"),
        edit("[projects.auth]", "proxy_url = \"socks5://S3CR3T:S3CR3T@proxy\"\n[projects.auth]"),
    ];
    for text in &odd {
        for name in ["exporter.toml", "exporter.yaml"] {
            let folder = TempDir::new().unwrap();
            let shown = match load_in(&folder, name, text, &[], &[]) {
                Ok(loaded) => {
                    assert!(text.contains("project_id"), "accepted:\n{text}");
                    format!("{:?}", loaded.0.projects[0].secret_files)
                }
                Err(error) => format!("{error}\n{error:?}"),
            };
            assert!(!shown.contains(MARK) && !shown.contains(&number), "{shown}\nof\n{text}");
        }
    }
    for name in ["POLL__INTERVAL", "WEB__MAX_REQUESTS", "POLL", "X"] {
        let name = format!("MODELARTS_EXPORTER_{name}");
        let folder = TempDir::new().unwrap();
        let environment = [(name.as_str(), "S3CR3T")];
        let shown = match load_in(&folder, "exporter.toml", GOOD, &environment, &[]) {
            Ok((_, warnings)) => format!("{warnings:?}"),
            Err(error) => format!("{error}\n{error:?}"),
        };
        assert!(shown.contains(&name) && !shown.contains(MARK), "{shown}");
    }
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let text = edit("[projects.auth]", "proxy_url = \"http://S3CR3T@proxy\"\n[projects.auth]");
    let (config, warnings) = load(&text).unwrap();
    let source = Source {
        environment: vec![("MODELARTS_EXPORTER_X".into(), "S3CR3T".into())],
        flags: vec![("log.level".into(), "S3CR3T".into())],
        ..Source::default()
    };
    let shown = format!("{config:?} {config:#?} {warnings:?} {source:?}");
    assert!(shown.contains("vision"), "something is shown");
    assert!(!shown.contains(MARK), "{shown}");
}

// === Documents ===

#[test]
fn the_example_file_is_the_generated_one() {
    assert_generated("config/modelarts-exporter.toml", &config::example_file());
}

#[test]
fn the_reference_is_the_generated_one() {
    assert_generated("docs/configuration.md", &config::reference());
}

fn assert_generated(path: &str, wanted: &str) {
    let found = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    assert!(found == wanted, "{path} is not what the code says: run `make docs`");
}

/// Takes one `#` from each line that begins with it and no space, as the file tells its reader.
fn fill_in(page: &str) -> String {
    let uncomment = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    page.lines().map(uncomment).collect()
}

#[test]
fn the_example_file_loads_once_its_project_is_filled_in() {
    let folder = TempDir::new().unwrap();
    let secret = folder.path().join("password");
    fs::write(&secret, "S3CR3T-from-file\r\n").unwrap();
    // The example names it; what may be in it has an example of its own.
    fs::write(folder.path().join("web.yml"), "").unwrap();
    let environment =
        [("MODELARTS_EXPORTER_PROJECTS__0__AUTH__PASSWORD_FILE", secret.to_str().unwrap())];
    let filled = fill_in(&config::example_file());
    let (example, warnings) = load_in(&folder, "e.toml", &filled, &environment, &[]).unwrap();
    assert_eq!(warnings, []);
    let (minimal, warnings) =
        load_file(Path::new("config/minimal.toml"), &environment, &[]).unwrap();
    assert_eq!(warnings, []);
    // The example says every default: leaving them all out changes nothing.
    let settings = |config: &Config| {
        let project = &config.projects[0];
        format!("{:?} {:?} {:?} {project:?}", config.web, config.log, config.metrics)
    };
    let without_versions = |text: String| text.split("Receiver").next().unwrap().to_owned();
    assert_eq!(without_versions(settings(&example)), without_versions(settings(&minimal)));
    let password = password(&minimal, 0);
    assert_eq!(password.password.borrow().expose_secret(), "S3CR3T-from-file");
}
