//! The status page, as a browser asks for it: what stands on it, whatever the cloud says.

mod crowd;
mod hostile;

use modelarts_exporter::model::Api;
use modelarts_exporter::simulator::Settings;

use crate::harness::{Answer, Cloud, Daemon, ONE_POLL, PATIENCE, QUICK, Setup, wait_for};

/// A project `p` that follows what its list shows.
const FOUND: &str = "discovery = { enabled = true, versions = \"all\" }";

fn setup() -> Setup<'static> {
    Setup { project: FOUND, poll: QUICK, ..Setup::new().with("p", [], "") }
}

impl Daemon {
    /// Waits until a page holds all of these texts.
    async fn says(&self, path: &str, texts: &[&str]) -> String {
        wait_for(PATIENCE, "the page to say so", async || {
            let Answer { text, .. } = self.get(path).await;
            match texts.iter().find(|it| !text.contains(**it)) {
                None => Ok(text),
                Some(missing) => Err(format!("without {missing:?}: {text}")),
            }
        })
        .await
    }
}

/// The names of the jobs on a page, in their order.
fn names(page: &str) -> Vec<&str> {
    let rows = page.split("<th scope=\"row\">").skip(1);
    rows.map(|row| row.split("<bdi>").nth(1).unwrap().split("</bdi>").next().unwrap()).collect()
}

#[tokio::test]
async fn every_job_has_a_row_and_a_page() {
    let cloud = Cloud::empty().await;
    let detector = "\"classes\": [\"cat\", \"dog\"], \"quality\": {\"f1\": 0.75}, \"minutes\": 400";
    let job = cloud.add_as("detector", detector).await.job_id;
    cloud.add_as("waiting", "\"status\": \"pending\"").await;
    cloud.add_as("broken", "\"status\": \"failed\"").await;
    let daemon = Daemon::start(&setup().file(&cloud)).await;
    let page = daemon.says("/", &["detector", "waiting", "broken", "0.750", "GPU over 6 h"]).await;
    assert_eq!(names(&page), ["broken", "waiting", "detector"], "what needs somebody comes first");
    for text in [
        "3, found by the list",
        "class=\"pill up\"",
        "<svg class=\"spark\"",
        "in memory",
        "not yet",
    ] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let path = format!("/jobs/p/{job}");
    assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
    let page = daemon.says(&path, &["<h1 class=\"name\"><bdi>detector</bdi>", "none yet"]).await;
    for text in ["V0001", "GPU memory", "Network received", ">cat<", ">dog<", "mean ", "running"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert_eq!(page.matches("class=\"curve\"").count(), 8, "{page}");
    for unknown in ["/jobs/p/1", "/jobs/q/1", "/jobs/%ff/1", "/jobs/p/%3Cb%3E"] {
        let answer = daemon.get(unknown).await;
        assert_eq!(answer.status, 404, "{unknown}");
        assert!(answer.text.contains("No such job here") && !answer.text.contains("<b>"));
    }
}

#[tokio::test]
async fn a_job_of_v2_says_why_it_failed_and_has_no_version() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_in(Api::V2, "asr", "").await;
    let daemon = Daemon::start(&Setup::new().with_api("p", Api::V2, [&job]).file(&cloud)).await;
    let path = format!("/jobs/p/{job}");
    daemon.says(&path, &["The run", "none yet", "Restarts"]).await;
    cloud.set_status(&job, "failed").await;
    let page = daemon.says("/", &["<span class=\"outcome failed\">"]).await;
    let reason = "<span title=\"the training code ended with an error\">error<";
    let (id, start) = (format!("title=\"{job}\""), format!("<bdi>{}…</bdi>", &job[..8]));
    for text in [reason, &id, &start] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let page = daemon.says(&path, &["<span class=\"outcome failed\">", "the training code"]).await;
    for of_v1 in ["(no name)", "Versions", "· newest"] {
        assert!(!page.contains(of_v1), "{of_v1} in {page}");
    }
}

#[tokio::test]
async fn jobs_are_filtered_and_sorted_by_a_plain_form() {
    let cloud = Cloud::empty().await;
    for (name, fields) in [
        ("Alpha", "\"minutes\": 30, \"quality\": {\"f1\": 0.5}"),
        ("beta", "\"minutes\": 10, \"quality\": {\"f1\": 0.9}"),
        ("alphabet", "\"minutes\": 20, \"status\": \"failed\", \"quality\": {\"f1\": 0.7}"),
    ] {
        cloud.add_as(name, fields).await;
    }
    let daemon = Daemon::start(&setup().file(&cloud)).await;
    daemon.says("/", &["Alpha", "0.500", "0.700", "0.900"]).await;
    for (query, wanted) in [
        ("q=ALPHA&sort=name", vec!["Alpha", "alphabet"]),
        ("sort=name&order=reversed", vec!["beta", "alphabet", "Alpha"]),
        ("sort=running", vec!["Alpha", "alphabet", "beta"]),
        ("sort=quality", vec!["Alpha", "alphabet", "beta"]),
        ("sort=quality&order=reversed", vec!["beta", "alphabet", "Alpha"]),
        ("status=failed", vec!["alphabet"]),
        ("project=p&status=running&sort=name", vec!["Alpha", "beta"]),
        ("project=q", vec![]),
        ("page=9&sort=name", vec!["Alpha", "alphabet", "beta"]),
        ("q=%22%3E%3Cscript%3E", vec![]),
    ] {
        let page = daemon.get(&format!("/?{query}")).await;
        assert_eq!((page.status, names(&page.text)), (200, wanted), "{query}");
        assert!(!page.text.contains("<script"), "{query}");
    }
    let page = daemon.get("/?q=%22%3E%3Cscript%3E").await.text;
    assert!(page.contains("value=\"&quot;&gt;&lt;script&gt;\""), "the form keeps it: {page}");
    assert!(page.contains("None of 3 jobs is like that."), "{page}");
}

