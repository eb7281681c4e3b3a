//! A version of a job: what it is made of, how its use went, and how good its model is.

use maud::{Markup, html};

use super::layout::fact;
use super::overview::{cell, change, measure_word, status_pill};
use super::rows::{Get, SCORES};
use super::{chart, words};
use crate::inventory::{TaskSight, VersionSight};
use crate::model::{ClassQuality, Measure, Quality, Scores, TaskUsage, Version};

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

/// A copy of what is known of a version.
pub(super) struct Run {
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

impl Run {
    /// The copy.
    pub(super) fn of(sight: &VersionSight<'_>) -> Self {
        let quality = sight.quality.map(|it| Age { seen: it.seen, is_fresh: it.is_fresh });
        let task = |task: &TaskSight<'_>| Task {
            usage: task.usage.clone(),
            grown: task.grown,
            is_fresh: task.is_fresh,
            is_sampled: task.is_sampled,
        };
        Self {
            label: sight.label.to_owned(),
            version: sight.version.clone(),
            is_newest: sight.rank == 0,
            confirmed: sight.confirmed,
            is_fresh: sight.is_fresh,
            status_changed: sight.status_changed,
            finished: sight.finished,
            tasks: sight.tasks.iter().map(task).collect(),
            quality: quality.unwrap_or(Age { seen: 0.0, is_fresh: true }),
            previous: sight.previous.map(|before| before.overall.clone()),
        }
    }
}

impl Run {
    /// It has a name among the versions of its job, which no job of v2 has.
    pub(super) fn is_of_many(&self) -> bool {
        !self.label.is_empty()
    }
}

/// Everything about a version; closed, only how it is.
pub(super) fn version(run: &Run, is_open: bool, now: f64) -> Markup {
    let version = &run.version;
    html! {
        details .version open[is_open] {
            summary {
                h2 { @if run.is_of_many() { (words::name(&run.label)) } @else { "The run" } }
                (status_pill(version.state.status))
                span .sub {
                    (words::for_long(run.status_changed, now))
                    @if run.is_newest && run.is_of_many() { " · newest" }
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
    let execution = &version.execution;
    html! {
        @if let Some(code) = version.state.code { (fact("Status code", code)) }
        (fact("Confirmed", words::ago(run.confirmed, now)))
        @if let Some(length) = version.duration.filter(|length| *length > 0.0) {
            (fact("Ran", words::span(length)))
        }
        @if let Some(at) = version.created { (fact("Created", words::date(at))) }
        @if let Some(at) = version.started { (fact("Started", words::date(at))) }
        @if let Some(at) = run.finished { (fact("Ended, estimated", words::date(at))) }
        @if let Some(failure) = execution.failure { (fact("Failed", failure.meaning())) }
        @if let Some(times) = execution.restarts { (fact("Restarts", times)) }
        @if let Some(nodes) = execution.nodes.filter(|_| !version.state.terminal) {
            (fact("Nodes at work", words::short(nodes)))
        }
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
            // Of a job whose nodes differ, a list.
            @if !text.is_empty() { (fact(word, words::name(&text.replace(',', ", ")))) }
        }
        @for (word, number) in numbers {
            @if let Some(number) = number.filter(|number| *number > 0.0) { (fact(word, words::short(number))) }
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
            format!("mean {}, max {}", words::percent(run.mean), words::percent(run.max))
        }
        None => format!("max {}", in_words(largest)),
    };
    let word = measure_word(measure);
    let label = format!("{word} over {over}: {summary}");
    html! {
        figure .chart {
            figcaption {
                span { (word) @if is_of_no_unit(measure) { span .sub { ", unit unknown" } } }
                @if let Some(now) = now { strong { (now) } }
            }
            div .plot {
                span .top-value { (in_words(top)) }
                (chart::curve(&points, top, &label))
            }
            div .axis { span { "0" } span { (summary) } span { (over) } }
        }
    }
}

/// No document gives the unit of the disk's.
fn is_of_no_unit(measure: Measure) -> bool {
    matches!(measure, Measure::DiskRead | Measure::DiskWrite)
}

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
    let previous = |value: Get| run.previous.as_ref().and_then(value);
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
    let given = |value: Get| classes.iter().filter_map(move |class| value(&class.scores));
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
                                (cell(word, &html! {
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
