//! One version of a job, as an element of `versions[]` or as the detail.

use crate::cloud::Fault;
use crate::cloud::samples::Samples;
use crate::cloud::v1::quality::{self, ModelMetricList};
use crate::cloud::v1::usage;
use crate::cloud::wire::{Lenient, Reader, Scalar, document};
use crate::model::{Api, Execution, Facts, JobId, Resources, State, Version, VersionId};

document! {
    /// The fields we show, of more than sixty (OTC: "Querying the Details About a Training Job
    /// Version", and real answers, which have more: flavours stand only in them).
    #[derive(Clone, PartialEq)]
    pub(super) struct VersionDocument<'a> {
        job_id: Scalar<'a> = "job_id",
        job_name: Scalar<'a> = "job_name",
        job_desc: Scalar<'a> = "job_desc",
        version_id: Scalar<'a> = "version_id",
        version_name: Scalar<'a> = "version_name",
        status: Scalar<'a> = "status",
        create_time: Scalar<'a> = "create_time",
        start_time: Scalar<'a> = "start_time",
        duration: Scalar<'a> = "duration",
        engine_name: Scalar<'a> = "engine_name",
        engine_version: Scalar<'a> = "engine_version",
        flavor_code: Scalar<'a> = "flavor_code",
        spec_code: Scalar<'a> = "spec_code",
        core: Scalar<'a> = "core",
        memory: Scalar<'a> = "cpu",
        memory_unit: Scalar<'a> = "memory_unit",
        gpu: Scalar<'a> = "gpu",
        gpu_num: Scalar<'a> = "gpu_num",
        gpu_type: Scalar<'a> = "gpu_type",
        npu_num: Scalar<'a> = "npu_num",
        workers: Scalar<'a> = "worker_server_num",
        pool_id: Scalar<'a> = "pool_id",
        pool_name: Scalar<'a> = "pool_name",
        workspace_id: Scalar<'a> = "workspace_id",
        user: Lenient<UserDocument> = "user",
        system_metric_list: Lenient<Samples> = "system_metric_list",
        model_metric_list: Lenient<ModelMetricList> = "model_metric_list",
    }
}

document! {
    /// Seen in one real answer only.
    #[derive(Clone, PartialEq)]
    struct UserDocument {
        name: crate::cloud::wire::OwnedScalar = "name",
    }
}

/// What the versions list says once, above its versions.
pub(super) struct Job<'a> {
    pub(super) id: &'a JobId,
    pub(super) name: &'a str,
    pub(super) description: &'a str,
}

impl VersionDocument<'_> {
    /// Whether this describes a version at all.
    pub(super) fn is_given(&self) -> bool {
        self.version_id != Scalar::Absent
    }

    /// The job's name and description, where they stand beside the versions.
    pub(super) fn job_texts(&self, reader: &mut Reader) -> (String, String) {
        (reader.label("job_name", &self.job_name), reader.label("job_desc", &self.job_desc))
    }

    /// The version as the model knows it; `None` (and a misread) without an id.
    pub(super) fn read(self, job: &Job<'_>, reader: &mut Reader) -> Option<Version> {
        let version_id = reader.label("version_id", &self.version_id);
        if version_id.is_empty() {
            if self.version_id != Scalar::Wrong {
                reader.misread("version_id", Fault::Missing);
            }
            return None;
        }
        let (own_name, own_description) = self.job_texts(reader);
        let version_name = reader.label("version_name", &self.version_name);
        let resources = self.resources(reader);
        let facts =
            Facts { job_desc: first_given(own_description, job.description), ..self.facts(reader) };
        let state = state(&self.status, reader);
        let created = reader.seconds("create_time", &self.create_time).filter(|&at| at > 0.0);
        let started = reader.seconds("start_time", &self.start_time).filter(|&at| at > 0.0);
        let duration = reader.seconds("duration", &self.duration);
        let usage = reader
            .object("system_metric_list", self.system_metric_list)
            .filter(Samples::is_given)
            .map(|list| usage::read(&list, reader));
        let quality = reader
            .object("model_metric_list", self.model_metric_list)
            .map(|list| quality::read(list, reader))
            .filter(|quality| !quality.is_empty());
        Some(Version {
            api: Api::V1,
            job_id: job.id.clone(),
            job_name: first_given(own_name, job.name),
            version_id: VersionId::from(version_id),
            version_name: (!version_name.is_empty()).then_some(version_name),
            state,
            created,
            started,
            duration,
            facts,
            resources,
            execution: Execution::default(),
            usage,
            quality,
        })
    }

    fn facts(&self, reader: &mut Reader) -> Facts {
        let flavor = reader.label("flavor_code", &self.flavor_code);
        let spec = reader.label("spec_code", &self.spec_code);
        let user_name = match &self.user {
            Lenient::Taken(user) => reader.label("user", &user.name.0),
            _ => String::new(),
        };
        Facts {
            kind: String::new(),
            engine_name: reader.label("engine_name", &self.engine_name),
            engine_version: reader.label("engine_version", &self.engine_version),
            flavor: first_given(flavor, &spec),
            gpu_type: reader.label("gpu_type", &self.gpu_type),
            npu_type: String::new(),
            pool_name: reader.label("pool_name", &self.pool_name),
            pool_id: reader.label("pool_id", &self.pool_id),
            user_name,
            job_desc: String::new(),
            workspace_id: reader.label("workspace_id", &self.workspace_id),
        }
    }

    /// A node's share times the nodes. A job that names no number of nodes has one.
    fn resources(&self, reader: &mut Reader) -> Resources {
        let workers = reader.amount("worker_server_num", &self.workers);
        let nodes = workers.unwrap_or(1.0);
        let mut of_all = |field, value| {
            let share = reader.amount(field, value)?;
            reader.finite(field, share * nodes)
        };
        let no_gpu = (self.gpu == Scalar::Bool(false)).then_some(0.0);
        let gpus = of_all("gpu_num", &self.gpu_num).or(no_gpu);
        let npus = of_all("npu_num", &self.npu_num);
        let cpu_cores = of_all("core", &self.core);
        // The key `cpu` is "CPU memory": gigabytes, unless a real answer's `memory_unit` says more.
        let memory = of_all("cpu", &self.memory);
        let memory_bytes = reader.bytes("memory_unit", &self.memory_unit, memory);
        Resources { workers, gpus, npus, cpu_cores, memory_bytes }
    }
}

/// The status behind a code; one that cannot be read is unknown.
pub(super) fn state(status: &Scalar<'_>, reader: &mut Reader) -> State {
    match status.integer() {
        Ok(Some(code)) => State::from_v1(code),
        Ok(None) => State::UNREADABLE,
        Err(fault) => {
            reader.misread("status", fault);
            State::UNREADABLE
        }
    }
}

fn first_given(own: String, other: &str) -> String {
    if own.is_empty() { other.to_owned() } else { own }
}
