//! `?project=` and `?name[]=`: parts of the exposition, in every format and encoding.

use std::collections::BTreeSet;
use std::io::Read as _;

use bytes::Buf as _;
use modelarts_exporter::exposition::{Reader, Refusal, SeveralProjects, Store, View};
use modelarts_exporter::metrics::{JobKey, Sink as _};

use crate::exposition::new;
use crate::harness::{Cloud, Daemon, PATIENCE, Setup, wait_for};
use crate::parser::{Family, parse};

const OPENMETRICS: &str = "application/openmetrics-text";

/// Enough jobs for several groups of neighbours in each project.
const JOBS: usize = 300;

/// Two projects whose jobs follow each other in the order of the exposition.
fn two_projects() -> (Store, Reader) {
    let (store, reader, own) = new();
    for project in ["north", "south"] {
        own.project(project).polled(modelarts_exporter::own::PollResult::Success, 0.1);
        let mut up = store.text();
        up.sample(0, &[("project", project)], 1.0);
        store.put(JobKey { project: project.into(), job_id: "".into() }, up);
        for job in 0..JOBS {
            let id = format!("{project}-{job:04}");
            let mut text = store.text();
            text.sample(1, &[("job_id", &id), ("name", "n")], 1.0);
            text.sample(2, &[("job_id", &id)], 0.5);
            store.put(JobKey { project: project.into(), job_id: id.into() }, text);
        }
    }
    store.publish(0.0);
    (store, reader)
}

async fn families(reader: &Reader, query: &str, accept: &str) -> Vec<Family> {
    let view = View::parse(query).unwrap();
    let mut plain = reader.answer(accept, "", &view).await.unwrap();
    let plain = plain.body.copy_to_bytes(plain.body.remaining());
    let mut packed = reader.answer(accept, "gzip", &view).await.unwrap();
    assert_eq!(packed.content_encoding, Some("gzip"));
    let packed = packed.body.copy_to_bytes(packed.body.remaining());
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut unpacked).unwrap();
    let read =
        |bytes: &[u8]| parse(std::str::from_utf8(bytes).unwrap(), accept == OPENMETRICS).unwrap();
    let (plain, unpacked) = (read(&plain), read(&unpacked));
    assert_eq!(plain.len(), unpacked.len());
    for (plain, unpacked) in plain.iter().zip(&unpacked) {
        assert_eq!(plain.name, unpacked.name);
        // Time stands still, so that both are of the same reading.
        assert_eq!(plain.samples, unpacked.samples);
    }
    plain
}

