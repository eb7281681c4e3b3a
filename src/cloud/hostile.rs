//! What no cloud should send: for the property tests of everything that reads bytes from the network.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tokio::time::Instant;

/// Cases for each decoder. A failure prints the seed and the smallest case; `PROPTEST_RNG_SEED` repeats
/// a run.
const CASES: u32 = 10_000;

/// Longer than any decoder takes for a mebibyte on a busy machine, and shorter than one takes whose time
/// grows with the square of it.
const LONGEST: Duration = Duration::from_secs(20);

/// Bytes of a large case.
const LARGE: usize = 1 << 20;

/// A page of versions with the metrics as strings, and a version with them as objects: the keys and
/// types are those of the documents, the values are not.
pub(super) const VERSIONS: &str = r#"{"is_success":true,"job_id":10,"job_name":"one","job_desc":"","version_count":2,"versions":[{"version_id":11,"version_name":"V0002","pre_version_id":null,"engine_type":1,"engine_name":"TensorFlow","engine_version":"TF-1.8.0-python2.7","status":8,"create_time":1524189990635,"start_time":1524190066635,"duration":532003,"core":"8","cpu":"64","gpu_num":2,"gpu_type":"nvidia-v100","worker_server_num":1,"spec_code":"modelarts.vm.gpu.v100","npu_info":null,"pool_name":"hec-train","system_metric_list":"{\"recvBytesRate\":[\"0\",\"12.5\"],\"cpuUsage\":[\"0\",\"3.10\"],\"memUsage\":[\"0\",\"0.77\"],\"gpuUtil\":[\"0\",\"0.25\"],\"gpuMemUsage\":[\"0\",\"94.11\"],\"interval\":1}","model_metric_list":"{\"metric\":[{\"metric_values\":{\"recall\":0.005833,\"precision\":0.000178,\"accuracy\":0.000937},\"metric_meta\":{\"class_name\":0,\"class_id\":0}}],\"total_metric\":{\"total_metric_meta\":{},\"total_reserved_data\":{\"confusion_matrix\":[[1,2],[3,4]],\"images_outputs\":{\"s3://a\":{\"logits\":[\"1.5\"]}}},\"total_metric_values\":{\"f1_score\":0.000338,\"recall\":0.005833,\"loss\":NaN}}}"},{"version_id":"10","status":"10"}]}"#;

/// One version, with the metrics as the detail has them.
pub(super) const DETAIL: &str = r#"{"is_success":true,"job_id":10,"job_name":"one","version_id":11,"version_name":"V0001","status":10,"create_time":1609121837000,"start_time":1609121913000,"duration":1326,"core":"8","cpu":"32","gpu":null,"gpu_num":0,"gpu_type":"","model_id":null,"task_summary":{},"error_result":null,"user":{"name":"userAbc"},"flavor_code":"modelarts.vm.cpu.8u","flavor_info":{"cpu":"8","gpu":null,"npu":{"num":1}},"parameter":[{"label":"learning_rate","value":0.01}],"model_metric_list":"{}","system_metric_list":{"recvBytesRate":["0","0"],"cpuUsage":["0","18.92"],"memUsage":["0","5.20"],"interval":1,"diskReadRate":["0","91811.07"]}}"#;

/// A page of the list, with the user that only real answers have.
pub(super) const LIST: &str = r#"{"is_success":true,"quotas":5,"job_total_count":3,"job_count_limit":3,"jobs":[{"job_id":9446,"job_name":"ma-testing","version_id":10818,"status":10,"create_time":1704448084000,"duration":54793000,"job_desc":"This is a job","version_count":1,"user":{"name":"userAbc"}},{"job_id":"9447","job_name":null,"version_id":null,"status":"8","version_count":"2"}]}"#;

