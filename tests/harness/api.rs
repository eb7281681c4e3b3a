/// Which of the cloud's two APIs something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Jobs are numbers and have versions.
    V1,
    /// Jobs are UUIDs; each run is one of its own.
    V2,
}

impl Api {
    /// As configurations and the cloud write it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}
