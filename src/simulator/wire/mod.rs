//! The JSON of the v1 API: `ModelArts` API reference, "Training Management (Old Version)", and what
//! captured answers add to it.

mod model;
mod system;

use std::borrow::Cow;

use serde::Serialize;

use self::{model::ModelList, system::SystemList};
use super::{job::Job, oddity::Oddity, story::Version};

pub(super) use system::{carries, samples};

/// Stands in a rendered answer where an enormous `images_outputs` is to be streamed.
pub(super) const HUGE_MARK: &str = "@@images@@";

/// A value whose type depends on whom you ask.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Loose<'a> {
    Number(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Flag(bool),
    Null,
}

impl<'a> Loose<'a> {
    fn number(value: u64) -> Self {
        Self::Number(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn id(value: u64, as_text: bool) -> Self {
        if as_text { Self::Text(value.to_string().into()) } else { Self::number(value) }
    }

    fn text_or_null(value: &'a str, null: bool) -> Self {
        if null { Self::Null } else { Self::Text(value.into()) }
    }
}

/// The answer to a list of jobs.
#[derive(Debug, Serialize)]
pub(super) struct JobList<'a> {
    pub(super) is_success: bool,
    pub(super) quotas: u64,
    pub(super) job_total_count: usize,
    pub(super) job_count_limit: u64,
    pub(super) jobs: Vec<ListedJob<'a>>,
}

/// One job in a list, as its latest version has it.
#[derive(Debug, Serialize)]
pub(super) struct ListedJob<'a> {
    job_id: Loose<'a>,
    job_name: Cow<'a, str>,
    version_id: Loose<'a>,
    status: i64,
    create_time: i64,
    duration: i64,
    job_desc: &'a str,
    version_count: usize,
    user: User<'a>,
}

#[derive(Debug, Serialize)]
struct User<'a> {
    name: &'a str,
}

impl<'a> ListedJob<'a> {
    pub(super) fn new(
        job: &'a Job,
        latest: &Version,
        count: usize,
        now: i64,
        renamed: bool,
    ) -> Self {
        let moment = latest.at(now);
        let text = latest.oddity == Oddity::TextIds;
        Self {
            job_id: Loose::id(job.id, text),
            job_name: shown_name(job, renamed),
            version_id: Loose::id(latest.id, text),
            status: moment.code,
            create_time: latest.created,
            duration: moment.duration,
            job_desc: &job.description,
            version_count: count,
            user: User { name: job.user },
        }
    }
}

fn shown_name(job: &Job, renamed: bool) -> Cow<'_, str> {
    if renamed { format!("{}-renamed", job.name).into() } else { job.name.as_str().into() }
}

/// The answer to a list of versions.
#[derive(Debug, Serialize)]
pub(super) struct VersionList<'a> {
    is_success: bool,
    job_id: Loose<'a>,
    job_name: Cow<'a, str>,
    job_desc: &'a str,
    version_count: usize,
    versions: Vec<VersionFields<'a>>,
}

impl<'a> VersionList<'a> {
    pub(super) fn new(
        job: &'a Job,
        count: usize,
        page: &[&'a Version],
        now: i64,
        renamed: bool,
        huge: bool,
    ) -> Self {
        let text = page.first().is_some_and(|version| version.oddity == Oddity::TextIds);
        Self {
            is_success: true,
            job_id: Loose::id(job.id, text),
            job_name: shown_name(job, renamed),
            job_desc: &job.description,
            version_count: count,
            versions: page
                .iter()
                .enumerate()
                .map(|(place, version)| {
                    VersionFields::new(job, version, now, Form::List, huge && place == 0)
                })
                .collect(),
        }
    }
}

/// The answer to one version.
#[derive(Debug, Serialize)]
pub(super) struct VersionDetail<'a> {
    is_success: bool,
    job_id: Loose<'a>,
    job_name: Cow<'a, str>,
    job_desc: &'a str,
    #[serde(flatten)]
    fields: VersionFields<'a>,
}

impl<'a> VersionDetail<'a> {
    pub(super) fn new(
        job: &'a Job,
        version: &'a Version,
        now: i64,
        renamed: bool,
        huge: bool,
    ) -> Self {
        Self {
            is_success: true,
            job_id: Loose::id(job.id, version.oddity == Oddity::TextIds),
            job_name: shown_name(job, renamed),
            job_desc: &job.description,
            fields: VersionFields::new(job, version, now, Form::Detail, huge),
        }
    }
}

/// The two places a version is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    List,
    Detail,
}

/// What both forms have; what only one has is left out of the other.
#[derive(Debug, Serialize)]
struct VersionFields<'a> {
    version_id: Loose<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_name: Option<String>,
    pre_version_id: Option<u64>,
    engine_type: u64,
    engine_name: Loose<'a>,
    engine_id: Loose<'a>,
    engine_version: Loose<'a>,
    status: i64,
    app_url: Loose<'a>,
    boot_file_url: Loose<'a>,
    create_time: i64,
    parameter: [Parameter<'a>; 1],
    duration: i64,
    spec_id: u64,
    core: Loose<'a>,
    cpu: Loose<'a>,
    gpu: Loose<'a>,
    gpu_num: u64,
    gpu_type: &'static str,
    worker_server_num: u64,
    data_url: Loose<'a>,
    train_url: &'static str,
    log_url: Option<&'static str>,
    dataset_version_id: Option<&'static str>,
    dataset_id: Option<&'static str>,
    data_source: Option<[DataSource; 1]>,
    user_image_url: Loose<'a>,
    user_command: Loose<'a>,
    model_id: Loose<'a>,
    model_metric_list: ModelList,
    system_metric_list: SystemList<'a>,
    dataset_name: Option<&'static str>,
    dataset_version_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<Loose<'a>>,
    volumes: Option<[u8; 0]>,
    pool_id: &'static str,
    pool_name: &'static str,
    nas_mount_path: Option<&'static str>,
    nas_share_addr: Option<&'static str>,
    nas_type: &'static str,
    #[serde(flatten)]
    detail: Option<DetailFields>,
}

