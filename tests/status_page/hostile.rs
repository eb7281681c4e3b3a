use super::*;

/// Texts that want to be something else.
const TEXTS: [&str; 7] = [
    "<script>alert(1)</script>",
    "\\\"><img src=x onerror=alert(1)>",
    "'; DROP TABLE jobs; --&amp;&lt;",
    "a\\u0000b\\u0007\\u001b[31m\\u0085",
    "\\u202Egnp.exe\\u2066\\u200f\\u2028",
    "\\u05E9\\u05DC\\u05D5\\u05DD \\u0645\\u0631\\u062D\\u0628\\u0627",
    "\\uD83D\\uDC69\\u200D\\uD83D\\uDE80\\uD83D\\uDE80",
];

/// A version with this text in every place that takes one.
fn document(text: &str) -> String {
    format!(
        r#"{{"is_success":true,"job_id":1,"job_name":"{text}","job_desc":"{text}","version_count":1,"versions":[{{
        "version_id":7,"version_name":"{text}","engine_name":"{text}","engine_version":"{text}",
        "user_name":"{text}","status":8,"create_time":1700000000000,"start_time":1700000060000,"duration":60000,
        "spec_code":"{text}","flavor_code":"{text}","pool_name":"{text}","pool_id":"{text}","gpu_type":"{text}",
        "nas_share_addr":"{text}","system_metric_list":{{"cpuUsage":["5"],"memUsage":["5"],"gpuUtil":["5"]}},
        "model_metric_list":{{"metric":[{{"metric_meta":{{"class_id":"{text}","class_name":"{text}"}},
        "metric_values":{{"f1":0.5}}}}],"total_metric":{{"total_metric_values":{{"f1":0.5,"{text}":0.25}}}}}}}}]}}"#
    )
}

/// Nothing of anybody's has become part of the page, and none of its characters has an effect.
fn is_sound(page: &str) -> Result<(), String> {
    for bad in ["<script", "<img src=x", "onerror=alert(1)>", "<b>"] {
        if page.contains(bad) {
            return Err(format!("{bad} in {page}"));
        }
    }
    let has_effect = |it: char| {
        (it.is_control() && it != '\n')
            || matches!(it, '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match page.find(has_effect) {
        Some(at) => {
            Err(format!("{:?} in …{:?}", &page[at..at + 4], &page[at.saturating_sub(200)..at]))
        }
        None => Ok(()),
    }
}

#[tokio::test]
async fn names_are_nothing_but_names() {
    let cloud = Cloud::empty().await;
    let long = "x".repeat(10_000);
    let texts: Vec<&str> = TEXTS.into_iter().chain([&*long]).collect();
    let mut jobs = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let job = cloud.add(&format!("job{at}")).await.job_id;
        cloud.set_document(job, document(text)).await;
        jobs.push(job);
    }
    let setup = Setup {
        poll: QUICK,
        tables: "[metrics]\nextra_model_metrics = true",
        ..Setup::of(jobs.clone())
    };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let page = daemon
        .says(
            "/",
            &["&lt;script&gt;alert(1)&lt;/script&gt;", "xxxxx…</bdi>", "👩\u{200d}🚀🚀", "שלום"],
        )
        .await;
    is_sound(&page).unwrap();
    assert!(page.len() < 60_000, "{} bytes", page.len());
    for job in jobs {
        let page = daemon.get(&format!("/jobs/p/{job}")).await;
        assert_eq!(page.status, 200);
        is_sound(&page.text).unwrap();
        assert!(page.text.len() < 60_000, "{} bytes", page.text.len());
    }
    assert!(is_sound("<script>").is_err() && is_sound("a\u{202e}bcd").is_err());
}

#[tokio::test]
async fn a_project_may_be_called_anything_that_a_file_can_hold() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("detector").await.job_id;
    let name = "a/b <i>&\u{202e}ü?#%";
    let setup = Setup { poll: QUICK, ..Setup::new().with(name, [job], "\"latest\"") };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let path = format!("/jobs/a%2Fb%20%3Ci%3E%26%E2%80%AE%C3%BC%3F%23%25/{job}");
    let page = daemon.says("/", &["detector", &format!("href=\"{path}\"")]).await;
    is_sound(&page).unwrap();
    assert!(!page.contains("<i>"));
    let page = daemon.get(&path).await;
    assert_eq!(page.status, 200);
    is_sound(&page.text).unwrap();
}
