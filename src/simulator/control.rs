//! The control calls: for tests and demonstrations, not part of any real cloud.

mod faults;
mod jobs;

use std::net::IpAddr;

use bytes::Bytes;
use http::{Method, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::{
    faults::break_something,
    jobs::{add, remove, set_status},
};
use super::{
    answer::Answer,
    api::Api,
    clock::is_speed,
    cloud::Cloud,
    fault::Target,
    http::{not_allowed, whole_body},
    iam::header as text,
    job_id::{JobId, NoJobId},
    settings::Offsets,
    story::code_of,
    truth::{TrueEnds, TrueJob, Truth},
    v1::Query,
    v2,
    world::newest_first,
};

/// Bytes of an order.
const ORDER_MOST: usize = 1 << 20;

/// Bytes of a raw document: as large as the `huge` fault can be.
const DOCUMENT_MOST: usize = 256 << 20;

fn refused(status: StatusCode, reason: &str) -> Answer {
    Answer::json(status, &json!({"error": reason}))
}

fn bad(reason: &str) -> Answer {
    refused(StatusCode::BAD_REQUEST, reason)
}

/// Answers `/-/simulator/…`.
pub(super) async fn answer(
    cloud: &Cloud,
    head: &Parts,
    call: &[&str],
    incoming: Incoming,
) -> Answer {
    if !host_is_loopback(text(&head.headers, &header::HOST).unwrap_or_default()) {
        // A page in somebody's browser could reach us under a name of its own.
        return refused(StatusCode::FORBIDDEN, "control calls are for loopback hosts");
    }
    if matches!(head.method, Method::POST | Method::PUT) && !is_json(head) {
        return refused(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Content-Type: application/json, please",
        );
    }
    let most = if call.last() == Some(&"document") { DOCUMENT_MOST } else { ORDER_MOST };
    let body = match whole_body(incoming, most).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let done = match (&head.method, call) {
        (&Method::GET, ["jobs"]) => Ok(truth(cloud, head.uri.query().unwrap_or_default())),
        (&Method::POST, ["jobs"]) => add(cloud, &body),
        (&Method::DELETE, ["jobs", job]) => job_id(job).and_then(|job| remove(cloud, job)),
        (&Method::POST, ["jobs", job, "status"]) => {
            job_id(job).and_then(|job| set_status(cloud, job, &body))
        }
        (&Method::PUT, ["jobs", job, "document"]) => set_document(cloud, head, job, Some(body)),
        (&Method::DELETE, ["jobs", job, "document"]) => set_document(cloud, head, job, None),
        (&Method::GET, ["clock"]) => Ok(clock(cloud)),
        (&Method::POST, ["clock"]) => parsed(&body).and_then(|order| set_clock(cloud, &order)),
        (&Method::GET, ["faults"]) => {
            Ok(Answer::json(StatusCode::OK, &json!({"faults": &*cloud.rules()})))
        }
        (&Method::POST, ["faults"]) => {
            parsed(&body).and_then(|order| break_something(cloud, &order))
        }
        (&Method::DELETE, ["faults"]) => {
            cloud.rules().clear();
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        (&Method::GET, ["requests"]) => {
            let credentials = cloud.identity().refusals();
            Ok(Answer::json(StatusCode::OK, &cloud.requests().summary(credentials)))
        }
        (&Method::DELETE, ["requests"]) => {
            cloud.requests().clear();
            cloud.identity().forget_refusals();
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        (&Method::PUT, ["offsets"]) => parsed(&body).map(|order: OffsetsOrder| {
            cloud.set_offsets(order.offsets);
            Answer::empty(StatusCode::NO_CONTENT)
        }),
        (_, ["jobs" | "clock" | "faults" | "requests" | "offsets", ..]) => Err(not_allowed()),
        _ => Err(refused(StatusCode::NOT_FOUND, "no such control call")),
    };
    done.unwrap_or_else(|refused| refused)
}

fn is_json(head: &Parts) -> bool {
    text(&head.headers, &header::CONTENT_TYPE)
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn host_is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // An IPv6 address without a port ends in its bracket.
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| bad(&error.to_string()))
}

fn job_id(text: &str) -> Result<JobId, Answer> {
    text.parse().map_err(|error: NoJobId| bad(&error.to_string()))
}

/// What the offset of a v2 list counts from now on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OffsetsOrder {
    offsets: Offsets,
}

/// `PUT jobs/{job_id}/document[?on=KIND]`, or `DELETE`.
fn set_document(
    cloud: &Cloud,
    head: &Parts,
    job: &str,
    document: Option<Bytes>,
) -> Result<Answer, Answer> {
    let query = Query::new(head.uri.query().unwrap_or_default());
    let job = job_id(job)?;
    let on = match query.get("on") {
        None => Target::Any,
        // There alone a job is listed with all that its detail has.
        Some("list") if job.api() == Api::V2 => Target::List,
        Some("versions") => Target::Versions,
        Some("detail") => Target::Detail,
        Some("metrics") => Target::Metrics,
        Some(_) => {
            return Err(bad(
                "a document stands for versions, detail, metrics or all of them, in v2 for list too",
            ));
        }
    };
    cloud.world().documents.set(job, on, document);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

fn no_such_job() -> Answer {
    refused(StatusCode::NOT_FOUND, "no such job")
}

/// `GET jobs[?job_id=N][&samples=false]`.
fn truth(cloud: &Cloud, query: &str) -> Answer {
    let query = Query::new(query);
    let only = query.get("job_id");
    let with_samples = query.get("samples") != Some("false");
    let now = cloud.clock.now();
    let mut world = cloud.world();
    world.catch_up(now);
    let (mut jobs, mut v2_jobs) = (Vec::new(), Vec::new());
    let wanted = |id: String| only.is_none_or(|only| only == id);
    for project in &world.projects {
        let names = (project.name.as_str(), project.id.as_str());
        for job in project.jobs.all.values() {
            if !wanted(job.id.to_string()) {
                continue;
            }
            let replaced = world.documents.replace(job.id);
            let versions = newest_first(job, now);
            jobs.push(TrueJob::new(names, job, &versions, now, replaced, with_samples));
        }
        for job in project.v2.all.values().filter(|job| wanted(job.id.to_string())) {
            let replaced = world.documents.replace(job.id);
            v2_jobs.push(v2::TrueJob::new(names, job, now, replaced, with_samples));
        }
    }
    let accounts = world.projects.iter().flat_map(|project| {
        let (v1, v2) = (project.jobs.account(now), project.v2.account(now));
        [(&project.name, Api::V1, v1), (&project.name, Api::V2, v2)]
    });
    let accounts: Vec<_> = accounts.collect();
    let ends = accounts.iter().flat_map(|(project, api, account)| {
        account.ends().map(|(name, ends)| TrueEnds { api: *api, project, name, ends })
    });
    let (now, speed) = (now as f64 / 1000.0, cloud.clock.speed());
    let truth = Truth { now, speed, jobs, v2_jobs, ends: ends.collect() };
    Answer::json(StatusCode::OK, &truth)
}

/// `GET clock`.
fn clock(cloud: &Cloud) -> Answer {
    let (now, speed) = (cloud.clock.now() as f64 / 1000.0, cloud.clock.speed());
    Answer::json(StatusCode::OK, &json!({"now": now, "speed": speed}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    speed: f64,
}

/// `POST clock`.
fn set_clock(cloud: &Cloud, order: &ClockOrder) -> Result<Answer, Answer> {
    if !is_speed(order.speed) {
        return Err(bad("a speed is a number that is not negative"));
    }
    cloud.clock.set_speed(order.speed);
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// A number or a text.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum Word {
    Number(i64),
    Text(String),
}

impl Word {
    /// A status by its code, its documented name or our word.
    fn status(&self) -> Result<i64, Answer> {
        match self {
            Self::Number(code) => Ok(*code),
            Self::Text(word) => word
                .parse()
                .ok()
                .or_else(|| code_of(word))
                .ok_or_else(|| bad("a status is a code, or one of creating, pending, running, terminating, completed, failed, terminated, lost, unknown")),
        }
    }

    fn id(&self) -> Result<JobId, Answer> {
        match self {
            Self::Number(number) => {
                let number = u64::try_from(*number).map_err(|_| bad("an id is not negative"))?;
                Ok(number.into())
            }
            Self::Text(text) => job_id(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_may_order() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:99"] {
            assert!(host_is_loopback(host), "{host}");
        }
        for host in ["", "example.org", "localhost.example.org:80", "10.0.0.1:1", "[fe80::1]:2"] {
            assert!(!host_is_loopback(host), "{host}");
        }
    }
}
