//! What v1 is asked and how its answers are read.

use std::borrow::Cow;
use std::fmt;
use std::hint::black_box;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

use super::Question;
use crate::cloud::{Job, PROJECT_ID};

/// The versions of each job, with their samples.
pub(super) fn questions(url: &str, jobs: &[Job]) -> Vec<Question> {
    let question = |job: &Job| Question {
        url: format!("{url}/v1/{PROJECT_ID}/training-jobs/{}/versions?per_page=50&page=1", job.id),
        search: None,
        read,
    };
    jobs.iter().map(question).collect()
}

fn read(body: &[u8]) -> anyhow::Result<()> {
    let answer: Versions<'_> = serde_json::from_slice(body)?;
    anyhow::ensure!(answer.is_success, "refused");
    black_box(&answer);
    Ok(())
}

#[derive(Deserialize)]
#[expect(dead_code, clippy::struct_field_names, reason = "decoded and dropped; named by the wire")]
struct Versions<'a> {
    is_success: bool,
    #[serde(borrow)]
    job_name: Cow<'a, str>,
    #[serde(borrow)]
    job_desc: Cow<'a, str>,
    version_count: u64,
    versions: Vec<Version<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, clippy::struct_field_names, reason = "decoded and dropped; named by the wire")]
struct Version<'a> {
    version_id: u64,
    #[serde(borrow)]
    version_name: Cow<'a, str>,
    status: i64,
    create_time: u64,
    start_time: Option<u64>,
    duration: Option<u64>,
    #[serde(borrow)]
    engine_name: Cow<'a, str>,
    #[serde(borrow)]
    engine_version: Cow<'a, str>,
    core: f64,
    cpu: f64,
    gpu: bool,
    gpu_num: f64,
    #[serde(borrow)]
    gpu_type: Cow<'a, str>,
    worker_server_num: f64,
    #[serde(borrow)]
    pool_id: Cow<'a, str>,
    #[serde(borrow)]
    pool_name: Cow<'a, str>,
    system_metric_list: Embedded<SystemMetrics>,
    model_metric_list: Embedded<ModelMetrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct SystemMetrics {
    cpu_usage: Vec<Sample>,
    mem_usage: Vec<Sample>,
    gpu_util: Vec<Sample>,
    gpu_mem_usage: Vec<Sample>,
    disk_read_rate: Vec<Sample>,
    disk_write_rate: Vec<Sample>,
    recv_bytes_rate: Vec<Sample>,
    send_bytes_rate: Vec<Sample>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct ModelMetrics {
    metric: Vec<Class>,
    total_metric: Total,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Total {
    total_metric_values: Scores,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Class {
    metric_meta: ClassMeta,
    metric_values: Scores,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct ClassMeta {
    class_id: u64,
    class_name: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Scores {
    recall: f64,
    precision: f64,
    accuracy: f64,
    f1_score: f64,
}

/// A document inside a string, read without a copy of the string.
struct Embedded<T>(T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Embedded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);

        impl<T: DeserializeOwned> Visitor<'_> for Text<T> {
            type Value = Embedded<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string that holds JSON")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                serde_json::from_str(text).map(Embedded).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(PhantomData))
    }
}

/// One minute: a number in a string.
struct Sample(#[expect(dead_code, reason = "to decode it is what is measured")] f64);

impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl Visitor<'_> for Digits {
            type Value = Sample;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number in a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Sample, E> {
                text.parse().map(Sample).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Digits)
    }
}
