//! The keys and types of the answers, against those of the documents' own samples.

use std::collections::BTreeSet;

use modelarts_exporter::simulator::Scenario;
use serde_json::{Value, json};

use super::super::{Cloud, body};
use super::{add, detail, get, read, search, truth};

/// Every path that ends in a value, with the type of the value.
fn shape(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        let kind = match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, &format!("{path}{dot}{key}"), into);
                }
                return;
            }
            Value::Array(items) => {
                for item in items {
                    walk(item, &format!("{path}[]"), into);
                }
                return;
            }
            Value::String(_) => "text",
            Value::Number(_) => "number",
            Value::Bool(_) => "flag",
            Value::Null => "null",
        };
        into.insert(format!("{path} {kind}"));
    }
    let mut paths = BTreeSet::new();
    walk(value, "", &mut paths);
    paths
}

/// The lines of a sample's shape.
fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Around the jobs of a list: Open Telekom Cloud, `ModelArts` API reference, "Querying a Training Job List".
const LIST: &str = "
    ai_project text
    count number
    group_by text
    limit number
    offset number
    order text
    sort_by text
    total number
    workspace_id text
";

/// One of them, which never ran.
const LISTED: &str = "
    algorithm.boot_file text
    algorithm.code_dir text
    algorithm.engine.engine_id text
    algorithm.engine.engine_name text
    algorithm.engine.engine_version text
    algorithm.inputs[].local_dir text
    algorithm.inputs[].name text
    algorithm.inputs[].remote.obs.obs_url text
    algorithm.outputs[].local_dir text
    algorithm.outputs[].name text
    algorithm.outputs[].remote.obs.obs_url text
    kind text
    metadata.create_time number
    metadata.description text
    metadata.id text
    metadata.name text
    metadata.user_name text
    metadata.workspace_id text
    spec.resource.flavor_detail.billing.code text
    spec.resource.flavor_detail.billing.unit_num number
    spec.resource.flavor_detail.flavor_info.cpu.arch text
    spec.resource.flavor_detail.flavor_info.cpu.core_num number
    spec.resource.flavor_detail.flavor_info.gpu.memory text
    spec.resource.flavor_detail.flavor_info.gpu.product_name text
    spec.resource.flavor_detail.flavor_info.gpu.unit_num number
    spec.resource.flavor_detail.flavor_info.memory.size number
    spec.resource.flavor_detail.flavor_info.memory.unit text
    spec.resource.flavor_detail.flavor_type text
    spec.resource.flavor_id text
    spec.resource.flavor_name text
    spec.resource.node_count number
    spec.resource.policy text
    status.duration number
    status.node_count_metrics[][] number
    status.phase text
    status.secondary_phase text
    status.start_time number
    status.tasks[] text
";

/// What the sample of a detail has beside that: "Querying the Details About a Training Job".
const RECORDS: &str = "
    status.running_records[].end_at number
    status.running_records[].end_reason text
    status.running_records[].end_recover text
    status.running_records[].end_recover_before_downgrade text
    status.running_records[].end_related_task text
    status.running_records[].start_at number
    status.running_records[].start_type text
";

#[tokio::test]
async fn a_listed_job_that_never_ran_has_the_shape_of_the_sample() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let waiting = add(&cloud, json!({"name": "waiting", "gpus": 1, "status": "Pending"})).await;
    let list = search(&cloud, json!({"limit": 1})).await;
    let around = shape(&list).into_iter().filter(|path| !path.starts_with("items")).collect();
    assert_eq!(lines(LIST), around);
    let named = json!([{"key": "id", "operator": "in", "value": [waiting]}]);
    let list = search(&cloud, json!({"filters": named})).await;
    assert_eq!(lines(LISTED), shape(&list["items"][0]));
    assert_eq!(lines(LISTED), shape(&detail(&cloud, &waiting).await));
    cloud.stop().await;
}

#[tokio::test]
async fn a_job_that_came_back_has_the_records_of_the_sample() {
    let cloud = Cloud::frozen(Scenario::Demo).await;
    let jobs = truth(&cloud).await;
    let back = jobs.iter().find(|job| job["restarts"] == 1).unwrap();
    let document = detail(&cloud, back["job_id"].as_str().unwrap()).await;
    let records = shape(&document).into_iter().filter(|path| path.contains("running_records"));
    assert_eq!(lines(RECORDS), records.collect());
    cloud.stop().await;
}

/// What the tables of the documents and the vendor's types name beside the samples.
const ELSEWHERE: &str = "
    metadata.annotations.fault-tolerance/job-retry-num text
    metadata.annotations.job_template text
    spec.resource.flavor_detail.flavor_info.npu.memory text
    spec.resource.flavor_detail.flavor_info.npu.product_name text
    spec.resource.flavor_detail.flavor_info.npu.unit_num text
    spec.resource.main_container_allocated_resources.accelerator_num number
    spec.resource.main_container_allocated_resources.accelerator_type text
    spec.resource.main_container_allocated_resources.cpu_arch text
    spec.resource.main_container_allocated_resources.cpu_core_num number
    spec.resource.main_container_allocated_resources.mem_size number
    spec.resource.pool_id text
    spec.resource.pool_name text
    status.node_count_metrics null
    status.task_statuses[].exit_code number
    status.task_statuses[].message text
    status.task_statuses[].task text
";

#[tokio::test]
async fn nothing_is_in_an_answer_that_no_document_names() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let mut seen = BTreeSet::new();
    for job in truth(&cloud).await {
        let document = detail(&cloud, job["job_id"].as_str().unwrap()).await;
        let of_roles = |path: &String| path.starts_with("tasks[]");
        let paths: BTreeSet<String> = shape(&document);
        assert_eq!(paths.iter().any(of_roles), job["kind"] == "hetero_job");
        seen.extend(paths.into_iter().filter(|path| !of_roles(path)));
    }
    let known: BTreeSet<String> =
        [LISTED, RECORDS, ELSEWHERE].into_iter().flat_map(lines).collect();
    assert_eq!(known, seen);
    cloud.stop().await;
}

#[tokio::test]
async fn the_other_answers_have_the_shapes_of_their_samples() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let jobs = truth(&cloud).await;
    let id = jobs[0]["job_id"].as_str().unwrap();
    let metrics = read(&cloud, &format!("training-jobs/{id}/metrics/worker-0")).await;
    assert_eq!(lines("metrics[].metric text\nmetrics[].value[] number"), shape(&metrics));
    let events = read(&cloud, &format!("training-jobs/{id}/events")).await;
    let sample = "end_time text\nevents[].level text\nevents[].message text\nevents[].source text
        events[].time text\nlimit number\noffset number\norder text\nstart_time text\ntotal number";
    assert_eq!(lines(sample), shape(&events));
    let quotas = read(&cloud, "training-quotas").await;
    let sample = "quotas[].quota number\nquotas[].resource text\nquotas[].used number";
    assert_eq!(lines(sample), shape(&quotas));
    let gone = get(&cloud, "training-jobs/3faf5c03-aaa1-4cbe-879d-24b05d997347").await;
    assert_eq!(gone.status(), 400);
    assert_eq!(lines("error_code text\nerror_msg text"), shape(&body(gone).await));
    cloud.stop().await;
}
