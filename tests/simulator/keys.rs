//! Access keys: which signatures open the project, and what becomes of those that do not.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use modelarts_exporter::simulator::{Scenario, Settings};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Cloud, PROJECT, body, ids, refusals, signer::Signer};

/// The gateway's reason for a 401.
async fn refused(answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let error = body(answer).await;
    assert_eq!(error["error_code"], "APIGW.0301", "{error}");
    let message = error["error_msg"].as_str().unwrap();
    message.strip_prefix("Incorrect IAM authentication information: ").unwrap().to_owned()
}

/// What the service answered to a request for temporary keys.
pub(super) async fn pair(answer: Response) -> (Signer, Timestamp) {
    assert!(answer.status().is_success(), "{answer:?}");
    let credential = body(answer).await["credential"].clone();
    let text = |name: &str| credential[name].as_str().unwrap().to_owned();
    let signer = Signer {
        access: text("access"),
        secret: text("secret"),
        security_token: Some(text("securitytoken")),
        ..Signer::demo()
    };
    (signer, text("expires_at").parse().unwrap())
}

/// A request for temporary keys in exchange for the token of the start.
async fn keys_for_token(cloud: &Cloud, seconds: &Value) -> Response {
    let method = json!({"id": cloud.token, "duration_seconds": seconds});
    let order = json!({"auth": {"identity": {"methods": ["token"], "token": method}}});
    let url = format!("{}/v3.0/OS-CREDENTIAL/securitytokens", cloud.base);
    cloud.client.post(url).body(order.to_string()).send().await.unwrap()
}

#[tokio::test]
async fn signatures_of_both_schemes_open_every_call() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let with = |scope| Signer { scope, ..Signer::demo() };
    for signer in [with(None), with(Some("/")), with(Some("eu-de/modelarts"))] {
        let list = signer.get(&cloud, "?per_page=5&order=asc&page=1").await;
        assert_eq!(list.status(), StatusCode::OK, "{signer:?}");
        let job = ids(&body(list).await)[0];
        let versions = signer.get(&cloud, &format!("/{job}/versions")).await;
        let version = body(versions).await["versions"][0]["version_id"].clone();
        let detail = signer.get(&cloud, &format!("/{job}/versions/{version}")).await;
        assert_eq!(body(detail).await["version_id"], version, "{signer:?}");
        let projects = signer.send(&cloud, Method::GET, "/v3/projects?name=demo", "").await;
        assert_eq!(body(projects).await["projects"][0]["id"], PROJECT, "{signer:?}");
    }
    let elsewhere = "/v1/ffffffffffffffffffffffffffffffff/training-jobs";
    let answer = Signer::demo().send(&cloud, Method::GET, elsewhere, "").await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(body(answer).await["error_code"], "ModelArts.0210");
    cloud.stop().await;
}

#[tokio::test]
async fn wrong_keys_and_wrong_clocks_are_told_apart() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let demo = Signer::demo();
    let wrong = Signer { secret: "guessed".to_owned(), ..demo.clone() };
    for scope in [None, Some("eu-de/modelarts")] {
        let wrong = Signer { scope, ..wrong.clone() };
        assert_eq!(refused(wrong.get(&cloud, "").await).await, "verify aksk signature fail");
    }
    let nobody = Signer { access: "NOBODY".to_owned(), ..demo.clone() };
    let reason = refused(nobody.get(&cloud, "").await).await;
    assert_eq!(reason, "verify aksk signature fail, ak not exist");
    for (minutes, expired) in [(14, false), (-14, false), (16, true), (-16, true)] {
        let signer = Signer { ahead: SignedDuration::from_mins(minutes), ..demo.clone() };
        let answer = signer.get(&cloud, "").await;
        if expired {
            assert_eq!(refused(answer).await, "calc ak sk signature fail:signature expired");
        } else {
            assert_eq!(answer.status(), StatusCode::OK, "{minutes}");
        }
    }
    let url = format!("{}/v1/{PROJECT}/training-jobs", cloud.base);
    let unreadable = cloud.client.get(url).header("authorization", "SDK-HMAC-SHA256 Access=x");
    let reason = refused(unreadable.send().await.unwrap()).await;
    assert_eq!(reason, "authorization or x-sdk-date is not readable");
    cloud.stop().await;
}

#[tokio::test]
async fn six_bad_signatures_in_a_row_lock_the_key_and_no_other() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let good = Signer::demo();
    let bad = Signer { secret: "guessed".to_owned(), ..good.clone() };
    let (other, _) = pair(keys_for_token(&cloud, &Value::Null).await).await;
    for _ in 0..5 {
        assert_eq!(refused(bad.get(&cloud, "").await).await, "verify aksk signature fail");
    }
    assert_eq!(good.get(&cloud, "").await.status(), StatusCode::OK, "five are forgiven");
    for _ in 0..6 {
        assert_eq!(refused(bad.get(&cloud, "").await).await, "verify aksk signature fail");
    }
    let reason = refused(good.get(&cloud, "").await).await;
    assert_eq!(reason, "verify aksk signature fail, ak is locked");
    assert_eq!(other.get(&cloud, "").await.status(), StatusCode::OK);
    let told = json!({
        "wrong_passwords": 0, "bad_signatures": 11, "while_locked": 1, "locked": ["DEMOACCESSKEY"],
    });
    assert_eq!(refusals(&cloud).await, told);
    cloud.order(Method::DELETE, "requests", Value::Null).await;
    let told = json!({
        "wrong_passwords": 0, "bad_signatures": 0, "while_locked": 0, "locked": ["DEMOACCESSKEY"],
    });
    assert_eq!(refusals(&cloud).await, told);
    cloud.stop().await;
}

#[tokio::test]
async fn temporary_keys_need_their_token_and_expire() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    for (asked, seconds) in [(Value::Null, 900), (json!(86_400), 86_400), (json!("3600"), 3600)] {
        let before = Timestamp::now();
        let (signer, expires) = pair(keys_for_token(&cloud, &asked).await).await;
        let life = expires.duration_since(before) - SignedDuration::from_secs(seconds);
        assert!(life.abs() < SignedDuration::from_secs(60), "{asked}: {expires}");
        assert_eq!(signer.get(&cloud, "").await.status(), StatusCode::OK);
        for security_token in [None, Some("another".to_owned())] {
            let without = Signer { security_token, ..signer.clone() };
            let reason = refused(without.get(&cloud, "").await).await;
            assert_eq!(reason, "verify security token fail");
        }
    }
    for outside in [json!(899), json!(86_401), json!("soon")] {
        let answer = keys_for_token(&cloud, &outside).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{outside}");
    }
    cloud.stop().await;

    let temporary_ttl = Some(Duration::ZERO);
    let cloud = Cloud::start(Settings { temporary_ttl, ..Settings::default() }).await;
    let (signer, _) = pair(keys_for_token(&cloud, &Value::Null).await).await;
    let reason = refused(signer.get(&cloud, "").await).await;
    assert_eq!(reason, "calc ak sk signature fail:signature expired");
    cloud.stop().await;
}
