//! What a pair of the table shows, in the metrics and in the log.

use std::path::Path;

use modelarts_exporter::model::Api;

use super::matrix::{Call, Cell};
use super::stage::Stage;
use crate::harness::Scrape;

/// How the log says that a trouble is over.
pub(super) const OVER: [&str; 2] = ["polled again", "jobs is read again"];

impl Stage {
    /// An expectation with the labels of this project, of the struck job, and of the version of it that
    /// the fault is about.
    pub(super) fn of_struck(&self, version: &str, line: &str) -> String {
        let project = format!("project=\"{}\"", self.row.name);
        let job = format!("{project},job_id=\"{}\"", self.struck);
        line.replace("{version}", &format!("{job},version=\"{version}\""))
            .replace("{job}", &job)
            .replace("{project}", &project)
    }

    pub(super) fn of_well(&self, line: &str) -> String {
        line.replace("{well}", &format!("project=\"{}\",job_id=\"{}\"", self.row.name, self.well))
    }

    /// Nothing is wrong.
    pub(super) fn is_well(&self, version: &str) -> Vec<String> {
        let struck = [
            "modelarts_up{{project}} == 1",
            "modelarts_job_poll_success{{job}} == 1",
            "modelarts_job_status{{version},status=\"running\"} == 1",
            match (self.cell, version) {
                // A version's own document that could be read, however badly, is not read again.
                (Cell::Shows(_), "V0002") => {
                    "modelarts_job_info{{version},job_name=\"struck\"} == 1"
                }
                (_, "") => {
                    "modelarts_job_info{{version},job_name=\"struck\",flavor=\"modelarts.kat1.8xlarge\"} == 1"
                }
                _ => {
                    "modelarts_job_info{{version},job_name=\"struck\",flavor=\"modelarts.vm.gpu.v100NV\"} == 1"
                }
            },
        ];
        let well = "modelarts_job_poll_success{{well}} == 1";
        let mut lines: Vec<_> = struck.iter().map(|line| self.of_struck(version, line)).collect();
        lines.push(self.of_well(well));
        lines
    }

