//! What documents, captures and clients do not agree on.

use std::collections::BTreeSet;

use modelarts_exporter::simulator::Scenario;
use serde_json::{Value, json};

use super::super::Cloud;
use super::{detail, error, get, read, search, truth};

/// The `quirks` scenario, and how to ask for its jobs by name.
struct Quirks {
    cloud: Cloud,
    jobs: Vec<Value>,
}

impl Quirks {
    async fn start() -> Self {
        let cloud = Cloud::frozen(Scenario::Quirks).await;
        let jobs = truth(&cloud).await;
        Self { cloud, jobs }
    }

    fn truth(&self, name: &str) -> &Value {
        self.jobs.iter().find(|job| job["name"] == format!("quirk-{name}")).unwrap()
    }

    fn id(&self, name: &str) -> &str {
        self.truth(name)["job_id"].as_str().unwrap()
    }

    async fn detail(&self, name: &str) -> Value {
        detail(&self.cloud, self.id(name)).await
    }

    /// The job as the list has it.
    async fn listed(&self, name: &str) -> Value {
        let filter = json!({"key": "id", "operator": "in", "value": [self.id(name)]});
        search(&self.cloud, json!({"filters": [filter]})).await["items"][0].take()
    }

    /// The arrays of the first task, in the order of the wire.
    async fn metrics(&self, name: &str) -> Vec<(String, Value)> {
        let path = format!("training-jobs/{}/metrics/worker-0", self.id(name));
        let answer = read(&self.cloud, &path).await;
        let metrics = answer["metrics"].as_array().unwrap().iter();
        metrics.map(|it| (it["metric"].as_str().unwrap().to_owned(), it["value"].clone())).collect()
    }
}

#[tokio::test]
async fn documents_depart_from_the_usual_one_by_one() {
    let quirks = Quirks::start().await;
    let info =
        |document: &Value| document["spec"]["resource"]["flavor_detail"]["flavor_info"].clone();
    assert_eq!(info(&quirks.detail("None").await)["npu"]["unit_num"], "1");
    assert_eq!(info(&quirks.detail("NumberUnits").await)["npu"]["unit_num"], 1);
    assert_eq!(info(&quirks.detail("TextUnits").await)["gpu"]["unit_num"], "1");
    let pooled = quirks.detail("NoFlavorDetail").await["spec"]["resource"].take();
    assert!(pooled.get("flavor_detail").is_none());
    let allocated = &pooled["main_container_allocated_resources"];
    assert_eq!((&allocated["accelerator_num"], &pooled["node_count"]), (&json!(2.0), &json!(2)));
    assert_eq!(quirks.truth("NoFlavorDetail")["requested"]["gpus"], 4);

    let running = quirks.detail("NullNodeCounts").await["status"].take();
    assert!(running["node_count_metrics"].is_null() && running["phase"] == "Running");
    let nulls = quirks.detail("NullTexts").await["metadata"].take();
    assert_eq!((&nulls["description"], &nulls["user_name"]), (&Value::Null, &json!("")));
    let engine = quirks.detail("CustomImage").await["algorithm"]["engine"].take();
    assert_eq!(engine, json!({"image_url": "team/train:1.0"}));
    assert!(quirks.truth("CustomImage")["engine_name"].is_null());

    let waiting = |name: &'static str| {
        let quirks = &quirks;
        async move { quirks.detail(name).await["status"].take() }
    };
    assert!(waiting("NoStartTime").await.get("start_time").is_none());
    assert_eq!(waiting("NullStartTime").await["start_time"], Value::Null);
    assert_eq!(waiting("NullTasks").await["tasks"], Value::Null);
    assert_eq!(waiting("NullTasks").await["start_time"], 0);

    let (bare, full) = (quirks.listed("BareList").await, quirks.detail("BareList").await);
    assert!(bare["status"].get("running_records").is_none());
    assert!(full["status"]["running_records"].as_array().unwrap().len() > 1);
    let reversed = quirks.detail("ReversedRecords").await["status"]["running_records"][0].take();
    assert!(reversed["end_at"].as_i64() < reversed["start_at"].as_i64());
    let phases: BTreeSet<&str> =
        quirks.jobs.iter().map(|job| job["phase"].as_str().unwrap()).collect();
    assert!(phases.is_superset(&["", "Hibernating", "running"].into()), "{phases:?}");
    quirks.cloud.stop().await;
}

#[tokio::test]
async fn metrics_depart_from_the_usual_one_by_one() {
    let quirks = Quirks::start().await;
    let names = async |name| -> Vec<String> {
        quirks.metrics(name).await.into_iter().map(|(metric, _)| metric).collect()
    };
    let length = |value: &Value| value.as_array().map_or(0, Vec::len);
    let usual = names("None").await;
    assert_eq!(usual[..2], ["cpuUsage", "memUsage"]);
    let shuffled = names("Shuffled").await;
    assert_ne!(shuffled[..2], usual[..2]);
    assert_eq!(shuffled.iter().collect::<BTreeSet<_>>(), usual.iter().collect());
    let unknown = names("UnknownMetrics").await;
    assert_eq!((unknown.len(), unknown[1].as_str()), (8, "hbmTemperature"));

    let few = quirks.metrics("FewMetrics").await;
    assert_eq!(few.len(), 4);
    assert!(few.iter().any(|(metric, value)| metric == "gpuMemUsage" && value.is_null()));
    let told = quirks.truth("FewMetrics")["tasks"][0]["usage"]["metrics"].as_object().unwrap();
    assert_eq!(told.keys().collect::<Vec<_>>(), ["cpu", "memory", "npu"]);

    let uneven: BTreeSet<usize> =
        quirks.metrics("Uneven").await.iter().map(|(_, value)| length(value)).collect();
    assert_eq!(uneven.len(), 2, "{uneven:?}");
    let missing = quirks.metrics("AllMissing").await;
    assert!(missing.iter().flat_map(|(_, value)| value.as_array().unwrap()).all(|it| *it == -1));
    assert!(length(&missing[0].1) > 80);
    assert!(quirks.truth("AllMissing")["tasks"][0]["usage"].is_null());
    let too_much = quirks.metrics("TooMuch").await;
    assert_eq!(too_much[0].1.as_array().unwrap().last(), Some(&json!(105.5)));
    assert!(quirks.truth("TooMuch")["tasks"][0]["usage"]["metrics"]["cpu"]["last"].is_null());
    let long = quirks.metrics("LongHistory").await;
    assert!(long.iter().all(|(_, value)| length(value) > 50_000), "{}", length(&long[0].1));
    quirks.cloud.stop().await;
}

#[tokio::test]
async fn that_there_are_no_samples_yet_is_said_in_two_ways() {
    let quirks = Quirks::start().await;
    let asked = async |name: &str| {
        get(&quirks.cloud, &format!("training-jobs/{}/metrics/worker-0", quirks.id(name))).await
    };
    let bare = asked("NullTasks").await;
    assert_eq!(bare.status(), 204);
    assert!(bare.bytes().await.unwrap().is_empty());
    let said = error(asked("NotReadyDocument").await).await;
    assert_eq!(said, (400, "ModelArts.2777".to_owned()));
    quirks.cloud.stop().await;
}
