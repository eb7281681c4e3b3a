//! The list of jobs (OTC: "Querying the Training Job List"), page by page.

use std::collections::HashSet;

use crate::cloud::v1::answer::check_success;
use crate::cloud::v1::version::{seconds, state};
use crate::cloud::wire::{Answer, Limits, List, Reader, Scalar, document};
use crate::cloud::{Error, Fault, Misread, Reading};
use crate::model::{JobId, JobList, ListedJob, VersionId};

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

/// The jobs in one answer.
#[derive(Debug)]
pub(super) struct ListPage {
    jobs: Reading<Vec<ListedJob>>,
    /// Elements of the page, also those that could not be read.
    listed: usize,
    /// How many jobs there are in all.
    total: Option<usize>,
}

/// Reads one answer. HTTP 200 may still carry a refusal.
pub(super) fn read(body: &[u8], limits: Limits) -> Result<ListPage, Error> {
    let Answer(answer): Answer<ListDocument<'_>> =
        serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let mut reader = Reader::new(limits);
    check_success(&answer.is_success, &answer.error_code, &answer.error_message, &mut reader)?;
    let total = match answer.job_total_count.integer() {
        Ok(count) => count.and_then(|count| usize::try_from(count).ok()),
        Err(fault) => {
            reader.misread("job_total_count", fault);
            None
        }
    };
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
    Ok(ListPage { jobs: Reading { content, misreads: reader.misreads }, listed, total })
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
            created: seconds(reader, "create_time", &self.create_time).filter(|&at| at > 0.0),
            duration: seconds(reader, "duration", &self.duration),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative, and no job has so many versions"
            )]
            version_count: version_count.map(|count| count as u64),
        })
    }
}

/// The pages of one reading of the list.
///
/// Jobs come and go between two pages, and gateways repeat pages: each job is taken once, and the
/// count the cloud gives tells whether any is missing.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// How many were read.
    pub(super) read: usize,
    jobs: Vec<ListedJob>,
    seen: HashSet<JobId>,
    misreads: Vec<Misread>,
    total: Option<usize>,
    /// What is listed changed while it was read, or cannot all be told.
    shifted: bool,
    /// Elements that cannot be read: they are there all the same.
    unreadable: usize,
}

impl Pages {
    /// Takes one page. Returns whether it is the last one.
    pub(super) fn take(&mut self, page: ListPage, per_page: usize) -> bool {
        let known = self.seen.len();
        self.read += 1;
        self.misreads.extend(page.jobs.misreads);
        self.shifted |= self.read > 1 && self.total != page.total;
        self.total = page.total;
        let unreadable = page.listed - page.jobs.content.len();
        self.unreadable += unreadable;
        self.shifted |= unreadable > 0;
        for job in page.jobs.content {
            if self.seen.insert(job.job_id.clone()) {
                self.jobs.push(job);
            } else {
                self.shifted = true;
            }
        }
        // A page that brings nothing new is the last one repeated.
        page.listed < per_page || self.has_all() == Some(true) || self.seen.len() == known
    }

    /// Whether as many jobs came as there are, where the cloud says how many.
    fn has_all(&self) -> Option<bool> {
        self.total.map(|total| self.seen.len() + self.unreadable >= total)
    }

    /// Requests that the whole list takes, as far as is known.
    pub(super) fn all(&self, per_page: usize) -> usize {
        self.total.map_or(self.read, |total| total.div_ceil(per_page)).max(1)
    }

    /// What came; `to_the_end`: no page was left out on purpose.
    pub(super) fn end(mut self, to_the_end: bool, per_page: usize) -> Reading<JobList> {
        let complete = to_the_end && self.has_all() != Some(false);
        if to_the_end && !complete {
            self.misreads.push(Misread { field: "jobs", fault: Fault::Missing });
        }
        let pages = self.all(per_page).max(self.read);
        let content = JobList { jobs: self.jobs, complete, settled: !self.shifted, pages };
        Reading { content, misreads: self.misreads }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;
    use crate::model::Status;

    const LIMITS: Limits =
        Limits { label_length: 128, classes: 9, extra_metrics: 0, curve_points: 240 };

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
                let mut pages = Pages::default();
                pages.take(page, 1);
                prop_assert!(pages.all(1) >= 1);
                prop_assert!(pages.end(true, 1).content.pages >= 1);
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, LIMITS)));
    }

    fn page(ids: impl Iterator<Item = u64>, total: &str) -> ListPage {
        let jobs: Vec<_> = ids.map(|id| format!(r#"{{"job_id":{id},"status":8}}"#)).collect();
        let body = format!(r#"{{"job_total_count":{total},"jobs":[{}]}}"#, jobs.join(","));
        read(body.as_bytes(), LIMITS).unwrap()
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

    #[test]
    fn pages_end_and_every_job_is_taken_once() {
        let mut pages = Pages::default();
        assert!(!pages.take(page(0..4, "10"), 4));
        assert!(!pages.take(page(3..7, "10"), 4), "one slid to the next page");
        assert!(pages.take(page(7..10, "10"), 4));
        let list = pages.end(true, 4).content;
        assert_eq!((list.jobs.len(), list.complete, list.pages), (10, true, 3));
        assert!(!list.settled && !list.proves_absence());

        let mut exact = Pages::default();
        assert!(exact.take(page(0..4, "4"), 4), "as many as there are: no empty page is asked for");
        assert!(exact.end(true, 4).content.proves_absence());
        let mut deleted = Pages::default();
        assert!(!deleted.take(page(0..4, "9"), 4));
        // 2 was deleted, so that 4 slid to the page that was read before.
        assert!(deleted.take(page(5..9, "8"), 4));
        let list = deleted.end(true, 4).content;
        assert!(list.complete && !list.settled, "4 is there all the same");
        let mut uncounted = Pages::default();
        assert!(!uncounted.take(page(0..4, "null"), 4));
        assert!(uncounted.take(page(4..6, "null"), 4));
        assert!(uncounted.end(true, 4).content.complete);
    }

    #[test]
    fn pages_that_repeat_or_are_missing_make_an_incomplete_list() {
        let mut endless = Pages::default();
        assert!(!endless.take(page(0..4, "8"), 4));
        assert!(endless.take(page(0..4, "12"), 4));
        let endless = endless.end(true, 4);
        assert!(!endless.content.complete);
        assert_eq!(endless.misreads, [Misread { field: "jobs", fault: Fault::Missing }]);
        let mut skipped = Pages::default();
        assert!(!skipped.take(page(0..4, "10"), 4));
        assert!(skipped.take(page(8..10, "10"), 4));
        assert!(!skipped.end(true, 4).content.complete);
        let mut long = Pages::default();
        assert!(!long.take(page(0..4, "40"), 4));
        assert_eq!(long.all(4), 10);
        let given_up = long.end(false, 4);
        assert_eq!((given_up.content.complete, given_up.content.pages), (false, 10));
        assert_eq!(given_up.misreads, [], "it was not read on purpose");
    }
}
