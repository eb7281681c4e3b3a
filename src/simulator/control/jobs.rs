//! Orders about jobs: a new one, a version more, another status, none any more.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Word, bad, no_such_job, parsed, refused};
use crate::simulator::{
    answer::Answer,
    clock::MINUTE,
    cloud::Cloud,
    job::{Job, MOST_VERSIONS, named, plain_version},
    job_id::{JobId, Uuid},
    quality::Classes,
    random::mix,
    story::{RUNNING, Step, Version, WAITING, is_terminal},
    usage::Curve,
    v2,
    world::{Project, newest_first},
};

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
pub(super) struct JobOrder {
    /// Said by whoever chose this kind of order.
    #[serde(default, rename = "api")]
    _api: Option<String>,
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

/// The stream that the ids of ordered v2 jobs come from, apart from every seed of a fleet.
const ORDERED: u64 = u64::MAX - 1;

/// Samples a job has from the start when nobody says.
const USUAL_MINUTES: u32 = 10;

/// Classes at most; a model that tells more apart belongs into a document of its own.
const MOST_CLASSES: u32 = 100_000;

/// `POST jobs`.
pub(super) fn add(cloud: &Cloud, body: &[u8]) -> Result<Answer, Answer> {
    let asked: ApiOrder = parsed(body)?;
    match asked.api.as_deref() {
        None | Some("v1") => add_v1(cloud, &parsed(body)?),
        Some("v2") => add_v2(cloud, &parsed(body)?),
        Some(_) => Err(bad("the simulator speaks v1 and v2")),
    }
}

/// Which API an order is about; the rest of it depends on that.
#[derive(Deserialize)]
struct ApiOrder {
    #[serde(default)]
    api: Option<String>,
}

/// The project of that name or id; the first when nobody says.
fn project_of<'a>(
    projects: &'a mut [Project],
    wanted: Option<&str>,
) -> Result<&'a mut Project, Answer> {
    let project = match wanted {
        None => projects.first_mut(),
        Some(wanted) => projects.iter_mut().find(|it| it.name == wanted || it.id == wanted),
    };
    project.ok_or_else(|| bad("no such project"))
}

fn add_v2(cloud: &Cloud, order: &v2::JobOrder) -> Result<Answer, Answer> {
    let now = cloud.clock.now();
    let mut world = cloud.world();
    let project = project_of(&mut world.projects, order.project.as_deref())?;
    let number = project.v2.next_number();
    let job = order.job(ORDERED, number, now).map_err(bad)?;
    let answer = Answer::json(StatusCode::CREATED, &v2::Ordered::new(&job, now));
    project.v2.all.insert(job.id, job);
    Ok(answer)
}

fn add_v1(cloud: &Cloud, order: &JobOrder) -> Result<Answer, Answer> {
    let code = order.status.as_ref().map_or(Ok(RUNNING), Word::status)?;
    let now = cloud.clock.now();
    let mut world = cloud.world();
    let project = project_of(&mut world.projects, order.project.as_deref())?;
    let known = project.jobs.all.values().find(|job| job.name == order.name).map(|job| job.id);
    let id = known.unwrap_or_else(|| {
        let number = project.jobs.next_number();
        let job = Job::new(number, order.name.clone(), number);
        let id = job.id;
        project.jobs.all.insert(id, job);
        id
    });
    let job = project.jobs.all.get_mut(&id).ok_or_else(no_such_job)?;
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
pub(super) fn remove(cloud: &Cloud, id: JobId) -> Result<Answer, Answer> {
    let gone = cloud.world().remove(id, cloud.clock.now());
    if gone { Ok(Answer::empty(StatusCode::NO_CONTENT)) } else { Err(no_such_job()) }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusOrder {
    status: Word,
    /// By id or name; the newest when nobody says.
    #[serde(default)]
    version_id: Option<Word>,
}

/// `POST jobs/{job_id}/status`.
pub(super) fn set_status(cloud: &Cloud, id: JobId, body: &[u8]) -> Result<Answer, Answer> {
    match id {
        JobId::Number(id) => set_code(cloud, id, &parsed(body)?),
        JobId::Uuid(id) => set_phase(cloud, id, &parsed(body)?),
    }
}

fn set_phase(cloud: &Cloud, id: Uuid, order: &v2::PhaseOrder) -> Result<Answer, Answer> {
    let now = cloud.clock.now();
    let mut world = cloud.world();
    let job = world.v2_job(id).ok_or_else(no_such_job)?;
    order.apply(job, now).map_err(bad)?;
    Ok(Answer::json(StatusCode::OK, &v2::Ordered::new(job, now)))
}

fn set_code(cloud: &Cloud, id: u64, order: &StatusOrder) -> Result<Answer, Answer> {
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
