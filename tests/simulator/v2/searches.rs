//! Pages, orders and filters of the list.

use std::collections::BTreeSet;

use modelarts_exporter::simulator::{Offsets, Scenario, Settings};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::{Cloud, PROJECT, body, login, signer::Signer};
use super::{error, get, ids, search, search_for, send, truth};

async fn of_57_jobs(offsets: Offsets) -> Cloud {
    let settings = Settings { jobs: Some(57), speed: 0.0, offsets, ..Settings::default() };
    Cloud::start(settings).await
}

#[tokio::test]
async fn each_api_has_the_jobs_that_were_asked_for() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    assert_eq!((cloud.truth().await.len(), truth(&cloud).await.len()), (57, 57));
    cloud.stop().await;
}

#[tokio::test]
async fn an_offset_counts_pages() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    let mut seen = Vec::new();
    for offset in 0..6 {
        let list = search(&cloud, json!({"offset": offset, "limit": 10})).await;
        assert_eq!((&list["total"], &list["count"]), (&json!(57), &json!(57)));
        assert_eq!((&list["offset"], &list["limit"]), (&json!(offset), &json!(10)));
        seen.extend(ids(&list));
    }
    assert_eq!(seen.len(), 57);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 57);
    assert!(ids(&search(&cloud, json!({"offset": 6, "limit": 10})).await).is_empty());
    assert_eq!(ids(&search(&cloud, json!({})).await).len(), 50, "the most a page can hold");
    cloud.stop().await;
}

#[tokio::test]
async fn an_offset_counts_jobs_where_it_is_said() {
    let cloud = of_57_jobs(Offsets::Items).await;
    let list =
        async |offset: u32| ids(&search(&cloud, json!({"offset": offset, "limit": 10})).await);
    let (first, overlapping, second) = (list(0).await, list(1).await, list(10).await);
    assert_eq!(first[1..], overlapping[..9]);
    assert_eq!(second[0], overlapping[9]);
    assert_eq!(list(50).await.len(), 7);

    let order = json!({"offsets": "pages"});
    let changed = cloud.order(Method::PUT, "offsets", order).await;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_eq!(list(1).await, second);
    cloud.stop().await;
}

#[tokio::test]
async fn orders_are_kept_over_all_pages() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    let read = |key: &str, job: &Value| match key {
        "name" => job["metadata"]["name"].to_string(),
        "duration" => format!("{:020}", job["status"]["duration"].as_i64().unwrap()),
        _ => format!("{:020}", job["metadata"]["create_time"].as_i64().unwrap()),
    };
    for key in ["create_time", "name", "duration"] {
        for order in ["asc", "desc"] {
            let mut seen = Vec::new();
            for offset in 0..9 {
                let page = json!({"offset": offset, "limit": 7, "sort_by": key, "order": order});
                let list = search(&cloud, page).await;
                seen.extend(list["items"].as_array().unwrap().iter().map(|job| read(key, job)));
            }
            assert_eq!(seen.len(), 57, "{key} {order}");
            let sorted = seen.is_sorted_by(|a, b| if order == "asc" { a <= b } else { a >= b });
            assert!(sorted, "{key} {order}: {seen:?}");
        }
    }
    let newest = search(&cloud, json!({"limit": 1})).await;
    let descending =
        search(&cloud, json!({"limit": 1, "sort_by": "create_time", "order": "desc"})).await;
    assert_eq!(ids(&newest), ids(&descending), "the documented default");
    cloud.stop().await;
}

