//! The page about one job.

use maud::{Markup, html};

use super::layout::fact;
use super::overview::{cell, change, measure_word, status_pill};
use super::rows::SCORES;
use super::{Maker, chart, layout, words};
use crate::inventory::outcomes::NameView;
use crate::inventory::{JobSight, TaskSight, Trouble, VersionSight};
use crate::model::{ClassQuality, JobKey, Measure, Outcome, Quality, Scores, TaskUsage, Version};

/// Versions whose use and quality can be seen without opening them.
const OPEN_VERSIONS: usize = 1;

/// What costs most comes first.
const ORDER: [Measure; 10] = [
    Measure::Gpu,
    Measure::GpuMemory,
    Measure::Npu,
    Measure::NpuMemory,
    Measure::Cpu,
    Measure::Memory,
    Measure::NetworkReceive,
    Measure::NetworkTransmit,
    Measure::DiskRead,
    Measure::DiskWrite,
];

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

/// A copy of what is known of a version.
struct Run {
    label: String,
    version: Version,
    is_newest: bool,
    confirmed: f64,
    is_fresh: bool,
    status_changed: f64,
    finished: Option<f64>,
    tasks: Vec<Task>,
    quality: Age,
    previous: Option<Scores>,
}

/// A copy of what is known of the use that a task makes of its machine.
struct Task {
    usage: TaskUsage,
    grown: f64,
    is_fresh: bool,
    is_sampled: bool,
}

/// How old a part is.
#[derive(Clone, Copy)]
struct Age {
    /// Unix seconds.
    seen: f64,
    is_fresh: bool,
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
        versions: job.versions.iter().map(copy_version).collect(),
        listed_versions: job.listed_versions,
        last_success: job.last_success,
        is_polled: job.poll_success.is_some(),
        trouble: job.trouble,
        interval: job.interval.as_secs_f64(),
        gone: job.gone,
        outcomes,
    }
}

fn copy_version(sight: &VersionSight<'_>) -> Run {
    let quality = sight.quality.map(|it| Age { seen: it.seen, is_fresh: it.is_fresh });
    let task = |task: &TaskSight<'_>| Task {
        usage: task.usage.clone(),
        grown: task.grown,
        is_fresh: task.is_fresh,
        is_sampled: task.is_sampled,
    };
    Run {
        label: sight.label.to_owned(),
        version: sight.version.clone(),
        is_newest: sight.rank == 0,
        confirmed: sight.confirmed,
        is_fresh: sight.is_fresh,
        status_changed: sight.status_changed,
        finished: sight.finished,
        tasks: sight.tasks.iter().map(task).collect(),
        quality: quality.unwrap_or(Age { seen: 0.0, is_fresh: true }),
        previous: sight.previous.cloned(),
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
    let versions = format!("{} followed, {} in the cloud", job.versions.len(), job.listed_versions);
    html! {
        dl .facts.wide {
            (fact("Project", words::name(&key.project)))
            (fact("Job id", words::name(key.job_id.as_str())))
            (fact("Versions", versions))
            (fact("Polled every", words::span(job.interval)))
            (fact("Last read whole", match job.last_success {
                Some(at) => words::ago(at, now),
                None => html! { "never" },
            }))
            @if let Some((name, view)) = &job.outcomes { (outcomes(name, view, &job.name, now)) }
        }
    }
}

fn outcomes(name: &str, view: &NameView, job_name: &str, now: f64) -> Markup {
    let last = view.last.as_ref().map(|last| html! {
        span class={ "outcome " (last.outcome.as_str()) } { (last.outcome.as_str()) }
        " (job " (words::short_name(last.job_id.as_str())) ", " (words::short_name(&last.version)) ")"
    });
    let failures = view.consecutive_failures;
    let ends =
        Outcome::ALL.map(|outcome| format!("{} {}", view.runs.of(outcome), outcome.as_str()));
    html! {
        @if name != job_name { (fact("Outcomes kept as", words::name(name))) }
        (fact("Last outcome", last.unwrap_or_else(|| html! { "none yet" })))
        @if let Some(at) = view.last_completed { (fact("Last completed", words::ago(at, now))) }
        @if let Some(at) = view.last_failed { (fact("Last failed", words::ago(at, now))) }
        (fact("Failures in a row", html! { span .worse[failures > 0] { (failures) } }))
        (fact("Ends under watch", ends.join(", ")))
    }
}