    /// The version there is from the start.
    pub(super) fn first_version(&self) -> &'static str {
        match self.call.api() {
            Api::V1 => "V0001",
            Api::V2 => "",
        }
    }

    /// The version that the fault is about.
    pub(super) fn version(&self) -> &'static str {
        if self.call == Call::Detail { "V0002" } else { self.first_version() }
    }

    /// What the fault makes of it.
    pub(super) fn is_struck(&self) -> Vec<String> {
        let operation = self.call.as_str();
        let errors = |least: u8| {
            let reason = self.reason().unwrap_or_default();
            format!(
                "modelarts_exporter_api_errors_total{{{{project}},operation=\"{operation}\",reason=\"{reason}\"}} > {least}"
            )
        };
        let (up, down) = ("modelarts_up{{project}} == 1", "modelarts_up{{project}} == 0");
        let fails = "modelarts_job_poll_success{{job}} == 0";
        let known = "modelarts_job_status{{version},status=\"running\"} == 1";
        let result = |result: &str, least: u8| {
            format!("modelarts_exporter_polls_total{{{{project}},result=\"{result}\"}} > {least}")
        };
        let none = |result: &str| {
            format!("modelarts_exporter_polls_total{{{{project}},result=\"{result}\"}} == 0")
        };
        let well = self.of_well("modelarts_job_poll_success{{well}} == 1");
        let well_fails = self.of_well("modelarts_job_poll_success{{well}} == 0");
        let lines: Vec<String> = match (self.cell, self.call) {
            (Cell::Shows(lines), _) => {
                lines.iter().map(|line| (*line).to_owned()).chain([up.to_owned(), well]).collect()
            }
            (_, Call::Token) => vec![
                down.to_owned(),
                fails.to_owned(),
                well_fails,
                "modelarts_job_status{{project}} absent".to_owned(),
                "modelarts_exporter_api_requests_total{{project},operation=\"versions\"} absent"
                    .to_owned(),
                result("failed", 1),
                // Refused credentials are shown once.
                errors(u8::from(!self.is_held())),
            ],
            (_, Call::List | Call::V2List) => vec![
                up.to_owned(),
                "modelarts_job_poll_success{{job}} == 1".to_owned(),
                known.to_owned(),
                well,
                errors(1),
                none("failed"),
                none("partial"),
            ],
            (Cell::FailsWhole(_), _) => {
                vec![down.to_owned(), fails.to_owned(), well_fails, known.to_owned(), errors(1)]
            }
            // The cloud says that the job is no more: its series go with it, and it is asked seldom.
            (_, Call::Versions | Call::V2Detail) if self.reason() == Some("not_found") => vec![
                up.to_owned(),
                fails.to_owned(),
                "modelarts_job_status{{job}} absent".to_owned(),
                well,
                errors(0),
                result("failed", 0),
            ],
            (_, Call::Versions | Call::V2Detail) => vec![
                up.to_owned(),
                fails.to_owned(),
                known.to_owned(),
                well,
                errors(1),
                result("failed", 1),
                none("partial"),
            ],
            (_, Call::Detail) => vec![
                up.to_owned(),
                fails.to_owned(),
                known.to_owned(),
                "modelarts_job_info{{version},flavor=\"\"} == 1".to_owned(),
                "modelarts_job_cpu_usage_ratio{{version}} > 0".to_owned(),
                well,
                errors(1),
                result("partial", 1),
                none("failed"),
            ],
            // The list goes on telling the rest; what is told again that the job runs has it asked itself.
            (_, Call::V2Metrics) => vec![
                up.to_owned(),
                fails.to_owned(),
                known.to_owned(),
                "modelarts_job_cpu_usage_ratio{{version}} > 0".to_owned(),
                well,
                errors(1),
                match self.reason() {
                    Some("not_found" | "bad_request") => result("partial", 1),
                    _ => result("failed", 1),
                },
            ],
        };
        lines.iter().map(|line| self.of_struck(self.version(), line)).collect()
    }

    /// Polls that did not bring everything.
    pub(super) fn spoiled(&self, scrape: &Scrape) -> f64 {
        ["failed", "partial"]
            .map(|result| {
                let name = self.row.name;
                let series = "modelarts_exporter_polls_total";
                scrape.sum(&format!("{series}{{project=\"{name}\",result=\"{result}\"}}"))
            })
            .iter()
            .sum()
    }

    /// The lines about it that hold one of these words.
    pub(super) fn lines<'a>(&self, log: &'a str, words: &[&str]) -> Vec<&'a str> {
        let of_project = format!(" project={} ", self.row.name);
        let own = log.lines().filter(|line| format!("{line} ").contains(&of_project));
        own.filter(|line| words.iter().any(|word| line.contains(word))).collect()
    }

    /// The log tells of it once, with what can be done, and once that it is over.
    pub(super) fn was_said(&self, log: &str) {
        let begun = self.lines(log, &["cannot be polled", "jobs cannot be read"]);
        let over = self.lines(log, &OVER);
        let Some(reason) = self.reason() else {
            assert!(begun.is_empty() && over.is_empty(), "{}: {begun:?} {over:?}", self.row.name);
            return;
        };
        assert!(begun.len() == 1 && over.len() == 1, "{}: {begun:?} {over:?}", self.row.name);
        let remedy = begun[0].split_once("remedy=").map(|(_, remedy)| remedy);
        // The words of the cloud are all there is to say about these.
        assert_eq!(remedy.is_none(), matches!(reason, "server_error" | "rejected"), "{begun:?}");
        for key in remedy.into_iter().flat_map(|remedy| remedy.split('`').skip(1).step_by(2)) {
            assert!(is_a_key(key), "there is no {key:?}: {begun:?}");
        }
    }
}

/// A key of the configuration, as the reference names it: alone, after its table, or with a value.
fn is_a_key(text: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let key = text.split(' ').next().unwrap_or_default();
    let last = key.rsplit('.').next().unwrap_or_default();
    page.contains(&format!("| `{last}` |")) || page.contains(&format!("projects.{key}]"))
}