fn names(families: &[Family]) -> BTreeSet<&str> {
    families.iter().map(|family| family.name.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_project_is_shown_without_the_process_and_without_the_other() {
    let (_store, reader) = two_projects();
    for accept in ["", OPENMETRICS] {
        let families = families(&reader, "project=south", accept).await;
        let samples: Vec<_> = families.iter().flat_map(|family| &family.samples).collect();
        let of_jobs = |name: &str| samples.iter().filter(|sample| sample.name == name).count();
        assert_eq!((of_jobs("m_job_info"), of_jobs("m_use_ratio")), (JOBS, JOBS));
        for sample in &samples {
            assert!(!sample.name.starts_with("process_"), "{sample:?}");
            assert!(
                sample.labels.iter().all(|(_, value)| !value.starts_with("north")),
                "{sample:?}"
            );
        }
        // Its own counters, and those that are of no project.
        assert!(samples.iter().any(|sample| sample.name == "modelarts_exporter_polls_total"));
        assert!(samples.iter().any(|sample| sample.name == "modelarts_exporter_build_info"));
    }
}

#[tokio::test(start_paused = true)]
async fn families_are_named_as_in_text_in_every_format() {
    let (_store, reader) = two_projects();
    let cases: [(&str, &[&str], &[&str]); 5] = [
        ("name[]=m_use_ratio", &["m_use_ratio"], &["m_use_ratio"]),
        ("name[]=m_job_info&name[]=nonsense", &["m_job_info"], &["m_job"]),
        (
            "name%5B%5D=modelarts_exporter_polls_total&project=north",
            &["modelarts_exporter_polls_total"],
            &["modelarts_exporter_polls"],
        ),
        ("name[]=process_start_time_seconds&project=north", &[], &[]),
        ("name[]=m_job", &[], &[]),
    ];
    for (query, text, openmetrics) in cases {
        let plain = families(&reader, query, "").await;
        assert_eq!(names(&plain), text.iter().copied().collect(), "{query}");
        let open = families(&reader, query, OPENMETRICS).await;
        assert_eq!(names(&open), openmetrics.iter().copied().collect(), "{query}");
    }
}

#[tokio::test]
async fn an_empty_part_is_empty_and_an_unknown_project_is_none() {
    let (_store, reader) = two_projects();
    let nothing = View::parse("name[]=").unwrap();
    assert_eq!(reader.answer("", "", &nothing).await.unwrap().body.remaining(), 0);
    let mut end = reader.answer(OPENMETRICS, "", &nothing).await.unwrap().body;
    assert_eq!(end.copy_to_bytes(end.remaining()), "# EOF\n");
    let unknown = View::parse("project=east").unwrap();
    assert_eq!(reader.answer("", "", &unknown).await.unwrap_err(), Refusal::UnknownProject);
    assert_eq!(View::parse("project=north&project=south"), Err(SeveralProjects));
}

/// Without the turns every ask would occupy a thread of its own, up to the runtime's 512.
#[tokio::test]
async fn parts_that_nobody_waits_for_take_turns_all_the_same() {
    let (store, reader) = two_projects();
    for job in 0..20_000 {
        let id = format!("south-{job:06}");
        let mut text = store.text();
        text.sample(2, &[("job_id", &id)], 0.5);
        store.put(JobKey { project: "south".into(), job_id: id.into() }, text);
    }
    store.publish(0.0);
    let view = View::parse("project=south").unwrap();
    for _ in 0..1000 {
        // Whoever asked goes away as soon as the work has begun.
        tokio::select! {
            biased;
            answer = reader.answer("", "zstd", &view) => drop(answer),
            () = tokio::task::yield_now() => {}
        }
    }
    // Other tests have theirs in this process.
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    assert!(threads < 300, "{threads} threads");
    wait_for(PATIENCE, "a part to be packed", async || {
        reader.answer("", "zstd", &view).await.map(drop).map_err(|busy| busy.to_string())
    })
    .await;
}

#[tokio::test]
async fn over_http_a_part_has_its_length_and_mistakes_have_their_answers() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("resnet").await;
    let setup =
        Setup::new().with("a b", [job.job_id], "\"latest\"").with("c", [job.job_id], "\"latest\"");
    let daemon = Daemon::start(&setup.file(&cloud)).await;
    daemon.shows(&["modelarts_job_info{project=\"a b\"} == 1"]).await;
    let plain = [("Accept-Encoding", "identity")];
    let part = daemon.get_with("/metrics?project=a%20b&name[]=modelarts_up&x=y", &plain).await;
    assert_eq!(part.status, 200);
    assert!(part.text.ends_with("\nmodelarts_up{project=\"a b\"} 1\n"), "{}", part.text);
    assert_eq!(part.header("content-length"), part.text.len().to_string());
    let cases = [
        ("/metrics?project=nobody", 404, "no such project\n"),
        ("/metrics?project=", 404, "no such project\n"),
        ("/metrics?project=c&project=d", 400, "project is there more than once"),
        ("/metrics?name[]=nonsense", 200, ""),
        ("/metrics?name[]=%ff%zz", 200, ""),
    ];
    for (path, status, text) in cases {
        let answer = daemon.get_with(path, &plain).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text.starts_with(text), "{path}: {}", answer.text);
        assert_eq!(answer.header("content-length"), answer.text.len().to_string(), "{path}");
    }
}