fn version(run: &Run, is_open: bool, now: f64) -> Markup {
    let version = &run.version;
    html! {
        details .version open[is_open] {
            summary {
                h2 { (words::name(&run.label)) }
                (status_pill(version.state.status))
                span .sub {
                    (words::for_long(run.status_changed, now))
                    @if run.is_newest { " · newest" }
                }
            }
            @if !run.is_fresh {
                p .notice {
                    "Last confirmed " (words::ago(run.confirmed, now))
                    ": too old to be shown in metrics, and shown here as it was."
                }
            }
            dl .facts.wide.old[!run.is_fresh] { (times(run, now)) (made_of(version)) }
            @if !run.tasks.is_empty() { (use_of(run, now)) }
            @if let Some(quality) = &version.quality { (quality_of(run, quality, now)) }
        }
    }
}

fn times(run: &Run, now: f64) -> Markup {
    let version = &run.version;
    html! {
        @if let Some(code) = version.state.code { (fact("Status code", code)) }
        (fact("Confirmed", words::ago(run.confirmed, now)))
        @if let Some(length) = version.duration { (fact("Ran", words::span(length))) }
        @if let Some(at) = version.created { (fact("Created", words::date(at))) }
        @if let Some(at) = version.started { (fact("Started", words::date(at))) }
        @if let Some(at) = run.finished { (fact("Ended, estimated", words::date(at))) }
    }
}

fn made_of(version: &Version) -> Markup {
    let (facts, resources) = (&version.facts, &version.resources);
    let texts = [
        ("Kind", &facts.kind),
        ("Engine", &facts.engine_name),
        ("Engine version", &facts.engine_version),
        ("Flavour", &facts.flavor),
        ("Pool", &facts.pool_name),
        ("GPU type", &facts.gpu_type),
        ("NPU type", &facts.npu_type),
    ];
    let numbers = [
        ("Nodes", resources.workers),
        ("GPUs", resources.gpus),
        ("NPUs", resources.npus),
        ("CPU cores", resources.cpu_cores),
    ];
    html! {
        @for (word, text) in texts {
            @if !text.is_empty() { (fact(word, words::name(text))) }
        }
        @for (word, number) in numbers {
            @if let Some(number) = number { (fact(word, words::short(number))) }
        }
        @if let Some(bytes) = resources.memory_bytes { (fact("Memory", words::memory(bytes))) }
    }
}

fn use_of(run: &Run, now: f64) -> Markup {
    let several = run.tasks.len() > 1;
    let is_sampled = run.tasks.iter().any(|task| task.is_sampled);
    let newest = run.tasks.iter().map(|task| task.grown).fold(f64::MIN, f64::max);
    html! {
        h3 { "Use" }
        @if run.tasks.iter().all(|task| task.usage.samples == 0) {
            p .sub { "No sample has come yet." }
        } @else {
            p .sub {
                "The newest sample came " (words::ago(newest, now))
                @if run.version.state.is_running() && !is_sampled { ": too old to be shown as of now" }
                "."
            }
            @for (at, task) in run.tasks.iter().enumerate() {
                @if several {
                    details .task open[at == 0] {
                        summary { h4 { (words::name(&task.usage.task)) } }
                        (curves(run, task))
                    }
                } @else {
                    (curves(run, task))
                }
            }
        }
    }
}

fn curves(run: &Run, task: &Task) -> Markup {
    let resources = &run.version.resources;
    html! {
        div .charts.old[!task.is_fresh] {
            @for measure in ORDER {
                @if resources.holds(measure) { (curve(task, measure)) }
            }
        }
    }
}

