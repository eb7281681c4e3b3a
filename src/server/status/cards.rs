//! Each project, and the exporter itself: what it does, what is wrong with it, and what to do next.

use maud::{Markup, html};

use super::figures::Figures;
use super::layout::fact;
use super::survey::Project;
use super::{Facts, Requests, chart, words};
use crate::inventory::Trouble;
use crate::model::Status;
use crate::own::names;

/// What finds out why a project cannot be polled.
const DOCTOR: &str = "modelarts-exporter doctor --config.file=FILE";

/// A project: how it is, and what is wrong with it.
pub(super) fn project_card(
    project: &Project,
    facts: &Facts,
    figures: &Figures,
    now: f64,
) -> Markup {
    let own = |name| figures.of_project(name, &project.name);
    let requests = facts.requests.get(&project.name);
    let held = requests.and_then(|requests| requests.held_for);
    let (class, word) = match (project.up, project.is_complete) {
        (true, _) => ("up", "up"),
        (false, true) => ("down", "no answer"),
        (false, false) => ("waits", "first round"),
    };
    let parts = Status::ALL.map(|status| (status.as_str(), project.count(status)));
    let parts: Vec<_> = parts.into_iter().filter(|(_, number)| *number > 0).collect();
    let in_words: Vec<_> = parts.iter().map(|(status, jobs)| format!("{jobs} {status}")).collect();
    let dropped = figures.by(names::SERIES_DROPPED, "reason", &project.name);
    html! {
        article .card {
            h3 { (words::short_name(&project.name)) span class={ "pill " (class) } { (word) } }
            @if project.jobs > 0 { (chart::stack(&parts, &in_words.join(", "))) }
            dl .facts {
                (fact("Jobs", html! {
                    (words::count(project.jobs)) @if project.discovers { ", found by the list" }
                }))
                @if let Some(interval) = own(names::POLL_INTERVAL) {
                    (fact("Polled every", words::span(interval)))
                }
                @if let Some(requests) = requests { (fact("Requests", in_last_minute(requests))) }
                @if let Some(at) = project.listed { (fact("List read", words::ago(at, now))) }
                @if let Some(times) = own(names::API_THROTTLED).filter(|times| *times > 0.0) {
                    (fact("Throttled", words::counted(as_count(times), "time", "times") + " since the start"))
                }
                @if let Some(at) = own(names::TOKEN_EXPIRY) { (fact("Credentials", ends(at, now))) }
                @for (reason, series) in &dropped {
                    (fact("Left out", html! {
                        (words::counted(as_count(*series), "series", "series")) ", " code { (reason) }
                    }))
                }
            }
            @if let Some(left) = held {
                p .notice { "The cloud asked for fewer requests: nothing is asked for another " (words::span(left.as_secs_f64())) "." }
            }
            (advice(project, now))
        }
    }
}

fn in_last_minute(requests: &Requests) -> String {
    match requests.per_minute {
        0 => format!("{} in the last minute", requests.last_minute),
        most => format!("{} of {most} in the last minute", requests.last_minute),
    }
}

fn ends(at: f64, now: f64) -> Markup {
    html! {
        @if at > now { "end in " (words::time(at, &words::span(at - now))) }
        @else { "ended " (words::ago(at, now)) }
    }
}

/// What is wrong with a project, and what to do next.
fn advice(project: &Project, now: f64) -> Markup {
    let troubles = project.troubles();
    html! {
        @if let Some(Trouble { reason, since }) = project.list_trouble {
            p .notice {
                "The list of jobs cannot be read " (words::for_long(since, now)) " ("
                code { (reason.as_str()) } "): " (words::sentence(reason.meaning())) "."
            }
        }
        @for (reason, jobs) in &troubles {
            p .notice {
                (words::counted(*jobs, "job", "jobs")) " not read whole (" code { (reason.as_str()) } "): "
                (words::sentence(reason.meaning())) "."
            }
        }
        @if project.list_trouble.is_some() || !troubles.is_empty() || (!project.up && project.is_complete) {
            p .next { code { (DOCTOR) } " tries each step and names the key that mends it." }
        } @else if !project.is_complete {
            p .next { "Its first answers are on their way." }
        } @else if project.jobs == 0 && project.discovers {
            p .next {
                "The list shows no job that discovery admits; " code { (DOCTOR) }
                " says how many each filter leaves out."
            }
        } @else if project.jobs == 0 {
            p .next {
                "No job is followed. Add a " code { "[[projects.jobs]]" } " table with a " code { "job_id" }
                ", or set " code { "discovery.enabled = true" } "."
            }
        }
    }
}

/// The process itself.
pub(super) fn exporter_card(facts: &Facts, figures: &Figures, now: f64) -> Markup {
    let own = |name| figures.of(name).unwrap_or_default();
    let (series, limit) = (own(names::SERIES), own(names::SERIES_LIMIT));
    let failures = own(names::STATE_WRITE_FAILURES);
    html! {
        article .card {
            h3 { "This exporter" }
            @if limit > 0.0 { (chart::bar(series / limit)) }
            dl .facts {
                (fact("Series", format!("{} of {}", words::count(as_count(series)), words::count(as_count(limit)))))
                @if !facts.shard.is_all() {
                    (fact("Part", format!("{} of {}, counted from 0", facts.shard.index, facts.shard.total)))
                }
                (fact("Outcomes", if facts.has_state_file { "kept in a file" } else { "in memory: a restart forgets them" }))
                (fact("Configuration", html! {
                    "read " (words::ago(own(names::RELOAD_TIMESTAMP), now))
                    @if own(names::RELOAD_SUCCESSFUL) == 0.0 { "; a newer one was refused" }
                }))
            }
            @if failures > 0.0 {
                p .notice {
                    "The state file could not be written " (words::counted(as_count(failures), "time", "times"))
                    " since the start; an outcome is shown in metrics once it is on disk."
                }
            }
            @if own(names::SERIES_OVER_LIMIT) > 0.0 {
                p .notice { "More series than " code { "limits.series" } ": what is left never gives way." }
            }
            @if !facts.has_state_file {
                p .next { "Set " code { "state.file" } " to keep them." }
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn as_count(number: f64) -> usize {
    number as usize
}