/// A page of v2's list: a job on two nodes with NPUs, a heterogeneous one, one that waits. Keys and
/// types are those of the documents and of the SDK, the values are not.
pub(super) const JOBS: &str = r#"{"total":907,"count":3,"limit":50,"offset":0,"sort_by":"create_time","order":"desc","group_by":"","workspace_id":"0","ai_project":"default-ai-project","items":[{"kind":"job","metadata":{"id":"5b2c1d6e-7f30-4a52-9c11-0d9f0a6b7e01","name":"bert-npu","description":null,"create_time":1641892640000,"workspace_id":"0","user_name":"anna","annotations":{"job_template":"Template DL"}},"status":{"phase":"Running","secondary_phase":"Running","duration":268000,"start_time":1641892655000,"node_count_metrics":[[1641892645000,0],[1641892655000,1],[1641892923000,2]],"tasks":["worker-0","worker-1"],"running_records":[{"start_at":1641892655,"end_at":1641892600,"start_type":"init_or_rescheduled","end_reason":"exit with 127","end_related_task":"worker-1","end_recover":"job_reschedule"},{"start_at":1641892700,"start_type":"restarted"}]},"algorithm":{"code_dir":"obs://a/b/","engine":{"engine_id":"mindspore","engine_name":"Ascend-Powered-Engine","engine_version":"mindspore_1.7.0"}},"spec":{"resource":{"policy":"regular","flavor_id":"modelarts.kat1.8xlarge","flavor_name":"NPU","node_count":2,"flavor_detail":{"flavor_type":"Ascend","billing":{"code":"x","unit_num":1},"flavor_info":{"max_num":4,"cpu":{"arch":"arm","core_num":192},"npu":{"unit_num":"8","product_name":"ascend-snt9","memory":"32GB"},"memory":{"size":720,"unit":"GB"}}}}}},{"kind":"hetero_job","metadata":{"id":"5b2c1d6e-7f30-4a52-9c11-0d9f0a6b7e02","name":"rl","create_time":1641892641000,"workspace_id":"0","user_name":""},"status":{"phase":"Failed","secondary_phase":"Failed","duration":61000,"start_time":1641892660000,"node_count_metrics":null,"tasks":["learner-0","actor-0","actor-1"],"task_statuses":[{"task":"actor-1","exit_code":137,"message":"killed"}]},"tasks":[{"role":"learner","algorithm":{"engine":{"engine_name":"PyTorch","engine_version":"pytorch_1.8.0"}},"task_resource":{"flavor_id":"modelarts.p3.large","flavor_info":{"cpu":{"core_num":8},"gpu":{"unit_num":1,"product_name":"V100","memory":"32GB"},"memory":{"size":64,"unit":"GB"}}}},{"role":"actor","task_resource":{"flavor_id":"modelarts.c6.large","node_count":2,"flavor_info":{"cpu":{"core_num":4},"memory":{"size":8192,"unit":"MB"}}}}],"spec":{"resource":{"pool_id":"pool1a","pool_name":"own"}}},{"kind":"job","metadata":{"id":"5b2c1d6e-7f30-4a52-9c11-0d9f0a6b7e03","name":"waits","create_time":1641892642000},"status":{"phase":"Creating","duration":0,"start_time":0,"node_count_metrics":null,"tasks":null}}]}"#;

/// v2's detail of a job that never came to run, on a dedicated pool.
pub(super) const JOB: &str = r#"{"kind":"job","metadata":{"id":"5b2c1d6e-7f30-4a52-9c11-0d9f0a6b7e04","name":"never","description":"tried once","create_time":1636447346315,"workspace_id":"0","user_name":""},"status":{"phase":"Abnormal","secondary_phase":"CreateFailed","duration":0,"start_time":0,"node_count_metrics":[[1636447746000,0],[1636447755000,0]],"tasks":["worker-0"],"running_records":[]},"algorithm":{"command":"python train.py --token=abc","engine":{"engine_id":"","image_url":"a/b:1"}},"spec":{"resource":{"flavor_id":"modelarts.pool.visual.2xlarge","node_count":1,"pool_id":"pool7d1e","pool_name":"dedicated","main_container_allocated_resources":{"cpu_arch":"arm","cpu_core_num":48.0,"mem_size":192.0,"accelerator_num":2,"accelerator_type":"ascend-Snt9b"}}}}"#;

/// The metrics of one v2 task, on a machine with NPUs and without GPUs.
pub(super) const TASK_METRICS: &str = r#"{"metrics":[{"metric":"cpuUsage","value":[-1,-1,2.5,4.125,7.12]},{"metric":"memUsage","value":[-1,-1,1,2,3.0]},{"metric":"npuUtil","value":[-1,-1,0,25,50]},{"metric":"npuMemUsage","value":[-1,-1,0.5,90,91.25]},{"metric":"gpuUtil","value":[-1,-1,-1,-1,-1]},{"metric":"gpuMemUsage","value":[-1,-1,-1,-1,-1]}]}"#;

/// v2's quotas.
pub(super) const QUOTAS: &str = r#"{"quotas":[{"resource":"job-num","quota":500,"used":12}]}"#;

/// Refusals in the shapes they come in.
pub(super) const REFUSALS: [&str; 4] = [
    r#"{"is_success":false,"error_message":"Invalid token.","error_code":"ModelArts.0104"}"#,
    r#"{"error_msg":"The throttling threshold has been reached","error_code":"APIGW.0308","request_id":"f0"}"#,
    r#"{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}"#,
    r#"{"errorCode":"ModelArts.2950","errorMsg":"Unknown error.","code":"","message":null}"#,
];

