//! One job, as an item of the list or as the detail: both have the same shape.

use std::iter;

use serde::de::MapAccess;

use crate::cloud::v2::answer::{check_code, parse};
use crate::cloud::v2::resource::{ResourceDocument, Role, together};
use crate::cloud::v2::status::StatusDocument;
use crate::cloud::wire::{Document, Lenient, Limits, List, OwnedScalar, Reader, Taken, document};
use crate::cloud::{Error, Fault, Reading};
use crate::model::{Api, Execution, Facts, JobId, Version, VersionId};

/// Roles of one job; real ones have two or three.
const MOST_ROLES: usize = 100;

document! {
    /// The fields we show (OTC: "Querying the Details About a Training Job", and the SDK's `JobResponse`).
    /// Commands, parameters and environments can hold secrets and are never read.
    #[derive(Clone, PartialEq)]
    pub(super) struct JobDocument {
        kind: OwnedScalar = "kind",
        metadata: Lenient<MetadataDocument> = "metadata",
        status: Lenient<StatusDocument> = "status",
        algorithm: Lenient<AlgorithmDocument> = "algorithm",
        spec: Lenient<SpecDocument> = "spec",
        roles: List<RoleDocument, MOST_ROLES> = "tasks",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct MetadataDocument {
        id: OwnedScalar = "id",
        name: OwnedScalar = "name",
        description: OwnedScalar = "description",
        user_name: OwnedScalar = "user_name",
        workspace_id: OwnedScalar = "workspace_id",
        create_time: OwnedScalar = "create_time",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct AlgorithmDocument {
        engine: Lenient<EngineDocument> = "engine",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct EngineDocument {
        engine_name: OwnedScalar = "engine_name",
        engine_version: OwnedScalar = "engine_version",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct SpecDocument {
        resource: Lenient<ResourceDocument> = "resource",
    }
}

document! {
    /// One role of a heterogeneous job.
    #[derive(Clone, PartialEq)]
    struct RoleDocument {
        role: OwnedScalar = "role",
        algorithm: Lenient<AlgorithmDocument> = "algorithm",
        task_resource: Lenient<ResourceDocument> = "task_resource",
    }
}

/// The detail, which is a job at the top of the answer.
#[derive(Debug, Default)]
struct DetailDocument {
    error_code: OwnedScalar,
    error_msg: OwnedScalar,
    job: JobDocument,
}

impl<'de> Document<'de> for DetailDocument {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Taken, A::Error> {
        match key {
            "error_code" => self.error_code = map.next_value()?,
            "error_msg" => self.error_msg = map.next_value()?,
            _ => return self.job.take(key, map),
        }
        Ok(Taken::Yes)
    }
}

/// Reads the detail of the job with this id.
pub(super) fn read(body: &[u8], job: &JobId, limits: Limits) -> Result<Reading<Version>, Error> {
    let mut reader = Reader::new(limits);
    let answer: DetailDocument = parse(body)?;
    check_code(&answer.error_code, &answer.error_msg, &mut reader)?;
    let content = answer.job.read(&mut reader);
    let content = content.ok_or_else(|| Error::Malformed("no job with an id".to_owned()))?;
    if content.job_id != *job {
        let other = "the detail describes another job than was asked for";
        return Err(Error::Malformed(other.to_owned()));
    }
    Ok(Reading { content, misreads: reader.misreads })
}

impl JobDocument {
    /// What one becomes in memory at most, beside the bytes of its texts.
    #[cfg(test)]
    pub(super) const MOST_BYTES: usize =
        size_of::<Self>() + MOST_ROLES * size_of::<RoleDocument>() + StatusDocument::MOST_BYTES;

    /// The job as the model knows it: its only version. `None` (and a misread) without an id.
    pub(super) fn read(self, reader: &mut Reader) -> Option<Version> {
        let metadata = reader.object("metadata", self.metadata).unwrap_or_default();
        let job_id = reader.id("id", &metadata.id.0)?;
        let status = reader.object("status", self.status).unwrap_or_default();
        let state = status.state(reader);
        let mut tasks = status.tasks(reader);
        for _ in 0..self.roles.wrong {
            reader.misread("tasks", Fault::WrongType);
        }
        let roles = self.roles.items.unwrap_or_default().into_iter();
        let (algorithms, resources): (Vec<_>, Vec<_>) =
            roles.map(|role| (role.algorithm, (role.role, role.task_resource))).unzip();
        let engine = iter::once(self.algorithm)
            .chain(algorithms)
            .find_map(|algorithm| {
                let algorithm = reader.object("algorithm", algorithm)?;
                reader.object("engine", algorithm.engine)
            })
            .unwrap_or_default();
        let spec = reader.object("spec", self.spec).unwrap_or_default();
        let whole = reader.object("resource", spec.resource);
        let roles = read_roles(whole, resources, &tasks, reader);
        let role = together(roles, reader);
        let dropped_tasks = tasks.len().saturating_sub(reader.limits.tasks);
        tasks.truncate(reader.limits.tasks);
        Some(Version {
            job_name: reader.label("name", &metadata.name.0),
            created: reader.seconds("create_time", &metadata.create_time.0).filter(|&at| at > 0.0),
            started: status.started(reader),
            duration: status.duration(reader),
            facts: Facts {
                kind: reader.label("kind", &self.kind.0),
                engine_name: reader.label("engine_name", &engine.engine_name.0),
                engine_version: reader.label("engine_version", &engine.engine_version.0),
                flavor: reader.cut("flavor_id", role.flavor.into()),
                gpu_type: reader.cut("product_name", role.gpu_type.into()),
                npu_type: reader.cut("product_name", role.npu_type.into()),
                pool_name: reader.cut("pool_name", role.pool_name.into()),
                pool_id: reader.cut("pool_id", role.pool_id.into()),
                user_name: reader.label("user_name", &metadata.user_name.0),
                job_desc: reader.label("description", &metadata.description.0),
                workspace_id: reader.label("workspace_id", &metadata.workspace_id.0),
            },
            resources: role.resources,
            execution: Execution {
                nodes: status.nodes(reader),
                restarts: status.restarts(),
                failure: state.has_failed().then(|| status.failure(reader)),
                tasks,
                dropped_tasks,
            },
            ..Version::unknown(Api::V2, JobId::from(job_id), VersionId::from(""), state)
        })
    }
}

/// The roles of a heterogeneous job, each with what it asked for; another job is one role.
fn read_roles(
    whole: Option<ResourceDocument>,
    roles: Vec<(OwnedScalar, Lenient<ResourceDocument>)>,
    tasks: &[String],
    reader: &mut Reader,
) -> Vec<Role> {
    let mut read = Vec::new();
    for (role, resource) in roles {
        let Some(resource) = reader.object("task_resource", resource) else { continue };
        let role = reader.label("role", &role.0);
        // `worker-0` is a task of the role `worker`, which has a node for each.
        let is_of_role = |task: &&String| {
            let number = task.strip_prefix(&*role).and_then(|rest| rest.strip_prefix('-'));
            number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let nodes = tasks.iter().filter(is_of_role).count();
        read.push(resource.read((nodes > 0).then_some(nodes as f64), reader));
    }
    if let Some(whole) = whole {
        let whole = whole.read(None, reader);
        if read.is_empty() {
            return vec![whole];
        }
        // Of all roles together it tells where they run.
        read.push(Role { pool_name: whole.pool_name, pool_id: whole.pool_id, ..Role::default() });
    }
    read
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::{Misread, hostile};
    use crate::model::{Failure, Resources, Status};

    const LIMITS: Limits =
        Limits { label_length: 64, classes: 9, extra_metrics: 9, tasks: 2, curve_points: 240 };

    const ID: &str = "5b2c1d6e-7f30-4a52-9c11-0d9f0a6b7e04";

    const GIB: f64 = 1_073_741_824.0;

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_bytes_make_the_reader_panic(body in hostile::answers(&[hostile::JOB, hostile::REFUSALS[1]])) {
            if let Ok(reading) = read(&body, &JobId::from(ID), LIMITS) {
                prop_assert!(reading.content.execution.tasks.len() <= LIMITS.tasks);
                prop_assert!(reading.content.facts.flavor.chars().count() <= LIMITS.label_length);
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, &JobId::from(ID), LIMITS)));
    }

    /// A job whose document has this in the place of its status, and these members more.
    fn job(status: &str, more: &str) -> (Version, Vec<Misread>) {
        let body = format!(r#"{{"metadata":{{"id":"{ID}"}},"status":{status}{more}}}"#);
        let reading = read(body.as_bytes(), &JobId::from(ID), LIMITS).unwrap();
        (reading.content, reading.misreads)
    }

    fn resource(resource: &str) -> (Version, Vec<Misread>) {
        job("{}", &format!(r#","spec":{{"resource":{resource}}}"#))
    }

    #[test]
    fn a_job_that_never_ran_on_a_dedicated_pool_is_read() {
        let reading = read(hostile::JOB.as_bytes(), &JobId::from(ID), LIMITS).unwrap();
        let job = reading.content;
        assert_eq!((job.state.status, job.state.terminal), (Status::Abnormal, true));
        assert_eq!(
            (job.created, job.started, job.duration),
            (Some(1_636_447_346.315), None, Some(0.0))
        );
        let execution = Execution {
            tasks: vec!["worker-0".to_owned()],
            dropped_tasks: 0,
            nodes: Some(0.0),
            restarts: Some(0),
            failure: Some(Failure::CreateFailed),
        };
        assert_eq!(job.execution, execution);
        let resources = Resources {
            workers: Some(1.0),
            npus: Some(2.0),
            cpu_cores: Some(48.0),
            memory_bytes: Some(192.0 * GIB),
            ..Resources::default()
        };
        assert_eq!(job.resources, resources);
        let facts = Facts {
            kind: "job".to_owned(),
            flavor: "modelarts.pool.visual.2xlarge".to_owned(),
            npu_type: "ascend-Snt9b".to_owned(),
            pool_name: "dedicated".to_owned(),
            pool_id: "pool7d1e".to_owned(),
            job_desc: "tried once".to_owned(),
            workspace_id: "0".to_owned(),
            ..Facts::default()
        };
        assert_eq!((job.facts, reading.misreads), (facts, vec![]));
    }

    #[test]
    fn a_unit_is_a_number_or_a_string_and_a_flavour_goes_before_the_container() {
        let (job, misreads) = resource(
            r#"{"node_count":"2","flavor_detail":{"flavor_info":{"gpu":{"unit_num":"4","product_name":"A"},
            "npu":{"unit_num":8},"memory":{"size":"1","unit":"TB"}}},"main_container_customized_flavor":
            {"cpu_core_num":3.5,"mem_size":9,"accelerator_num":1,"accelerator_type":"B"}}"#,
        );
        let resources = Resources {
            workers: Some(2.0),
            gpus: Some(8.0),
            npus: Some(16.0),
            cpu_cores: Some(7.0),
            memory_bytes: Some(2048.0 * GIB),
        };
        assert_eq!((job.resources, &*job.facts.gpu_type, misreads), (resources, "A", vec![]));
    }

    #[test]
    fn numbers_that_are_too_large_together_are_none() {
        let too_large = Misread { field: "resource", fault: Fault::NotFinite };
        let flavor = r#""flavor_info":{"cpu":{"core_num":3},"gpu":{"unit_num":1e200}}"#;
        let (one, misreads) = resource(&format!(r#"{{"node_count":1e200,{flavor}}}"#));
        assert_eq!((one.resources.gpus, misreads), (None, vec![too_large]));
        assert_eq!(one.resources.cpu_cores, Some(3e200));
        let role = |gpus| {
            format!(r#"{{"task_resource":{{"flavor_info":{{"gpu":{{"unit_num":{gpus}}}}}}}}}"#)
        };
        let roles = ["1e308", "1e308", "5"].map(role).join(",");
        let (roles, misreads) = job("{}", &format!(r#","tasks":[{roles}]"#));
        assert_eq!((roles.resources.gpus, misreads), (None, vec![too_large]));
    }

    #[test]
    fn what_cannot_be_read_costs_itself_alone() {
        let (job, mut misreads) = job(
            r#"{"phase":"Paused","duration":-1,"start_time":"soon","tasks":["a",{},"a","b","c"],
            "node_count_metrics":[[5,3],[4,9],[6],7]}"#,
            r#","spec":{"resource":{"node_count":[],"flavor_detail":{"flavor_info":{"memory":{"size":8,"unit":"pages"}}}}},
            "tasks":[7,{"role":"a"}]"#,
        );
        assert_eq!((job.state.status, job.state.terminal), (Status::Unknown, false));
        let none = Resources { gpus: Some(0.0), npus: Some(0.0), ..Resources::default() };
        assert_eq!((job.started, job.duration, job.resources), (None, None, none));
        assert_eq!(
            (job.execution.nodes, &*job.execution.tasks),
            (Some(3.0), &["a".to_owned(), "b".to_owned()][..])
        );
        assert_eq!(job.execution.dropped_tasks, 1, "which is a limit and no mistake");
        misreads.sort();
        let found: Vec<_> = misreads.iter().map(|misread| (misread.field, misread.fault)).collect();
        let wanted = [
            ("duration", Fault::OutOfRange),
            ("node_count", Fault::WrongType),
            ("node_count_metrics", Fault::WrongType),
            ("node_count_metrics", Fault::WrongType),
            ("phase", Fault::Unknown),
            ("start_time", Fault::NotANumber),
            ("tasks", Fault::WrongType),
            ("tasks", Fault::WrongType),
            ("unit", Fault::OutOfRange),
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_failure_has_the_reason_that_says_most() {
        let table = [
            (
                r#""phase":"Failed","secondary_phase":"Lost","task_statuses":[{"exit_code":1}]"#,
                Failure::Lost,
            ),
            (
                r#""phase":"Abnormal","secondary_phase":"TerminatedFailed""#,
                Failure::TerminateFailed,
            ),
            (
                r#""phase":"Failed","task_statuses":[{"exit_code":0},{"exit_code":"139"}]"#,
                Failure::Crashed,
            ),
            (
                r#""phase":"Failed","task_statuses":null,"running_records":[{"end_reason":"exit with 1"},{"end_reason":"exit with 127"}]"#,
                Failure::Command,
            ),
            (
                r#""phase":"Failed","running_records":[{"end_reason":"job completed"}]"#,
                Failure::Unknown,
            ),
            (r#""phase":"Failed""#, Failure::Unknown),
        ];
        for (status, failure) in table {
            let (job, misreads) = job(&format!("{{{status}}}"), "");
            assert_eq!((job.execution.failure, misreads), (Some(failure), vec![]), "{status}");
        }
        let (running, _) = job(r#"{"phase":"Running","task_statuses":[{"exit_code":1}]}"#, "");
        assert_eq!((running.execution.failure, running.execution.restarts), (None, None));
    }

    #[test]
    fn an_id_is_whole_or_it_is_none() {
        let long = "x".repeat(129);
        for id in ["null", "\"\"", "{}", &format!("\"{long}\"")] {
            let body = format!(r#"{{"metadata":{{"id":{id}}},"status":{{"phase":"Running"}}}}"#);
            let error = read(body.as_bytes(), &JobId::from(ID), LIMITS).unwrap_err();
            assert_eq!(error.reason(), "malformed", "{id}");
        }
        let other = read(hostile::JOB.as_bytes(), &JobId::from("other"), LIMITS).unwrap_err();
        assert!(other.to_string().contains("another job"), "{other}");
        let refused = br#"{"error_code":"ModelArts.2775","error_msg":"gone"}"#;
        let refused = read(refused, &JobId::from(ID), LIMITS).unwrap_err();
        assert_eq!(refused.reason(), "rejected");
    }
}
