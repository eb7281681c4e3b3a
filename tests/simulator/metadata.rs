//! The metadata service of a server.

use std::time::Duration;

use http::HeaderMap;
use modelarts_exporter::simulator::{Metadata, Sessions, Settings};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::{Cloud, body, keys::pair};
use crate::harness::wait_for;

/// Longer than a session of one second lives on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(sessions: Sessions, agency: bool) -> Cloud {
    let metadata = Metadata { sessions, agency };
    Cloud::start(Settings { metadata, speed: 0.0, ..Settings::default() }).await
}

async fn session(cloud: &Cloud, ttl: &str) -> Response {
    let url = format!("{}/meta-data/latest/api/token", cloud.base);
    let request = cloud.client.request(Method::PUT, url);
    request.header("x-metadata-token-ttl-seconds", ttl).send().await.unwrap()
}

async fn security_key(cloud: &Cloud, session: Option<&str>) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(session) = session {
        headers.insert("x-metadata-token", session.parse().unwrap());
    }
    let url = format!("{}/openstack/latest/securitykey", cloud.base);
    cloud.client.get(url).headers(headers).send().await.unwrap()
}

#[tokio::test]
async fn keys_are_shown_until_ten_minutes_before_they_end() {
    let cloud = start(Sessions::Offered, true).await;
    let (first, expires) = pair(security_key(&cloud, None).await).await;
    let life = expires.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((3500..=3600).contains(&life), "{life}");
    // A clock that is ahead in the metadata service alone stands for the time that goes by.
    let later = async |seconds: u64| {
        cloud.heal().await;
        let fault = json!({"fault": "skewed_clock", "on": "metadata", "value": seconds});
        cloud.fault(fault).await;
        pair(security_key(&cloud, None).await).await.0
    };
    assert_eq!(later(2900).await.access, first.access);
    let second = later(3100).await;
    assert_ne!(second.access, first.access);
    for signer in [&first, &second] {
        assert_eq!(signer.get(&cloud, "").await.status(), StatusCode::OK, "both are good");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn session_tokens_are_offered_or_required_or_unknown() {
    for (sessions, without) in [(Sessions::Offered, 200), (Sessions::Required, 401)] {
        let cloud = start(sessions, true).await;
        assert_eq!(security_key(&cloud, None).await.status(), without, "{sessions:?}");
        let token = session(&cloud, "21600").await.text().await.unwrap();
        assert_eq!(security_key(&cloud, Some(&token)).await.status(), 200, "{sessions:?}");
        assert_eq!(security_key(&cloud, Some("none")).await.status(), 401, "{sessions:?}");
        for ttl in ["0", "21601", "long"] {
            assert_eq!(session(&cloud, ttl).await.status(), 400, "{ttl}");
        }
        cloud.fault(json!({"fault": "expired_token", "on": "metadata"})).await;
        assert_eq!(security_key(&cloud, Some(&token)).await.status(), 401, "{sessions:?}");
        assert_eq!(security_key(&cloud, Some(&token)).await.status(), 200, "once each");
        cloud.stop().await;
    }
    for status in [404, 405, 503] {
        let refused = Sessions::Refused(StatusCode::from_u16(status).unwrap());
        let cloud = start(refused, true).await;
        assert_eq!(session(&cloud, "60").await.status(), status);
        for session in [None, Some("of another service")] {
            assert_eq!(security_key(&cloud, session).await.status(), 200, "{session:?}");
        }
        cloud.stop().await;
    }
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let cloud = start(Sessions::Required, true).await;
    let token = session(&cloud, "1").await.text().await.unwrap();
    wait_for(PATIENCE, "the end of the session", async || {
        match security_key(&cloud, Some(&token)).await.status() {
            StatusCode::UNAUTHORIZED => Ok(()),
            status => Err(status.to_string()),
        }
    })
    .await;
    cloud.stop().await;
}

#[tokio::test]
async fn a_server_without_an_agency_is_told_so() {
    let cloud = start(Sessions::Offered, false).await;
    let answer = security_key(&cloud, None).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let text = answer.text().await.unwrap();
    assert_eq!(text, "Please configure Cloud Service Agency first");
    let counts = body(cloud.order(Method::GET, "requests", json!(null)).await).await;
    assert_eq!(
        (&counts["requests"]["metadata"], &counts["requests"]["other"]),
        (&json!(1), &json!(0))
    );
    cloud.stop().await;
}
