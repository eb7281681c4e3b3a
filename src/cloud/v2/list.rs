//! A page of the list (OTC: "Querying a Training Job List"). Its items are whole jobs.

use serde::Serialize;

use crate::cloud::pages::Page;
use crate::cloud::v2::answer::{check_code, parse};
use crate::cloud::v2::job::JobDocument;
use crate::cloud::wire::{Limits, List, OwnedScalar, Reader, document};
use crate::cloud::{Error, Fault, Reading};
use crate::model::{ListedJob, Version};

/// Jobs asked for at once: the most the API gives.
pub(super) const JOBS_PER_PAGE: usize = 50;

/// The body of the question. The oldest first: what is new while the pages are read comes last and moves
/// nothing from page to page.
#[derive(Serialize)]
struct Search<'a> {
    offset: usize,
    limit: usize,
    sort_by: &'static str,
    order: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<&'a str>,
}

document! {
    /// `count` are the jobs there are to list; `total` are all of the user's, of whatever workspace.
    struct ListDocument {
        count: OwnedScalar = "count",
        items: List<JobDocument, JOBS_PER_PAGE> = "items",
        error_code: OwnedScalar = "error_code",
        error_msg: OwnedScalar = "error_msg",
    }
}

/// The question for a page.
pub(super) fn search(offset: usize, workspace_id: Option<&str>) -> Result<String, Error> {
    let (limit, sort_by, order) = (JOBS_PER_PAGE, "create_time", "asc");
    let search = Search { offset, limit, sort_by, order, workspace_id };
    serde_json::to_string(&search).map_err(|error| Error::Internal(error.to_string()))
}

/// Reads one answer.
pub(super) fn read(body: &[u8], limits: Limits) -> Result<Page, Error> {
    let mut reader = Reader::new(limits);
    let answer: ListDocument = parse(body)?;
    check_code(&answer.error_code, &answer.error_msg, &mut reader)?;
    let total = reader.count("count", &answer.count.0);
    let List { items, wrong, beyond } = answer.items;
    let Some(documents) = items else {
        return Err(Error::Malformed("no list of jobs".to_owned()));
    };
    if beyond > 0 {
        return Err(Error::Malformed(format!("a page of more than {JOBS_PER_PAGE} jobs")));
    }
    for _ in 0..wrong {
        reader.misread("items", Fault::WrongType);
    }
    let listed = documents.len() + wrong;
    let content: Vec<_> = documents
        .into_iter()
        .filter_map(|document| document.read(&mut reader))
        .map(as_listed)
        .collect();
    if content.is_empty() && listed > 0 {
        return Err(Error::Malformed("no job in it can be read".to_owned()));
    }
    Ok(Page { jobs: Reading { content, misreads: reader.misreads }, listed, total })
}

/// A job of the list in the words of v1's, which says less.
fn as_listed(job: Version) -> ListedJob {
    ListedJob {
        job_id: job.job_id.clone(),
        job_name: job.job_name.clone(),
        version_id: Some(job.version_id.clone()),
        state: job.state,
        created: job.created,
        duration: job.duration,
        version_count: Some(1),
        whole: Some(Box::new(job)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;
    use crate::model::{Failure, Resources, Status};

    const LIMITS: Limits = Limits { label_length: 128, classes: 9, extra_metrics: 9, tasks: 9 };

    const GIB: f64 = 1_073_741_824.0;

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_bytes_make_the_reader_panic(
            body in hostile::answers(&[hostile::JOBS, hostile::JOB, hostile::REFUSALS[1]]),
        ) {
            if let Ok(page) = read(&body, LIMITS) {
                prop_assert!(page.jobs.content.len() <= page.listed);
                prop_assert!(page.jobs.content.len() <= JOBS_PER_PAGE);
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, LIMITS)));
    }

    #[test]
    fn an_item_is_a_whole_job() {
        let page = read(hostile::JOBS.as_bytes(), LIMITS).unwrap();
        assert_eq!((page.listed, page.total, page.jobs.misreads), (3, Some(3), vec![]));
        let whole = |job: ListedJob| *job.whole.unwrap();
        let jobs: Vec<_> = page.jobs.content.into_iter().map(whole).collect();
        let [npu, hetero, waits] = &jobs[..] else { panic!("three jobs") };

        assert_eq!((&*npu.job_name, npu.version_id.as_str()), ("bert-npu", ""));
        assert_eq!((npu.state.status, npu.created), (Status::Running, Some(1_641_892_640.0)));
        assert_eq!((npu.started, npu.duration), (Some(1_641_892_655.0), Some(268.0)));
        assert_eq!(npu.execution.tasks, ["worker-0", "worker-1"]);
        assert_eq!((npu.execution.nodes, npu.execution.restarts), (Some(2.0), Some(1)));
        let resources = Resources {
            workers: Some(2.0),
            gpus: Some(0.0),
            npus: Some(16.0),
            cpu_cores: Some(384.0),
            memory_bytes: Some(1440.0 * GIB),
        };
        assert_eq!((npu.resources, &*npu.facts.npu_type), (resources, "ascend-snt9"));
        assert_eq!(npu.facts.engine_name, "Ascend-Powered-Engine");

        assert_eq!((&*hetero.facts.kind, hetero.state.status), ("hetero_job", Status::Failed));
        assert_eq!(hetero.execution.failure, Some(Failure::Killed));
        let resources = Resources {
            workers: Some(3.0),
            gpus: Some(1.0),
            npus: Some(0.0),
            cpu_cores: Some(16.0),
            memory_bytes: Some(80.0 * GIB),
        };
        assert_eq!(hetero.resources, resources, "of all roles together");
        assert_eq!(hetero.facts.flavor, "modelarts.p3.large,modelarts.c6.large");
        assert_eq!((&*hetero.facts.pool_id, &*hetero.facts.engine_name), ("pool1a", "PyTorch"));

        assert_eq!((waits.state.status, waits.started), (Status::Creating, None));
        assert_eq!((waits.execution.nodes, waits.execution.tasks.len()), (None, 0));
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let many = format!(r#"{{"items":[{}{{}}]}}"#, "{},".repeat(JOBS_PER_PAGE));
        let refused = r#"{"error_code":"ModelArts.2789","error_msg":"filter","items":[]}"#;
        let table = [
            ("{}", "malformed"),
            ("[]", "malformed"),
            (r#"{"items":null}"#, "malformed"),
            (r#"{"items":[{"metadata":{"name":"nameless"}}]}"#, "malformed"),
            (&many, "malformed"),
            (refused, "rejected"),
        ];
        for (body, reason) in table {
            assert_eq!(read(body.as_bytes(), LIMITS).unwrap_err().reason(), reason, "{body}");
        }
        assert!(read(br#"{"count":0,"items":[]}"#, LIMITS).unwrap().jobs.content.is_empty());
    }

    /// Four times the default `limits.answer_bytes` is what the largest answer of v1 may become.
    #[test]
    fn a_page_of_empty_parts_stays_small_in_memory() {
        let most = JOBS_PER_PAGE * JobDocument::MOST_BYTES;
        assert!(most <= 64 << 20, "{most}");
    }
}