pub(super) fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, ..ProptestConfig::default() }
}

/// Any bytes, any JSON with the keys of the samples, brackets without end, and spoiled samples.
pub(super) fn answers(samples: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => vec(any::<u8>(), 0..512),
        3 => json(words(samples)).prop_map(String::into_bytes),
        1 => brackets().prop_map(String::into_bytes),
        5 => spoiled(samples),
    ]
}

/// The texts of the samples: keys, and values that mean something.
fn words(samples: &'static [&'static str]) -> Vec<&'static str> {
    let mut words: Vec<_> = samples.iter().flat_map(|sample| sample.split('"')).collect();
    words.retain(|word| word.chars().all(|it| it.is_ascii_alphanumeric() || "._-".contains(it)));
    words.sort_unstable();
    words.dedup();
    words
}

/// A JSON document of any shape; texts may hold documents.
fn json(words: Vec<&'static str>) -> impl Strategy<Value = String> {
    const NUMBERS: [&str; 9] =
        ["0", "-1", "8", "1e308", "-1e-400", "9223372036854775808", "0.5", "NaN", "-Infinity"];
    let key = select(words.clone());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        select(&NUMBERS[..]).prop_map(str::to_owned),
        select(&NUMBERS[..]).prop_map(quoted),
        any::<f64>().prop_map(|it| it.to_string()),
        select(words).prop_map(quoted),
        "\\PC{0,8}".prop_map(quoted),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            4 => vec((key.clone(), inner.clone()), 0..6).prop_map(|members| {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
                format!("{{{}}}", members.join(","))
            }),
            1 => inner.prop_map(quoted),
        ]
    })
}

fn quoted(text: impl AsRef<str>) -> String {
    serde_json::to_string(text.as_ref()).unwrap()
}

fn brackets() -> impl Strategy<Value = String> {
    let piece = select(&["[", "{\"a\":", "{\"versions\":[", "[\"[", "{\"total_metric\":"][..]);
    (piece, 1_usize..3000).prop_map(|(piece, times)| piece.repeat(times))
}

/// One change of a sample.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
    End(Index),
}

fn spoiled(samples: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&str; 14] = [
        "\"", "\\", "{", "}", "[", "]", ",", ":", "null", "NaN", "-1", "1e999", "\\u0000",
        "\u{fffd}",
    ];
    let change = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), select(&PIECES[..])).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, size)| Change::Remove(at, size)),
        (any::<Index>(), 1_usize..200).prop_map(|(at, size)| Change::Repeat(at, size)),
        any::<Index>().prop_map(Change::End),
    ];
    (select(samples), vec(change, 1..8)).prop_map(|(sample, changes)| {
        let mut bytes = sample.as_bytes().to_vec();
        for change in changes {
            change.apply(&mut bytes);
        }
        bytes
    })
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(size)] = *byte,
            Self::Insert(at, piece) => {
                let at = at.index(size);
                bytes.splice(at..at, piece.bytes());
            }
            Self::Remove(at, length) => {
                let at = at.index(size);
                bytes.drain(at..size.min(at + length));
            }
            Self::Repeat(at, length) => {
                let at = at.index(size);
                bytes.extend_from_within(at..size.min(at + length));
            }
            Self::End(at) => bytes.truncate(at.index(size)),
        }
    }
}

/// Gives the decoder large answers that are as bad as they can be; each has to be read in time.
pub(super) fn in_time(mut decode: impl FnMut(&[u8])) {
    let repeated = [
        "[",
        "{\"a\":",
        "\"",
        "\\",
        "\\\"",
        "NaN",
        "-",
        "1",
        "{},",
        "\"\",",
        "\\u0022",
        "\u{e9}",
        "\"images_outputs\":",
        "\\\"images_outputs\\\":{",
        "{\"versions\":",
        "\"a\":{},",
        "[]",
        " ",
    ];
    let frames =
        [("", ""), ("\"", "\""), ("{\"versions\":[", "]}"), ("{\"system_metric_list\":\"", "\"}")];
    for piece in repeated {
        for (before, after) in frames {
            let answer = format!("{before}{}{after}", piece.repeat(LARGE / piece.len()));
            let began = Instant::now();
            decode(answer.as_bytes());
            let took = began.elapsed();
            assert!(took < LONGEST, "{took:?} for {before} {piece} without end");
        }
    }
}
