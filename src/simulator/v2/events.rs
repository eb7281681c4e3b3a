//! `GET /v2/{project_id}/training-jobs/{training_job_id}/events`.

use http::StatusCode;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    super::{answer::Answer, page::page_of, settings::Offsets},
    job::Job,
    service::{Service, bad_query},
};

/// Events on a page at most, and where nobody says.
const PAGE: (usize, usize) = (100, 50);

/// The answer.
#[derive(Debug, Serialize)]
struct EventList<'a> {
    total: usize,
    limit: usize,
    offset: usize,
    order: &'a str,
    start_time: String,
    end_time: String,
    events: Vec<&'a Event>,
}

#[derive(Debug, Serialize)]
struct Event {
    #[serde(skip)]
    at: i64,
    time: String,
    level: &'static str,
    message: String,
    source: &'static str,
}

/// As the service writes it, by China's clocks.
fn shown(milliseconds: i64) -> String {
    let eight_hours_east = TimeZone::fixed(jiff::tz::offset(8));
    Timestamp::from_millisecond(milliseconds).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(eight_hours_east).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
    )
}

fn event(at: i64, level: &'static str, source: &'static str, message: String) -> Event {
    Event { at, time: shown(at), level, message, source }
}

/// Everything that happened to a job so far, newest first.
fn history(job: &Job, now: i64) -> Vec<Event> {
    let mut events = Vec::new();
    for step in job.steps.iter().filter(|step| step.at <= now) {
        let level = match &*step.phase.first {
            "Failed" | "Abnormal" => "Error",
            _ => "Info",
        };
        let message = format!("Training job is {}.", step.phase.first.to_lowercase());
        events.push(event(step.at, level, "Job", message));
    }
    for run in job.runs(now) {
        for task in job.tasks(run.start) {
            let message = format!("[{}] training started.", task.name);
            events.push(event(run.start, "Info", "Task", message));
        }
        if let (Some(end), Some(setback)) = (run.end, run.setback) {
            let message = format!("[{}] exit with {}.", setback.task, setback.exit_code);
            events.push(event(end, "Error", "Task", message));
        }
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events
}

/// What the service says.
pub(super) fn answer(service: &Service<'_>, job: &Job) -> Result<Answer, Answer> {
    let (most, usual) = PAGE;
    let limit = service.number("limit", 1, most, usual)?;
    let offset = service.number("offset", 0, usize::MAX, 0)?;
    let order = service.query.get("order").unwrap_or("desc");
    let mut events = history(job, service.now);
    match order {
        "desc" => {}
        "asc" => events.reverse(),
        _ => return Err(bad_query("order")),
    }
    let level = service.query.get("level");
    let pattern = service.query.get("pattern").unwrap_or_default();
    events.retain(|event| {
        level.is_none_or(|level| level == event.level) && event.message.contains(pattern)
    });
    let skip = match service.offsets {
        Offsets::Pages => offset.saturating_mul(limit),
        Offsets::Items => offset,
    };
    let (page, total) = page_of(&events, skip, limit, service.verdict);
    let (start_time, end_time) = (shown(job.created), shown(service.now));
    let list = EventList { total, limit, offset, order, start_time, end_time, events: page };
    Ok(Answer::json(StatusCode::OK, &list))
}
