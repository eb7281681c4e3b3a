//! The control calls: for tests and demonstrations, not part of any real cloud.

use std::{collections::BTreeMap, net::IpAddr};

use http::{Method, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    answer::Answer,
    clock::MINUTE,
    fault::{Fault, Target},
    http::{Cloud, not_allowed, whole_body},
    iam::header as text,
    job::{Job, MOST_VERSIONS, named, plain_version},
    quality::Classes,
    random::mix,
    rules::Rule,
    settings::FaultSpec,
    story::{RUNNING, Step, Version, WAITING, code_of, is_terminal},
    truth::{TrueJob, Truth},
    usage::Curve,
    v1::Query,
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
        (&Method::POST, ["jobs"]) => parsed(&body).and_then(|order| add(cloud, &order)),
        (&Method::DELETE, ["jobs", job]) => job_id(job).and_then(|job| remove(cloud, job)),
        (&Method::POST, ["jobs", job, "status"]) => {
            job_id(job).and_then(|job| set_status(cloud, job, &parsed(&body)?))
        }
        (&Method::PUT, ["jobs", job, "document"]) => job_id(job).map(|job| {
            cloud.world().documents.insert(job, body);
            Answer::empty(StatusCode::NO_CONTENT)
        }),
        (&Method::DELETE, ["jobs", job, "document"]) => job_id(job).map(|job| {
            cloud.world().documents.remove(&job);
            Answer::empty(StatusCode::NO_CONTENT)
        }),
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
            Ok(Answer::json(StatusCode::OK, &cloud.requests().summary()))
        }
        (&Method::DELETE, ["requests"]) => {
            cloud.requests().clear();
            Ok(Answer::empty(StatusCode::NO_CONTENT))
        }
        (_, ["jobs" | "faults" | "requests", ..]) => Err(not_allowed()),
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

fn job_id(text: &str) -> Result<u64, Answer> {
    text.parse().map_err(|_| bad("a job id is a number"))
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
    let mut jobs = Vec::new();
    for project in &world.projects {
        for job in project.jobs.values() {
            if only.is_some_and(|id| id != job.id.to_string()) {
                continue;
            }
            let replaced = world.documents.contains_key(&job.id);
            let versions = newest_first(job, now);
            let names = (project.name.as_str(), project.id.as_str());
            jobs.push(TrueJob::new(names, job, &versions, now, replaced, with_samples));
        }
    }
    let truth = Truth { now: now as f64 / 1000.0, speed: cloud.clock.speed(), jobs };
    Answer::json(StatusCode::OK, &truth)
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

    fn id(&self) -> Result<u64, Answer> {
        match self {
            Self::Number(number) => {
                u64::try_from(*number).map_err(|_| bad("an id is not negative"))
            }
            Self::Text(text) => job_id(text),
        }
    }
}

/// Names, or how many to make up.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ClassOrder {
    Count(u32),
    Names(Vec<String>),
}

/// A job to be added, or a version of one whose name is known.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobOrder {
    #[serde(default)]
    api: Option<String>,
    /// By name or id; the first when nobody says.
    #[serde(default)]
    project: Option<String>,
    name: String,
    #[serde(default)]
    status: Option<Word>,
    #[serde(default)]
    classes: Option<ClassOrder>,
    /// Minutes it has been running, or ran.
    #[serde(default)]
    minutes: Option<u32>,
    /// GPUs of each node.
    #[serde(default)]
    gpus: Option<u32>,
    #[serde(default)]
    workers: Option<u32>,
    #[serde(default)]
    description: Option<String>,
    /// Scores over all classes, by name.
    #[serde(default)]
    quality: Option<BTreeMap<String, f64>>,
}

/// Samples a job has from the start when nobody says.
const USUAL_MINUTES: u32 = 10;

/// Classes at most; a model that tells more apart belongs into a document of its own.
const MOST_CLASSES: u32 = 100_000;

/// `POST jobs`.
fn add(cloud: &Cloud, order: &JobOrder) -> Result<Answer, Answer> {
    match order.api.as_deref() {
        None | Some("v1") => {}
        Some(_) => return Err(bad("the simulator speaks v1 only")),
    }
    let code = order.status.as_ref().map_or(Ok(RUNNING), Word::status)?;
    let now = cloud.clock.now();
    let mut world = cloud.world();
    let project = match &order.project {
        None => world.projects.first_mut(),
        Some(wanted) => world.projects.iter_mut().find(|it| it.name == *wanted || it.id == *wanted),
    };
    let project = project.ok_or_else(|| bad("no such project"))?;
    let known = project.jobs.values().find(|job| job.name == order.name).map(|job| job.id);
    let id = known.unwrap_or_else(|| {
        let job = Job::new(project.first + project.made, order.name.clone(), project.made);
        project.made += 1;
        let id = job.id;
        project.jobs.insert(id, job);
        id
    });
    let job = project.jobs.get_mut(&id).ok_or_else(no_such_job)?;
    job.catch_up(now);
    // From here on the story is told by control calls.
    job.again_after = None;
    job.versions.retain(|version| version.created <= now);
    let number = job.versions.last().map_or(1, |last| last.number + 1);
    if number > MOST_VERSIONS {
        return Err(refused(StatusCode::CONFLICT, "the job has as many versions as it can have"));
    }
    if let Some(description) = &order.description {
        job.description.clone_from(description);
    }
    let version = ordered_version(order, code, job.version_id(number), number, now)?;
    let answer = json!({
        "project": project.name, "job_id": job.id, "name": job.name,
        "version_id": version.id, "version_name": version.name(), "status": code,
    });
    job.versions.push(version);
    Ok(Answer::json(StatusCode::CREATED, &answer))
}

