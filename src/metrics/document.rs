//! `docs/metrics.md`, made from the catalogue and from the exporter's own table.

use std::fmt::Write as _;

use crate::metrics::catalogue::ROWS;
use crate::metrics::{Family, Kind};
use crate::model::Failure;
use crate::own;

const BEFORE: &str = "\
# Metrics

Made from the source by `make docs`; do not edit.

Value metrics carry the key labels `project`, `job_id`, `job_name` and `version`; `modelarts_job_info`
adds what does not change, to be joined on `project, job_id, version`. A value the cloud did not give is
left out, never zero. All values come from background polls and carry no timestamps: the metrics of the
last sections say how old they are.

Status, info and times are withdrawn when no answer confirmed them for `poll.max_staleness` (or twice the
poll interval, if longer); quality and whole-run usage when no answer carried them for as long; the newest
minute of usage also when no new sample came. Ended versions do not age while the cloud lists them, and
keep their series for `limits.finished_retention`.

Outcomes are kept by name (capture 1 of `projects.outcome.name_regex`, else the whole job name), over
versions and job ids, and never grow old: they stay until `limits.outcome_retention` after the last job of
that name left the cloud. Counters start at 0 when a name is first seen. Each version counts once, and
only if it ended under watch: what had ended at first sight moves the gauges alone, and so does a version
that runs again.

TYPE is that of text 0.0.4; families marked *info* are `info` in OpenMetrics.
";

/// The sections, each from the first family whose name begins so.
const SECTIONS: [(&str, &str); 7] = [
    ("modelarts_up", "Projects"),
    ("modelarts_job_info", "Jobs"),
    ("modelarts_job_cpu_usage_ratio", "Usage, while running"),
    ("modelarts_job_cpu_usage_mean_ratio", "Usage over the whole run"),
    ("modelarts_model_recall", "Model quality"),
    ("modelarts_job_last_outcome", "Outcome, by name"),
    ("modelarts_job_poll_success", "Is it true?"),
];

const FAILURES: &str = "
## Why a job failed

What `reason` of `modelarts_job_failure_info` can be.

| reason | |
|---|---|
";

const REASONS: &str = "
## Reasons

What `reason` of `modelarts_exporter_api_errors_total` can be. The log says the same error in full, once
when it begins and once when it is over, with what can be done about it.

| reason | the request gave nothing usable because |
|---|---|
";

/// The document as committed.
pub fn document() -> String {
    let mut text = BEFORE.to_owned();
    for family in ROWS.iter().map(|row| row.family) {
        if let Some((_, title)) = SECTIONS.iter().find(|(first, _)| *first == family.name) {
            head(&mut text, title);
        }
        row(&mut text, &family);
    }
    head(&mut text, "The exporter itself");
    for family in own::FAMILIES {
        row(&mut text, family);
    }
    text.push_str(FAILURES);
    for failure in Failure::ALL {
        let _ = writeln!(text, "| `{}` | {} |", failure.as_str(), failure.meaning());
    }
    text.push_str(REASONS);
    for reason in own::Reason::ALL {
        let _ = writeln!(text, "| `{}` | {} |", reason.as_str(), reason.meaning());
    }
    text
}

fn head(text: &mut String, title: &str) {
    let _ = write!(text, "\n## {title}\n\n| name | type | labels | meaning |\n|---|---|---|---|\n");
}

fn row(text: &mut String, Family { name, kind, help, labels }: &Family) {
    let kind = match kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
        Kind::Info => "gauge, *info*",
        Kind::Histogram => "histogram",
    };
    let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(" "));
}
