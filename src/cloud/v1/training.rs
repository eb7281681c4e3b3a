//! The three calls that describe training jobs.

use std::collections::HashSet;

use url::form_urlencoded;

use crate::cloud::modelarts::{ModelArts, Question};
use crate::cloud::pages::Pages;
use crate::cloud::v1::answer::{self, Page};
use crate::cloud::v1::list;
use crate::cloud::{Error, Fault, Misread, Pace, Reading, TrainingApi};
use crate::model::{Api, JobId, JobList, Quota, TaskUsage, Version, VersionId};
use crate::own::Operation;

/// Versions asked for at once. Three days of samples make about 280 KB a version, so that a page
/// stays under the default `limits.answer_bytes`; the API's own limit is 1000.
const VERSIONS_PER_PAGE: usize = 50;

/// A job with more versions than this has pages that never end.
const MOST_PAGES: usize = 40;

/// Jobs of the list asked for at once: the most the API gives.
const JOBS_PER_PAGE: usize = 1000;

/// Five times the 20,000 jobs that an account may have.
const MOST_LIST_PAGES: usize = 100;

/// Oldest first, so that what is new comes last and moves nothing from page to page. The documents
/// contradict each other about the order that is taken when none is asked for.
const ORDER: [(&str, &str); 2] = [("sortBy", "create_time"), ("order", "asc")];

/// One project's v1 API.
pub(crate) struct Training {
    modelarts: ModelArts,
}

impl Training {
    pub(crate) fn new(modelarts: ModelArts) -> Self {
        Self { modelarts }
    }

    pub(crate) fn modelarts(&self) -> &ModelArts {
        &self.modelarts
    }

    /// How a page of the list is asked for.
    fn list_query(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("per_page", &JOBS_PER_PAGE.to_string());
        query.append_pair("page", &page.to_string()).extend_pairs(ORDER);
        query.extend_pairs(self.modelarts.workspace_id.iter().map(|id| ("workspace_id", id)));
        query.finish()
    }

    /// Asks for versions of a job.
    async fn ask_job(
        &self,
        operation: Operation,
        job: &JobId,
        path: &[&str],
        query: &str,
        pace: &dyn Pace,
    ) -> Result<Page, Error> {
        let limits = self.modelarts.limits;
        let read = {
            let job = job.clone();
            move |body: &[u8]| answer::read(body, &job, limits)
        };
        let path = [&["training-jobs", job.as_str()], path].concat();
        self.modelarts.ask(&question(operation, &path, query), pace, read).await
    }
}

/// The pages of one reading of a job's versions. Gateways repeat pages: each version is taken once. A reading
/// that is shorter than the cloud counts is told as a misread, and is an answer all the same.
#[derive(Debug, Default)]
struct VersionPages {
    versions: Vec<Version>,
    seen: HashSet<VersionId>,
    misreads: Vec<Misread>,
    /// Elements that cannot be read: they are there all the same.
    unreadable: usize,
}

impl VersionPages {
    /// Takes one page. Returns whether it is the last one.
    fn take(&mut self, page: Page) -> bool {
        self.misreads.extend(page.versions.misreads);
        let (known, unreadable) = (self.seen.len(), page.listed - page.versions.content.len());
        for version in page.versions.content {
            if self.seen.insert(version.version_id.clone()) {
                self.versions.push(version);
            }
        }
        let is_short_of = |there: usize| page.version_count.map(|count| (there as u64) < count);
        // A page that brings nothing new is the last one repeated, whatever the cloud counts: what came is
        // worth more than nothing.
        let brings_nothing = self.seen.len() == known;
        // Of a repeated page they were counted before; the first one repeats none.
        if !brings_nothing || known + self.unreadable == 0 {
            self.unreadable += unreadable;
        }
        if brings_nothing && is_short_of(self.seen.len() + self.unreadable) == Some(true) {
            self.misreads.push(Misread { field: "versions", fault: Fault::Missing });
        }
        // A version that cannot be read is no sign that the page was the last.
        let asked_enough = page.listed < VERSIONS_PER_PAGE;
        asked_enough || brings_nothing || is_short_of(self.seen.len()) == Some(false)
    }
}

fn question<'a>(operation: Operation, path: &'a [&'a str], query: &'a str) -> Question<'a> {
    Question { operation, api: Api::V1, path, query, body: None }
}

