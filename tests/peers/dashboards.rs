use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::harness::prometheus::Prometheus;
use crate::harness::{Demo, Process, peer, repository};

/// The slowest query is the one for failed jobs: the demo promises one within 60 s.
const FILLED: Duration = Duration::from_mins(2);

/// The TypeScript compiler takes seconds; the rest is a busy machine.
const COMPILE: Duration = Duration::from_mins(2);

#[derive(Deserialize)]
struct Dashboard {
    panels: Vec<Panel>,
    templating: Templating,
}

#[derive(Deserialize)]
struct Templating {
    list: Vec<Variable>,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    query: Query,
    datasource: Option<Source>,
}

/// Of a data source the kind, of everything else what is asked.
#[derive(Deserialize)]
#[serde(untagged)]
enum Query {
    #[expect(dead_code, reason = "nothing is asked of it")]
    Kind(String),
    Asked {
        query: String,
    },
}

#[derive(Deserialize)]
struct Panel {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    expr: String,
    datasource: Source,
}

#[derive(Deserialize)]
struct Source {
    uid: String,
}

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(repository("deploy/grafana")).expect("a folder");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let dashboards: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).collect();
    assert_eq!(dashboards.len(), 3, "{dashboards:?}");
    dashboards
}

fn dashboards() -> Vec<Dashboard> {
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("the dashboard can be read");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
    };
    files().into_iter().map(read).collect()
}

/// The query with every variable at "All", as Grafana would send it. A dashboard of one job is of every
/// job here.
fn filled_in(query: &str) -> String {
    let one = ["$project", "$job"].map(|name| format!("=\"{name}\""));
    let query = one.iter().fold(query.to_owned(), |query, one| query.replace(one, "=~\".+\""));
    let all = ["$project", "$job", "$version"];
    let query = all.iter().fold(query, |query, name| query.replace(name, ".*"));
    query.replace("$__rate_interval", "1m")
}

/// What a query selects: `modelarts_up{project=~".*"}`.
fn selectors(query: &str) -> impl Iterator<Item = &str> {
    query.match_indices("modelarts").map(|(at, _)| {
        let rest = &query[at..];
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
        let name = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
        let labels = rest[name..].starts_with('{').then(|| rest[name..].find('}')).flatten();
        &rest[..labels.map_or(name, |end| name + end + 1)]
    })
}

#[test]
fn the_dashboards_name_no_data_source_and_no_scrape_job_of_their_own() {
    for dashboard in dashboards() {
        let variables = &dashboard.templating.list;
        let names: BTreeSet<_> = variables.iter().map(|v| v.name.as_str()).collect();
        assert!(names.is_superset(&BTreeSet::from(["datasource", "project"])), "{names:?}");
        for variable in variables {
            let uid = variable.datasource.as_ref().map(|source| source.uid.as_str());
            assert_eq!(uid.is_none(), variable.kind == "datasource", "{}", variable.name);
            assert!(uid.is_none_or(|uid| uid == "${datasource}"), "{}", variable.name);
        }
        for panel in dashboard.panels.iter().filter(|panel| !panel.targets.is_empty()) {
            assert_ne!(panel.description, "", "{} says nothing about itself", panel.title);
            for target in &panel.targets {
                assert_eq!(target.datasource.uid, "${datasource}", "{}", panel.title);
                assert!(!filled_in(&target.expr).contains('$'), "{}: {}", panel.title, target.expr);
                for label in [" job=", "{job=", ",job=", "instance="] {
                    assert!(!target.expr.contains(label), "{}: {label}", panel.title);
                }
            }
        }
    }
}

#[tokio::test]
async fn the_dashboards_are_of_grafanas_types() {
    let mut command = Command::new("node");
    command.arg(repository("tests/peers/dashboards.mjs"));
    command.arg(peer("grafana")).args(files());
    let checked = Process::run("dashboards.mjs", &mut command, COMPILE).await;
    assert!(checked.status.success(), "{}{}", checked.stdout, checked.stderr);
}

#[tokio::test]
async fn every_query_of_the_dashboards_has_an_answer() {
    let demo = Demo::start().await;
    let prometheus = Prometheus::scraping(&demo).await;
    for dashboard in dashboards() {
        let targets: Vec<_> = dashboard.panels.iter().flat_map(|panel| &panel.targets).collect();
        assert_ne!(targets.len(), 0, "a dashboard has no queries");
        for target in targets {
            let query = filled_in(&target.expr);
            prometheus.answers(&query, FILLED).await;
            // What stands behind an `or` does not go without an answer unnoticed.
            for selector in selectors(&query).filter(|it| it.starts_with("modelarts_job_")) {
                prometheus.answers(selector, FILLED).await;
            }
        }
        for variable in &dashboard.templating.list {
            let Query::Asked { query } = &variable.query else { continue };
            let (series, label) = query
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(")")?.rsplit_once(", "))
                .unwrap_or_else(|| panic!("{} is no label_values(…)", variable.name));
            let samples = prometheus.answers(&filled_in(series), FILLED).await;
            // Jobs of v2 have no versions.
            let of_v1 = samples.iter().filter(|sample| sample.label("project") != "demo-v2");
            for sample in of_v1 {
                assert_ne!(sample.label(label), "", "{label} of {sample:?}");
            }
        }
    }
}
