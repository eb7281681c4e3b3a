//! Every fault in every call that it can spoil, for clients with a token and for those that sign.

use std::time::Duration;

use modelarts_exporter::simulator::{Fault, Scenario};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{Cloud, PROJECT, signer::Signer, v2};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// Nothing: the fault is about something else.
    Same,
    /// This status, and these words in the body.
    Says(u16, &'static str),
    /// 401 as for credentials that are wrong.
    Wrong,
    /// 401 as for credentials that are past their time.
    Past,
    /// The same once, and then all is well.
    PastOnce,
    /// The right answer after [`LATE`].
    Late,
    /// No answer.
    Never,
    /// A body that breaks off.
    Cut,
    /// Half the body.
    Half,
    /// JSON of other types.
    Spoiled,
    /// Valid JSON of at least [`HUGE`] bytes.
    Huge,
    /// Another page than was asked for.
    Another,
}
use Then::{Another, Cut, Half, Huge, Late, Never, Past, PastOnce, Same, Says, Spoiled, Wrong};

const LATE: u64 = 60;
const HUGE: u64 = 100_000;
/// Longer than the tokens of the cloud live.
const TWO_DAYS: u64 = 172_800;
/// Shorter than any hang, long for an answer that nothing holds up.
const NO_ANSWER: Duration = Duration::from_millis(100);

/// Each call that a fault can spoil, and the kind of request it is.
const CALLS: [(&str, &str); 9] = [
    ("token", "token"),
    ("list", "list"),
    ("versions", "versions"),
    ("detail", "detail"),
    ("v2 list", "list"),
    ("v2 detail", "detail"),
    ("v2 metrics", "metrics"),
    ("v2 quotas", "quota"),
    ("metadata", "metadata"),
];

/// What becomes of each of [`CALLS`]: of the token, of v1's three, of v2's list and detail, of its metrics
/// and quotas, and of the metadata.
const fn row(token: Then, v1: [Then; 3], v2: [Then; 2], others: [Then; 2], metadata: Then) -> Row {
    let ([list, versions, detail], [v2_list, v2_detail]) = (v1, v2);
    let [metrics, quotas] = others;
    [token, list, versions, detail, v2_list, v2_detail, metrics, quotas, metadata]
}

type Row = [Then; CALLS.len()];

/// The same for all of them.
const fn all(then: Then) -> Row {
    [then; CALLS.len()]
}

/// Pages that are not the ones that were asked for.
const PAGES: Row = row(Same, [Another, Another, Same], [Another, Same], [Same; 2], Same);

