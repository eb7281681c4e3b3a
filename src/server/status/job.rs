//! The page about one job.

use maud::{Markup, html};

use super::layout::fact;
use super::version::{Run, version};
use super::{Maker, layout, words};
use crate::inventory::outcomes::NameView;
use crate::inventory::{JobSight, Trouble};
use crate::model::{JobKey, Outcome};

/// Versions whose use and quality can be seen without opening them.
const OPEN_VERSIONS: usize = 1;

/// A copy of what is known of a job.
struct Job {
    name: String,
    versions: Vec<Run>,
    listed_versions: usize,
    last_success: Option<f64>,
    is_polled: bool,
    trouble: Option<Trouble>,
    interval: f64,
    gone: bool,
    /// With the name it is kept under.
    outcomes: Option<(String, NameView)>,
}

/// `None` where no such job is followed.
pub(super) fn page(maker: &Maker, key: &JobKey) -> Option<Markup> {
    let mut found = None;
    maker.sight.look(&mut |inventory, now| {
        found = inventory.see_job(key, now).map(|job| {
            let outcomes = inventory.outcomes.of_job(key);
            (copy(&job, outcomes.map(|(name, view)| (name.to_string(), view))), now.unix)
        });
    });
    let (job, now) = found?;
    let title = format!("{} · modelarts-exporter", words::plain(&job.name));
    let content = html! {
        nav .way aria-label="Way back" {
            a href={ (maker.route_prefix) "/" } { "Training jobs" } " / " (words::short_name(&key.project))
        }
        h1 .name { (words::name(&job.name)) }
        (notices(&job, now))
        (facts(&job, key, now))
        @for (at, run) in job.versions.iter().enumerate() { (version(run, at < OPEN_VERSIONS, now)) }
    };
    Some(layout::page(maker, &title, now, &content))
}

/// What is answered where no such job is followed.
pub(super) fn unknown(maker: &Maker) -> Markup {
    let mut at = 0.0;
    maker.sight.look(&mut |_, now| at = now.unix);
    let content = html! {
        h1 { "No such job here" }
        p {
            "No job of that project and id is followed: it may have been deleted, or have ended longer ago than "
            code { "limits.finished_retention" } "; it may not be admitted by " code { "projects.discovery" }
            ", or be another shard's."
        }
        p { a href={ (maker.route_prefix) "/" } { "All jobs" } }
    };
    layout::page(maker, "No such job · modelarts-exporter", at, &content)
}

fn copy(job: &JobSight<'_>, outcomes: Option<(String, NameView)>) -> Job {
    Job {
        name: job.name.to_owned(),
        versions: job.versions.iter().map(Run::of).collect(),
        listed_versions: job.listed_versions,
        last_success: job.last_success,
        is_polled: job.poll_success.is_some(),
        trouble: job.trouble,
        interval: job.interval.as_secs_f64(),
        gone: job.gone,
        outcomes,
    }
}

fn notices(job: &Job, now: f64) -> Markup {
    html! {
        @if job.gone {
            p .notice { "The cloud does not know this job any more." }
        }
        @if let Some(Trouble { reason, since }) = job.trouble.filter(|_| !job.gone) {
            p .notice {
                "Not read whole " (words::for_long(since, now)) " (" code { (reason.as_str()) } "): "
                (words::sentence(reason.meaning())) "."
            }
        }
        @if !job.is_polled {
            p .notice { "Not polled yet." }
        }
    }
}

fn facts(job: &Job, key: &JobKey, now: f64) -> Markup {
    // Jobs of v2 have none.
    let has_versions = job.versions.iter().any(Run::is_of_many);
    let versions = format!("{} followed, {} in the cloud", job.versions.len(), job.listed_versions);
    let last_success = job.last_success.map(|at| words::ago(at, now));
    html! {
        dl .facts.wide {
            (fact("Project", words::name(&key.project)))
            (fact("Job id", words::name(key.job_id.as_str())))
            @if has_versions { (fact("Versions", versions)) }
            (fact("Polled every", words::span(job.interval)))
            (fact("Last read whole", last_success.unwrap_or_else(|| html! { "never" })))
            @if let Some((name, view)) = &job.outcomes { (outcomes(name, view, job, key, now)) }
        }
    }
}

fn outcomes(name: &str, view: &NameView, job: &Job, key: &JobKey, now: f64) -> Markup {
    let last = view.last.as_ref().map(|last| {
        html! {
            span class={ "outcome " (last.outcome.as_str()) } { (last.outcome.as_str()) }
            @if last.job_id != key.job_id { " · job " (words::short_id(last.job_id.as_str())) }
            @if !last.version.is_empty() { " · " (words::short_name(&last.version)) }
        }
    });
    let failures = view.consecutive_failures;
    let ends = Outcome::ALL.map(|outcome| (view.runs.of(outcome), outcome.as_str()));
    html! {
        @if name != job.name { (fact("Outcomes kept as", words::name(name))) }
        (fact("Last outcome", last.unwrap_or_else(|| html! { "none yet" })))
        @if let Some(at) = view.last_completed { (fact("Last completed", words::ago(at, now))) }
        @if let Some(at) = view.last_failed { (fact("Last failed", words::ago(at, now))) }
        (fact("Failures in a row", html! { span .worse[failures > 0] { (failures) } }))
        (fact("Ends under watch", html! {
            @for (at, (number, word)) in ends.into_iter().enumerate() {
                @if at > 0 { ", " }
                span .whole { (number) " " (word) }
            }
        }))
    }
}