#[tokio::test]
async fn what_is_old_is_called_old_and_what_went_wrong_is_named() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("detector", "\"quality\": {\"f1\": 0.75}").await.job_id;
    let short = QUICK.replace("timeout = \"3s\"", "timeout = \"300ms\"");
    let short = short.replace("max_staleness = \"5m\"", "max_staleness = \"1s\"");
    let setup = Setup { poll: &short, ..Setup::of([job]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let path = format!("/jobs/p/{job}");
    daemon.says(&path, &["0.750"]).await;
    cloud.fault("\"fault\": \"truncated\", \"on\": \"any\"").await;
    let page =
        daemon.says("/", &["withdrawn: too old", "malformed", "modelarts-exporter doctor"]).await;
    assert!(page.contains("<tr class=\"old\">") && page.contains("0.750"), "{page}");
    assert!(page.contains("The list of jobs cannot be read"), "{page}");
    daemon.shows(&["modelarts_job_status absent"]).await;
    let page = daemon.says(&path, &["too old to be shown in metrics", "0.750"]).await;
    assert!(page.contains("the answer is not what the API documents"), "{page}");
    cloud.heal().await;
    let page = daemon.says("/", &["class=\"pill up\""]).await;
    assert!(page.contains("0.750"), "{page}");
    wait_for(PATIENCE, "the page to be well again", async || {
        let page = daemon.get("/").await.text;
        let is_well = !(page.contains("withdrawn") || page.contains("malformed"));
        if is_well { Ok(()) } else { Err(page) }
    })
    .await;
}

#[tokio::test]
async fn a_project_says_what_it_makes_of_its_budget_and_of_a_cloud_that_throttles() {
    let cloud = Cloud::empty().await;
    cloud.add("detector").await;
    let poll = QUICK.replace("requests_per_minute = 0", "requests_per_minute = 600");
    let daemon = Daemon::start(&Setup { poll: &poll, ..setup() }.file(&cloud)).await;
    daemon.says("/", &["detector", " of 600 in the last minute"]).await;
    cloud.fault("\"fault\": \"throttle\", \"on\": \"any\", \"value\": 60").await;
    let page = daemon.says("/", &["nothing is asked for another", "Throttled"]).await;
    assert!(page.contains("<code>throttled</code>"), "{page}");
}

#[tokio::test]
async fn a_project_that_cannot_be_reached_says_what_to_do_next() {
    let cloud = Cloud::empty().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let file = setup().file(&cloud).replace(cloud.url(), &format!("http://{address}"));
    let daemon = Daemon::start(&file).await;
    let texts = ["modelarts-exporter doctor", "<code>unreachable</code>", "No job is known yet"];
    daemon.says("/", &texts).await;
}

#[tokio::test]
async fn a_long_run_is_drawn_with_as_many_points_as_the_file_says() {
    let cloud = Cloud::empty().await;
    let job = cloud.add_as("long", "\"minutes\": 5000").await.job_id;
    for most in [10, 240, 1000] {
        let tables = format!("[limits]\ncurve_points = {most}");
        let setup = Setup { poll: ONE_POLL, tables: &tables, ..Setup::of([job]) };
        let daemon = Daemon::start(&setup.file(&cloud)).await;
        let page = daemon.says(&format!("/jobs/p/{job}"), &["class=\"curve\""]).await;
        for curve in page.split("class=\"curve\"").skip(1) {
            let line =
                curve.split("class=\"line\" d=\"").nth(1).unwrap().split('"').next().unwrap();
            assert_eq!(line.matches(['M', 'L']).count(), most, "{line}");
        }
        assert!(page.contains("3 d 11 h"), "{page}");
    }
}

#[tokio::test]
async fn pages_have_the_prefix_the_password_and_the_policy_of_all_others() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("detector").await.job_id;
    let tables = "[web]\nroute_prefix = \"/ml\"";
    let setup = Setup { poll: QUICK, tables, ..Setup::of([job]) };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    let path = format!("/ml/jobs/p/{job}");
    let page = daemon.says("/ml/", &[&format!("href=\"{path}\""), "href=\"/ml/metrics\""]).await;
    for (before, file, kind) in [
        ("rel=\"stylesheet\" href=\"", "/ml/style.css", "text/css; charset=utf-8"),
        ("type=\"image/svg+xml\" href=\"", "/ml/icon.svg", "image/svg+xml"),
        ("img src=\"", "/ml/icon.svg", "image/svg+xml"),
    ] {
        let linked = page.split(before).nth(1).unwrap().split('"').next().unwrap();
        assert!(linked.starts_with(&format!("{file}?v=")), "{linked}");
        // What is kept for ever is found again under its own version alone.
        for (url, is_immutable) in
            [(linked, true), (file, false), (&format!("{file}?v=000000000000"), false)]
        {
            let answer = daemon.get(url).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, kind), "{url}");
            let kept = answer.header("cache-control");
            assert_eq!(kept.contains("immutable"), is_immutable, "{url}: {kept}");
            assert!(kept.contains("max-age="), "{url}: {kept}");
        }
    }
    for path in ["/ml", "/ml/", &path] {
        let page = daemon.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; img-src 'self'"));
        assert_eq!(page.header("cache-control"), "no-store");
        for inline in ["style=\"", "<style", "<script", " onload", "javascript:"] {
            assert!(!page.text.contains(inline), "{inline} in {path}");
        }
    }
    assert_eq!(daemon.get(&format!("/jobs/p/{job}")).await.status, 404);
}
