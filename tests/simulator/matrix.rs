//! Every fault in every call that it can spoil, for clients with a token and for those that sign.

use std::time::Duration;

use modelarts_exporter::simulator::{Fault, Scenario};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{Cloud, PROJECT, signer::Signer};

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

const CALLS: [&str; 5] = ["token", "list", "versions", "detail", "metadata"];

/// A fault, its value, and what becomes of each of [`CALLS`].
const TABLE: [(&str, u64, [Then; 5]); 21] = [
    ("latency", LATE, [Late; 5]),
    ("slow_body", 10, [Late; 5]),
    ("hang", 0, [Never; 5]),
    ("reset", 0, [Cut; 5]),
    ("throttle", 3, [Says(429, "APIGW.0308"); 5]),
    ("server_error", 0, {
        let service = Says(500, "ModelArts.2950");
        [Says(500, "Internal Server Error"), service, service, service, service]
    }),
    ("html", 0, [Says(502, "<html>"); 5]),
    ("truncated", 0, [Half; 5]),
    ("wrong_types", 0, [Spoiled; 5]),
    ("huge", HUGE, [Huge; 5]),
    ("rejected", 0, [Says(200, r#""is_success":false"#); 5]),
    ("not_found", 0, {
        let unknown = Says(404, "ModelArts.0105");
        [Same, Says(200, r#""jobs":[]"#), unknown, unknown, Same]
    }),
    ("retired", 0, [Says(404, "APIGW.0101"); 5]),
    ("unauthorized", 0, [Wrong; 5]),
    ("expired_token", 0, [PastOnce; 5]),
    ("forbidden", 0, {
        let service = Says(403, "ModelArts.0108");
        [Says(403, "Forbidden"), service, service, service, Says(403, "Forbidden")]
    }),
    // A metadata service whose clock is ahead hands out keys that seem to live longer.
    ("skewed_clock", TWO_DAYS, [Past, Past, Past, Past, Same]),
    ("duplicate_page", 0, [Same, Another, Another, Same, Same]),
    ("skipped_page", 0, [Same, Another, Another, Same, Same]),
    ("endless_pages", 0, [Same, Another, Another, Same, Same]),
    ("renamed", 0, {
        let renamed = Says(200, "-renamed");
        [Same, renamed, renamed, renamed, Same]
    }),
];

/// Status and body of a call when nothing is broken.
type Healthy = (u16, String);

/// A cloud with a job of four versions, and who asks.
struct Stage {
    cloud: Cloud,
    job: u64,
    version: u64,
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
        let request = cloud.client.put(format!("{}/meta-data/latest/api/token", cloud.base));
        let answer = request.header("x-metadata-token-ttl-seconds", "600").send().await.unwrap();
        let session = answer.text().await.unwrap();
        Self { cloud, job, version, session, signer }
    }

    /// One of [`CALLS`].
    async fn send(&self, call: &str) -> Response {
        let Self { cloud, job, version, session, signer } = self;
        let path = match call {
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
    for call in CALLS {
        let (status, text) = stage.call(call).await;
        assert!(status < 300, "{call}: {text:?}");
        well.push((status, text.unwrap()));
    }
    for (fault, value, row) in TABLE {
        for ((call, then), well) in CALLS.into_iter().zip(row).zip(&well) {
            for on in [call, "any"] {
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
