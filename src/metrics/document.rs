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

Status, info and times are withdrawn when neither an answer about the job nor the list confirmed them for
`poll.max_staleness` (or twice the interval of that call, if longer); quality and whole-run usage when no
answer carried them for as long; the newest minute of usage also when no new sample came. Ended versions do not age while the cloud lists them, and
keep their series for `limits.finished_retention`.

Outcomes are kept by name (capture 1 of `projects.outcome.name_regex`, else the whole job name), over
versions and job ids, and never grow old: they stay until `limits.outcome_retention` after the last job of
that name left the cloud. Counters start at 0 when a name is first seen. Each version counts once, and
only if it ended under watch: what had ended at first sight moves the gauges alone, and so does a version
that runs again. A name whose first run begins and ends between two lists is first seen with that end: its counter
starts at 1, where `increase()` sees nothing, and `modelarts_runs_total` and
`modelarts_job_consecutive_failures` do.

Where there are more series than `limits.series`, these give way, in this order: the classes of ended
versions and then all others; extra metrics alike; mean and maximum of ended versions; ended versions as a
whole, the one that ended first before all others; and last of unfinished versions everything but their
status, the one created first before all others. The status of unfinished versions, `modelarts_up`, outcomes
and, while anything of the job is shown, whether polling it works, never give way: should they alone be more,
`modelarts_exporter_series_over_limit` says by how many. What gave way comes back once a fiftieth of the
limit would still be free. The exporter's own series (the last section) are not counted.

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

| reason | | exit codes |
|---|---|---|
";

const REASONS: &str = "
## Reasons

What `reason` of `modelarts_exporter_api_errors_total` can be. The log says the same error in full, once
when it begins and once when it is over, with what can be done about it.

| reason | the request gave nothing usable because |
|---|---|
";

const LEFT_OUT: &str = "
What `reason` of `modelarts_exporter_series_dropped` can be. The log says the same when anything begins to
give way to `limits.series`, with each further reason, and when there is room for everything again.

| reason | series are left out because of |
|---|---|
| `classes` | `limits.classes_per_version` |
| `extra_metrics` | `limits.extra_metrics_per_version` |
| `tasks` | `limits.tasks_per_version`: tasks, not series |
| `outcome_names` | `limits.outcome_names`: names, not series |
| `duplicate` | other series with the same labels |
| `budget_classes` | `limits.series`: they are a class's |
| `budget_extra_metrics` | `limits.series`: they are beyond the four known scores |
| `budget_mean_max` | `limits.series`: they are mean and maximum of an ended version |
| `budget_finished` | `limits.series`: they are an ended version's |
| `budget_unfinished` | `limits.series`: they are an unfinished version's, and not its status |
";

const CONTRADICTIONS: &str = "
## Contradictions

What `reason` of `modelarts_exporter_contradictions_total` can be. What is shown is what was seen last.

| reason | what was seen |
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
        let _ = writeln!(
            text,
            "| `{}` | {} | {} |",
            failure.as_str(),
            failure.meaning(),
            failure.exit_codes()
        );
    }
    text.push_str(REASONS);
    for reason in own::Reason::ALL {
        let _ = writeln!(text, "| `{}` | {} |", reason.as_str(), reason.meaning());
    }
    text.push_str(LEFT_OUT);
    text.push_str(CONTRADICTIONS);
    for kind in own::Contradiction::ALL {
        let _ = writeln!(text, "| `{}` | {} |", kind.as_str(), kind.meaning());
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
