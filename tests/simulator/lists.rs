//! Pages of jobs and of versions.

use std::collections::BTreeSet;

use modelarts_exporter::simulator::{Scenario, Settings};
use reqwest::StatusCode;
use serde_json::json;

use super::{Cloud, body, ids};

#[tokio::test]
async fn pages_of_the_list_hold_every_job_once() {
    let settings = Settings { jobs: Some(57), speed: 0.0, ..Settings::default() };
    let cloud = Cloud::start(settings).await;
    assert_eq!(ids(&cloud.json("").await).len(), 10, "the documented default");
    let mut seen = Vec::new();
    for page in 1..=6 {
        let list = cloud.json(&format!("?per_page=10&page={page}&sortBy=create_time")).await;
        assert_eq!(list["job_total_count"], 57);
        seen.extend(ids(&list));
    }
    assert_eq!(seen.len(), 57);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 57);
    assert!(ids(&cloud.json("?per_page=10&page=7").await).is_empty());

    let descending = cloud.json("?per_page=1000&sortBy=create_time&order=desc").await;
    let times: Vec<i64> = descending["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["create_time"].as_i64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");

    let failed = cloud.json("?per_page=1000&status=11").await;
    let jobs = failed["jobs"].as_array().unwrap();
    assert!(!jobs.is_empty() && jobs.iter().all(|job| job["status"] == 11), "{jobs:?}");
    assert!(ids(&cloud.json("?workspace_id=elsewhere").await).is_empty());

    for wrong in ["per_page=0", "per_page=1001", "page=0", "status=x", "order=up", "sortBy=age"] {
        let answer = cloud.get(&format!("?{wrong}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(body(answer).await["error_code"], "ModelArts.0104", "{wrong}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn every_order_is_kept_in_both_directions_over_all_pages() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let total = cloud.truth().await.len();
    for key in ["job_name", "job_desc", "status", "duration", "version_count", "create_time"] {
        for order in ["asc", "desc"] {
            let (mut seen, mut page) = (Vec::new(), 1);
            loop {
                let query = format!("?per_page=7&page={page}&sortBy={key}&order={order}");
                let list = cloud.json(&query).await;
                assert_eq!(list["job_total_count"], total, "{query}");
                let jobs = list["jobs"].as_array().unwrap().clone();
                if jobs.is_empty() {
                    break;
                }
                seen.extend(jobs);
                page += 1;
            }
            let ids: BTreeSet<u64> = seen.iter().map(|it| it["job_id"].as_u64().unwrap()).collect();
            assert_eq!((ids.len(), seen.len()), (total, total), "{key} {order}");
            let sorted = seen.is_sorted_by(|a, b| {
                let (a, b) = if order == "asc" { (a, b) } else { (b, a) };
                match (a[key].as_i64(), b[key].as_i64()) {
                    (Some(a), Some(b)) => a <= b,
                    _ => a[key].as_str() <= b[key].as_str(),
                }
            });
            assert!(sorted, "{key} {order}");
        }
    }
    for code in [8, 10, 11] {
        let list = cloud.json(&format!("?per_page=1000&status={code}")).await;
        assert_eq!(list["job_total_count"], list["jobs"].as_array().unwrap().len(), "{code}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn versions_are_paged_only_when_asked() {
    let cloud = Cloud::frozen(Scenario::Mixed).await;
    let mut job = 0;
    for _ in 0..12 {
        job = cloud.add(json!({"name": "often"})).await.0;
    }
    let versions = |query: &'static str| {
        let path = format!("/{job}/versions{query}");
        let cloud = &cloud;
        async move {
            let list = cloud.json(&path).await;
            assert_eq!(list["version_count"], 12);
            let versions = list["versions"].as_array().unwrap();
            versions.iter().map(|it| it["version_name"].as_str().unwrap().to_owned()).collect()
        }
    };
    let all: Vec<String> = versions("").await;
    assert_eq!((all.len(), all[0].as_str()), (12, "V0012"));
    let second: Vec<String> = versions("?page=2&per_page=5").await;
    assert_eq!(second, all[5..10]);
    cloud.stop().await;
}

#[tokio::test]
async fn pages_repeat_vanish_and_never_end_and_names_change() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let page = async |page: u32| {
        ids(&cloud.json(&format!("?per_page=20&page={page}&sortBy=create_time")).await)
    };
    let (first, second, third) = (page(1).await, page(2).await, page(3).await);
    cloud.fault(json!({"fault": "duplicate_page"})).await;
    assert_eq!((page(1).await, page(2).await), (first.clone(), first.clone()));
    cloud.heal().await;
    cloud.fault(json!({"fault": "skipped_page"})).await;
    assert_eq!((page(1).await, page(2).await), (first.clone(), third));
    cloud.heal().await;
    cloud.fault(json!({"fault": "endless_pages"})).await;
    assert_eq!((page(6).await, page(60).await.len()), (first.clone(), 20));
    let list = cloud.json("?per_page=20&page=60").await;
    assert!(list["job_total_count"].as_u64().unwrap() > 60 * 20);
    cloud.heal().await;

    let job = first[0];
    cloud.fault(json!({"fault": "renamed", "job_id": job})).await;
    cloud.fault(json!({"fault": "not_found", "job_id": second[0]})).await;
    let list = cloud.json("?per_page=1000&sortBy=create_time").await;
    assert!(!ids(&list).contains(&second[0]));
    let renamed: Vec<&str> = list["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|job| job["job_name"].as_str().filter(|name| name.ends_with("-renamed")))
        .collect();
    assert_eq!(renamed.len(), 1);
    assert_eq!(cloud.json(&format!("/{job}/versions")).await["job_name"], renamed[0]);
    assert_eq!(
        cloud.get(&format!("/{}/versions", second[0])).await.status(),
        StatusCode::NOT_FOUND
    );
    cloud.stop().await;
}