#[derive(Debug, Serialize)]
struct Parameter<'a> {
    label: &'static str,
    value: Loose<'a>,
    required: bool,
}

#[derive(Debug, Serialize)]
struct DataSource {
    r#type: &'static str,
    data_url: &'static str,
}

/// What only the detail has.
#[derive(Debug, Serialize)]
struct DetailFields {
    resource_id: String,
    spec_code: &'static str,
    flavor_code: &'static str,
    memory_unit: &'static str,
    gpu_memory_unit: &'static str,
    pool_type: &'static str,
    job_type: u8,
    max_num: u8,
    is_zombie: bool,
    no_resource: bool,
    npu_info: Option<u8>,
    task_summary: Empty,
    error_result: Option<u8>,
    algorithm_id: Option<u8>,
    attributes: Empty,
}

#[derive(Debug, Serialize)]
struct Empty {}

impl<'a> VersionFields<'a> {
    fn new(job: &'a Job, version: &'a Version, now: i64, form: Form, huge: bool) -> Self {
        let moment = version.at(now);
        let machine = version.machine;
        let odd = version.oddity;
        let custom = odd == Oddity::CustomImage;
        let text_ids = odd == Oddity::TextIds;
        // Numbers in the list and text in the detail, as documented and as captured.
        let size =
            |value: u64| Loose::id(value, (form == Form::Detail) != (odd == Oddity::CoreSwapped));
        Self {
            version_id: Loose::id(version.id, text_ids),
            version_name: (odd != Oddity::NoVersionName).then(|| version.name()),
            pre_version_id: (version.number > 1).then(|| version.id - 1),
            engine_type: 1,
            engine_name: Loose::text_or_null(ENGINE.0, custom),
            engine_id: if custom { Loose::Null } else { Loose::Number(1) },
            engine_version: Loose::text_or_null(ENGINE.1, custom),
            status: moment.code,
            app_url: Loose::text_or_null("/demo-bucket/app/", custom),
            boot_file_url: Loose::text_or_null("/demo-bucket/app/train.py", custom),
            create_time: version.created,
            parameter: [Parameter {
                label: "learning_rate",
                value: if odd == Oddity::TextParameter {
                    Loose::Text("0.01".into())
                } else {
                    Loose::Float(0.01)
                },
                required: true,
            }],
            duration: moment.duration,
            spec_id: 1,
            core: size(machine.cores),
            cpu: size(machine.memory_gb),
            gpu: match form {
                Form::Detail => Loose::Null,
                Form::List if odd == Oddity::NullGpu => Loose::Null,
                Form::List => Loose::Flag(machine.gpus > 0),
            },
            gpu_num: machine.gpus,
            gpu_type: machine.gpu_type,
            worker_server_num: machine.workers,
            data_url: Loose::text_or_null("/demo-bucket/data/", custom),
            train_url: "/demo-bucket/out/",
            log_url: None,
            dataset_version_id: None,
            dataset_id: None,
            data_source: (!custom)
                .then_some([DataSource { r#type: "obs", data_url: "/demo-bucket/data/" }]),
            user_image_url: Loose::text_or_null("registry/team/train:1.0", !custom),
            user_command: Loose::text_or_null("bash run_train.sh", !custom),
            model_id: if text_ids { Loose::Text("1".into()) } else { Loose::Null },
            model_metric_list: ModelList::new(version, moment, form, huge),
            system_metric_list: SystemList::new(version, moment, form),
            dataset_name: None,
            dataset_version_name: None,
            start_time: match (moment.started, odd) {
                (Some(start), _) => Some(Loose::Number(start)),
                (None, Oddity::NoStartTime) => None,
                (None, Oddity::NullStartTime) => Some(Loose::Null),
                (None, _) => Some(Loose::Number(0)),
            },
            volumes: None,
            pool_id: "pool7e3577e3",
            pool_name: machine.pool,
            nas_mount_path: None,
            nas_share_addr: None,
            nas_type: "efs",
            detail: (form == Form::Detail).then(|| DetailFields {
                resource_id: format!("job{:08x}", job.id),
                spec_code: machine.flavor,
                flavor_code: machine.flavor,
                memory_unit: "GB",
                gpu_memory_unit: "GB",
                pool_type: "SYSTEM_DEFINED",
                job_type: 1,
                max_num: 1,
                is_zombie: false,
                no_resource: false,
                npu_info: None,
                task_summary: Empty {},
                error_result: None,
                algorithm_id: None,
                attributes: Empty {},
            }),
        }
    }
}

/// Name and version of the engine every version trains with.
pub(super) const ENGINE: (&str, &str) = ("TensorFlow", "TF-1.8.0-python2.7");

/// JSON inside a string.
fn json_text<T: Serialize>(value: &T) -> String {
    // Serialising our own types into memory cannot fail; an empty text would show at once.
    serde_json::to_string(value).unwrap_or_default()
}