impl TrainingApi for Training {
    async fn list(&self, most_pages: usize, pace: &dyn Pace) -> Result<Reading<JobList>, Error> {
        let mut pages = Pages::of(JOBS_PER_PAGE);
        loop {
            let query = self.list_query(pages.read + 1);
            let limits = self.modelarts.limits;
            let read = move |body: &[u8]| list::read(body, limits);
            let question = question(Operation::List, &["training-jobs"], &query);
            let answer = self.modelarts.ask(&question, pace, read).await?;
            let is_last = pages.take(answer);
            if is_last || pages.read >= most_pages || pages.all() > most_pages {
                return Ok(pages.end(is_last));
            }
        }
    }

    async fn versions(&self, job: &JobId, pace: &dyn Pace) -> Result<Reading<Vec<Version>>, Error> {
        let mut pages = VersionPages::default();
        for number in 1..=MOST_PAGES {
            let query = format!("per_page={VERSIONS_PER_PAGE}&page={number}");
            let answer =
                self.ask_job(Operation::Versions, job, &["versions"], &query, pace).await?;
            if pages.take(answer) {
                return Ok(Reading { content: pages.versions, misreads: pages.misreads });
            }
        }
        let endless = Error::Malformed(format!("more than {MOST_PAGES} pages of versions"));
        Err(self.modelarts.failed(Operation::Versions, endless))
    }

    async fn version(
        &self,
        job: &JobId,
        version: &VersionId,
        pace: &dyn Pace,
    ) -> Result<Reading<Version>, Error> {
        let path = ["versions", version.as_str()];
        let answer = self.ask_job(Operation::Detail, job, &path, "", pace).await?;
        let mut versions = answer.versions;
        let at = versions.content.iter().position(|one| one.version_id == *version);
        let content = at.map(|at| versions.content.swap_remove(at)).ok_or_else(|| {
            let other = "the detail describes another version than was asked for";
            self.modelarts.failed(Operation::Detail, Error::Malformed(other.to_owned()))
        })?;
        Ok(Reading { content, misreads: versions.misreads })
    }

    /// There is no such call: no version names tasks.
    async fn usage(&self, _: &JobId, _: &str, _: &dyn Pace) -> Result<Reading<TaskUsage>, Error> {
        Ok(Reading { content: TaskUsage::default(), misreads: Vec::new() })
    }

    /// There is no such call; the list names limits of jobs, and no document says which.
    async fn quotas(&self, _: &dyn Pace) -> Result<Option<Reading<Vec<Quota>>>, Error> {
        Ok(None)
    }

    fn most_list_pages(&self) -> usize {
        MOST_LIST_PAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    /// A page of these versions, of which some cannot be read.
    fn page(ids: impl Iterator<Item = u64>, unreadable: usize, version_count: Option<u64>) -> Page {
        let version = |id: u64| {
            let (version, state) = (VersionId::from(id), State::from_v1(8));
            Version::unknown(Api::V1, JobId::from(1), version, state)
        };
        let content: Vec<_> = ids.map(version).collect();
        let listed = content.len() + unreadable;
        let versions = Reading { content, misreads: Vec::new() };
        Page { versions, listed, version_count }
    }

    #[test]
    fn pages_are_read_to_the_count_or_to_the_last_one_repeated() {
        for count in [Some(120), None] {
            let mut pages = VersionPages::default();
            assert!(!pages.take(page(0..50, 0, count)));
            assert!(!pages.take(page(49..98, 1, count)), "one slid to this page");
            assert!(pages.take(page(98..119, 0, count)));
            assert_eq!((pages.versions.len(), pages.misreads), (119, vec![]));
        }
        let mut exact = VersionPages::default();
        assert!(exact.take(page(0..50, 0, Some(50))), "no empty page is asked for");
        let mut uncounted = VersionPages::default();
        assert!(!uncounted.take(page(0..50, 0, None)));
        assert!(uncounted.take(page(0..50, 0, None)));
        let mut unreadable = VersionPages::default();
        assert!(!unreadable.take(page(0..40, 10, Some(50))));
        assert!(unreadable.take(page(0..0, 0, Some(50))));
        assert_eq!(unreadable.misreads, [], "they are there all the same");
        let mut all_unreadable = VersionPages::default();
        assert!(all_unreadable.take(page(0..0, 50, Some(50))));
        assert_eq!(all_unreadable.misreads, []);
    }

    #[test]
    fn a_page_in_the_place_of_another_is_told_and_costs_no_more_than_itself() {
        // The first one once more, and one after the last.
        for (second, unreadable) in [(0..40, 10), (0..0, 0)] {
            let mut pages = VersionPages::default();
            assert!(!pages.take(page(0..40, 10, Some(60))));
            assert!(pages.take(page(second, unreadable, Some(60))));
            let missing = Misread { field: "versions", fault: Fault::Missing };
            assert_eq!((pages.versions.len(), pages.misreads), (40, vec![missing]));
        }
    }
}
