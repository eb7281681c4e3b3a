//! The status page in Chromium: it is drawn, it can be used, and axe finds nothing that keeps anybody out.

use std::process::Command;
use std::time::Duration;

use modelarts_exporter::model::Api;
use serde::Deserialize;

use crate::harness::{Cloud, Daemon, PATIENCE, Process, QUICK, Setup, peer, repository, wait_for};

/// A dozen looks of a second each; the rest is a busy machine.
const LOOKS: Duration = Duration::from_mins(3);

/// Where pictures are left for whoever wants to see what the test saw.
const PICTURES: &str = "target/status-page";

const HOSTILE: &str = "<script>alert(document.domain)</script>";

/// What was seen of one page in one theme on one screen.
#[derive(Debug, Deserialize)]
struct Look {
    url: String,
    theme: String,
    screen: String,
    title: String,
    heading: String,
    names: Vec<String>,
    text: String,
    /// Whatever the browser said: errors, refusals of the policy, dialogs, answers that are none.
    complaints: Vec<String>,
    findings: Vec<Finding>,
    scripts: usize,
    sideways: i64,
    curves: usize,
    ground: String,
}

/// What axe found.
#[derive(Debug, Deserialize)]
struct Finding {
    id: String,
    impact: Option<String>,
    at: Vec<String>,
}

async fn look_at(urls: &[String]) -> Vec<Look> {
    let pictures = repository(PICTURES);
    std::fs::create_dir_all(&pictures).expect("a folder for pictures");
    let mut command = Command::new("node");
    command.arg(repository("tests/peers/browser/look.mjs")).arg(peer("browser"));
    command.arg("/usr/bin/chromium").arg(pictures).args(urls);
    let looked = Process::run("look.mjs", &mut command, LOOKS).await;
    assert!(looked.status.success(), "{}{}", looked.stdout, looked.stderr);
    serde_json::from_str(&looked.stdout).unwrap_or_else(|e| panic!("{e}: {}", looked.stdout))
}

impl Look {
    /// Nothing about it is wrong, whatever is on the page.
    fn is_sound(&self) {
        let at = format!("{} in {} on a {}", self.url, self.theme, self.screen);
        assert_eq!(self.complaints, [""; 0], "{at}");
        assert_eq!(self.scripts, 0, "{at}");
        assert!(self.sideways <= 0, "{at}: {} pixels stick out", self.sideways);
        for Finding { id, impact, at: nodes } in &self.findings {
            let is_bad = matches!(impact.as_deref(), Some("serious" | "critical"));
            assert!(!is_bad, "{at}: {id}: {nodes:#?}");
        }
        assert!(!(self.title.is_empty() || self.heading.is_empty()), "{at}");
    }
}

/// A fleet in which something of everything is to be seen.
async fn fleet(cloud: &Cloud) -> [String; 4] {
    let classes = "\"classes\": [\"cat\", \"dog\", \"<i>\"], \"quality\": {\"f1\": 0.91}";
    let detector = cloud.add_as("detector", &format!("\"minutes\": 700, {classes}")).await.job_id;
    cloud.add_as("detector", &format!("\"minutes\": 90, {classes}")).await;
    let hostile = cloud.add_as(HOSTILE, "\"minutes\": 30").await.job_id;
    let broken = cloud.add_as("broken", "\"minutes\": 30").await.job_id;
    cloud.set_document(broken, "{\"versions\": [").await;
    for status in ["pending", "failed", "completed", "terminated"] {
        cloud.add_as(&format!("nightly-{status}"), &format!("\"status\": \"{status}\"")).await;
    }
    let long = format!("مرحبا-{}", "very-long-name-".repeat(20));
    cloud.add(&long).await;
    let worker = cloud.add_in(Api::V2, "asr", "").await;
    cloud.set_status(&worker, "failed").await;
    [detector.to_string(), hostile.to_string(), broken.to_string(), worker]
}

#[tokio::test]
async fn everybody_can_read_and_use_the_pages() {
    let cloud = Cloud::empty().await;
    let [detector, hostile, broken, worker] = fleet(&cloud).await;
    let found = "discovery = { enabled = true, versions = \"all\" }";
    let setup = Setup::new().with("vision", [], "").with_api("speech", Api::V2, []);
    let setup = Setup { project: found, poll: QUICK, ..setup };
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    wait_for(PATIENCE, "a page with everything on it", async || {
        let page = daemon.get("/").await.text;
        let has = ["0.910", "malformed", "nightly-terminated", ">error<"];
        let has = has.map(|text| page.contains(text));
        if has == [true; 4] { Ok(()) } else { Err(page) }
    })
    .await;
    let url = |path: &str| format!("{}{path}", daemon.url());
    let looks = look_at(&[
        url("/"),
        url("/#filter=SCRIPT%3E"),
        url(&format!("/jobs/vision/{detector}")),
        url(&format!("/jobs/vision/{hostile}")),
        url(&format!("/jobs/vision/{broken}")),
        url(&format!("/jobs/speech/{worker}")),
        url("/?q=nobody"),
    ])
    .await;
    assert_eq!(looks.len(), 7 * 4);
    let mut grounds = Vec::new();
    for (at, look) in looks.iter().enumerate() {
        look.is_sound();
        match at / 4 {
            0 => assert!(look.names.len() == 9 && look.curves >= 6, "{look:#?}"),
            1 => assert_eq!(look.names, [HOSTILE], "{look:#?}"),
            2 => {
                assert!(look.heading == "detector" && look.curves >= 8, "{look:#?}");
                assert!(look.text.contains("<i>") && look.text.contains("0.910"), "{look:#?}");
            }
            3 => assert!(look.heading == HOSTILE && look.title.starts_with(HOSTILE), "{look:#?}"),
            4 => assert!(look.text.contains("malformed"), "{look:#?}"),
            5 => assert!(look.text.contains("the training code ended with an error"), "{look:#?}"),
            _ => assert!(look.text.contains("None of 9 jobs is like that."), "{look:#?}"),
        }
        grounds.push((look.theme.as_str(), look.ground.as_str()));
    }
    grounds.sort_unstable();
    grounds.dedup();
    assert!(
        grounds.len() == 2 && grounds[0].1 != grounds[1].1,
        "each theme has its own: {grounds:?}"
    );
}
