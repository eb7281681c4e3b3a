use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::budget::{self, ToPoll};
use super::facts::Facts;
use super::report::{Checks, Examined, Part};
use super::{jobs, way};
use crate::app::advice;
use crate::cloud::{AnswerMemory, Chain, Error, Grant, Pace, Training, TrainingApi as _};
use crate::config::ProjectConfig;
use crate::own;

/// The few requests of a doctor come one after the other and need no budget.
pub(super) struct AtOnce;

impl Pace for AtOnce {
    fn ready(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// Looks at one project.
pub(super) async fn examine(config: ProjectConfig, memory: Arc<AnswerMemory>) -> Examined {
    let mut checks = Checks::default();
    let cloud = &config.cloud;
    let iam = match cloud.auth.iam_endpoints().next() {
        Some(endpoint) => way::check(&mut checks, Part::Iam, cloud, endpoint).await,
        None => Ok(()),
    };
    let modelarts = way::check(&mut checks, Part::ModelArts, cloud, &cloud.endpoint).await;
    let counters = own::Metrics::new().project(&cloud.name);
    let training = Training::new(cloud.clone(), memory, counters);
    let client = training.as_ref().map_err(|error| Chain(error).to_string());
    let access = match (iam, client) {
        (Ok(()), Ok(training)) => access(&mut checks, &config, training, &modelarts).await,
        (Err(because), _) => Err(skip_access(&mut checks, &because)),
        (Ok(()), Err(error)) => {
            let next = "correct `ca_file` and `proxy_url`; without `ca_file` the system needs its certificates";
            checks.fail(Part::Access, "client", error, next, Facts::None);
            Err(skip_access(&mut checks, "there is no client"))
        }
    };
    let mut to_poll = ToPoll::named(config.jobs.len(), cloud.api);
    match (access, modelarts, &training) {
        (Ok(()), Ok(()), Ok(training)) => {
            to_poll = jobs::check(&mut checks, training, &config).await;
        }
        (Err(because), _, _) | (_, Err(because), _) => {
            jobs::skip(&mut checks, &config, &because);
        }
        (.., Err(_)) => jobs::skip(&mut checks, &config, "there is no client"),
    }
    budget::check(&mut checks, &config.schedule, &to_poll);
    checks.of(&config.cloud.name)
}

fn skip_access(checks: &mut Checks, because: &str) -> String {
    checks.skip(Part::Access, "credentials", because, Facts::None);
    checks.skip(Part::Access, "scope", because, Facts::None);
    "there are no credentials to ask with".to_owned()
}

/// Whether the credentials work, and for which project. The error says what later steps lack.
async fn access(
    checks: &mut Checks,
    config: &ProjectConfig,
    training: &Training,
    modelarts: &Result<(), String>,
) -> Result<(), String> {
    let method = config.cloud.auth.word();
    let part = Part::Access;
    let granted = match training.grant().await {
        Ok(granted) => granted,
        Err(error) => {
            let facts = Facts::Credentials { method, expires: None };
            let detail = format!("{method}: {}", Chain(advice::cause(&error)));
            checks.fail(part, "credentials", detail, advice::for_credentials(&error), facts);
            checks.skip(part, "scope", "the credentials failed", Facts::None);
            return Err("there are no credentials to ask with".to_owned());
        }
    };
    let expires = granted.expires_unix.and_then(time).map(|time| time.to_string());
    let detail = match &expires {
        Some(expires) => format!("{method} works, until {expires}, and is renewed before"),
        None if config.cloud.auth.is_at_hand() => {
            format!("{method}: as configured; the calls below show whether it is accepted")
        }
        None => format!("{method} works"),
    };
    checks.ok(part, "credentials", detail, Facts::Credentials { method, expires });
    scope(checks, config, training, granted, modelarts).await
}

/// Credentials are for one project, and the API takes no other in its paths.
async fn scope(
    checks: &mut Checks,
    config: &ProjectConfig,
    training: &Training,
    granted: Grant,
    modelarts: &Result<(), String>,
) -> Result<(), String> {
    let configured = config.cloud.project_id.clone();
    let facts = Facts::Scope {
        project_id: granted.project_id.clone(),
        configured_project_id: configured.clone(),
    };
    let part = Part::Access;
    match (granted.project_id, configured) {
        (Some(of_token), Some(configured)) if of_token != configured => {
            let mut detail =
                format!("the credentials are for project {of_token}, `project_id` is {configured}");
            if modelarts.is_ok()
                && let Err(error) = training.list(jobs::PAGES_LOOKED_AT, &AtOnce).await
            {
                let _ = write!(detail, "; ModelArts says: {}", Chain(&error));
            }
            let next =
                format!("set `project_id = \"{of_token}\"`, or use credentials of the other");
            checks.fail(part, "scope", detail, next, facts);
            return Err("the credentials are for another project".to_owned());
        }
        (Some(of_token), Some(_)) => {
            checks.ok(part, "scope", format!("project {of_token}, as configured"), facts);
        }
        (Some(of_token), None) => {
            checks.ok(part, "scope", format!("project {of_token}, as the token says"), facts);
        }
        (None, Some(configured)) => {
            let detail = format!("project {configured}, as configured; the credentials name none");
            checks.ok(part, "scope", detail, facts);
        }
        (None, None) => {
            let detail = "neither the credentials nor `project_id` name a project";
            checks.fail(part, "scope", detail, "set `project_id`", facts);
            return Err("the project is unknown".to_owned());
        }
    }
    Ok(())
}

fn time(unix: f64) -> Option<Timestamp> {
    // Whole seconds of a time that was read from a calendar date fit.
    #[expect(clippy::cast_possible_truncation, reason = "a time is far below 2^53 seconds")]
    Timestamp::from_second(unix as i64).ok()
}

/// Whether asking on would only bring the same refusal, or harm.
pub(super) fn ends_questions(error: &Error) -> bool {
    match advice::cause(error) {
        Error::Unauthorized(_)
        | Error::Clock { .. }
        | Error::Throttled { .. }
        | Error::ApiRetired(_) => true,
        Error::Forbidden(refusal) => advice::is_of_other_project(refusal),
        _ => false,
    }
}