fn curve(task: &Task, measure: Measure) -> Markup {
    let usage = &task.usage;
    let Some(points) = usage.curves.of(measure) else { return html! {} };
    let largest = points.iter().flatten().copied().fold(0.0, f64::max);
    let in_words =
        |value: f64| if measure.is_share() { words::percent(value) } else { rate(measure, value) };
    let top = if measure.is_share() { 1.0 } else { largest };
    let now = usage.newest.of(measure).filter(|_| task.is_sampled).map(in_words);
    let over = words::span(f64::from(usage.curves.minutes()) * 60.0);
    let summary = match usage.whole_run.of(measure) {
        Some(run) => {
            format!("mean {}, largest {}", words::percent(run.mean), words::percent(run.max))
        }
        None => format!("largest {}", in_words(largest)),
    };
    let word = measure_word(measure);
    let label = format!("{word} over {over}: {summary}");
    html! {
        figure .chart {
            figcaption {
                span { (word) }
                @if let Some(now) = now { strong { (now) } }
            }
            div .plot {
                span .top-value { (in_words(top)) }
                (chart::curve(&points, top, &label))
            }
            div .axis { span { "start" } span { (summary) } span { (over) } }
        }
    }
}

/// No document gives the unit of the disk's.
fn rate(measure: Measure, value: f64) -> String {
    let text = words::short(value);
    match measure {
        Measure::NetworkReceive | Measure::NetworkTransmit if text.contains(' ') => {
            format!("{text}B/s")
        }
        Measure::NetworkReceive | Measure::NetworkTransmit => format!("{text} B/s"),
        _ => text,
    }
}

fn quality_of(run: &Run, quality: &Quality, now: f64) -> Markup {
    let previous = |value: fn(&Scores) -> Option<f64>| run.previous.as_ref().and_then(value);
    html! {
        h3 { "Quality" }
        p .sub { "As the training code reported it; read " (words::ago(run.quality.seen, now)) "." }
        div .old[!run.quality.is_fresh] {
            dl .scores {
                @for (word, value) in SCORES {
                    @if let Some(now) = value(&quality.overall) {
                        div {
                            dt { (word) }
                            dd {
                                strong { (words::score(now)) }
                                @if let Some(before) = previous(value) { " " (change(now, before)) }
                            }
                        }
                    }
                }
                @for (key, value) in &quality.overall.extra {
                    div { dt { (words::short_name(key)) } dd { strong { (words::score(*value)) } } }
                }
            }
            @if !quality.classes.is_empty() { (classes(&quality.classes)) }
            @if quality.dropped_class_series > 0 {
                p .sub { "Classes beyond " code { "limits.classes_per_version" } " are left out." }
            }
        }
    }
}

fn classes(classes: &[ClassQuality]) -> Markup {
    let given = |value: fn(&Scores) -> Option<f64>| {
        classes.iter().filter_map(move |class| value(&class.scores))
    };
    let columns: Vec<_> =
        SCORES.into_iter().filter(|(_, value)| given(*value).next().is_some()).collect();
    // A score is a share; where one is not, the longest bar is the largest of its column.
    let largest = |value| given(value).fold(1.0, f64::max);
    html! {
        div .scroll {
            table .classes {
                thead { tr {
                    th scope="col" { "Class" }
                    @for (word, _) in &columns { th scope="col" { (word) } }
                } }
                tbody {
                    @for class in classes {
                        tr {
                            th scope="row" { (class_name(class)) }
                            @for (word, value) in &columns {
                                (cell(word, html! {
                                    @if let Some(number) = value(&class.scores) {
                                        (chart::bar(number / largest(*value))) span { (words::score(number)) }
                                    }
                                }))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn class_name(class: &ClassQuality) -> Markup {
    if class.name.is_empty() {
        words::short_name(&class.id)
    } else {
        words::short_name(&class.name)
    }
}
