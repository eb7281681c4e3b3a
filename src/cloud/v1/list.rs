//! The list of jobs (OTC: "Querying the Training Job List"), page by page.

use crate::cloud::pages::Page;
use crate::cloud::v1::answer::check_success;
use crate::cloud::v1::version::state;
use crate::cloud::wire::{Answer, Limits, List, Reader, Scalar, document};
use crate::cloud::{Error, Fault, Reading};
use crate::model::{JobId, ListedJob, VersionId};

/// The most a page can hold by the API's documents.
const MOST_JOBS: usize = 1000;

document! {
    struct ListDocument<'a> {
        is_success: Scalar<'a> = "is_success",
        error_code: Scalar<'a> = "error_code",
        error_message: Scalar<'a> = "error_message" | "error_msg",
        job_total_count: Scalar<'a> = "job_total_count",
        jobs: List<JobDocument<'a>, MOST_JOBS> = "jobs",
    }
}

document! {
    #[derive(Clone, PartialEq)]
    struct JobDocument<'a> {
        job_id: Scalar<'a> = "job_id",
        job_name: Scalar<'a> = "job_name",
        version_id: Scalar<'a> = "version_id",
        version_count: Scalar<'a> = "version_count",
        status: Scalar<'a> = "status",
        create_time: Scalar<'a> = "create_time",
        duration: Scalar<'a> = "duration",
    }
}

/// Reads one answer. HTTP 200 may still carry a refusal.
pub(super) fn read(body: &[u8], limits: Limits) -> Result<Page, Error> {
    let Answer(answer): Answer<ListDocument<'_>> =
        serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let mut reader = Reader::new(limits);
    check_success(&answer.is_success, &answer.error_code, &answer.error_message, &mut reader)?;
    let total = reader.count("job_total_count", &answer.job_total_count);
    let List { items, wrong, beyond } = answer.jobs;
    let Some(documents) = items else {
        return Err(Error::Malformed("no list of jobs".to_owned()));
    };
    if beyond > 0 {
        return Err(Error::Malformed(format!("a page of more than {MOST_JOBS} jobs")));
    }
    for _ in 0..wrong {
        reader.misread("jobs", Fault::WrongType);
    }
    let listed = documents.len() + wrong;
    let content: Vec<_> =
        documents.into_iter().filter_map(|document| document.read(&mut reader)).collect();
    if content.is_empty() && listed > 0 {
        return Err(Error::Malformed("no job in it can be read".to_owned()));
    }
    Ok(Page { jobs: Reading { content, misreads: reader.misreads }, listed, total })
}

impl JobDocument<'_> {
    /// The job as the model knows it; `None` (and a misread) without an id.
    fn read(self, reader: &mut Reader) -> Option<ListedJob> {
        let job_id = reader.label("job_id", &self.job_id);
        if job_id.is_empty() {
            if self.job_id != Scalar::Wrong {
                reader.misread("job_id", Fault::Missing);
            }
            return None;
        }
        let version_id = reader.label("version_id", &self.version_id);
        let version_count = reader.amount("version_count", &self.version_count);
        Some(ListedJob {
            job_id: JobId::from(job_id),
            job_name: reader.label("job_name", &self.job_name),
            version_id: (!version_id.is_empty()).then(|| VersionId::from(version_id)),
            state: state(&self.status, reader),
            created: reader.seconds("create_time", &self.create_time).filter(|&at| at > 0.0),
            duration: reader.seconds("duration", &self.duration),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and no job has so many versions"
            )]
            version_count: version_count.map(|count| count as u64),
            whole: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;
    use crate::cloud::pages::Pages;
    use crate::model::Status;

    const LIMITS: Limits = Limits { label_length: 128, classes: 9, extra_metrics: 0, tasks: 9 };

    /// The documents' own example.
    const DOCUMENTED: &str = r#"{"is_success": true, "quotas": 5, "job_total_count": 1, "job_count_limit": 3,
        "jobs": [{"job_id": 10, "job_name": "testModelArtsJob", "version_id": 10, "status": 10,
        "create_time": 1524189990635, "duration": 532003, "job_desc": "This is ModelArts job", "version_count": 5}]}"#;

    /// One element of a real answer (python-otcextensions).
    const CAPTURED: &str = r#"{"job_id": 9446, "job_name": "ma-testing", "version_id": 10818, "status": 10,
        "create_time": 1704448084000, "duration": 54793000, "job_desc": "This is a ModelArts job",
        "version_count": 1, "user": {"name": "userAbc"}}"#;

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_bytes_make_the_reader_panic(
            body in hostile::answers(&[DOCUMENTED, hostile::LIST, hostile::REFUSALS[0]]),
        ) {
            if let Ok(page) = read(&body, LIMITS) {
                prop_assert!(page.jobs.content.len() <= page.listed);
                let mut pages = Pages::of(1);
                pages.take(page);
                prop_assert!(pages.all() >= 1);
                prop_assert!(pages.end(true).content.pages >= 1);
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, LIMITS)));
    }

    #[test]
    fn what_is_documented_and_what_was_captured_are_read() {
        let documented = read(DOCUMENTED.as_bytes(), LIMITS).unwrap();
        assert_eq!((documented.listed, documented.total), (1, Some(1)));
        let job = &documented.jobs.content[0];
        assert_eq!((job.job_id.as_str(), &*job.job_name), ("10", "testModelArtsJob"));
        assert_eq!((job.state.status, job.version_count), (Status::Completed, Some(5)));
        assert_eq!((job.created, job.duration), (Some(1_524_189_990.635), Some(532.003)));
        let body = format!(r#"{{"jobs":[{CAPTURED}]}}"#);
        let captured = read(body.as_bytes(), LIMITS).unwrap();
        let job = &captured.jobs.content[0];
        assert_eq!(job.version_id, Some(VersionId::from(10_818)));
        assert_eq!((job.version_count, captured.total), (Some(1), None));
        assert_eq!((documented.jobs.misreads, captured.jobs.misreads), (vec![], vec![]));
    }

    #[test]
    fn what_cannot_be_read_costs_itself_alone() {
        let body = r#"{"job_total_count":"four","jobs":[{"job_id":"1","status":"8","version_id":null},
            {"job_id":2,"status":{},"duration":-1},{"job_name":"nameless"},7]}"#;
        let page = read(body.as_bytes(), LIMITS).unwrap();
        assert_eq!((page.jobs.content.len(), page.listed, page.total), (2, 4, None));
        assert_eq!(page.jobs.content[0].state.status, Status::Running);
        assert_eq!(page.jobs.content[1].state.status, Status::Unknown);
        let misreads: Vec<_> =
            page.jobs.misreads.iter().map(|misread| (misread.field, misread.fault)).collect();
        assert_eq!(
            misreads,
            [
                ("job_total_count", Fault::NotANumber),
                ("jobs", Fault::WrongType),
                ("status", Fault::WrongType),
                ("duration", Fault::OutOfRange),
                ("job_id", Fault::Missing),
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for body in ["{}", "[]", r#"{"jobs":null}"#, r#"{"jobs":"none"}"#, r#"{"jobs":[{}]}"#] {
            let error = read(body.as_bytes(), LIMITS).unwrap_err();
            assert_eq!(error.reason(), "malformed", "{body}");
        }
        let refused = r#"{"is_success":false,"error_code":"ModelArts.0105","jobs":[]}"#;
        assert_eq!(read(refused.as_bytes(), LIMITS).unwrap_err().reason(), "rejected");
        assert!(read(br#"{"jobs":[]}"#, LIMITS).unwrap().jobs.content.is_empty());
    }
}
