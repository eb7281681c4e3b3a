use std::time::Duration;

use serde::Deserialize;

use crate::harness::Demo;
use crate::harness::prometheus::{FIRST_SCRAPE, Prometheus, Sample};

/// The demo promises a failed and a completed job within 60 s of its start, and a scrape and a rule follow.
const FATES: Duration = Duration::from_secs(90);

/// What the simulator says about the quality of its models, as far as it is asked here.
#[derive(Deserialize)]
struct Truth {
    jobs: Vec<TrueJob>,
}

#[derive(Deserialize)]
struct TrueJob {
    job_id: u64,
    versions: Vec<TrueVersion>,
}

#[derive(Deserialize)]
struct TrueVersion {
    version_name: Option<String>,
    terminal: bool,
    quality: Option<TrueQuality>,
}

#[derive(Deserialize)]
struct TrueQuality {
    classes: Vec<TrueClass>,
}

#[derive(Deserialize)]
struct TrueClass {
    name: String,
    recall: Option<f64>,
}

#[tokio::test]
async fn prometheus_answers_about_the_demo() {
    let demo = Demo::start().await;
    let prometheus = Prometheus::scraping(&demo).await;

    let completed = r#"modelarts_job_status{status="completed"} == 1"#;
    prometheus.answers(completed, FATES).await;
    let failed = prometheus.answers(r#"modelarts_job_status{status="failed"} == 1"#, FATES).await;
    for job in &failed {
        for label in ["project", "job_id", "job_name"] {
            assert_ne!(job.label(label), "", "{label} of {job:?}");
        }
        // Jobs of v2 have no versions.
        assert_eq!(job.label("version").is_empty(), job.label("project") == "demo-v2", "{job:?}");
    }
    let alert = r#"ALERTS{alertname="ModelArtsJobFailed", alertstate="firing"}"#;
    prometheus.answers(alert, FATES).await;

    let truth: Truth = serde_json::from_str(&demo.simulator.get("/-/simulator/jobs").await.text)
        .expect("the truth");
    let (job, version, class, recall) = truth
        .jobs
        .iter()
        .flat_map(|job| job.versions.iter().map(move |version| (job, version)))
        // What still runs gets better by the minute.
        .filter(|(_, version)| version.terminal)
        .find_map(|(job, version)| {
            let class = version.quality.as_ref()?.classes.first()?;
            Some((job.job_id, version.version_name.as_ref()?, &class.name, class.recall?))
        })
        .expect("some model of the demo has a class with a recall");
    let by_name = format!(
        r#"modelarts_model_class_recall{{job_id="{job}", version="{version}", class_name="{class}"}}"#
    );
    let answer = prometheus.answers(&by_name, FIRST_SCRAPE).await;
    assert_eq!(answer.iter().map(Sample::value).collect::<Vec<_>>(), [recall], "{by_name}");
}
