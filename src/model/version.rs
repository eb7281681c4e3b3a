use crate::model::{Execution, JobId, Measure, Quality, State, Usage, VersionId};

/// Which of the two `ModelArts` training APIs a project speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Api {
    /// Integer ids, versions, integer status ("historical" on Open Telekom Cloud).
    V1,
    /// Ids that are uuids, no versions, phases, usage by task (Huawei Cloud's only one today).
    V2,
}

impl Api {
    /// The label value and the configuration's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

/// One training run: a version of a job, as one answer described it.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Which API told us.
    pub api: Api,
    /// The job it belongs to.
    pub job_id: JobId,
    /// The job's name, as this answer gave it.
    pub job_name: String,
    /// Unique in its job; v2 has no versions, the id is empty.
    pub version_id: VersionId,
    /// `V0004`; may be missing or shared with another version.
    pub version_name: Option<String>,
    /// Status and code.
    pub state: State,
    /// When the version was created, Unix seconds.
    pub created: Option<f64>,
    /// When it began to run, Unix seconds; `None` before that.
    pub started: Option<f64>,
    /// How long it has been running, seconds.
    pub duration: Option<f64>,
    /// What does not change over a run.
    pub facts: Facts,
    /// What the whole job asked for.
    pub resources: Resources,
    /// How the run is carried out.
    pub execution: Execution,
    /// `None` where the answer carried no usage at all.
    pub usage: Option<Usage>,
    /// `None` where the answer carried no quality at all.
    pub quality: Option<Quality>,
}

impl Resources {
    /// Whether there is anything to measure: hardware that is not known to be missing. The cloud sends
    /// zeros for what is.
    pub fn holds(&self, measure: Measure) -> bool {
        match measure {
            Measure::Gpu | Measure::GpuMemory => self.gpus != Some(0.0),
            Measure::Npu | Measure::NpuMemory => self.npus != Some(0.0),
            _ => true,
        }
    }
}

impl Version {
    /// One of which nothing is known yet but that it is there and how it is.
    pub fn unknown(api: Api, job_id: JobId, version_id: VersionId, state: State) -> Self {
        Self {
            api,
            job_id,
            job_name: String::new(),
            version_id,
            version_name: None,
            state,
            created: None,
            started: None,
            duration: None,
            facts: Facts::default(),
            resources: Resources::default(),
            execution: Execution::default(),
            usage: None,
            quality: None,
        }
    }

    /// Sorts older versions before newer ones: by create time, then by id.
    pub fn age_key(&self) -> (u64, Option<u64>, VersionId) {
        // Positive floats sort like their bits.
        let created = self.created.unwrap_or_default().to_bits();
        (created, self.version_id.number(), self.version_id.clone())
    }

    /// Both ids may be of one version: nothing says that they were created at different times.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let bits = |version: &Self| version.created.map(f64::to_bits);
        let created = bits(self).zip(bits(other));
        self.version_id == other.version_id && created.is_none_or(|(one, other)| one == other)
    }

    /// There is usage to ask for: it runs, or ran.
    pub fn has_usage(&self) -> bool {
        self.state.is_running() || self.started.is_some()
    }

    /// The earliest time it can have ended, Unix seconds: as if it had begun to run when it was created.
    pub fn earliest_end(&self) -> Option<f64> {
        Some(self.created? + self.duration.unwrap_or_default())
    }

    /// When the run ended by its own account, Unix seconds, once it has ended.
    pub fn end_of_run(&self) -> Option<f64> {
        Some(self.started? + self.duration?)
    }
}

/// What a version is made of. Empty where the cloud says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// v2's kind (`job`, `hetero_job`, …); v1 has none.
    pub kind: String,
    /// `PyTorch`, `TensorFlow`, ….
    pub engine_name: String,
    /// `TF-1.4.0-python2.7`, ….
    pub engine_version: String,
    /// The machine's flavour code.
    pub flavor: String,
    /// The GPU's product name.
    pub gpu_type: String,
    /// The NPU's product name.
    pub npu_type: String,
    /// The resource pool's name.
    pub pool_name: String,
    /// The resource pool's id.
    pub pool_id: String,
    /// Who created the job.
    pub user_name: String,
    /// The job's description.
    pub job_desc: String,
    /// The workspace.
    pub workspace_id: String,
}

/// What the whole job asked for: a node's share times the number of nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Resources {
    /// Nodes.
    pub workers: Option<f64>,
    /// GPUs.
    pub gpus: Option<f64>,
    /// NPUs.
    pub npus: Option<f64>,
    /// CPU cores.
    pub cpu_cores: Option<f64>,
    /// Bytes of memory.
    pub memory_bytes: Option<f64>,
}
