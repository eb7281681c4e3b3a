//! Acting in the name of an agency: with a token, signed, for a token, for temporary keys.

use modelarts_exporter::simulator::Scenario;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Cloud, PROJECT, body, keys::pair, signer::Signer};

const TOKENS: &str = "/v3/auth/tokens";
const KEYS: &str = "/v3.0/OS-CREDENTIAL/securitytokens";

/// A request in the name of the agency that there is.
fn agency() -> Value {
    let role = json!({"agency_name": "demo-agency", "domain_name": "demo-owner"});
    let scope = json!({"project": {"name": "demo", "domain": {"name": "demo-owner"}}});
    json!({"auth": {
        "identity": {"methods": ["assume_role"], "assume_role": role}, "scope": scope,
    }})
}

async fn with_token(cloud: &Cloud, token: &str, path: &str, order: &Value) -> Response {
    let request = cloud.client.post(format!("{}{path}", cloud.base)).body(order.to_string());
    request.header("x-auth-token", token).send().await.unwrap()
}

async fn signed(cloud: &Cloud, signer: &Signer, path: &str, order: &Value) -> Response {
    signer.send(cloud, Method::POST, path, &order.to_string()).await
}

/// The token opens the project.
async fn opens(cloud: &Cloud, answer: Response) -> String {
    assert_eq!(answer.status(), StatusCode::CREATED);
    let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
    let about = body(answer).await["token"].clone();
    assert_eq!(about["project"]["id"], PROJECT);
    assert_eq!(about["project"]["domain"]["name"], "demo-owner");
    assert_eq!(about["user"]["name"], "demo-owner/demo-agency");
    assert_eq!(about["assumed_by"]["user"]["name"], "demo");
    let url = format!("{}/v1/{PROJECT}/training-jobs", cloud.base);
    let list = cloud.client.get(url).header("x-auth-token", &token).send().await.unwrap();
    assert_eq!(list.status(), StatusCode::OK);
    token
}

#[tokio::test]
async fn a_token_and_a_signature_each_buy_a_token_and_keys() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let demo = Signer::demo();
    opens(&cloud, with_token(&cloud, &cloud.token, TOKENS, &agency()).await).await;
    opens(&cloud, signed(&cloud, &demo, TOKENS, &agency()).await).await;
    let by_token = with_token(&cloud, &cloud.token, KEYS, &agency()).await;
    let by_signature = signed(&cloud, &demo, KEYS, &agency()).await;
    for answer in [by_token, by_signature] {
        assert_eq!(answer.status(), StatusCode::CREATED);
        let (signer, _) = pair(answer).await;
        assert_eq!(signer.get(&cloud, "").await.status(), StatusCode::OK);
    }
    // The other spelling, and ids for names.
    let mut order = agency();
    order["auth"]["identity"]["assume_role"] =
        json!({"xrole_name": "demo-agency", "domain_id": "0c0de0c0de0c0de0c0de0c0de0c0de00"});
    order["auth"]["scope"] = json!({"project": {"id": PROJECT}});
    opens(&cloud, with_token(&cloud, &cloud.token, TOKENS, &order).await).await;
    cloud.stop().await;
}

#[tokio::test]
async fn an_agency_that_is_none_is_refused_and_none_hands_on() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let assumed = opens(&cloud, with_token(&cloud, &cloud.token, TOKENS, &agency()).await).await;
    let changed = |pointer: &str, value: &str| {
        let mut order = agency();
        *order.pointer_mut(pointer).unwrap() = json!(value);
        order
    };
    let name = "/auth/identity/assume_role/agency_name";
    let domain = "/auth/identity/assume_role/domain_name";
    let good = cloud.token.as_str();
    for path in [TOKENS, KEYS] {
        for (token, order, status) in [
            (good, changed(name, "other"), StatusCode::NOT_FOUND),
            (good, changed(domain, "demo"), StatusCode::NOT_FOUND),
            ("no such", agency(), StatusCode::UNAUTHORIZED),
            (&assumed, agency(), StatusCode::FORBIDDEN),
        ] {
            let answer = with_token(&cloud, token, path, &order).await;
            assert_eq!(answer.status(), status, "{path} {order}");
            assert_eq!(body(answer).await["error"]["code"], status.as_u16(), "{path}");
        }
        let url = format!("{}{path}", cloud.base);
        let answer = cloud.client.post(url).body(agency().to_string()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}: nobody asks");
        let wrong = Signer { secret: "guessed".to_owned(), ..Signer::demo() };
        let answer = signed(&cloud, &wrong, path, &agency()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}: signed wrongly");
    }
    // The project is the other account's now.
    let order = changed("/auth/scope/project/domain/name", "demo");
    let answer = with_token(&cloud, good, TOKENS, &order).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    cloud.stop().await;
}
