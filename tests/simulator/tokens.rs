//! Tokens: what opens which project, and what they are worth later.

use std::time::Duration;

use modelarts_exporter::simulator::{Scenario, Settings};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Cloud, PROJECT, body, login, refusals};

#[tokio::test]
async fn a_token_opens_its_project_and_no_other() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let by_id = json!({"project": {"id": PROJECT, "domain": {"name": "demo"}}});
    let answer = cloud.login(&login("demo", by_id)).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let token = body(answer).await["token"].clone();
    assert_eq!(token["project"]["id"], PROJECT);
    let types: Vec<&str> = token["catalog"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["identity", "modelarts", "modelartsv1", "modelartsv2"]);
    let expires = token["expires_at"].as_str().unwrap();
    assert_eq!(expires.len(), "2019-02-13T06:52:13.855000Z".len(), "{expires}");

    let other = "ffffffffffffffffffffffffffffffff";
    let url = format!("{}/v1/{other}/training-jobs", cloud.base);
    let answer = cloud.client.get(url).header("x-auth-token", &cloud.token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(body(answer).await["error_code"], "ModelArts.0210");
    cloud.stop().await;
}

#[tokio::test]
async fn wrong_credentials_are_refused_as_keystone_does() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let project = json!({"project": {"name": "demo"}});
    let mut requests = vec![login("wrong", project.clone())];
    for path in ["/auth/identity/password/user/name", "/auth/identity/password/user/domain/name"] {
        let mut request = login("demo", project.clone());
        *request.pointer_mut(path).unwrap() = json!("nobody");
        requests.push(request);
    }
    requests.push(login("demo", json!({"project": {"name": "nowhere"}})));
    requests.push(login("demo", json!({"project": {"name": "demo", "domain": {"name": "x"}}})));
    for request in requests {
        let answer = cloud.login(&request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{request}");
        let error = body(answer).await["error"].clone();
        assert_eq!((&error["code"], &error["title"]), (&json!(401), &json!("Unauthorized")));
    }
    cloud.stop().await;
}

#[tokio::test]
async fn tokens_that_do_not_open_a_project_are_told_apart() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let url = format!("{}/v1/{PROJECT}/training-jobs", cloud.base);
    let answer = cloud.client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(body(answer).await["error_msg"].as_str().unwrap().ends_with("x-auth-token not found"));

    let answer = cloud.client.get(&url).header("x-auth-token", "no such").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let error = body(answer).await;
    assert_eq!(error["error_code"], "APIGW.0301");
    assert!(error["error_msg"].as_str().unwrap().ends_with("decrypt token fail"));

    let answer = cloud.login(&login("demo", json!({"domain": {"name": "demo"}}))).await;
    let token = answer.headers()["x-subject-token"].clone();
    let answer = cloud.client.get(&url).header("x-auth-token", token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(body(answer).await["error_code"], "ModelArts.0204");
    cloud.stop().await;
}

#[tokio::test]
async fn tokens_expire_and_can_be_checked_and_revoked() {
    let short = Settings { token_ttl: Duration::from_millis(1), ..Settings::default() };
    let cloud = Cloud::start(short).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while cloud.get("").await.status() != StatusCode::UNAUTHORIZED {
        assert!(Instant::now() < deadline, "a token of one millisecond still opens");
    }
    cloud.stop().await;

    let cloud = Cloud::start(Settings { token_bytes: 4000, ..Settings::default() }).await;
    assert_eq!(cloud.token.len(), 4000);
    let about = |method: Method| {
        cloud
            .client
            .request(method, format!("{}/v3/auth/tokens", cloud.base))
            .header("x-auth-token", &cloud.token)
            .header("x-subject-token", &cloud.token)
            .send()
    };
    let answer = about(Method::GET).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(body(answer).await["token"]["project"]["name"], "demo");
    assert_eq!(about(Method::DELETE).await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(about(Method::GET).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    cloud.stop().await;
}

#[tokio::test]
async fn tokens_of_another_keystone_are_checked_there() {
    let keystone = Cloud::frozen(Scenario::Mixed).await;
    let iam = Some(format!("{}/v3", keystone.base).parse().unwrap());
    let mut cloud = Cloud::start(Settings { iam, ..Settings::default() }).await;
    // Its own tokens open nothing now.
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    cloud.token.clone_from(&keystone.token);
    assert_eq!(cloud.get("").await.status(), StatusCode::OK);
    let revoked = keystone
        .client
        .delete(format!("{}/v3/auth/tokens", keystone.base))
        .header("x-auth-token", &keystone.token)
        .header("x-subject-token", &keystone.token)
        .send()
        .await
        .unwrap();
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(cloud.get("").await.status(), StatusCode::UNAUTHORIZED);
    cloud.stop().await;
    keystone.stop().await;
}

#[tokio::test]
async fn five_wrong_passwords_in_a_row_lock_the_user() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let log_in = async |password: &str| {
        let answer = cloud.login(&login(password, json!({"project": {"name": "demo"}}))).await;
        (answer.status().as_u16(), body(answer).await["error"]["error_code"].clone())
    };
    for _ in 0..4 {
        assert_eq!(log_in("wrong").await, (401, Value::Null));
    }
    assert_eq!(log_in("demo").await.0, 201, "four are forgiven");
    for _ in 0..5 {
        assert_eq!(log_in("wrong").await, (401, Value::Null));
    }
    for password in ["demo", "wrong"] {
        assert_eq!(log_in(password).await, (401, json!("IAM.0061")), "{password}");
    }
    assert_eq!(cloud.get("").await.status(), StatusCode::OK, "tokens stay good");
    let told = json!({
        "wrong_passwords": 9, "bad_signatures": 0, "while_locked": 2, "locked": ["demo"],
    });
    assert_eq!(refusals(&cloud).await, told);
    cloud.stop().await;
}

#[tokio::test]
async fn a_token_buys_a_token_that_ends_with_it() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let rescope = |scope: &Value| {
        json!({"auth": {
            "identity": {"methods": ["token"], "token": {"id": cloud.token}}, "scope": scope,
        }})
    };
    let about = |text: String| async {
        let url = format!("{}/v3/auth/tokens?nocatalog", cloud.base);
        let request = cloud.client.get(url).header("x-auth-token", &cloud.token);
        let answer = request.header("x-subject-token", text).send().await.unwrap();
        body(answer).await["token"].clone()
    };
    let old = about(cloud.token.clone()).await;
    for scope in [json!({"project": {"id": PROJECT}}), json!({"domain": {"name": "demo"}})] {
        let answer = cloud.login(&rescope(&scope)).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{scope}");
        let new = about(answer.headers()["x-subject-token"].to_str().unwrap().to_owned()).await;
        assert_eq!((&new["methods"], &new["expires_at"]), (&json!(["token"]), &old["expires_at"]));
        assert_eq!(new["domain"].is_object(), scope["domain"].is_object());
    }
    for scope in [json!({"project": {"id": "nowhere"}}), json!({"domain": {"name": "other"}})] {
        assert_eq!(cloud.login(&rescope(&scope)).await.status(), StatusCode::UNAUTHORIZED);
    }
    cloud.stop().await;
}
