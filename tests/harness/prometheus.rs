use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use url::form_urlencoded;

use super::{Process, Site, peer, repository, wait_for};

/// Until it listens, on a busy machine.
const START: Duration = Duration::from_mins(1);

/// Prometheus scrapes a new target for the first time within 5 to 6 seconds; the rest is a busy machine.
pub(crate) const FIRST_SCRAPE: Duration = Duration::from_secs(30);

/// A real Prometheus with the shipped configuration, told where its target is and to hurry.
pub(crate) struct Prometheus {
    process: Process,
    site: Site,
    directory: TempDir,
}

/// One element of an instant vector.
#[derive(Debug, Deserialize)]
pub(crate) struct Sample {
    pub(crate) metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Sample {
    pub(crate) fn value(&self) -> f64 {
        self.value.1.parse().expect("Prometheus writes numbers")
    }

    pub(crate) fn label(&self, name: &str) -> &str {
        self.metric.get(name).map(String::as_str).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Reply {
    data: Option<Vector>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    result: Vec<Sample>,
}

impl Prometheus {
    /// Starts Prometheus as it is shipped, and waits until it has scraped the exporter once.
    pub(crate) async fn scraping(exporter: &Site) -> Self {
        Self::scraping_with(exporter, "").await
    }

    /// The same with further lines of the scrape's configuration.
    pub(crate) async fn scraping_with(exporter: &Site, lines: &str) -> Self {
        let shipped = repository("deploy/prometheus");
        let configuration = std::fs::read_to_string(shipped.join("prometheus.yml"))
            .expect("the shipped configuration can be read");
        let mut here = configuration;
        for (theirs, ours) in [
            ("127.0.0.1:10977", exporter.url().trim_start_matches("http://")),
            ("_interval: 30s", "_interval: 1s"),
            ("scrape_timeout: 10s", "scrape_timeout: 1s"),
        ] {
            assert!(here.contains(theirs), "the shipped configuration has no {theirs:?}");
            here = here.replace(theirs, ours);
        }
        here.push_str(lines);
        let directory = TempDir::new().expect("a temporary directory");
        for file in ["rules.yml", "alerts.yml"] {
            std::fs::copy(shipped.join(file), directory.path().join(file))
                .expect("the shipped rules can be copied");
        }
        let prometheus = Self::start(directory, &here, &[]).await;
        prometheus.answers("up == 1", FIRST_SCRAPE).await;
        prometheus
    }

    /// Starts Prometheus with this configuration and these arguments, and waits until it listens.
    pub(crate) async fn start(directory: TempDir, config: &str, arguments: &[&str]) -> Self {
        std::fs::write(directory.path().join("prometheus.yml"), config).expect("can be written");
        let mut command = Command::new(peer("prometheus/usr/bin/prometheus"));
        command.current_dir(directory.path()).args(arguments).args([
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=tsdb",
            "--web.listen-address=127.0.0.1:0",
        ]);
        let mut process = Process::start("Prometheus", &mut command);
        let address =
            process.wait_until(START, "its address", |p| p.logged_address("Listening on")).await;
        let site = Site::new(&format!("http://{address}"));
        Self { process, site, directory }
    }

    /// Stopped, and started again with what it had stored.
    pub(crate) async fn restarted(self, config: &str) -> Self {
        self.process.terminate();
        self.process.ended(START).await;
        Self::start(self.directory, config, &[]).await
    }

    /// The answer to an instant query; `Err` says what Prometheus does not like about it.
    pub(crate) async fn query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        query(&self.site, expression).await
    }

    /// Waits until a query has an answer that is not empty.
    pub(crate) async fn answers(&self, expression: &str, within: Duration) -> Vec<Sample> {
        wait_for(within, &format!("an answer to {expression}"), async || {
            match self.query(expression).await? {
                empty if empty.is_empty() => Err("nothing".to_owned()),
                samples => Ok(samples),
            }
        })
        .await
    }
}

/// The answer of whoever speaks Prometheus' API to an instant query.
pub(crate) async fn query(site: &Site, expression: &str) -> Result<Vec<Sample>, String> {
    let query: String = form_urlencoded::byte_serialize(expression.as_bytes()).collect();
    let answer = site.try_get(&format!("/api/v1/query?query={query}")).await?;
    let reply: Reply = serde_json::from_str(&answer.text)
        .map_err(|e| format!("{e} in {}: {}", answer.status, answer.text))?;
    match reply.data {
        Some(vector) => Ok(vector.result),
        None => Err(reply.error.unwrap_or_default()),
    }
}
