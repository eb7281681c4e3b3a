//! The page about all jobs.

use maud::{Markup, html};

use super::cards::{exporter_card, project_card};
use super::figures::Figures;
use super::query::{Query, Sort};
use super::rows::{Newest, Row, Score, UsageInShort, rows};
use super::survey::Survey;
use super::{Maker, chart, layout, words};
use crate::inventory::Trouble;
use crate::model::{Measure, Outcome, Status};

/// Jobs on one page: more than anybody reads, and few enough for a telephone.
const JOBS_PER_PAGE: usize = 100;

pub(super) fn page(maker: &Maker, query: &Query) -> Markup {
    let survey = Survey::of(&*maker.sight, query);
    let pages = survey.found().div_ceil(JOBS_PER_PAGE).max(1);
    let query = query.on_page(query.page.min(pages));
    let shown = survey.part((query.page - 1) * JOBS_PER_PAGE, JOBS_PER_PAGE);
    let rows = rows(&*maker.sight, &shown);
    let (facts, figures) = (maker.sight.facts(), Figures::read(&maker.own));
    let several = survey.projects.len() > 1;
    let content = html! {
        h1 .hidden { "Training jobs" }
        (statuses(&survey, &query))
        section aria-labelledby="projects" {
            h2 id="projects" { (if several { "Projects" } else { "Project" }) }
            div .cards {
                @for project in &survey.projects {
                    (project_card(project, &facts, &figures, survey.now))
                }
                (exporter_card(&facts, &figures, survey.now))
            }
        }
        section aria-labelledby="jobs" {
            h2 id="jobs" { "Jobs" }
            (form(&survey, &query))
            @if rows.is_empty() {
                (nothing(&survey, &query))
            } @else {
                (table(maker, &rows, &query, survey.now))
                (pager(&query, pages, survey.found()))
            }
        }
    };
    layout::page(maker, "Training jobs · modelarts-exporter", survey.now, &content)
}

/// How many jobs there are of each status, each a way to see these alone.
fn statuses(survey: &Survey, query: &Query) -> Markup {
    let tile = |status: Option<Status>, word: &str, number: usize| {
        let link = Query { status, page: 1, ..query.clone() }.link();
        let class = status.map_or("all", Status::as_str);
        let current = (query.status == status).then_some("true");
        html! {
            a class={ "tile " (class) } href=(link) aria-current=[current] {
                strong { (words::count(number)) } span { (word) }
            }
        }
    };
    html! {
        nav .tiles aria-label="Jobs by status" {
            (tile(None, "all jobs", survey.jobs()))
            @for status in Status::ALL {
                @let number = survey.count(status);
                @if number > 0 || query.status == Some(status) {
                    (tile(Some(status), status.as_str(), number))
                }
            }
        }
    }
}

fn form(survey: &Survey, query: &Query) -> Markup {
    html! {
        form .filter method="get" role="search" {
            label { "Name or id" input type="search" name="q" value=(query.text) maxlength="256"; }
            label { "Status"
                select name="status" {
                    option value="" selected[query.status.is_none()] { "any" }
                    @for status in Status::ALL {
                        option value=(status.as_str()) selected[query.status == Some(status)] { (status.as_str()) }
                    }
                }
            }
            @if survey.projects.len() > 1 {
                label { "Project"
                    select name="project" {
                        option value="" selected[query.project.is_empty()] { "any" }
                        @for project in &survey.projects {
                            option value=(project.name) selected[*query.project == *project.name] {
                                (words::plain(&project.name))
                            }
                        }
                    }
                }
            }
            label { "Order"
                select name="sort" {
                    @for sort in Sort::ALL {
                        option value=(sort.as_str()) selected[query.sort == sort] { (sort.meaning()) }
                    }
                }
            }
            button type="submit" { "Show" }
            @if query.is_narrow() { a href="?" { "All jobs" } }
        }
    }
}