fn ordered_version(
    order: &JobOrder,
    code: i64,
    id: u64,
    number: u64,
    now: i64,
) -> Result<Version, Answer> {
    let classes = match &order.classes {
        None => named::<String>([]),
        Some(ClassOrder::Count(count)) if *count > MOST_CLASSES => {
            return Err(bad("too many classes"));
        }
        Some(ClassOrder::Count(count)) => named((0..*count).map(|place| format!("class-{place}"))),
        Some(ClassOrder::Names(names)) => named(names.iter().cloned()),
    };
    let silent = order.classes.is_none() && order.quality.is_none() && code == WAITING;
    let ran = i64::from(order.minutes.unwrap_or(USUAL_MINUTES)) * MINUTE;
    // Before the start there is no run; at the end it lies behind.
    let (created, steps) = if matches!(code, 1 | 2 | 4 | 7 | 18 | 19 | 20) {
        (now, vec![Step { at: now, code }])
    } else {
        let created = now - ran - MINUTE;
        let running = Step { at: now - ran, code: RUNNING };
        let mut steps = vec![Step { at: created, code: WAITING }, running];
        if code != RUNNING {
            steps.push(Step { at: now, code });
        }
        (created, steps)
    };
    let seed = mix(id, number);
    let mut version = Version {
        id,
        number,
        steps,
        classes: if silent { Classes::Silent } else { classes },
        overall: order.quality.clone(),
        ..plain_version(seed, created)
    };
    if let Some(gpus) = order.gpus {
        version.machine.gpus = gpus.into();
        if gpus == 0 {
            version.machine.gpu_type = "";
            version.machine.flavor = "modelarts.vm.cpu.8u";
            version.curve = Curve::CpuOnly;
        }
    }
    if let Some(workers) = order.workers {
        version.machine.workers = workers.into();
    }
    Ok(version)
}

/// `DELETE jobs/{job_id}`.
fn remove(cloud: &Cloud, id: u64) -> Result<Answer, Answer> {
    let mut world = cloud.world();
    world.documents.remove(&id);
    let gone = world.projects.iter_mut().any(|project| project.jobs.remove(&id).is_some());
    if gone { Ok(Answer::empty(StatusCode::NO_CONTENT)) } else { Err(no_such_job()) }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatusOrder {
    status: Word,
    /// By id or name; the newest when nobody says.
    #[serde(default)]
    version_id: Option<Word>,
}

/// `POST jobs/{job_id}/status`.
fn set_status(cloud: &Cloud, id: u64, order: &StatusOrder) -> Result<Answer, Answer> {
    let code = order.status.status()?;
    let now = cloud.clock.now();
    let mut world = cloud.world();
    let job = world.job(id).ok_or_else(no_such_job)?;
    job.catch_up(now);
    let newest = newest_first(job, now).first().map(|version| version.id);
    let version = job
        .versions
        .iter_mut()
        .find(|version| match &order.version_id {
            None => Some(version.id) == newest,
            Some(Word::Text(name)) => *name == version.name() || *name == version.id.to_string(),
            Some(Word::Number(id)) => u64::try_from(*id) == Ok(version.id),
        })
        .ok_or_else(|| refused(StatusCode::NOT_FOUND, "no such version"))?;
    version.force(now, code);
    Ok(Answer::json(
        StatusCode::OK,
        &json!({
            "job_id": id, "version_id": version.id, "status": code, "terminal": is_terminal(code),
        }),
    ))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    fault: String,
    #[serde(default)]
    on: Option<String>,
    #[serde(default)]
    job_id: Option<Word>,
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    value: Option<u64>,
}

/// `POST faults`.
fn break_something(cloud: &Cloud, order: &FaultOrder) -> Result<Answer, Answer> {
    let spec = order
        .fault
        .parse::<Fault>()
        .and_then(|fault| {
            let on = order.on.as_deref().map_or(Ok(Target::Any), str::parse)?;
            FaultSpec::new(fault, on, order.value)
        })
        .map_err(|error| bad(&error.to_string()))?;
    let job = order.job_id.as_ref().map(Word::id).transpose()?;
    let tokens = cloud.tokens().issued();
    let rule = Rule::new(spec, job, order.count, tokens);
    let answer = Answer::json(StatusCode::CREATED, &rule);
    cloud.rules().push(rule);
    Ok(answer)
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
