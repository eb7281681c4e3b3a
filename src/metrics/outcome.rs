//! Outcome families: how the runs of a name ended, over versions and job ids.

use crate::inventory::outcomes::NameView;
use crate::metrics::catalogue::Out;
use crate::model::Outcome;

/// The outcomes of one name.
pub(super) struct Named<'a> {
    pub(super) project: &'a str,
    pub(super) job_name: &'a str,
    pub(super) view: &'a NameView,
}

impl<'a> Named<'a> {
    fn key(&self) -> [(&'static str, &'a str); 2] {
        [("project", self.project), ("job_name", self.job_name)]
    }
}

/// A value of the name.
pub(super) fn value(name: &Named<'_>, out: &mut Out<'_>, value: impl Fn(&NameView) -> Option<f64>) {
    if let Some(value) = value(name.view) {
        out.sample(&name.key(), value);
    }
}

pub(super) fn last_outcome(name: &Named<'_>, out: &mut Out<'_>) {
    let Some(last) = &name.view.last else { return };
    each_outcome(name, out, |outcome| f64::from(u8::from(last.outcome == outcome)));
}

pub(super) fn runs(name: &Named<'_>, out: &mut Out<'_>) {
    each_outcome(name, out, |outcome| name.view.runs.of(outcome) as f64);
}

fn each_outcome(name: &Named<'_>, out: &mut Out<'_>, value: impl Fn(Outcome) -> f64) {
    let [project, job_name] = name.key();
    for outcome in Outcome::ALL {
        out.sample(&[project, job_name, ("outcome", outcome.as_str())], value(outcome));
    }
}

pub(super) fn last_run(name: &Named<'_>, out: &mut Out<'_>) {
    let Some(last) = &name.view.last else { return };
    let [project, job_name] = name.key();
    let labels = [
        project,
        job_name,
        ("job_id", last.job_id.as_str()),
        ("version", &last.version),
        ("outcome", last.outcome.as_str()),
    ];
    out.sample(&labels, 1.0);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use crate::inventory::Moment;
    use crate::inventory::VersionView;
    use crate::inventory::outcomes::{
        Answer, Changes, NameView, Outcomes, PreviousScores, Rules, Saved, Seen,
    };
    use crate::metrics::lines::{Lines, bare, lines_of};
    use crate::metrics::{of_name, of_runs};
    use crate::model::{Api, JobId, JobKey, Scores, State, Version, VersionId};

    fn version(id: u64, code: i64) -> Version {
        Version {
            job_name: "train".to_owned(),
            ..Version::unknown(Api::V1, JobId::from(7), VersionId::from(id), State::from_v1(code))
        }
    }

    /// What the project shows after its watched jobs' versions ended (or not) with these codes.
    fn changes(codes: &[i64]) -> Changes {
        let project: Arc<str> = Arc::from("p");
        let now = |unix| Moment { steady: Instant::now(), unix };
        let mut outcomes = Outcomes::default();
        let rules = Rules { names: 1, ..Rules::default() };
        outcomes.add_project(&project, rules, &mut Saved::default(), now(100.0));
        outcomes.listed("p", |_| true, now(100.0));
        for (id, code) in (1..).zip(codes) {
            let version = version(id, *code);
            let key = JobKey { project: Arc::clone(&project), job_id: JobId::from(7) };
            let finished = version.state.terminal.then_some(100.5 + id as f64);
            let seen = [Seen { version: &version, label: &format!("V{id}"), finished }];
            outcomes.see(&key, &seen, Answer::Part, now(200.0));
        }
        outcomes.take().remove(0)
    }

    fn text(changes: &Changes) -> String {
        let (name, view) = &changes.names[0];
        let view: &NameView = view.as_ref().unwrap();
        let mut lines = Lines::default();
        of_name(&changes.project, name, view, &mut lines);
        lines.0
    }

    #[test]
    fn a_name_without_an_end_shows_zeros_that_an_increase_can_start_from() {
        insta::assert_snapshot!(text(&changes(&[8])), @r#"
        modelarts_job_consecutive_failures{project="p",job_name="train"} 0
        modelarts_job_runs_total{project="p",job_name="train",outcome="completed"} 0
        modelarts_job_runs_total{project="p",job_name="train",outcome="failed"} 0
        modelarts_job_runs_total{project="p",job_name="train",outcome="terminated"} 0
        "#);
    }

    #[test]
    fn a_name_shows_how_its_runs_ended() {
        insta::assert_snapshot!(text(&changes(&[10, 11, 3, 13])), @r#"
        modelarts_job_last_outcome{project="p",job_name="train",outcome="completed"} 0
        modelarts_job_last_outcome{project="p",job_name="train",outcome="failed"} 0
        modelarts_job_last_outcome{project="p",job_name="train",outcome="terminated"} 1
        modelarts_job_last_completed_timestamp_seconds{project="p",job_name="train"} 101.5
        modelarts_job_last_failed_timestamp_seconds{project="p",job_name="train"} 103.5
        modelarts_job_consecutive_failures{project="p",job_name="train"} 2
        modelarts_job_runs_total{project="p",job_name="train",outcome="completed"} 1
        modelarts_job_runs_total{project="p",job_name="train",outcome="failed"} 2
        modelarts_job_runs_total{project="p",job_name="train",outcome="terminated"} 1
        modelarts_job_last_run_info{project="p",job_name="train",job_id="7",version="V4",outcome="terminated"} 1
        "#);
    }

    #[test]
    fn a_project_shows_the_ends_of_all_its_names() {
        let mut lines = Lines::default();
        of_runs("p", changes(&[10, 11, 3]).runs, &mut lines);
        insta::assert_snapshot!(lines.0, @r#"
        modelarts_runs_total{project="p",outcome="completed"} 1
        modelarts_runs_total{project="p",outcome="failed"} 2
        modelarts_runs_total{project="p",outcome="terminated"} 0
        "#);
    }

    #[test]
    fn a_version_shows_the_scores_of_the_run_before_it() {
        let scores = Scores { recall: Some(0.5), f1_score: Some(1.5), ..Scores::default() };
        let worst_class = Scores { recall: Some(0.25), ..Scores::default() };
        let previous = PreviousScores { overall: &scores, worst_class: &worst_class };
        let version = version(1, 8);
        let view = VersionView { previous: Some(previous), ..bare(&version) };
        insta::assert_snapshot!(lines_of(view, |line| line.contains("_previous_")), @r#"
        modelarts_model_previous_recall{project="p",job_id="7",job_name="train",version=""} 0.5
        modelarts_model_previous_f1_score{project="p",job_id="7",job_name="train",version=""} 1.5
        modelarts_model_previous_worst_class_recall{project="p",job_id="7",job_name="train",version=""} 0.25
        "#);
    }
}
