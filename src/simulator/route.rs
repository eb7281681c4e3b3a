use super::requests::Kind;

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
            _ => Kind::Other,
        }
    }

    pub(super) fn job(&self) -> Option<u64> {
        match self {
            Self::Versions(_, job) | Self::Detail(_, job, _) => job.parse().ok(),
            _ => None,
        }
    }

    /// The project that its credentials must open.
    pub(super) fn project(&self) -> Option<&'a str> {
        match self {
            Self::List(project) | Self::Versions(project, _) | Self::Detail(project, ..) => {
                Some(project)
            }
            _ => None,
        }
    }
}
