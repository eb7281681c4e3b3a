use http::Method;

use super::{api::Api, job_id::JobId, requests::Kind, rules::Asked, v2};

/// What a path means.
#[derive(Debug)]
pub(super) enum Route<'a> {
    Landing,
    Discovery,
    Tokens,
    TemporaryKeys,
    MetadataSession,
    SecurityKey,
    Projects,
    Catalogue,
    List(&'a str),
    Versions(&'a str, &'a str),
    Detail(&'a str, &'a str, &'a str),
    /// A project, and what is asked of it in v2.
    V2(&'a str, v2::Call<'a>),
    Control(Vec<&'a str>),
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn new(path: &'a str) -> Self {
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
        match *parts.as_slice() {
            [] => Self::Landing,
            ["v3"] => Self::Discovery,
            ["v3", "auth", "tokens"] => Self::Tokens,
            ["v3.0", "OS-CREDENTIAL", "securitytokens"] => Self::TemporaryKeys,
            ["meta-data", "latest", "api", "token"] => Self::MetadataSession,
            ["openstack", "latest", "securitykey"] => Self::SecurityKey,
            ["v3", "projects"] | ["v3", "auth", "projects"] => Self::Projects,
            ["v3", "auth", "catalog"] => Self::Catalogue,
            ["v1", project, "training-jobs"] => Self::List(project),
            ["v1", project, "training-jobs", job, "versions"] => Self::Versions(project, job),
            ["v1", project, "training-jobs", job, "versions", version] => {
                Self::Detail(project, job, version)
            }
            ["v2", project, ref call @ ..] => {
                v2::Call::new(call).map_or(Self::Unknown, |call| Self::V2(project, call))
            }
            ["-", "simulator", ref call @ ..] => Self::Control(call.to_vec()),
            _ => Self::Unknown,
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Tokens | Self::TemporaryKeys => Kind::Token,
            Self::MetadataSession | Self::SecurityKey => Kind::Metadata,
            Self::List(_) => Kind::List,
            Self::Versions(..) => Kind::Versions,
            Self::Detail(..) => Kind::Detail,
            Self::V2(_, call) => call.kind(),
            _ => Kind::Other,
        }
    }

    /// The API whose words an answer is in.
    pub(super) fn api(&self) -> Api {
        if matches!(self, Self::V2(..)) { Api::V2 } else { Api::V1 }
    }

    /// What the faults need to know of it.
    pub(super) fn asked(&self) -> Asked {
        Asked { kind: self.kind(), api: self.api(), job: self.job() }
    }

    /// The method it takes, where it is one of a training API.
    pub(super) fn method(&self) -> Method {
        match self {
            Self::V2(_, v2::Call::Search) => Method::POST,
            _ => Method::GET,
        }
    }

    pub(super) fn job(&self) -> Option<JobId> {
        match self {
            Self::Versions(_, job) | Self::Detail(_, job, _) => job.parse().ok().map(JobId::Number),
            Self::V2(_, call) => call.job(),
            _ => None,
        }
    }

    /// The project that its credentials must open.
    pub(super) fn project(&self) -> Option<&'a str> {
        match self {
            Self::List(project)
            | Self::Versions(project, _)
            | Self::Detail(project, ..)
            | Self::V2(project, _) => Some(project),
            _ => None,
        }
    }
}
