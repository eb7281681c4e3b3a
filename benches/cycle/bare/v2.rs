//! What v2 is asked and how its answers are read.

use std::borrow::Cow;
use std::hint::black_box;

use serde::Deserialize;

use super::Question;
use crate::cloud::{Job, PROJECT_ID, SEARCH_PAGE, search};

/// The pages of the list, which tells all but the samples, and the samples of each task.
pub(super) fn questions(url: &str, jobs: &[Job]) -> Vec<Question> {
    let project = format!("{url}/v2/{PROJECT_ID}");
    let page = |page| Question {
        url: format!("{project}/training-job-searches"),
        search: Some(search(page)),
        read: read_page,
    };
    let mut questions: Vec<_> = (0..jobs.len().div_ceil(SEARCH_PAGE)).map(page).collect();
    for job in jobs {
        questions.extend(job.tasks.iter().map(|task| Question {
            url: format!("{project}/training-jobs/{}/metrics/{task}", job.id),
            search: None,
            read: read_metrics,
        }));
    }
    questions
}

fn read_page(body: &[u8]) -> anyhow::Result<()> {
    black_box(&serde_json::from_slice::<Page<'_>>(body)?);
    Ok(())
}

fn read_metrics(body: &[u8]) -> anyhow::Result<()> {
    black_box(&serde_json::from_slice::<Metrics<'_>>(body)?);
    Ok(())
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Page<'a> {
    count: u64,
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Item<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    metadata: Metadata<'a>,
    #[serde(borrow)]
    status: Status<'a>,
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Metadata<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    create_time: i64,
    #[serde(borrow)]
    workspace_id: Cow<'a, str>,
    #[serde(borrow)]
    user_name: Cow<'a, str>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Status<'a> {
    #[serde(borrow)]
    phase: Cow<'a, str>,
    duration: i64,
    start_time: Option<i64>,
    node_count_metrics: Option<Vec<(i64, u64)>>,
    #[serde(borrow)]
    tasks: Option<Vec<Cow<'a, str>>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Spec<'a> {
    #[serde(borrow)]
    resource: Resource<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Resource<'a> {
    #[serde(borrow)]
    flavor_id: Cow<'a, str>,
    node_count: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Metrics<'a> {
    #[serde(borrow)]
    metrics: Vec<Metric<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "to decode them is what is measured")]
struct Metric<'a> {
    #[serde(borrow)]
    metric: Cow<'a, str>,
    value: Vec<f64>,
}