fn nothing(survey: &Survey, query: &Query) -> Markup {
    html! {
        p .nothing {
            @if query.is_narrow() && survey.jobs() > 0 {
                "None of " (words::counted(survey.jobs(), "job", "jobs")) " is like that."
            } @else {
                "No job is known yet. What each project waits for stands above."
            }
        }
    }
}

fn table(maker: &Maker, rows: &[Row], query: &Query, now: f64) -> Markup {
    let head = |sort: Sort, word: &str| {
        let is_it = query.sort == sort;
        let reversed = is_it && !query.reversed;
        let link = Query { sort, reversed, page: 1, ..query.clone() }.link();
        let order = is_it.then_some(if query.reversed { "descending" } else { "ascending" });
        html! { th scope="col" aria-sort=[order] { a href=(link) { (word) } } }
    };
    html! {
        div .scroll {
            table .jobs {
                thead { tr {
                    (head(Sort::Name, "Job"))
                    (head(Sort::Status, "Status"))
                    (head(Sort::Running, "Ran"))
                    (head(Sort::Use, "Use"))
                    (head(Sort::Quality, "Quality"))
                    th scope="col" { "Last outcome" }
                    (head(Sort::Seen, "Seen"))
                } }
                tbody {
                    @for row in rows { (table_row(maker, row, now)) }
                }
            }
        }
    }
}

fn table_row(maker: &Maker, row: &Row, now: f64) -> Markup {
    let newest = row.newest.as_ref();
    let is_old = newest.is_some_and(|newest| !newest.is_fresh);
    html! {
        tr class=[is_old.then_some("old")] {
            th scope="row" {
                a href=(words::job_path(&maker.route_prefix, &row.key)) { (words::short_name(&row.name)) }
                div .sub {
                    (words::short_name(&row.key.project)) " · " (words::short_id(row.key.job_id.as_str()))
                    // Jobs of v2 have no versions, and so none with a name.
                    @if let Some(newest) = newest.filter(|newest| !newest.label.is_empty()) {
                        " · " (words::short_name(&newest.label))
                        @if newest.others > 0 { " and " (newest.others) " older" }
                    }
                }
            }
            (cell("Status", &status(row, now)))
            (cell("Ran", &html! { @if let Some(newest) = newest { (ran(newest, now)) } }))
            (cell("Use", &html! {
                @if let Some(usage) = newest.and_then(|newest| newest.usage.as_ref()) { (usage_in_short(usage)) }
            }))
            (cell("Quality", &html! {
                @if let Some(score) = newest.and_then(|newest| newest.quality.as_ref()) { (score_in_short(score)) }
            }))
            (cell("Last outcome", &outcome(row, now)))
            (cell("Seen", &seen(row, now)))
        }
    }
}

/// A place in a row; on a telephone its head stands beside it.
pub(super) fn cell(head: &str, content: &Markup) -> Markup {
    html! {
        @if content.0.is_empty() { td {} } @else { td data-label=(head) { div { (content) } } }
    }
}

fn status(row: &Row, now: f64) -> Markup {
    match &row.newest {
        Some(Newest { state, failure, status_changed, .. }) => html! {
            (status_pill(state.status))
            div .sub { (words::for_long(*status_changed, now)) }
            @if let Some(failure) = failure {
                div .sub { span title=(failure.meaning()) { (failure.as_str()) } }
            }
        },
        None if row.gone => html! { span .pill.unknown { "not in the cloud" } },
        None => html! { span .pill.unknown { "no answer yet" } },
    }
}

fn ran(newest: &Newest, now: f64) -> Markup {
    let has_run = newest.duration.is_some_and(|length| length > 0.0) || newest.state.is_running();
    html! {
        @if !has_run { span .sub { (if newest.state.terminal { "never" } else { "not yet" }) } }
        @else if let Some(length) = newest.duration { (words::span(length)) }
        @if let Some(at) = newest.created { div .sub { "made " (words::ago(at, now)) } }
    }
}

