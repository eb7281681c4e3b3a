//! `POST /v2/{project_id}/training-job-searches`.

use std::cmp::Ordering;

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    super::{answer::Answer, page::page_of, settings::Offsets},
    job::Job,
    service::{Service, bad_query, refused},
    wire::{Form, JobDocument, JobList},
};

/// The most a page can hold.
const PAGE_MOST: usize = 50;

/// What a request asks for; everything may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Search {
    offset: Option<usize>,
    limit: Option<usize>,
    sort_by: Option<String>,
    order: Option<String>,
    group_by: Option<String>,
    workspace_id: Option<String>,
    filters: Option<Vec<Filter>>,
}

#[derive(Debug, Deserialize)]
struct Filter {
    key: String,
    operator: String,
    value: Vec<String>,
}

type Order = fn(&Job, &Job, i64) -> Ordering;

fn order_by(key: &str) -> Option<Order> {
    Some(match key {
        "create_time" => |a, b, _| a.created.cmp(&b.created),
        "name" => |a, b, _| a.name.cmp(&b.name),
        "duration" => |a, b, now| a.at(now).duration.cmp(&b.at(now).duration),
        _ => return None,
    })
}

/// What the service says.
pub(super) fn answer(service: &Service<'_>) -> Result<Answer, Answer> {
    let now = service.now;
    let search: Search = if service.body.is_empty() {
        Search::default()
    } else {
        serde_json::from_slice(service.body)
            .map_err(|_| refused("ModelArts.0104", "Parameter error: the body."))?
    };
    // An example of the documents has it in the query.
    let in_query = service.number("limit", 1, PAGE_MOST, PAGE_MOST)?;
    let limit = search.limit.unwrap_or(in_query);
    if !(1..=PAGE_MOST).contains(&limit) {
        return Err(bad_query("limit"));
    }
    let sort_by = search.sort_by.as_deref().unwrap_or("create_time");
    let bad_sort = || refused("ModelArts.2790", "The sorting condition is invalid.");
    let compare = order_by(sort_by).ok_or_else(bad_sort)?;
    let order = search.order.as_deref().unwrap_or("desc");
    let descending = match order {
        "asc" => false,
        "desc" => true,
        _ => return Err(bad_sort()),
    };
    let filters: Vec<Test> =
        search.filters.iter().flatten().map(Test::new).collect::<Result<_, _>>()?;
    let workspace = search.workspace_id.as_deref().unwrap_or("0");

    let jobs = service.project.v2.all.values().filter(|job| {
        job.created <= now && job.workspace == workspace && !service.verdict.unknown.has(job.id)
    });
    let mut total = 0;
    let mut rows: Vec<&Job> = jobs
        .inspect(|_| total += 1)
        .filter(|job| filters.iter().all(|test| test.admits(job, now)))
        .collect();
    // Rows that are equal keep the order of their ids, so that pages do not overlap.
    rows.sort_by(|a, b| if descending { compare(b, a, now) } else { compare(a, b, now) });

    let offset = search.offset.unwrap_or(0);
    let skip = match service.offsets {
        Offsets::Pages => offset.saturating_mul(limit),
        Offsets::Items => offset,
    };
    let (shown, count) = page_of(&rows, skip, limit, service.verdict);
    let items = shown.into_iter().map(|job| match service.documents.listed(job.id) {
        Some(document) => document.to_vec(),
        None => json(&JobDocument::new(job, now, Form::List, service.verdict.renamed.has(job.id))),
    });
    let list = JobList {
        total: total.max(count),
        count,
        limit,
        offset,
        sort_by,
        order,
        group_by: search.group_by.as_deref().unwrap_or_default(),
        workspace_id: workspace,
        ai_project: "default-ai-project",
        items: [],
    };
    // Raw documents stand between the others as they are, so the list is filled by hand.
    let mut body = json(&list);
    body.truncate(body.len().saturating_sub(END.len()));
    body.extend(items.collect::<Vec<_>>().join(&b','));
    body.extend(END);
    Ok(Answer::raw(StatusCode::OK, "application/json", body))
}

/// What follows the last job of a list.
const END: &[u8] = b"]}";

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    // Serialising our own types into memory cannot fail; an empty text would show at once.
    serde_json::to_vec(value).unwrap_or_default()
}

/// A filter that means something.
#[derive(Debug)]
struct Test {
    read: fn(&Job, i64) -> String,
    condition: Condition,
}

#[derive(Debug)]
enum Condition {
    In(Vec<String>),
    NotIn(Vec<String>),
    Like(String),
    /// Of milliseconds since 1970.
    Between(i64, i64),
}

impl Test {
    fn new(filter: &Filter) -> Result<Self, Answer> {
        let bad = |why: &str| refused("ModelArts.2789", &format!("The filter is invalid: {why}."));
        let read: fn(&Job, i64) -> String = match filter.key.as_str() {
            "id" => |job, _| job.id.to_string(),
            "name" => |job, _| job.name.clone(),
            "kind" => |job, _| job.kind().to_owned(),
            "phase" => |job, now| job.at(now).phase.first.into_owned(),
            "user_id" => |job, _| job.user.to_owned(),
            "pool_id" => |job, _| {
                let pool = job.roles.first().and_then(|role| role.flavor.pool);
                pool.map_or_else(String::new, |(id, _)| id.to_owned())
            },
            "create_time" => |job, _| job.created.to_string(),
            // Known, and no job of ours has it.
            "algorithm_id"
            | "algorithm_name"
            | "training_experiment_id"
            | "runtime_type"
            | "priority" => |_, _| String::new(),
            key => return Err(bad(key)),
        };
        let condition = match (filter.operator.as_str(), filter.value.as_slice()) {
            ("in", _) => Condition::In(filter.value.clone()),
            ("not", _) => Condition::NotIn(filter.value.clone()),
            ("like", [part]) => Condition::Like(part.clone()),
            ("between", [from, to]) => {
                let moment = |text: &str| moment(text).ok_or_else(|| bad("between"));
                Condition::Between(moment(from)?, moment(to)?)
            }
            (operator, _) => return Err(bad(operator)),
        };
        Ok(Self { read, condition })
    }

    fn admits(&self, job: &Job, now: i64) -> bool {
        let read = (self.read)(job, now);
        match &self.condition {
            Condition::In(values) => values.contains(&read),
            Condition::NotIn(values) => !values.contains(&read),
            Condition::Like(part) => read.contains(part.as_str()),
            Condition::Between(from, to) => {
                read.parse().is_ok_and(|at: i64| (*from..=*to).contains(&at))
            }
        }
    }
}

/// Milliseconds since 1970, or a time as RFC 3339 has it.
fn moment(text: &str) -> Option<i64> {
    let milliseconds = text.parse().ok();
    milliseconds.or_else(|| text.parse().ok().map(Timestamp::as_millisecond))
}
