//! The same of API v2: a job's own document, and the metrics of its task.

use super::*;

/// What every job shows that came with [`job`]'s members.
const USUAL: [&str; 3] =
    ["job_status{running} 1", "job_version_rank 0", "job_created_timestamp_seconds 1600000000"];

/// Words of the cloud and of its users, which belong into no label.
const FREE_TEXT: &str = "eaten by a grue";

/// A job whose status has these members, and these members more.
fn job(status: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    let metadata = r#"{"id":"{id}","create_time":1600000000000}"#;
    format!(r#"{{"kind":"job","metadata":{metadata},"status":{{{status}}}{comma}{more}}}"#)
}

fn of(name: &str, bodies: Vec<(&'static str, String)>, shows: &[&str], errors: &[&str]) -> Case {
    let bodies = bodies.into_iter().map(|(on, body)| (on, body.into_bytes())).collect();
    Case { api: Api::V2, bodies, ..whole(name, "", shows, errors) }
}

/// A job in this phase.
fn phase(name: &str, status: &str, shows: &[&str], errors: &[&str]) -> Case {
    let shows = [&USUAL[1..], shows].concat();
    of(name, vec![("?on=detail", job(status, ""))], &shows, errors)
}

/// One that runs and whose tasks are not told.
fn reads(name: &str, status: &str, more: &str, shows: &[&str], errors: &[&str]) -> Case {
    let comma = if status.is_empty() { "" } else { "," };
    let body = job(&format!(r#""phase":"Running"{comma}{status}"#), more);
    of(name, vec![("?on=detail", body)], &[&USUAL, shows].concat(), errors)
}

/// One that runs, with this answer about the metrics of each of its tasks.
fn of_tasks(name: &str, tasks: &str, answer: &str, shows: &[&str], errors: &[&str]) -> Case {
    let body = job(&format!(r#""phase":"Running","tasks":{tasks}"#), "");
    let bodies = vec![("?on=detail", body), ("?on=metrics", answer.to_owned())];
    of(name, bodies, &[&USUAL, shows].concat(), errors)
}

fn of_task(name: &str, answer: &str, shows: &[&str], errors: &[&str]) -> Case {
    of_tasks(name, r#"["worker-0"]"#, answer, shows, errors)
}

/// An answer with these arrays.
fn metrics(name: &str, arrays: &str, shows: &[&str], errors: &[&str]) -> Case {
    of_task(name, &format!(r#"{{"metrics":[{arrays}]}}"#), shows, errors)
}

fn rubbish() -> Vec<Case> {
    let bodies = [
        ("empty-body", "", "malformed"),
        ("empty-object", "{}", "malformed"),
        ("empty-array", "[]", "malformed"),
        ("null", "null", "malformed"),
        ("html", "<html><body>502 Bad Gateway</body></html>", "malformed"),
        ("half", r#"{"metadata":{"id":"{id}""#, "malformed"),
        ("no-id", r#"{"metadata":{"name":"n"},"status":{"phase":"Running"}}"#, "malformed"),
        (
            "another-job",
            r#"{"metadata":{"id":"00000000-0000-4000-8000-000000000000"}}"#,
            "malformed",
        ),
        ("metadata-a-text", r#"{"metadata":"{id}"}"#, "malformed"),
        ("a-list", r#"{"items":[{"metadata":{"id":"{id}"}}]}"#, "malformed"),
        ("rejected", r#"{"error_code":"ModelArts.0105","error_msg":"no"}"#, "rejected"),
    ];
    let of_job = bodies.into_iter().map(|(name, body, reason)| Case {
        fails: true,
        ..of(name, vec![("?on=detail", body.to_owned())], &[], &[reason])
    });
    let bodies = [
        ("metrics-empty-object", "{}", "malformed"),
        ("metrics-an-array", "[]", "malformed"),
        ("metrics-null", r#"{"metrics":null}"#, "malformed"),
        ("metrics-a-text", r#"{"metrics":"none"}"#, "malformed"),
        ("metrics-half", r#"{"metrics":[{"metric":"cpu"#, "malformed"),
        ("metrics-html", "<html></html>", "malformed"),
        (
            "metrics-rejected",
            r#"{"error_code":"ModelArts.2955","error_msg":"ExtServiceAOM"}"#,
            "rejected",
        ),
    ];
    // What the job's own document said is shown all the same.
    let of_tasks = bodies
        .into_iter()
        .map(|(name, body, reason)| Case { fails: true, ..of_task(name, body, &[], &[reason]) });
    of_job.chain(of_tasks).collect()
}

fn phases() -> Vec<Case> {
    let finished = "job_finished_timestamp_seconds 1600000000";
    let unknown = "job_status{unknown} 1";
    let failed = |name: &str, status: &str, reason: &str| {
        let status = format!(r#""phase":"Failed",{status}"#);
        let info = format!("job_failure_info{{{reason}}} 1");
        phase(name, &status, &["job_status{failed} 1", finished, &info], &[])
    };
    let exit = |exit_code: &str| {
        format!(
            r#""task_statuses":[{{"task":"worker-0","exit_code":{exit_code},"message":"{FREE_TEXT}"}}]"#
        )
    };
    let ends = |reason: &str| format!(r#""running_records":[{{"end_reason":"{reason}"}}]"#);
    let restarts = "job_restarts 0";
    let with_restarts = |mut case: Case| {
        case.shows.push(restarts.to_owned());
        case
    };
    vec![
        phase("creating", r#""phase":"Creating""#, &["job_status{creating} 1"], &[]),
        phase("pending", r#""phase":"Pending""#, &["job_status{pending} 1"], &[]),
        phase("terminating", r#""phase":"Terminating""#, &["job_status{terminating} 1"], &[]),
        phase("completed", r#""phase":"Completed""#, &["job_status{completed} 1", finished], &[]),
        phase(
            "terminated",
            r#""phase":"Terminated""#,
            &["job_status{terminated} 1", finished],
            &[],
        ),
        phase(
            "abnormal",
            r#""phase":"Abnormal","secondary_phase":"CreateFailed""#,
            &["job_status{abnormal} 1", finished, "job_failure_info{create_failed} 1"],
            &[],
        ),
        phase("lower-case", r#""phase":"running""#, &[unknown], &["phase unknown"]),
        phase("unheard-of", r#""phase":"Hibernating""#, &[unknown], &["phase unknown"]),
        phase("empty", r#""phase":"""#, &[unknown], &[]),
        phase("null", r#""phase":null"#, &[unknown], &[]),
        phase("an-object", r#""phase":{}"#, &[unknown], &["phase wrong_type"]),
        phase("no-phase", "", &[unknown], &[]),
        reads("second-unheard-of", r#""secondary_phase":"Asleep""#, "", &[], &[]),
        failed("error", &exit("1"), "error"),
        failed("killed-text", &exit(r#""137""#), "killed"),
        failed("crashed", &exit("-11"), "crashed"),
        failed("lost", r#""secondary_phase":"Lost""#, "lost"),
        failed("nothing-tells", r#""task_statuses":null"#, "unknown"),
        with_restarts(failed("end-reason", &ends("exit with 126"), "command")),
        with_restarts(failed("free-text", &ends(FREE_TEXT), "unknown")),
        failed("second-free-text", &format!(r#""secondary_phase":"{FREE_TEXT}""#), "unknown"),
    ]
}

fn execution() -> Vec<Case> {
    vec![
        reads(
            "not-started",
            r#""start_time":0,"duration":0"#,
            "",
            &["job_duration_seconds 0"],
            &[],
        ),
        reads("start-null", r#""start_time":null,"duration":null"#, "", &[], &[]),
        reads(
            "started",
            r#""start_time":1600000000500,"duration":1326"#,
            "",
            &["job_started_timestamp_seconds 1600000000.5", "job_duration_seconds 1.326"],
            &[],
        ),
        reads(
            "negative-times",
            r#""start_time":-5,"duration":-1"#,
            "",
            &[],
            &["start_time out_of_range", "duration out_of_range"],
        ),
        reads("nodes-null", r#""node_count_metrics":null"#, "", &[], &[]),
        reads(
            "nodes",
            r#""node_count_metrics":[[1641892654000,0],[1641892655000,2]]"#,
            "",
            &["job_nodes 2"],
            &[],
        ),
        reads(
            "nodes-in-words",
            r#""node_count_metrics":[["now","two"],[1641892655000,2]]"#,
            "",
            &["job_nodes 2"],
            &["node_count_metrics wrong_type"],
        ),
        // In seconds, and the first one ends before it begins.
        reads(
            "records",
            r#""running_records":[{"start_at":1641892655,"end_at":1641890000},{"start_at":1641892700,"end_at":null}]"#,
            "",
            &["job_restarts 1"],
            &[],
        ),
        reads(
            "units-as-number-and-text",
            "",
            r#""spec":{"resource":{"node_count":2,"flavor_detail":{"flavor_info":{"cpu":{"core_num":"8"},"gpu":{"unit_num":"4"},"npu":{"unit_num":1},"memory":{"size":64,"unit":"GB"}}}}}"#,
            &[
                "job_workers 2",
                "job_cpu_cores 16",
                "job_memory_bytes 137438953472",
                "job_gpus 8",
                "job_npus 2",
            ],
            &[],
        ),
        reads(
            "roles",
            "",
            r#""tasks":[
                {"role":"learner","task_resource":{"node_count":1,"flavor_info":{"cpu":{"core_num":64},"gpu":{"unit_num":8},"memory":{"size":512,"unit":"GB"}}}},
                {"role":"actor","task_resource":{"node_count":2,"flavor_info":{"cpu":{"core_num":8},"memory":{"size":32,"unit":"GB"}}}}]"#,
            &[
                "job_workers 3",
                "job_cpu_cores 80",
                "job_memory_bytes 618475290624",
                "job_gpus 8",
                "job_npus 0",
            ],
            &[],
        ),
        reads(
            "container-beside-a-flavour-without-accelerators",
            "",
            r#""spec":{"resource":{"node_count":2,"flavor_info":{"cpu":{"core_num":8}},"main_container_customized_flavor":{"accelerator_num":4,"accelerator_type":"ascend-snt9b"}}}"#,
            &["job_workers 2", "job_cpu_cores 16", "job_npus 8", "job_gpus 0"],
            &[],
        ),
        reads(
            "container-without-its-number",
            "",
            r#""spec":{"resource":{"node_count":2,"flavor_info":{"cpu":{"core_num":8}},"main_container_allocated_resources":{"accelerator_type":"nvidia-v100","mem_size":8}}}"#,
            &["job_workers 2", "job_cpu_cores 16", "job_memory_bytes 17179869184", "job_npus 0"],
            &[],
        ),
        reads(
            "container-without-its-kind",
            "",
            r#""spec":{"resource":{"node_count":2,"flavor_info":{"cpu":{"core_num":8}},"main_container_allocated_resources":{"accelerator_num":4}}}"#,
            &["job_workers 2", "job_cpu_cores 16"],
            &[],
        ),
        reads(
            "a-flavour-that-lists-nothing",
            "",
            r#""spec":{"resource":{"node_count":2,"flavor_info":{}}}"#,
            &["job_workers 2"],
            &[],
        ),
        reads("texts-null", "", r#""algorithm":null,"spec":{"resource":null}"#, &[], &[]),
    ]
}

fn usage() -> Vec<Case> {
    let minutes = format!("-1,{}75", "25,".repeat(49_999));
    let shown = [
        "job_cpu_usage_ratio{worker-0} 0.5",
        "job_memory_usage_ratio{worker-0} 0.25",
        "job_usage_samples{worker-0} 1",
        "job_cpu_usage_mean_ratio{worker-0} 0.5",
        "job_cpu_usage_max_ratio{worker-0} 0.5",
        "job_memory_usage_mean_ratio{worker-0} 0.25",
        "job_memory_usage_max_ratio{worker-0} 0.25",
    ];
    let (cpu, memory) =
        (r#"{"metric":"cpuUsage","value":[-1,50]}"#, r#"{"metric":"memUsage","value":[-1,25.0]}"#);
    let no_card = r#"{"metric":"npuUtil","value":[-1,-1]},{"value":[-1,-1.0],"metric":"gpuUtil"}"#;
    let no_sample = ["job_usage_samples{worker-0} 0"];
    let cpu_of = |values: &str| {
        format!(r#"{{"metric":"cpuUsage","value":{values}}},{{"metric":"memUsage","value":[1,1]}}"#)
    };
    let kept = [
        "job_memory_usage_ratio{worker-0} 0.01",
        "job_memory_usage_mean_ratio{worker-0} 0.01",
        "job_memory_usage_max_ratio{worker-0} 0.01",
        "job_usage_samples{worker-0} 2",
        "job_cpu_usage_mean_ratio{worker-0} 0.05",
        "job_cpu_usage_max_ratio{worker-0} 0.05",
    ];
    let newest = |name: &str, value: &str, errors: &[&str]| {
        metrics(name, &cpu_of(&format!("[5,{value}]")), &kept, errors)
    };
    let of_each = |task: &str| -> Vec<String> {
        shown.iter().map(|line| line.replace("worker-0", task)).collect()
    };
    let (learner, actor) = (of_each("learner-0"), of_each("actor-0"));
    let both: Vec<_> = learner.iter().chain(&actor).map(String::as_str).collect();
    let odd = of_each("a/b \"c\" ../%2e");
    let odd: Vec<_> = odd.iter().map(String::as_str).collect();
    let plain = format!(r#"{{"metrics":[{cpu},{memory}]}}"#);
    let cards = [cpu, no_card, memory].join(",");
    vec![
        metrics("plain", &cards, &shown, &[]),
        metrics("in-another-order", &[memory, no_card, cpu].join(","), &shown, &[]),
        metrics(
            "numbers-as-text",
            &cards.replace("50", "\"50.00\"").replace("-1,", "\"-1\","),
            &shown,
            &[],
        ),
        metrics(
            "unknown-names",
            &format!(
                r#"{{"metric":"hbmTemperature","value":[61]}},{cpu},{{"value":[7]}},{memory}"#
            ),
            &shown,
            &["metric unknown", "metric missing"],
        ),
        metrics("one-a-number", &format!("{cpu},5,{memory}"), &shown, &["metrics wrong_type"]),
        metrics("all-missing", no_card, &no_sample, &[]),
        metrics("no-arrays", "", &no_sample, &[]),
        of_task("no-body", "", &no_sample, &[]),
        of_task(
            "not-ready",
            r#"{"error_code":"ModelArts.2777","error_msg":"NotReadyToFetchMetric"}"#,
            &no_sample,
            &[],
        ),
        metrics(
            "lengths-differ",
            r#"{"metric":"memUsage","value":[-1,25,50,75]},{"metric":"cpuUsage","value":[50,60]},{"metric":"npuUtil","value":null}"#,
            &[
                "job_usage_samples{worker-0} 4",
                "job_memory_usage_ratio{worker-0} 0.75",
                "job_memory_usage_mean_ratio{worker-0} 0.5",
                "job_memory_usage_max_ratio{worker-0} 0.75",
                "job_cpu_usage_mean_ratio{worker-0} 0.55",
                "job_cpu_usage_max_ratio{worker-0} 0.6",
            ],
            &[],
        ),
        newest("newest-missing", "-1", &[]),
        newest("newest-null", "null", &[]),
        newest("newest-too-much", "105.5", &["cpuUsage out_of_range"]),
        newest("newest-negative", "-2", &["cpuUsage out_of_range"]),
        newest("newest-nan", "\"NaN\"", &["cpuUsage not_finite"]),
        newest("newest-bare-nan", "NaN", &["cpuUsage not_finite"]),
        newest("newest-a-word", "\"much\"", &["cpuUsage not_a_number"]),
        // Memory at 0 is a sample here: what is missing is -1.
        metrics(
            "zeros",
            r#"{"metric":"memUsage","value":[0,0]}"#,
            &[
                "job_usage_samples{worker-0} 2",
                "job_memory_usage_ratio{worker-0} 0",
                "job_memory_usage_mean_ratio{worker-0} 0",
                "job_memory_usage_max_ratio{worker-0} 0",
            ],
            &[],
        ),
        metrics(
            "long",
            &format!(r#"{{"metric":"npuUtil","value":[{minutes}]}}"#),
            &[
                "job_npu_utilization_ratio{worker-0} 0.75",
                "job_npu_utilization_mean_ratio{worker-0} 0.25001",
                "job_npu_utilization_max_ratio{worker-0} 0.75",
                "job_usage_samples{worker-0} 50000",
            ],
            &[],
        ),
        of_tasks("several-tasks", r#"["learner-0","actor-0"]"#, &plain, &both, &[]),
        of_tasks(
            "a-task-twice",
            r#"["worker-0","worker-0",{}]"#,
            &plain,
            &shown,
            &["tasks wrong_type"],
        ),
        of_tasks("an-odd-task", r#"["a/b \"c\" ../%2e"]"#, &plain, &odd, &[]),
        of_tasks("no-tasks", "null", &plain, &[], &[]),
    ]
}

#[tokio::test]
async fn rubbish_of_v2_is_an_error_of_its_job() {
    check(rubbish()).await;
}

#[tokio::test]
async fn phases_and_failures_come_in_many_forms_and_words_become_no_labels() {
    let scrape = check(phases()).await;
    let labels = scrape.samples().iter().flat_map(|sample| &sample.labels);
    let said: Vec<_> = labels.filter(|(_, value)| value.contains(FREE_TEXT)).collect();
    assert_eq!(said, Vec::<&(String, String)>::new());
}

#[tokio::test]
async fn the_execution_comes_in_many_forms() {
    check(execution()).await;
}

#[tokio::test]
async fn metrics_of_tasks_come_in_many_forms() {
    check(usage()).await;
}

#[tokio::test]
async fn a_task_that_vanishes_after_the_list_costs_nothing_but_its_call() {
    let cloud = Cloud::empty().await;
    let one = cloud.add_in(Api::V2, "one", "").await;
    let two = cloud.add_in(Api::V2, "two", "").await;
    let with_tasks = async |on: &str, tasks: &str| {
        let body = job(&format!(r#""phase":"Running","tasks":{tasks}"#), "");
        cloud.set_answer(&one, on, body.replace("{id}", &one)).await;
    };
    // The list still names a task that the job no longer has.
    with_tasks("?on=list", r#"["worker-0","worker-9"]"#).await;
    with_tasks("?on=detail", r#"["worker-0"]"#).await;
    let setup = Setup::new().with_api("p", Api::V2, [&one, &two]);
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let scrape = daemon
        .shows(&[
            "modelarts_exporter_api_errors_total{operation=\"metrics\",reason=\"bad_request\"} > 2",
            "modelarts_job_usage_samples{task=\"worker-0\"} == 20",
            "modelarts_job_usage_samples{task=\"worker-9\"} absent",
            "modelarts_job_poll_success == 2",
        ])
        .await;
    let polls = "modelarts_exporter_polls_total";
    let spoiled = ["failed", "partial"].map(|it| format!("{polls}{{result=\"{it}\"}} == 0"));
    assert_eq!(scrape.unmet(&spoiled), [""; 0]);
    // One that the job still has and that is refused all the same is no such task.
    with_tasks("?on=detail", r#"["worker-0","worker-9"]"#).await;
    daemon
        .shows(&[
            format!("modelarts_job_poll_success{{job_id=\"{one}\"}} == 0"),
            format!("modelarts_job_poll_success{{job_id=\"{two}\"}} == 1"),
            format!("modelarts_job_status{{job_id=\"{one}\",status=\"running\"}} == 1"),
            format!("{polls}{{result=\"partial\"}} > 1"),
        ])
        .await;
}