/// A fault, its value, and what becomes of each of [`CALLS`].
const TABLE: [(&str, u64, Row); 21] = [
    ("latency", LATE, all(Late)),
    ("slow_body", 10, all(Late)),
    ("hang", 0, all(Never)),
    ("reset", 0, all(Cut)),
    ("throttle", 3, all(Says(429, "APIGW.0308"))),
    ("server_error", 0, {
        let service = Says(500, "ModelArts.2950");
        let identity = Says(500, "Internal Server Error");
        row(identity, [service; 3], [service; 2], [service; 2], service)
    }),
    ("html", 0, all(Says(502, "<html>"))),
    ("truncated", 0, all(Half)),
    ("wrong_types", 0, all(Spoiled)),
    ("huge", HUGE, all(Huge)),
    ("rejected", 0, all(Says(200, r#""is_success":false"#))),
    ("not_found", 0, {
        let (unknown, gone) = (Says(404, "ModelArts.0105"), Says(400, "ModelArts.2775"));
        let (list, v2_list) = (Says(200, r#""jobs":[]"#), Says(200, r#""items":[]"#));
        row(Same, [list, unknown, unknown], [v2_list, gone], [gone, Same], Same)
    }),
    ("retired", 0, all(Says(404, "APIGW.0101"))),
    ("unauthorized", 0, all(Wrong)),
    ("expired_token", 0, all(PastOnce)),
    ("forbidden", 0, {
        let (v1, v2) = (
            Says(403, r#""error_message":"The user is not"#),
            Says(403, r#""error_msg":"The user is not"#),
        );
        let identity = Says(403, "Forbidden");
        row(identity, [v1; 3], [v2; 2], [v2; 2], identity)
    }),
    // A metadata service whose clock is ahead hands out keys that seem to live longer.
    ("skewed_clock", TWO_DAYS, row(Past, [Past; 3], [Past; 2], [Past; 2], Same)),
    ("duplicate_page", 0, PAGES),
    ("skipped_page", 0, PAGES),
    ("endless_pages", 0, PAGES),
    ("renamed", 0, {
        let renamed = Says(200, "-renamed");
        row(Same, [renamed; 3], [renamed; 2], [Same; 2], Same)
    }),
];

/// Status and body of a call when nothing is broken.
type Healthy = (u16, String);

/// A cloud with a job of four versions, and who asks.
struct Stage {
    cloud: Cloud,
    job: u64,
    version: u64,
    /// A running job of v2.
    uuid: String,
    session: String,
    signer: Option<Signer>,
}

impl Stage {
    async fn set(signer: Option<Signer>) -> Self {
        let cloud = Cloud::frozen(Scenario::Steady).await;
        let (mut job, mut version) = (0, 0);
        for _ in 0..4 {
            (job, version) = cloud.add(json!({"name": "asked-for"})).await;
        }
        let uuid = v2::truth(&cloud).await[0]["job_id"].as_str().unwrap().to_owned();
        let request = cloud.client.put(format!("{}/meta-data/latest/api/token", cloud.base));
        let answer = request.header("x-metadata-token-ttl-seconds", "600").send().await.unwrap();
        let session = answer.text().await.unwrap();
        Self { cloud, job, version, uuid, session, signer }
    }

    /// One of [`CALLS`].
    async fn send(&self, call: &str) -> Response {
        let Self { cloud, job, version, uuid, session, signer } = self;
        let v2 = async |method, path: &str, body: &str| {
            let path = format!("/v2/{PROJECT}/{path}");
            match signer {
                None => v2::send(cloud, method, &path, body).await,
                Some(signer) => signer.send(cloud, method, &path, body).await,
            }
        };
        let path = match call {
            "v2 list" => {
                let order = json!({"offset": 1, "limit": 2}).to_string();
                return v2(Method::POST, "training-job-searches", &order).await;
            }
            "v2 detail" => return v2(Method::GET, &format!("training-jobs/{uuid}"), "").await,
            "v2 metrics" => {
                let path = format!("training-jobs/{uuid}/metrics/worker-0");
                return v2(Method::GET, &path, "").await;
            }
            "v2 quotas" => return v2(Method::GET, "training-quotas", "").await,
            "list" => "?page=2&per_page=2&sortBy=create_time".to_owned(),
            "versions" => format!("/{job}/versions?page=2&per_page=1"),
            "detail" => format!("/{job}/versions/{version}"),
            "metadata" => {
                let url = format!("{}/openstack/latest/securitykey", cloud.base);
                let request = cloud.client.get(url).header("x-metadata-token", session);
                return request.send().await.unwrap();
            }
            _ => {
                let Some(signer) = signer else {
                    let method = json!({"methods": ["token"], "token": {"id": cloud.token}});
                    let scope = json!({"project": {"id": PROJECT}});
                    let order = json!({"auth": {"identity": method, "scope": scope}});
                    return cloud.login(&order).await;
                };
                let role = json!({"agency_name": "demo-agency", "domain_name": "demo-owner"});
                let method = json!({"methods": ["assume_role"], "assume_role": role});
                let order = json!({"auth": {"identity": method}}).to_string();
                let path = "/v3.0/OS-CREDENTIAL/securitytokens";
                return signer.send(cloud, Method::POST, path, &order).await;
            }
        };
        match signer {
            None => cloud.get(&path).await,
            Some(signer) => signer.get(cloud, &path).await,
        }
    }

    /// Its status and body, or why the body broke off.
    async fn call(&self, call: &str) -> (u16, Result<String, reqwest::Error>) {
        let answer = self.send(call).await;
        (answer.status().as_u16(), answer.text().await)
    }

    /// What a 401 says, for wrong credentials or for those past their time.
    fn unauthorized(&self, call: &str, then: Then) -> &'static str {
        match (call, then, &self.signer) {
            ("metadata", Wrong, _) => "Please configure Cloud Service Agency first",
            ("metadata", ..) => "the metadata token is missing or has expired",
            (_, Wrong, Some(_)) => "verify aksk signature fail",
            (_, _, Some(_)) => "calc ak sk signature fail:signature expired",
            ("token", _, None) => "The request you have made requires authentication.",
            (_, _, None) => "decrypt token fail",
        }
    }

    /// Makes a call under a fault and compares it with the same call in good health.
    async fn check(&self, what: &str, call: &str, then: Then, well: &Healthy) {
        let (status, well) = (well.0, well.1.as_str());
        let same = |now: &(u16, Result<String, reqwest::Error>)| {
            let text = now.1.as_ref().unwrap();
            assert_eq!(now.0, status, "{what}: {text}");
            // Tokens and keys are new each time.
            assert!(matches!(call, "token" | "metadata") || *text == well, "{what}: {text}");
        };
        let says = |now: &(u16, Result<String, reqwest::Error>), status: u16, words: &str| {
            let text = now.1.as_ref().unwrap();
            assert!(now.0 == status && text.contains(words), "{what}: {} {text}", now.0);
        };
        if then == Never {
            let answer = timeout(NO_ANSWER, self.call(call)).await;
            assert!(answer.is_err(), "{what}: {answer:?}");
            return;
        }
        let began = Instant::now();
        let now = self.call(call).await;
        match then {
            Same | Never => same(&now),
            Late => {
                assert!(began.elapsed() >= Duration::from_millis(LATE), "{what}");
                same(&now);
            }
            Says(status, words) => says(&now, status, words),
            Wrong | Past => says(&now, 401, self.unauthorized(call, then)),
            PastOnce => {
                says(&now, 401, self.unauthorized(call, then));
                same(&self.call(call).await);
            }
            Cut => assert!(now.1.is_err(), "{what}: {now:?}"),
            _ => {
                let text = now.1.unwrap();
                assert_eq!(now.0, status, "{what}: {text}");
                let json: Result<Value, _> = serde_json::from_str(&text);
                match then {
                    Half => assert!(json.is_err() && text.len() <= well.len() / 2 + 2, "{what}"),
                    Spoiled => assert!(are_swapped(&json.unwrap(), well), "{what}: {text}"),
                    Huge => assert!(json.is_ok() && text.len() as u64 > HUGE, "{what}"),
                    _ => assert!(json.is_ok() && text != well, "{what}: {text}"),
                }
            }
        }
    }
}

/// Every object, array and string of the healthy document is something else in the other one.
fn are_swapped(spoiled: &Value, well: &str) -> bool {
    let kind = |value: &Value| [value.is_object(), value.is_array(), value.is_string()];
    let well: Value = serde_json::from_str(well).unwrap();
    let mut members = well.as_object().unwrap().iter().filter(|(_, it)| kind(it).contains(&true));
    members.all(|(name, value)| kind(&spoiled[name]) != kind(value))
}

async fn every_fault_strikes(signer: Option<Signer>) {
    let stage = Stage::set(signer).await;
    let mut well = Vec::new();
    for (call, _) in CALLS {
        let (status, text) = stage.call(call).await;
        assert!(status < 300, "{call}: {text:?}");
        well.push((status, text.unwrap()));
    }
    for (fault, value, row) in TABLE {
        for (((call, kind), then), well) in CALLS.into_iter().zip(row).zip(&well) {
            for on in [kind, "any"] {
                let what = format!("{fault} on {on} seen by {call}");
                stage.cloud.fault(json!({"fault": fault, "on": on, "value": value})).await;
                stage.check(&what, call, then, well).await;
                stage.cloud.heal().await;
            }
        }
    }
    stage.cloud.stop().await;
}

#[tokio::test]
async fn every_fault_strikes_whoever_holds_a_token() {
    every_fault_strikes(None).await;
}

#[tokio::test]
async fn every_fault_strikes_whoever_signs() {
    every_fault_strikes(Some(Signer::demo())).await;
}

#[test]
fn the_table_knows_every_fault() {
    let known: Vec<&str> = TABLE.iter().map(|(fault, ..)| *fault).collect();
    assert_eq!(known, Fault::ALL.map(Fault::as_str));
}

#[tokio::test]
async fn a_clock_that_is_ahead_shows_in_the_date() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    cloud.fault(json!({"fault": "skewed_clock"})).await;
    let answer = cloud.get("").await;
    assert_eq!(answer.status(), 200, "the token still lives by that clock");
    let date = answer.headers()["date"].to_str().unwrap();
    let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp();
    let ahead = date.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((1700..=1800).contains(&ahead), "{ahead}");
    let answer = Signer::demo().get(&cloud, "").await;
    assert_eq!(answer.status(), 401, "no signature is that far behind");
    cloud.stop().await;
}
