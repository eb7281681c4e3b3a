use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use modelarts_exporter::model::Api;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::harness::prometheus::{Prometheus, Sample};
use crate::harness::{Cloud, Daemon, Demo, Process, QUICK, Setup, peer, repository, wait_for};

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
#[serde(rename_all = "camelCase")]
struct Variable {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    query: Query,
    datasource: Option<Source>,
    #[serde(default)]
    include_all: bool,
    #[serde(default)]
    multi: bool,
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
#[serde(rename_all = "camelCase")]
struct Panel {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    field_config: FieldConfig,
    #[serde(default)]
    targets: Vec<Target>,
}

#[derive(Default, Deserialize)]
struct FieldConfig {
    overrides: Vec<Override>,
}

#[derive(Deserialize)]
struct Override {
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    value: Setting,
}

/// Of a field its links, of everything else nothing.
#[derive(Deserialize)]
#[serde(untagged)]
enum Setting {
    Links(Vec<Link>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Link {
    url: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    expr: String,
    legend_format: String,
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
    files().iter().map(|file| read(file)).collect()
}

/// The dashboard of that file.
fn dashboard(name: &str) -> Dashboard {
    read(&repository(&format!("deploy/grafana/{name}.json")))
}

fn read(file: &Path) -> Dashboard {
    let text = std::fs::read_to_string(file).expect("the dashboard can be read");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

impl Dashboard {
    /// What is asked for the panel of that title.
    fn asks(&self, title: &str) -> impl Iterator<Item = &str> {
        let panel = self.panels.iter().find(|panel| panel.title == title);
        let panel = panel.unwrap_or_else(|| panic!("no panel is called {title}"));
        panel.targets.iter().map(|target| target.expr.as_str())
    }
}

impl Panel {
    /// The field of which its links to the dashboard of a job take the job, if it has any.
    fn field_of_job(&self) -> Option<String> {
        let properties = self.field_config.overrides.iter().flat_map(|it| &it.properties);
        let links = properties.filter_map(|property| match &property.value {
            Setting::Links(links) => Some(links),
            Setting::Other(IgnoredAny) => None,
        });
        let (_, rest) =
            links.flatten().find_map(|link| link.url.split_once("var-job=${__data.fields."))?;
        let (field, _) = rest.split_once(":percentencode}")?;
        Some(field.to_owned())
    }
}

impl Target {
    /// The legend has a name for that line.
    fn names(&self, line: &Sample) -> bool {
        let labels = self.legend_format.split("{{").skip(1);
        let mut labels = labels.filter_map(|rest| rest.split_once("}}")).peekable();
        labels.peek().is_none() || labels.any(|(label, _)| !line.label(label).is_empty())
    }
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

/// The query of a dashboard where one project and one job are chosen, as Grafana would send it: a variable
/// that may have several values is escaped for a regular expression, one that may not is left as it is.
fn filled_in_with(query: &str, variables: &[Variable], chosen: [(&str, &str); 2]) -> String {
    let mut query = query.to_owned();
    for (name, value) in chosen {
        let variable = variables.iter().find(|variable| variable.name == name);
        let is_escaped = variable.is_some_and(|variable| variable.multi || variable.include_all);
        let value = if is_escaped { escaped(value) } else { value.to_owned() };
        query = query.replace(&format!("${name}"), &value);
    }
    filled_in(&query)
}

/// A text as a regular expression within quotes.
fn escaped(text: &str) -> String {
    let mut regex = String::new();
    for letter in text.chars() {
        if "\\^$*+?.()|{}[]".contains(letter) {
            regex.push_str("\\\\");
        }
        regex.push(letter);
    }
    regex
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

/// What has lines only of what goes wrong.
const EMPTY_IN_HEALTH: &[&str] = &["Trouble"];

#[tokio::test]
async fn every_query_of_the_dashboards_has_an_answer() {
    let demo = Demo::start().await;
    let prometheus = Prometheus::scraping(&demo).await;
    for dashboard in dashboards() {
        let panels = dashboard.panels.iter();
        let targets: Vec<_> =
            panels.flat_map(|panel| panel.targets.iter().map(move |it| (panel, it))).collect();
        assert_ne!(targets.len(), 0, "a dashboard has no queries");
        for (panel, target) in targets {
            let query = filled_in(&target.expr);
            let lines = if EMPTY_IN_HEALTH.contains(&panel.title.as_str()) {
                prometheus.query(&query).await.expect("an answer")
            } else {
                prometheus.answers(&query, FILLED).await
            };
            for line in &lines {
                assert!(target.names(line), "{}: no name for {line:?}", panel.title);
            }
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

/// What v2 tells nothing about; and why a job failed, which these seldom do.
const EMPTY_IN_V2: &[&str] = &[
    "Failed because",
    "Network",
    "Versions compared",
    "Classes",
    "Worst classes of the newest version",
];

/// Jobs of the demo by project and name, a regular expression, and the panels that are empty for them.
const CHOSEN: [(&str, &str, &[&str]); 3] = [
    ("demo-v1", "flowers-resnet50", &["Restarts", "Failed because"]),
    // Outcomes are kept under the part of the name that all runs share.
    ("demo-v2", "nightly-ranking-[0-9]+", EMPTY_IN_V2),
    // It has NPUs, and nobody says how many GPUs.
    ("demo-v2", "pangu-pretrain", EMPTY_IN_V2),
];

#[tokio::test]
async fn a_chosen_job_has_an_answer_in_every_panel_and_an_unknown_one_in_none() {
    let demo = Demo::start().await;
    let prometheus = Prometheus::scraping(&demo).await;
    let job = dashboard("job");
    for (project, names, empty) in CHOSEN {
        let panels = job.panels.iter().filter(|panel| !panel.targets.is_empty());
        for panel in panels.filter(|panel| !empty.contains(&panel.title.as_str())) {
            let what = format!("an answer in {} to one of {names}", panel.title);
            wait_for(FILLED, &what, async || {
                if has_answer_for_one(&prometheus, &job, panel, project, names).await? {
                    return Ok(());
                }
                Err("nothing".to_owned())
            })
            .await;
        }
    }
    let overview = dashboard("overview");
    for query in overview.asks("Held") {
        let chosen = [("project", "demo-v2"), ("job", "pangu-pretrain")];
        let query = filled_in_with(query, &overview.templating.list, chosen);
        prometheus.answers(&query, FILLED).await;
    }

    let unknown = [("project", "nobody's"), ("job", "nothing")];
    for Dashboard { panels, templating } in dashboards() {
        for Panel { title, targets, .. } in &panels {
            for target in targets.iter().filter(|target| target.expr.contains("$project")) {
                let query = filled_in_with(&target.expr, &templating.list, unknown);
                let made_up = prometheus.query(&query).await.expect("an answer");
                assert!(made_up.is_empty(), "{title}: {query}: {made_up:?}");
            }
        }
    }
}

/// A panel shows something where one job of those names is chosen.
async fn has_answer_for_one(
    prometheus: &Prometheus,
    dashboard: &Dashboard,
    panel: &Panel,
    project: &str,
    names: &str,
) -> Result<bool, String> {
    let jobs = format!("modelarts_job_info{{project=\"{project}\", job_name=~\"{names}\"}}");
    for job in prometheus.query(&jobs).await? {
        let chosen = [("project", project), ("job", job.label("job_name"))];
        for target in &panel.targets {
            let query = filled_in_with(&target.expr, &dashboard.templating.list, chosen);
            if !prometheus.query(&query).await?.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[tokio::test]
async fn links_to_a_job_lead_to_one_that_is_there() {
    let demo = Demo::start().await;
    let prometheus = Prometheus::scraping(&demo).await;
    // Its outcome is kept under another name.
    let ended = "modelarts_job_last_run_info{job_name=\"nightly-ranking\"}";
    prometheus.answers(ended, FILLED).await;
    let mut followed = 0;
    for panel in dashboard("overview").panels {
        let Some(field) = panel.field_of_job() else { continue };
        followed += wait_for(FILLED, &format!("jobs that {} leads to", panel.title), async || {
            let mut links = 0;
            for target in &panel.targets {
                for row in prometheus.query(&filled_in(&target.expr)).await? {
                    let (project, job) = (row.label("project"), row.label(&field));
                    if job.is_empty() {
                        continue;
                    }
                    let there =
                        format!("modelarts_job_info{{project=\"{project}\", job_name=\"{job}\"}}");
                    if prometheus.query(&there).await?.is_empty() {
                        return Err(format!("no {job} in {project}"));
                    }
                    links += 1;
                }
            }
            if links == 0 { Err("no links".to_owned()) } else { Ok(links) }
        })
        .await;
    }
    assert!(followed > 20, "{followed} links are hardly all");
}

#[tokio::test]
async fn the_overview_counts_as_failed_what_the_exporter_does() {
    let cloud = Cloud::empty().await;
    let [failed, lost, kept] = [
        cloud.add("failed").await.job_id,
        cloud.add("lost").await.job_id,
        cloud.add("cannot-be-deleted").await.job_id,
    ];
    let abnormal = cloud.add_in(Api::V2, "abnormal", "").await;
    let poll = format!("{QUICK}\nlost_after = \"1s\"");
    let setup = Setup { poll: &poll, ..Setup::of([failed, lost, kept]) };
    let setup = setup.with_api("v2", Api::V2, [&abnormal]);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let prometheus = Prometheus::scraping(&daemon).await;
    cloud.set_status(failed, "failed").await;
    cloud.set_status(lost, "lost").await;
    cloud.set_status(kept, "6").await;
    cloud.set_status(&abnormal, "abnormal").await;
    for known in [
        "sum(modelarts_job_consecutive_failures) == 3",
        "count(modelarts_job_status{status=\"abnormal\"} == 1) == 3",
    ] {
        prometheus.answers(known, FILLED).await;
    }

    let overview = dashboard("overview");
    for query in overview.asks("Failed") {
        prometheus.answers(&format!("{} == 3", filled_in(query)), FILLED).await;
    }
    for query in overview.asks("Failed jobs") {
        let rows = prometheus.answers(&filled_in(query), FILLED).await;
        let names: BTreeSet<_> = rows.iter().map(|row| row.label("job_name")).collect();
        assert_eq!(names, BTreeSet::from(["abnormal", "failed", "lost"]));
    }
    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
}

/// Panels with a line for each task of each job.
const BY_TASK: [(&str, &[&str]); 2] = [
    ("job", &["GPU and NPU utilisation", "GPU and NPU memory", "CPU", "Memory", "Samples"]),
    ("overview", &["Utilisation", "Their memory", "CPU", "Memory"]),
];

/// Each job of v2 is the newest version of itself, whatever others are called.
#[tokio::test]
async fn of_jobs_that_share_a_name_the_newest_is_shown_and_each_has_its_lines() {
    let cloud = Cloud::empty().await;
    let failed = "\"status\": \"failed\", \"minutes\": 60, \"workers\": 3, \"restarts\": 2";
    let failed = cloud.add_in(Api::V2, "train", failed).await;
    let older = cloud.add_in(Api::V2, "train", "\"minutes\": 30").await;
    let newest = cloud.add_in(Api::V2, "train", "\"minutes\": 5").await;
    let setup = Setup::new().with_api("p", Api::V2, [&failed, &older, &newest]);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let prometheus = Prometheus::scraping(&daemon).await;
    for known in [
        "count(modelarts_job_restarts) == 3",
        "count(modelarts_job_failure_info) == 1",
        "count(modelarts_job_usage_samples) == 2",
    ] {
        prometheus.answers(known, FILLED).await;
    }

    let chosen = [("project", "p"), ("job", "train")];
    let job = dashboard("job");
    let variables = &job.templating.list;
    // Running, for five minutes, on one machine, and nothing of the one that failed.
    for (title, value) in [("Status", 3), ("Running for", 300), ("Restarts", 0), ("Machines", 1)] {
        for query in job.asks(title) {
            let query = filled_in_with(query, variables, chosen);
            prometheus.answers(&format!("({query}) == {value}"), FILLED).await;
        }
    }
    for query in job.asks("Failed because") {
        let query = filled_in_with(query, variables, chosen);
        let reasons = prometheus.query(&query).await.expect("an answer");
        assert!(reasons.is_empty(), "{reasons:?}");
    }

    for (name, titles) in BY_TASK {
        let dashboard = dashboard(name);
        for query in titles.iter().flat_map(|title| dashboard.asks(title)) {
            let query = filled_in_with(query, &dashboard.templating.list, chosen);
            let lines = prometheus.answers(&query, FILLED).await;
            let jobs: BTreeSet<_> = lines.iter().map(|line| line.label("job_id")).collect();
            assert_eq!(jobs, BTreeSet::from([older.as_str(), newest.as_str()]), "{query}");
        }
    }
    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
}

#[tokio::test]
async fn trouble_is_shown_by_its_reasons_alone() {
    let cloud = Cloud::empty().await;
    let jobs = [cloud.add("one").await.job_id, cloud.add("two").await.job_id];
    cloud.fault("\"fault\": \"endless_pages\", \"on\": \"list\"").await;
    cloud.set_document(jobs[0], "{").await;
    let daemon = Daemon::start(&Setup::of(jobs).file(&cloud)).await;
    let prometheus = Prometheus::scraping(&daemon).await;

    let exporter = dashboard("exporter");
    let by_reason = exporter.asks("Trouble").filter(|query| query.contains("reason"));
    for (query, reason) in by_reason.zip(["malformed", "missing"]) {
        let lines = prometheus.answers(&filled_in(query), FILLED).await;
        let reasons: BTreeSet<_> = lines.iter().map(|line| line.label("reason")).collect();
        assert!(reasons.contains(reason) && !reasons.contains(""), "{query}: {reasons:?}");
    }
    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
}

/// A name that is an expression, and names that it would match were it taken for one.
const EXPRESSION: &str = "a.b(c)|d";
const MATCHED: [&str; 2] = ["axbc", "d"];

#[tokio::test]
async fn a_job_is_shown_alone_whatever_its_name() {
    let cloud = Cloud::empty().await;
    let quality = "\"minutes\": 30, \"classes\": [\"cat\"], \"quality\": {\"f1\": 0.91}";
    for name in [EXPRESSION, MATCHED[0], MATCHED[1]] {
        cloud.add_as(name, quality).await;
    }
    let found = "discovery = { enabled = true }";
    let daemon = Daemon::start(&Setup { project: found, ..Setup::of([]) }.file(&cloud)).await;
    let prometheus = Prometheus::scraping(&daemon).await;
    prometheus.answers("count(modelarts_model_class_f1_score) == 3", FILLED).await;

    let mut shown = 0;
    for dashboard in dashboards() {
        let variables = &dashboard.templating.list;
        let of_variables = variables.iter().filter_map(|variable| match &variable.query {
            Query::Asked { query } => Some(query),
            Query::Kind(_) => None,
        });
        let of_panels = dashboard.panels.iter().flat_map(|panel| &panel.targets).map(|it| &it.expr);
        for query in of_variables.chain(of_panels) {
            for selector in selectors(query).filter(|selector| selector.contains("$job")) {
                let chosen = [("project", "p"), ("job", EXPRESSION)];
                shown +=
                    shows_alone(&prometheus, &filled_in_with(selector, variables, chosen)).await;
            }
        }
    }
    assert!(shown > 50, "{shown} series are hardly all that the dashboards show");
    let stopped = daemon.stop().await;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.stderr);
}

/// A selector shows the job of that name, if there is anything of it, and no other; says how many series.
async fn shows_alone(prometheus: &Prometheus, selector: &str) -> usize {
    let name = selector.split('{').next().expect("a name");
    let alone = format!("{name}{{project=\"p\", job_name=\"{EXPRESSION}\"}}");
    // Records follow what they are made of.
    wait_for(FILLED, &format!("the same of {selector} and {alone}"), async || {
        let shown = prometheus.query(selector).await?;
        let names: BTreeSet<_> = shown.iter().map(|sample| sample.label("job_name")).collect();
        assert!(names.is_subset(&BTreeSet::from([EXPRESSION])), "{selector}: {names:?}");
        match prometheus.query(&alone).await? {
            alone if alone.is_empty() == shown.is_empty() => Ok(shown.len()),
            alone => Err(format!("{} and {} series", shown.len(), alone.len())),
        }
    })
    .await
}
