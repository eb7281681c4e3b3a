use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::harness::Demo;
use crate::harness::prometheus::Prometheus;
use crate::harness::repository;

/// The slowest query is the one for failed jobs: the demo promises one within 60 s.
const FILLED: Duration = Duration::from_mins(2);

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
    #[serde(default)]
    definition: String,
    datasource: Option<Source>,
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

fn overview() -> Dashboard {
    let text = std::fs::read_to_string(repository("deploy/grafana/overview.json"))
        .expect("the dashboard can be read");
    serde_json::from_str(&text).expect("the dashboard is what this test takes it for")
}

/// The query with every variable at "All", as Grafana would send it.
fn filled_in(query: &str) -> String {
    query.replace("$__rate_interval", "1m").replace("$project", ".*").replace("$job", ".*")
}

#[test]
fn the_dashboard_names_no_data_source_and_no_scrape_job_of_its_own() {
    let dashboard = overview();
    let names: BTreeSet<_> = dashboard.templating.list.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["datasource", "project", "job"]));
    for variable in &dashboard.templating.list {
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

#[tokio::test]
async fn every_query_of_the_dashboard_has_an_answer() {
    let demo = Demo::start().await;
    let prometheus = Prometheus::scraping(&demo).await;
    let dashboard = overview();

    let mut queries = 0;
    for target in dashboard.panels.iter().flat_map(|panel| &panel.targets) {
        prometheus.answers(&filled_in(&target.expr), FILLED).await;
        queries += 1;
    }
    assert_ne!(queries, 0, "the dashboard has no queries");

    for variable in dashboard.templating.list.iter().filter(|v| v.kind == "query") {
        let (series, label) = variable
            .definition
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(")")?.rsplit_once(", "))
            .unwrap_or_else(|| panic!("{} is no label_values(…)", variable.name));
        for sample in prometheus.answers(&filled_in(series), FILLED).await {
            assert_ne!(sample.label(label), "", "{label} of {sample:?}");
        }
    }
}
