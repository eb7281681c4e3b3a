//! What to do about each refusal of the cloud, in the words of the configuration.

use crate::cloud::{Error, Refusal};
use crate::model::Api;

/// The IAM action of the list of jobs, in both APIs.
///
/// OTC: `ModelArts` API reference, "Permissions Policies and Supported Actions", training jobs.
pub(super) const LIST_ACTION: &str = "modelarts:trainJob:list";

/// That of the quotas, which v2 alone has.
pub(super) const QUOTAS_ACTION: &str = "modelarts:trainJob:getQuotas";

/// The IAM action of every call about one job.
pub(super) fn job_action(api: Api) -> &'static str {
    match api {
        Api::V1 => "modelarts:trainJobVersion:list",
        Api::V2 => "modelarts:trainJob:get",
    }
}

/// The codes of `ModelArts` for a token of another project.
const OTHER_PROJECT: &str = "0210";

/// What to do when the credentials were refused by IAM.
pub(super) fn for_credentials(error: &Error) -> String {
    match cause(error) {
        Error::Unauthorized(_) => {
            let keys = keys(error).unwrap_or("check `auth` of the project");
            format!("{keys}; the cloud locks whoever is wrong a few times")
        }
        Error::Forbidden(_) => {
            "in IAM, enable the user and allow it programmatic access".to_owned()
        }
        Error::BadRequest(_) | Error::NotFound(_) | Error::Malformed(_) => {
            keys(error)
                .unwrap_or("is `auth.iam_endpoint` the IAM of the region, such as https://iam.eu-de.otc.t-systems.com?")
                .to_owned()
        }
        other => in_general(other),
    }
}

/// What to do when a call of `ModelArts` was refused that needs an action.
pub(super) fn for_call(error: &Error, action: &str) -> String {
    match cause(error) {
        Error::Forbidden(refusal) if is_of_other_project(refusal) => {
            "the credentials are for another project: correct `project_id`".to_owned()
        }
        Error::Forbidden(_) => format!("in IAM, grant the user {action}"),
        Error::Unauthorized(_) => keys(error)
            .unwrap_or("do `endpoint` and `auth.iam_endpoint` belong to the same cloud and region?")
            .to_owned(),
        Error::BadRequest(_) | Error::Malformed(_) => {
            "is `endpoint` the ModelArts endpoint of the region, such as https://modelarts.eu-de.otc.t-systems.com?".to_owned()
        }
        other => in_general(other),
    }
}

/// What to do about a job that cannot be asked about.
pub(super) fn for_job(error: &Error, api: Api) -> String {
    match cause(error) {
        Error::NotFound(_) => {
            "correct `job_id`, or remove the job: it was deleted, or belongs to another project"
                .to_owned()
        }
        other => for_call(other, job_action(api)),
    }
}

fn in_general(error: &Error) -> String {
    let of_the_cloud = match error {
        Error::Rejected(_) => "look the code up in the cloud's API reference",
        _ => "try again later; if it stays, show the code to the cloud's support",
    };
    error.remedy().unwrap_or(of_the_cloud).to_owned()
}

/// Whether nothing else can be expected of the project's other calls.
pub(super) fn is_final(error: &Error) -> bool {
    !matches!(cause(error), Error::NotFound(_) | Error::TooLarge { .. } | Error::Malformed(_))
}

/// Whether the cloud says that the token is for another project.
pub(super) fn is_of_other_project(refusal: &Refusal) -> bool {
    refusal.code.rsplit('.').next() == Some(OTHER_PROJECT)
}

/// The error behind the ones that only say what follows from it.
pub(super) fn cause(error: &Error) -> &Error {
    match error {
        Error::NoToken(inner)
        | Error::Held { cause: inner, .. }
        | Error::Refused { cause: inner, .. } => cause(inner),
        error => error,
    }
}

/// The keys of the configuration to look at when the credentials were refused.
fn keys(error: &Error) -> Option<&'static str> {
    match error {
        Error::NoToken(inner) | Error::Held { cause: inner, .. } => keys(inner),
        Error::Refused { remedy, .. } => Some(remedy),
        _ => None,
    }
}
