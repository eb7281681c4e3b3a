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