/// A status as it is drawn everywhere.
pub(super) fn status_pill(status: Status) -> Markup {
    html! { span class={ "pill " (status.as_str()) } { (status.as_str()) } }
}

fn usage_in_short(usage: &UsageInShort) -> Markup {
    let word = measure_word(usage.measure);
    let number = match (usage.now, usage.mean) {
        (Some(now), _) => words::percent(now),
        (None, Some(mean)) => format!("mean {}", words::percent(mean)),
        (None, None) => String::new(),
    };
    let over = words::span(f64::from(usage.minutes) * 60.0);
    let label = format!("{word} over {over}: {number}");
    html! {
        div .use.old[!usage.is_fresh] {
            (chart::spark(&usage.points, &label))
            div {
                span .whole { (number) }
                div .sub {
                    (word)
                    @if usage.tasks > 1 { ", least of " (usage.tasks) }
                }
            }
        }
    }
}

/// A measure as it is called everywhere.
pub(super) fn measure_word(measure: Measure) -> &'static str {
    match measure {
        Measure::Cpu => "CPU",
        Measure::Memory => "Memory",
        Measure::Gpu => "GPU",
        Measure::GpuMemory => "GPU memory",
        Measure::Npu => "NPU",
        Measure::NpuMemory => "NPU memory",
        Measure::NetworkReceive => "Network received",
        Measure::NetworkTransmit => "Network sent",
        Measure::DiskRead => "Disk read",
        Measure::DiskWrite => "Disk written",
    }
}

fn score_in_short(score: &Score) -> Markup {
    html! {
        div .old[!score.is_fresh] {
            (words::score(score.value))
            div .sub {
                (score.name)
                @if let Some(previous) = score.previous { " " (change(score.value, previous)) }
            }
        }
    }
}

/// How a score is beside that of the run before.
pub(super) fn change(value: f64, previous: f64) -> Markup {
    let difference = value - previous;
    if words::score(value) == words::score(previous) {
        return html! { span .same { "as before" } };
    }
    let (class, sign) = if difference > 0.0 { ("better", "▲") } else { ("worse", "▼") };
    html! { span class=(class) { (sign) " " (words::score(difference.abs())) } }
}

fn outcome(row: &Row, now: f64) -> Markup {
    let Some(view) = &row.outcomes else { return html! {} };
    let Some(last) = &view.last else { return html! { span .sub { "none yet" } } };
    let at = match last.outcome {
        Outcome::Completed => view.last_completed,
        Outcome::Failed => view.last_failed,
        Outcome::Terminated => None,
    };
    html! {
        span class={ "outcome " (last.outcome.as_str()) } { (last.outcome.as_str()) }
        @if let Some(at) = at { div .sub { (words::ago(at, now)) } }
        @if view.consecutive_failures > 1 {
            div .worse { (view.consecutive_failures) " failures in a row" }
        }
    }
}

fn seen(row: &Row, now: f64) -> Markup {
    html! {
        @if let Some(newest) = &row.newest {
            (words::ago(newest.confirmed, now))
            @if !newest.is_fresh { div .sub { "withdrawn: too old" } }
        }
        @if let Some(Trouble { reason, since }) = row.trouble {
            div .worse { (reason.as_str()) " " (words::for_long(since, now)) }
        }
    }
}

fn pager(query: &Query, pages: usize, found: usize) -> Markup {
    let link = |page: usize, word: &str, rel: &str| {
        html! { a rel=(rel) href=(query.on_page(page).link()) { (word) } }
    };
    html! {
        nav .pager aria-label="Pages" {
            @if query.page > 1 { (link(1, "« First", "first")) (link(query.page - 1, "‹ Previous", "prev")) }
            span { "Page " (query.page) " of " (pages) ", " (words::counted(found, "job", "jobs")) }
            @if query.page < pages { (link(query.page + 1, "Next ›", "next")) (link(pages, "Last »", "last")) }
        }
    }
}