#[tokio::test]
async fn filters_admit_what_they_name() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    let jobs = truth(&cloud).await;
    let filtered = async |key: &str, operator: &str, value: Value| {
        let filter = json!({"key": key, "operator": operator, "value": value});
        let list = search(&cloud, json!({"filters": [filter]})).await;
        assert_eq!(list["total"], 57);
        assert_eq!(list["count"], ids(&list).len());
        ids(&list).into_iter().collect::<BTreeSet<_>>()
    };
    let really = |admits: &dyn Fn(&Value) -> bool| -> BTreeSet<String> {
        let ids = jobs.iter().filter(|job| admits(job)).map(|job| job["job_id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    };
    let running = really(&|job| job["phase"] == "Running");
    assert!(running.len() > 5 && running.len() < 50, "{}", running.len());
    assert_eq!(filtered("phase", "in", json!(["Running"])).await, running);
    let others = filtered("phase", "not", json!(["Running"])).await;
    assert_eq!(others, really(&|job| job["phase"] != "Running"));
    let hetero = really(&|job| job["kind"] == "hetero_job");
    assert!(!hetero.is_empty());
    assert_eq!(filtered("kind", "in", json!(["hetero_job", "mrs_job"])).await, hetero);
    let part = "bert";
    let like = really(&|job| job["name"].as_str().unwrap().contains(part));
    assert_eq!(filtered("name", "like", json!([part])).await, like);
    let id = &jobs[3]["job_id"];
    assert_eq!(filtered("id", "in", json!([id])).await.len(), 1);
    let created = |job: &Value| format!("{:.0}", job["created"].as_f64().unwrap() * 1000.0);
    let at = created(&jobs[3]);
    let between = filtered("create_time", "between", json!([at, at])).await;
    assert_eq!(between, really(&|job| created(job) == at));
    assert!(filtered("algorithm_id", "in", json!(["x"])).await.is_empty());
    cloud.stop().await;
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    let filter = |key: &str, operator: &str| json!({"key": key, "operator": operator, "value": []});
    for (order, code) in [
        (json!({"limit": 0}), "ModelArts.2764"),
        (json!({"limit": 51}), "ModelArts.2764"),
        (json!({"offset": -1}), "ModelArts.0104"),
        (json!({"sort_by": "colour"}), "ModelArts.2790"),
        (json!({"order": "up"}), "ModelArts.2790"),
        (json!({"filters": [filter("colour", "in")]}), "ModelArts.2789"),
        (json!({"filters": [filter("phase", "near")]}), "ModelArts.2789"),
        (json!({"filters": [filter("create_time", "between")]}), "ModelArts.2789"),
        (json!("everything"), "ModelArts.0104"),
    ] {
        let refused = error(search_for(&cloud, &order).await).await;
        assert_eq!(refused, (400, code.to_owned()), "{order}");
    }
    let elsewhere = search(&cloud, json!({"workspace_id": "elsewhere"})).await;
    assert_eq!((&elsewhere["count"], ids(&elsewhere).len()), (&json!(0), 0));
    let searches = format!("/v2/{PROJECT}/training-job-searches");
    let in_query = send(&cloud, Method::POST, &format!("{searches}?limit=3"), "").await;
    assert_eq!(ids(&body(in_query).await).len(), 3);
    let by_get = get(&cloud, "training-job-searches").await;
    assert_eq!(by_get.status(), StatusCode::METHOD_NOT_ALLOWED);
    let by_post = send(&cloud, Method::POST, &format!("/v2/{PROJECT}/training-quotas"), "").await;
    assert_eq!(by_post.status(), StatusCode::METHOD_NOT_ALLOWED);
    cloud.stop().await;
}

#[tokio::test]
async fn pages_repeat_vanish_and_never_end() {
    let cloud = Cloud::frozen(Scenario::Steady).await;
    let page =
        async |offset: u32| ids(&search(&cloud, json!({"offset": offset, "limit": 20})).await);
    let (first, second, third) = (page(0).await, page(1).await, page(2).await);
    cloud.fault(json!({"fault": "duplicate_page"})).await;
    assert_eq!((page(0).await, page(1).await), (first.clone(), first.clone()));
    cloud.heal().await;
    cloud.fault(json!({"fault": "skipped_page"})).await;
    assert_eq!((page(0).await, page(1).await), (first.clone(), third));
    cloud.heal().await;
    cloud.fault(json!({"fault": "endless_pages"})).await;
    assert_eq!(page(5).await, first);
    let list = search(&cloud, json!({"offset": 60, "limit": 20})).await;
    assert!(list["count"].as_u64().unwrap() > 60 * 20 && ids(&list).len() == 20);
    cloud.heal().await;

    cloud.fault(json!({"fault": "renamed", "job_id": first[0]})).await;
    cloud.fault(json!({"fault": "not_found", "job_id": second[0]})).await;
    // What strikes jobs of one API leaves the other's list alone.
    assert_eq!(cloud.json("?per_page=1000").await["job_total_count"], 100);
    let list = search(&cloud, json!({"limit": 50})).await;
    assert_eq!(list["count"], 99);
    let names = list["items"].as_array().unwrap().iter();
    let renamed =
        names.filter(|job| job["metadata"]["name"].as_str().unwrap().ends_with("-renamed"));
    assert_eq!(renamed.count(), 1);
    let gone = get(&cloud, &format!("training-jobs/{}", second[0])).await;
    assert_eq!(error(gone).await, (400, "ModelArts.2775".to_owned()));
    cloud.stop().await;
}

#[tokio::test]
async fn a_signature_covers_the_body_of_a_search() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    let path = format!("/v2/{PROJECT}/training-job-searches");
    let signed = async |scope, body: &str| {
        let signer = Signer { scope, ..Signer::demo() };
        signer.send(&cloud, Method::POST, &path, body).await
    };
    for scope in [None, Some("eu-de/modelarts")] {
        let list = body(signed(scope, r#"{"limit": 5}"#).await).await;
        assert_eq!(ids(&list).len(), 5, "{scope:?}");
    }
    let headers = Signer::demo().headers(&cloud, &Method::POST, &path, r#"{"limit": 5}"#);
    let mut request = cloud.client.post(format!("{}{path}", cloud.base));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let exchanged = request.body(r#"{"limit": 6}"#).send().await.unwrap();
    assert_eq!(error(exchanged).await, (401, "APIGW.0301".to_owned()));
    cloud.stop().await;
}

#[tokio::test]
async fn a_token_opens_its_own_project() {
    let cloud = of_57_jobs(Offsets::Pages).await;
    let elsewhere = "/v2/ffffffffffffffffffffffffffffffff/training-job-searches";
    let refused = error(send(&cloud, Method::POST, elsewhere, "").await).await;
    assert_eq!(refused, (403, "ModelArts.0210".to_owned()));
    let domain = cloud.login(&login("demo", json!({"domain": {"name": "demo"}}))).await;
    let token = domain.headers()["x-subject-token"].clone();
    let url = format!("{}/v2/{PROJECT}/training-quotas", cloud.base);
    let refused = cloud.client.get(url).header("x-auth-token", token).send().await.unwrap();
    assert_eq!(error(refused).await, (400, "ModelArts.0204".to_owned()));
    cloud.stop().await;
}
