/// What is shown, for every project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Also show score keys beyond the known four.
    pub extra_model_metrics: bool,
    /// Labels of `modelarts_job_info` the operator opted into.
    pub info_labels: Vec<InfoLabel>,
    /// Series that may be shown in all; above it the least important give way.
    pub series: usize,
}

/// A label of `modelarts_job_info` that is shown only on request: it may be long or personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InfoLabel {
    /// Who created the job.
    UserName,
    /// The job's description.
    JobDesc,
    /// The workspace.
    WorkspaceId,
    /// The resource pool's id.
    PoolId,
}

impl InfoLabel {
    /// All of them, in label order.
    pub const ALL: [Self; 4] = [Self::UserName, Self::JobDesc, Self::WorkspaceId, Self::PoolId];

    /// The label name and the configuration's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserName => "user_name",
            Self::JobDesc => "job_desc",
            Self::WorkspaceId => "workspace_id",
            Self::PoolId => "pool_id",
        }
    }
}
