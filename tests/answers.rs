//! What is made of answers that are not what the documents say.
//!
//! Every case is a project of its own with one job whose raw answer is the case, beside a job that is
//! well; all of them are polled once by one daemon.

#![expect(clippy::too_many_lines, reason = "tables are as long as what they list")]

mod v2;

use std::collections::BTreeSet;

use modelarts_exporter::model::Api;

use crate::harness::{Cloud, Daemon, ONE_POLL, Scrape, Setup};
use crate::parser::Sample;

/// One answer and what is to be seen of it.
struct Case {
    /// The project's name.
    name: String,
    api: Api,
    /// The raw bodies, and which calls they answer (all where it is empty); `{id}` in them is the job's.
    bodies: Vec<(&'static str, Vec<u8>)>,
    /// Series of the job, without `modelarts_` and the key labels; beside [`USUAL`].
    shows: Vec<String>,
    /// `field reason` of `decode_errors_total`, or the `reason` of the call's failure.
    errors: Vec<String>,
    /// The call brought nothing that could be used.
    fails: bool,
}

/// What every version shows that came with [`version`]'s fields.
const USUAL: [&str; 4] = [
    "job_status{running} 1",
    "job_status_code 8",
    "job_version_rank 0",
    "job_created_timestamp_seconds 1600000000",
];

/// A versions list with one version of these further fields.
fn version(fields: &str) -> String {
    format!(
        r#"{{"is_success":true,"job_id":1,"job_name":"n","version_count":1,"versions":[{{"version_id":7,"version_name":"V0001","status":8,"create_time":1600000000000{}{fields}}}]}}"#,
        if fields.is_empty() { "" } else { "," }
    )
}

/// The version is read; these series are there beside the usual ones, and these fields were left out.
fn reads(name: &str, fields: &str, shows: &[&str], errors: &[&str]) -> Case {
    whole(name, version(fields), &[&USUAL, shows].concat(), errors)
}

/// The answer is read; these series are all there is.
fn whole(name: &str, body: impl Into<Vec<u8>>, shows: &[&str], errors: &[&str]) -> Case {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Case {
        name: name.to_owned(),
        api: Api::V1,
        bodies: vec![("", body.into())],
        shows: texts(shows),
        errors: texts(errors),
        fails: false,
    }
}

/// Nothing in the answer can be used.
fn fails(name: &str, body: impl Into<Vec<u8>>, reason: &str) -> Case {
    Case { fails: true, ..whole(name, body, &[], &[reason]) }
}

/// A string that holds this JSON.
fn text(json: &str) -> String {
    serde_json::to_string(json).unwrap()
}

fn model(list: &str) -> String {
    format!(r#""model_metric_list":{list}"#)
}

fn system(list: &str) -> String {
    format!(r#""system_metric_list":{list}"#)
}

/// Answers that are no answers.
fn rubbish() -> Vec<Case> {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    vec![
        fails("empty-body", "", "malformed"),
        fails("empty-object", "{}", "malformed"),
        fails("empty-array", "[]", "malformed"),
        fails("null", "null", "malformed"),
        fails("number", "1", "malformed"),
        fails("html", "<html><body>502 Bad Gateway</body></html>", "malformed"),
        fails("other-json", r#"{"status":"ok"}"#, "malformed"),
        fails("versions-null", r#"{"is_success":true,"versions":null}"#, "malformed"),
        fails("versions-text", r#"{"is_success":true,"versions":"none"}"#, "malformed"),
        fails("versions-of-numbers", r#"{"versions":[1,2]}"#, "malformed"),
        fails("versions-without-ids", r#"{"versions":[{"status":8}]}"#, "malformed"),
        fails(
            "invalid-utf8",
            [
                b"{\"versions\":[{\"version_id\":7,\"status\":8,\"version_name\":\"".as_slice(),
                b"\xff\xfe",
                b"\"}]}",
            ]
            .concat(),
            "malformed",
        ),
        fails("byte-order-mark", format!("\u{feff}{}", version("")), "malformed"),
        fails("deep", format!(r#"{{"x":{deep}}}"#), "malformed"),
        fails("trailing-comma", r#"{"versions":[{"version_id":7,"status":8,}]}"#, "malformed"),
        fails(
            "undefined",
            r#"{"versions":[{"version_id":7,"engine_type": ,"status":8}]}"#,
            "malformed",
        ),
        fails("two-documents", format!("{0}{0}", version("")), "malformed"),
        fails(
            "rejected",
            r#"{"is_success":false,"error_code":"ModelArts.0105","error_message":"no"}"#,
            "rejected",
        ),
        fails(
            "rejected-in-v2-words",
            r#"{"is_success":false,"error_code":"X","error_msg":"no"}"#,
            "rejected",
        ),
        fails("infinite-number", version(r#""duration":1e999"#), "malformed"),
        whole("no-versions", r#"{"is_success":true,"version_count":0,"versions":[]}"#, &[], &[]),
        whole(
            "one-version-as-object",
            r#"{"versions":{"version_id":7,"version_name":"V0001","status":8,"create_time":1600000000000}}"#,
            &USUAL,
            &[],
        ),
        whole(
            "a-detail-for-a-list",
            r#"{"is_success":true,"version_id":7,"version_name":"V0001","status":8,"create_time":1600000000000}"#,
            &USUAL,
            &[],
        ),
        whole(
            "one-of-two-without-id",
            r#"{"versions":[{"status":10},{"version_id":7,"version_name":"V0001","status":8,"create_time":1600000000000}]}"#,
            &USUAL,
            &["version_id missing"],
        ),
        whole(
            "one-of-two-a-number",
            r#"{"versions":[5,{"version_id":7,"version_name":"V0001","status":8,"create_time":1600000000000}]}"#,
            &USUAL,
            &["versions wrong_type"],
        ),
    ]
}

/// Names, ids, status and times.
fn identity() -> Vec<Case> {
    let twins = r#"{"versions":[
        {"version_id":8,"version_name":"V0001","status":8,"create_time":1600000000000},
        {"version_id":7,"version_name":"V0001","status":10,"create_time":1500000000000}]}"#;
    let status = |name: &str, json: &str, shown: &str, code: &[&str], errors: &[&str]| {
        let body = format!(
            r#"{{"versions":[{{"version_id":7,"status":{json},"create_time":1600000000000}}]}}"#
        );
        let usual = [shown, USUAL[2], USUAL[3]];
        whole(name, body, &[&usual, code].concat(), errors)
    };
    vec![
        reads("plain", "", &[], &[]),
        reads(
            "unknown-keys",
            r#""is_zombie":false,"task_summary":{},"error_result":null,"flavor_info":{"cpu":[1]}"#,
            &[],
            &[],
        ),
        reads(
            "duplicate-keys",
            r#""duration":5000,"duration":9000"#,
            &["job_duration_seconds 9"],
            &[],
        ),
        reads("a-key-with-an-escape", r#""dur\u0061tion":9000"#, &["job_duration_seconds 9"], &[]),
        whole(
            "ids-as-text",
            r#"{"job_id":"1","versions":[{"version_id":"7","version_name":"V0001","status":"8","create_time":"1600000000000","duration":" 1500 "}]}"#,
            &[&USUAL[..], &["job_duration_seconds 1.5"]].concat(),
            &[],
        ),
        // Shown by its id where two share a name; `latest` is the newer one.
        whole("two-of-one-name", twins, &USUAL, &[]),
        status(
            "status-text",
            r#""10""#,
            "job_status{completed} 1",
            &["job_status_code 10", "job_finished_timestamp_seconds 1600000000"],
            &[],
        ),
        status("status-float", "8.0", "job_status{running} 1", &["job_status_code 8"], &[]),
        status("status-99", "99", "job_status{unknown} 1", &["job_status_code 99"], &[]),
        status("status-negative", "-1", "job_status{unknown} 1", &["job_status_code -1"], &[]),
        status("status-0", "0", "job_status{unknown} 1", &["job_status_code 0"], &[]),
        status(
            "status-22",
            "22",
            "job_status{failed} 1",
            &["job_status_code 22", "job_finished_timestamp_seconds 1600000000"],
            &[],
        ),
        status("status-null", "null", "job_status{unknown} 1", &[], &[]),
        status(
            "status-word",
            r#""RUNNING""#,
            "job_status{unknown} 1",
            &[],
            &["status not_a_number"],
        ),
        status("status-object", "{}", "job_status{unknown} 1", &[], &["status wrong_type"]),
        status("status-bool", "true", "job_status{unknown} 1", &[], &["status wrong_type"]),
        status("status-fraction", "8.5", "job_status{unknown} 1", &[], &["status not_a_number"]),
        reads("not-started", r#""start_time":0,"duration":0"#, &["job_duration_seconds 0"], &[]),
        reads("start-null", r#""start_time":null,"duration":null"#, &[], &[]),
        reads("start-empty", r#""start_time":"","duration":"""#, &[], &[]),
        reads(
            "started",
            r#""start_time":1600000000500,"duration":1326"#,
            &["job_started_timestamp_seconds 1600000000.5", "job_duration_seconds 1.326"],
            &[],
        ),
        reads(
            "negative-times",
            r#""start_time":-5,"duration":-1"#,
            &[],
            &["start_time out_of_range", "duration out_of_range"],
        ),
        reads(
            "times-as-words",
            r#""start_time":"soon","duration":"NaN""#,
            &[],
            &["start_time not_a_number", "duration not_finite"],
        ),
        reads("infinite-text", r#""duration":"1e999""#, &[], &["duration not_finite"]),
        reads(
            "long-name",
            &format!(r#""pool_name":"{}""#, "p".repeat(500)),
            &[],
            &["pool_name too_long"],
        ),
        reads(
            "name-an-object",
            r#""engine_name":{"a":1},"flavor_code":true"#,
            &[],
            &["engine_name wrong_type", "flavor_code wrong_type"],
        ),
        whole(
            "job-without-name",
            r#"{"versions":[{"version_id":7,"status":8,"create_time":1600000000000,"job_name":null}]}"#,
            &USUAL,
            &[],
        ),
    ]
}

/// What was asked for.
fn resources() -> Vec<Case> {
    vec![
        reads(
            "resources-as-text",
            r#""worker_server_num":"2","core":"8","cpu":"64","gpu_num":"4""#,
            &["job_workers 2", "job_cpu_cores 16", "job_memory_bytes 137438953472", "job_gpus 8"],
            &[],
        ),
        reads(
            "resources-as-numbers",
            r#""worker_server_num":1,"core":2,"cpu":8,"gpu_num":0,"gpu_type":"""#,
            &["job_workers 1", "job_cpu_cores 2", "job_memory_bytes 8589934592", "job_gpus 0"],
            &[],
        ),
        reads(
            "workers-null",
            r#""worker_server_num":null,"core":8,"gpu":null,"gpu_num":null"#,
            &["job_cpu_cores 8"],
            &[],
        ),
        reads(
            "memory-in-mb",
            r#""cpu":"512","memory_unit":"MB""#,
            &["job_memory_bytes 536870912"],
            &[],
        ),
        reads(
            "memory-in-gib",
            r#""cpu":"0.5","memory_unit":"GiB""#,
            &["job_memory_bytes 536870912"],
            &[],
        ),
        reads(
            "memory-in-elephants",
            r#""cpu":"8","memory_unit":"elephants""#,
            &[],
            &["memory_unit out_of_range"],
        ),
        reads(
            "negative-cores",
            r#""core":-8,"cpu":[64]"#,
            &[],
            &["core out_of_range", "cpu wrong_type"],
        ),
    ]
}

/// `system_metric_list`.
fn usage() -> Vec<Case> {
    let one = r#"{"cpuUsage":["0","50.00"],"memUsage":["0","25.00"],"interval":1}"#;
    let shown = [
        "job_cpu_usage_ratio 0.5",
        "job_memory_usage_ratio 0.25",
        "job_usage_samples 1",
        "job_cpu_usage_mean_ratio 0.5",
        "job_cpu_usage_max_ratio 0.5",
        "job_memory_usage_mean_ratio 0.25",
        "job_memory_usage_max_ratio 0.25",
    ];
    let many = |count: usize| format!("[{}\"75.00\"]", "\"25.00\",".repeat(count - 1));
    let cpu = |values: &str| system(&format!(r#"{{"cpuUsage":{values},"memUsage":["1","1"]}}"#));
    let memory = [
        "job_memory_usage_ratio 0.01",
        "job_memory_usage_mean_ratio 0.01",
        "job_memory_usage_max_ratio 0.01",
        "job_usage_samples 2",
    ];
    let beside = |more: &[&'static str]| [&memory[..], more].concat();
    vec![
        reads("usage-object", &system(one), &shown, &[]),
        reads("usage-text", &system(&text(one)), &shown, &[]),
        reads("usage-text-in-text", &system(&text(&text(one))), &shown, &[]),
        reads("usage-in-array", &system(&format!("[{one}]")), &shown, &[]),
        reads("usage-numbers", &system(r#"{"cpuUsage":[0,50],"memUsage":[0,25.0]}"#), &shown, &[]),
        reads(
            "usage-unknown-key",
            &system(r#"{"cpuUsage":["0","50"],"memUsage":["0","25"],"tpuUtil":["9","9"],"x":{}}"#),
            &shown,
            &[],
        ),
        reads("usage-null", &system("null"), &[], &[]),
        reads("usage-empty-text", &system("\"\""), &[], &[]),
        reads("usage-empty-object", &system("{}"), &[], &[]),
        reads("usage-empty-object-in-text", &system("\"{}\""), &[], &[]),
        reads("usage-empty-array", &system("[]"), &[], &[]),
        reads("usage-number", &system("5"), &[], &["system_metric_list wrong_type"]),
        reads(
            "usage-broken-text",
            &system(r#""{\"cpuUsage\":[""#),
            &[],
            &["system_metric_list malformed"],
        ),
        reads(
            "usage-all-padding",
            &system(r#"{"cpuUsage":["0","0"],"memUsage":["0","0"]}"#),
            &["job_usage_samples 0"],
            &[],
        ),
        reads("usage-array-missing", &cpu("null"), &memory, &[]),
        reads("usage-array-an-object", &cpu("{}"), &memory, &["cpuUsage wrong_type"]),
        reads(
            "usage-newest-null",
            &cpu(r#"["5",null]"#),
            &beside(&["job_cpu_usage_mean_ratio 0.05", "job_cpu_usage_max_ratio 0.05"]),
            &[],
        ),
        reads(
            "usage-newest-too-much",
            &cpu(r#"["5","100.01"]"#),
            &beside(&["job_cpu_usage_mean_ratio 0.05", "job_cpu_usage_max_ratio 0.05"]),
            &["cpuUsage out_of_range"],
        ),
        reads(
            "usage-newest-minus-one",
            &cpu(r#"["5","-1"]"#),
            &beside(&["job_cpu_usage_mean_ratio 0.05", "job_cpu_usage_max_ratio 0.05"]),
            &["cpuUsage out_of_range"],
        ),
        reads(
            "usage-newest-nan",
            &cpu(r#"["5","NaN"]"#),
            &beside(&["job_cpu_usage_mean_ratio 0.05", "job_cpu_usage_max_ratio 0.05"]),
            &["cpuUsage not_finite"],
        ),
        reads(
            "usage-words",
            &cpu(r#"["a lot","5"]"#),
            &beside(&[
                "job_cpu_usage_ratio 0.05",
                "job_cpu_usage_mean_ratio 0.05",
                "job_cpu_usage_max_ratio 0.05",
            ]),
            &["cpuUsage not_a_number"],
        ),
        reads(
            "usage-full",
            &cpu(r#"["100","100.00"]"#),
            &beside(&[
                "job_cpu_usage_ratio 1",
                "job_cpu_usage_mean_ratio 1",
                "job_cpu_usage_max_ratio 1",
            ]),
            &[],
        ),
        // The last minute of a finished run is padding; an idle GPU beside memory in use is not.
        reads(
            "usage-idle-gpu",
            &system(r#"{"gpuUtil":["0","80","0","0"],"memUsage":["0","50","50","0"]}"#),
            &[
                "job_gpu_utilization_ratio 0",
                "job_gpu_utilization_mean_ratio 0.4",
                "job_gpu_utilization_max_ratio 0.8",
                "job_memory_usage_ratio 0.5",
                "job_memory_usage_mean_ratio 0.5",
                "job_memory_usage_max_ratio 0.5",
                "job_usage_samples 2",
            ],
            &[],
        ),
        reads(
            "usage-no-gpu",
            &format!(
                r#""gpu_num":0,{}"#,
                system(r#"{"gpuUtil":["0"],"gpuMemUsage":["0"],"memUsage":["50"]}"#)
            ),
            &[
                "job_gpus 0",
                "job_memory_usage_ratio 0.5",
                "job_memory_usage_mean_ratio 0.5",
                "job_memory_usage_max_ratio 0.5",
                "job_usage_samples 1",
            ],
            &[],
        ),
        reads(
            "usage-rates",
            &system(
                r#"{"recvBytesRate":["5770405.50"],"sendBytesRate":["1"],"diskReadRate":["91811.07"],"diskWriteRate":["0.00"]}"#,
            ),
            &[
                "job_network_receive_bytes_per_second 5770405.5",
                "job_network_transmit_bytes_per_second 1",
                "job_disk_read_rate 91811.07",
                "job_disk_write_rate 0",
                "job_usage_samples 1",
            ],
            &[],
        ),
        reads(
            "usage-long",
            &system(&format!(r#"{{"memUsage":{0},"cpuUsage":{0}}}"#, many(50_000))),
            &[
                "job_cpu_usage_ratio 0.75",
                "job_cpu_usage_mean_ratio 0.25001",
                "job_cpu_usage_max_ratio 0.75",
                "job_memory_usage_ratio 0.75",
                "job_memory_usage_mean_ratio 0.25001",
                "job_memory_usage_max_ratio 0.75",
                "job_usage_samples 50000",
            ],
            &[],
        ),
    ]
}

/// `model_metric_list`.
fn quality() -> Vec<Case> {
    let total =
        |values: &str| model(&format!(r#"{{"total_metric":{{"total_metric_values":{values}}}}}"#));
    let one = r#"{"metric":[{"metric_values":{"recall":0.5,"precision":1},"reserved_data":{},"metric_meta":{"class_name":"tulips","class_id":4}}],"total_metric":{"total_metric_meta":{},"total_metric_values":{"recall":0.25,"accuracy":0.75}},"images_outputs":{"s3://x":{}}}"#;
    let shown = [
        "model_recall 0.25",
        "model_accuracy 0.75",
        "model_class_recall{4,tulips} 0.5",
        "model_class_precision{4,tulips} 1",
    ];
    let class = |meta: &str| {
        model(&format!(
            r#"{{"metric":[{{"metric_meta":{meta},"metric_values":{{"recall":0.5}}}}]}}"#
        ))
    };
    vec![
        reads("model-object", &model(one), &shown, &[]),
        reads("model-text", &model(&text(one)), &shown, &[]),
        reads("model-text-in-text", &model(&text(&text(one))), &shown, &[]),
        reads("model-array", &model(&format!("[{one}]")), &shown, &[]),
        reads("model-null", &model("null"), &[], &[]),
        reads("model-empty-text", &model("\"\""), &[], &[]),
        reads("model-empty-object", &model("{}"), &[], &[]),
        reads("model-empty-object-in-text", &model("\"{}\""), &[], &[]),
        reads("model-number", &model("1"), &[], &["model_metric_list wrong_type"]),
        reads("model-words", &model("\"none yet\""), &[], &["model_metric_list malformed"]),
        reads(
            "model-handwritten",
            &total(r#"{"accuracy":0.9012}"#),
            &["model_accuracy 0.9012"],
            &[],
        ),
        reads("model-f1", &total(r#"{"f1":0.5}"#), &["model_f1_score 0.5"], &[]),
        reads(
            "model-both-f1",
            &total(r#"{"f1":0.5,"f1_score":0.75}"#),
            &["model_f1_score 0.75"],
            &[],
        ),
        reads(
            "model-unbounded",
            &total(r#"{"accuracy":1.5,"recall":-1,"precision":1e300}"#),
            &["model_accuracy 1.5", "model_recall -1", "model_precision 1e300"],
            &[],
        ),
        reads(
            "model-texts",
            &total(r#"{"accuracy":"0.5","recall":"","precision":"n/a"}"#),
            &["model_accuracy 0.5"],
            &["precision not_a_number"],
        ),
        reads(
            "model-nan",
            &total(r#"{"accuracy":"NaN","recall":"-Infinity","precision":null}"#),
            &[],
            &["accuracy not_finite", "recall not_finite"],
        ),
        reads(
            "model-arrays",
            &total(r#"{"accuracy":[0.1,0.2],"recall":[],"precision":[[1]]}"#),
            &["model_accuracy 0.2"],
            &["precision wrong_type"],
        ),
        reads(
            "model-total-array",
            &model(r#"{"total_metric":[{"total_metric_values":[{"recall":0.5}]}]}"#),
            &["model_recall 0.5"],
            &[],
        ),
        reads(
            "model-extra-keys",
            &total(r#"{"id":0,"top-1":1,"recall":0.5}"#),
            &["model_recall 0.5"],
            &[],
        ),
        reads(
            "class-names-numbers",
            &class(r#"{"class_name":0,"class_id":0}"#),
            &["model_class_recall{0,0} 0.5"],
            &[],
        ),
        reads(
            "class-name-fraction",
            &class(r#"{"class_name":1.5}"#),
            &["model_class_recall{,1.5} 0.5"],
            &[],
        ),
        reads("class-without-meta", &class("null"), &["model_class_recall{0,} 0.5"], &[]),
        reads("class-id-only", &class(r#"{"class_id":"x"}"#), &["model_class_recall{x,} 0.5"], &[]),
        reads(
            "class-meta-text",
            &class(&text(r#"{"class_name":"a"}"#)),
            &["model_class_recall{,a} 0.5"],
            &[],
        ),
        reads(
            "class-name-object",
            &class(r#"{"class_name":{},"class_id":1}"#),
            &["model_class_recall{1,} 0.5"],
            &["class_name wrong_type"],
        ),
        reads(
            "classes-an-object",
            &model(
                r#"{"metric":{"metric_meta":{"class_name":"a"},"metric_values":{"recall":0.5}}}"#,
            ),
            &["model_class_recall{,a} 0.5"],
            &[],
        ),
        reads("classes-a-text", &model(r#"{"metric":"none"}"#), &[], &["metric wrong_type"]),
        reads(
            "class-values-a-number",
            &model(r#"{"metric":[{"metric_meta":{"class_name":"a"},"metric_values":5}]}"#),
            &[],
            &["metric_values wrong_type"],
        ),
    ]
}

/// A series without what the case does not need to say; none for those that every job has.
fn shown(sample: &Sample) -> Option<String> {
    let name = sample.name.strip_prefix("modelarts_")?;
    let clock = ["status_changed_timestamp_seconds", "last_sample_timestamp_seconds"];
    let own = ["exporter_", "job_info", "job_poll_"].iter().any(|own| name.starts_with(own));
    if own || clock.iter().any(|clock| name.ends_with(clock)) {
        return None;
    }
    if name == "job_status" && sample.value == 0.0 {
        return None;
    }
    let keys = ["project", "job_id", "job_name", "version"];
    let is_other = |(label, value): &&(String, String)| {
        // v1 has no tasks.
        !(keys.contains(&&**label) || label == "task" && value.is_empty())
    };
    let others = sample.labels.iter().filter(is_other);
    let others: Vec<_> = others.map(|(_, value)| value.as_str()).collect();
    let labels =
        if others.is_empty() { String::new() } else { format!("{{{}}}", others.join(",")) };
    Some(match sample.value {
        value if value.abs() >= 1e100 => format!("{name}{labels} {value:e}"),
        value => format!("{name}{labels} {value}"),
    })
}

/// Everything that differs from what the case says.
fn differences(case: &Case, job: &str, well: &str, scrape: &Scrape) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |what: &str, got: BTreeSet<String>, wanted: BTreeSet<String>| {
        if got != wanted {
            let (name, missing): (_, Vec<_>) = (&case.name, wanted.difference(&got).collect());
            let extra: Vec<_> = got.difference(&wanted).collect();
            found.push(format!("{name}: {what}: missing {missing:?}, extra {extra:?}"));
        }
    };
    let of_case = |sample: &&Sample| {
        let has = |label: &str, value: &str| {
            sample.labels.iter().any(|(name, is)| name == label && is == value)
        };
        has("project", &case.name) && has("job_id", job)
    };
    let series = scrape.samples().iter().filter(of_case);
    expect("series", series.filter_map(shown).collect(), case.shows.iter().cloned().collect());

    let project = format!("project=\"{}\"", case.name);
    let of_family = |family: &str, labels: [&str; 2]| -> BTreeSet<String> {
        let series = scrape.find(&format!("modelarts_exporter_{family}{{{project}}}"));
        let words = series.iter().map(|sample| {
            let word = |label: &str| {
                let found = sample.labels.iter().find(|(name, _)| name == label);
                found.map(|(_, value)| value.as_str()).unwrap_or_default()
            };
            labels.map(word).join(" ").trim().to_owned()
        });
        words.collect()
    };
    let errors: BTreeSet<_> = case.errors.iter().cloned().collect();
    let (misread, failed) =
        if case.fails { (BTreeSet::new(), errors) } else { (errors, BTreeSet::new()) };
    expect("decode errors", of_family("decode_errors_total", ["field", "reason"]), misread);
    expect("api errors", of_family("api_errors_total", ["reason", ""]), failed);

    let success = |job: &str| format!("modelarts_job_poll_success{{{project},job_id=\"{job}\"}}");
    let expected = u8::from(!case.fails);
    let lines = [format!("{} == {expected}", success(job)), format!("{} == 1", success(well))];
    found.extend(scrape.unmet(&lines));
    found
}

async fn check(cases: Vec<Case>) -> Scrape {
    let cloud = Cloud::empty().await;
    let api = cases[0].api;
    let well = cloud.add_in(api, "well", "").await;
    let mut setup = Setup { poll: ONE_POLL, ..Setup::new() };
    let mut jobs = Vec::new();
    for case in &cases {
        let job = cloud.add_in(api, &case.name, "").await;
        for (on, body) in &case.bodies {
            // One that is no text has no id in it.
            let body = match std::str::from_utf8(body) {
                Ok(text) => text.replace("{id}", &job).into_bytes(),
                Err(_) => body.clone(),
            };
            cloud.set_answer(&job, on, body).await;
        }
        // What is seen of it comes from the answer alone.
        cloud.fault(&format!(r#""fault": "not_found", "on": "list", "job_id": "{job}""#)).await;
        setup = setup.with_api(&case.name, api, [&job, &well]);
        jobs.push(job);
    }
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.is_ready().await;
    // Every job was polled, and what was found has been published.
    let polled = format!("modelarts_exporter_polls_total > {}", 2 * cases.len() - 1);
    let well_polled = format!("modelarts_job_poll_success{{job_id=\"{well}\"}} == {}", cases.len());
    let scrape = daemon.shows(&[polled, well_polled]).await;
    let differences: Vec<_> = cases
        .iter()
        .zip(&jobs)
        .flat_map(|(case, job)| differences(case, job, &well, &scrape))
        .collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    scrape
}

#[tokio::test]
async fn rubbish_is_an_error_of_its_job() {
    check(rubbish()).await;
}

#[tokio::test]
async fn names_status_and_times_come_in_many_forms() {
    check(identity()).await;
}

#[tokio::test]
async fn resources_come_in_many_forms() {
    check(resources()).await;
}

#[tokio::test]
async fn usage_comes_in_many_forms() {
    check(usage()).await;
}

#[tokio::test]
async fn quality_comes_in_many_forms() {
    check(quality()).await;
}

#[tokio::test]
async fn after_rubbish_the_next_good_answer_counts() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("one").await.job_id;
    let daemon = Daemon::start(&Setup::of([job]).file(&cloud)).await;
    daemon.shows(&["modelarts_job_usage_samples == 10"]).await;
    cloud.set_document(job, "{").await;
    // What was true stays while it is not too old.
    daemon
        .shows(&[
            "modelarts_job_poll_success == 0",
            "modelarts_job_usage_samples == 10",
            "modelarts_exporter_api_errors_total{reason=\"malformed\"} > 3",
        ])
        .await;
    cloud.set_document(job, version(r#""duration":5000,"core":"x""#)).await;
    daemon
        .shows(&[
            "modelarts_job_poll_success == 1",
            "modelarts_job_duration_seconds == 5",
            "modelarts_exporter_decode_errors_total{field=\"core\",reason=\"not_a_number\"} > 3",
        ])
        .await;
    cloud.restore(job).await;
    daemon.shows(&["modelarts_job_status{job_name=\"one\",status=\"running\"} == 1"]).await;
    let log = daemon.stop().await.stderr;
    for (words, times) in [("cannot be polled", 1), ("was left out", 1), ("is read again", 1)] {
        assert_eq!(log.matches(words).count(), times, "{words}\n{log}");
    }
}
