//! The answer of the two calls about one job: the versions list brings `versions`, the detail brings the fields of
//! one version at the top; either is understood from either call.

use serde::de::MapAccess;

use crate::cloud::v1::version::{Job, VersionDocument};
use crate::cloud::wire::{Answer, Document, Limits, List, Reader, Scalar, Taken};
use crate::cloud::{Error, Fault, Reading, Refusal, bare};
use crate::model::{JobId, Version};

/// The most a page can hold by the API's documents; we ask for fewer.
const MOST_VERSIONS: usize = 1000;

#[derive(Debug, Default)]
struct AnswerDocument<'a> {
    is_success: Scalar<'a>,
    error_code: Scalar<'a>,
    error_message: Scalar<'a>,
    version_count: Scalar<'a>,
    versions: List<VersionDocument<'a>, MOST_VERSIONS>,
    /// The detail's fields, and the list's `job_id`, `job_name` and `job_desc`.
    top: VersionDocument<'a>,
}

impl<'de: 'a, 'a> Document<'de> for AnswerDocument<'a> {
    fn take<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<Taken, A::Error> {
        match key {
            "is_success" => self.is_success = map.next_value()?,
            "error_code" => self.error_code = map.next_value()?,
            // REST says `error_message`, the SDK and v2 say `error_msg`.
            "error_message" | "error_msg" => self.error_message = map.next_value()?,
            "version_count" => self.version_count = map.next_value()?,
            "versions" => self.versions = map.next_value()?,
            _ => return self.top.take(key, map),
        }
        Ok(Taken::Yes)
    }
}

/// The versions in one answer, and how many the job has according to it.
pub(super) struct Page {
    pub(super) versions: Reading<Vec<Version>>,
    /// Elements of the page, also those that could not be read.
    pub(super) listed: usize,
    pub(super) version_count: Option<u64>,
}

/// Reads one answer. HTTP 200 may still carry a refusal.
pub(super) fn read(body: &[u8], job_id: &JobId, limits: Limits) -> Result<Page, Error> {
    let repaired;
    let parsed: serde_json::Result<Answer<AnswerDocument<'_>>> = match serde_json::from_slice(body)
    {
        Ok(answer) => Ok(answer),
        Err(error) => match std::str::from_utf8(body).ok().and_then(bare::quoted) {
            Some(text) => {
                repaired = text;
                serde_json::from_str(&repaired)
            }
            None => Err(error),
        },
    };
    let Answer(answer) = parsed.map_err(|error| Error::Malformed(error.to_string()))?;
    let mut reader = Reader::new(limits);
    check_success(&answer.is_success, &answer.error_code, &answer.error_message, &mut reader)?;
    for _ in 0..answer.versions.wrong {
        reader.misread("versions", Fault::WrongType);
    }
    let (name, description) = answer.top.job_texts(&mut reader);
    if answer.versions == List::default() && !answer.top.is_given() {
        // Valid JSON that is no answer of this API: `{}`, or somebody else's document.
        return Err(Error::Malformed("neither a version nor a list of versions".to_owned()));
    }
    if answer.versions.beyond > 0 {
        return Err(Error::Malformed(format!("a page of more than {MOST_VERSIONS} versions")));
    }
    let wrong = answer.versions.wrong;
    let mut documents = answer.versions.items.unwrap_or_default();
    if answer.top.is_given() {
        documents.push(answer.top);
    }
    let listed = documents.len() + wrong;
    let job = Job { id: job_id, name: &name, description: &description };
    let is_empty = listed == 0;
    let read = documents.into_iter().filter_map(|document| document.read(&job, &mut reader));
    let content: Vec<Version> = read.collect();
    if content.is_empty() && !is_empty {
        // Taken for a list, it would say that the job has lost all its versions.
        return Err(Error::Malformed("no version in it can be read".to_owned()));
    }
    let version_count = answer.version_count.integer().ok().flatten();
    Ok(Page {
        versions: Reading { content, misreads: reader.misreads },
        listed,
        version_count: version_count.and_then(|count| u64::try_from(count).ok()),
    })
}

/// HTTP 200 that is a refusal.
pub(super) fn check_success(
    is_success: &Scalar<'_>,
    code: &Scalar<'_>,
    message: &Scalar<'_>,
    reader: &mut Reader,
) -> Result<(), Error> {
    if *is_success != Scalar::Bool(false) {
        return Ok(());
    }
    let code = reader.label("error_code", code);
    let message = reader.label("error_message", message);
    Err(Error::Rejected(Refusal { status: 200, code, message }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::hostile;

    const LIMITS: Limits =
        Limits { label_length: 128, classes: 9, extra_metrics: 0, tasks: 9, curve_points: 240 };

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_bytes_make_the_reader_panic(
            body in hostile::answers(&[hostile::VERSIONS, hostile::DETAIL, hostile::REFUSALS[0]]),
        ) {
            if let Ok(page) = read(&body, &JobId::from(1), LIMITS) {
                prop_assert!(page.versions.content.len() <= page.listed);
                for version in page.versions.content {
                    prop_assert!(version.version_id.as_str().chars().count() <= LIMITS.label_length);
                }
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, &JobId::from(1), LIMITS)));
    }

    fn versions(body: &str) -> Vec<Version> {
        read(body.as_bytes(), &JobId::from(1), LIMITS).unwrap().versions.content
    }

    #[test]
    fn no_nesting_reaches_the_end_of_the_stack() {
        // Arrays in strings in arrays: each string costs its quotes twice over, so it stays small.
        let mut nested = "[]".to_owned();
        for _ in 0..16 {
            nested = format!("{}{nested}{}", "[".repeat(120), "]".repeat(120));
            nested = serde_json::to_string(&nested).unwrap();
        }
        let body = format!(r#"{{"versions":[{{"version_id":1,"system_metric_list":{nested}}}]}}"#);
        assert!(body.len() < 1 << 20, "{}", body.len());
        assert_eq!(versions(&body).len(), 1);
    }

    #[test]
    fn a_bare_word_for_all_metrics_is_no_document() {
        for word in ["NaN", " -Infinity ", "[NaN]", r#"[\"NaN\"]"#, r#"\"NaN\""#] {
            let body = format!(r#"{{"version_id":1,"system_metric_list":"{word}"}}"#);
            let page = read(body.as_bytes(), &JobId::from(1), LIMITS).unwrap();
            let misread =
                crate::cloud::Misread { field: "system_metric_list", fault: Fault::Malformed };
            assert_eq!(page.versions.misreads, [misread], "{word}");
        }
    }

    #[test]
    fn a_page_of_more_versions_than_there_can_be_is_no_answer() {
        let body = format!(r#"{{"versions":[{}{{}}]}}"#, "{},".repeat(MOST_VERSIONS));
        let error = read(body.as_bytes(), &JobId::from(1), LIMITS).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the answer cannot be read: a page of more than 1000 versions"
        );
    }

    #[test]
    fn misreads_without_end_are_counted_to_an_end() {
        let wrong = "{},".repeat(50_000);
        let body = format!(
            r#"{{"version_id":1,"system_metric_list":{{"cpuUsage":[{wrong}"x"],"memUsage":["5"]}}}}"#
        );
        let page = read(body.as_bytes(), &JobId::from(1), LIMITS).unwrap();
        assert_eq!(page.versions.misreads.len(), 10_000);
        assert_eq!((page.versions.content.len(), page.listed), (1, 1));
    }

    #[test]
    fn a_version_that_cannot_be_read_still_counts_as_listed() {
        let body = r#"{"versions":[{"version_id":1},{"version_name":"V0002"},7]}"#;
        let page = read(body.as_bytes(), &JobId::from(1), LIMITS).unwrap();
        assert_eq!((page.versions.content.len(), page.listed), (1, 3));
    }

    #[test]
    fn numbers_that_are_too_large_together_are_none() {
        for (fields, field) in [
            (r#""gpu_num":1e200,"worker_server_num":1e200,"npu_num":0,"core":1"#, "gpu_num"),
            (r#""cpu":"1e300","memory_unit":"TB""#, "memory_unit"),
        ] {
            let body = format!(r#"{{"version_id":1,{fields}}}"#);
            let page = read(body.as_bytes(), &JobId::from(1), LIMITS).unwrap();
            let resources = page.versions.content[0].resources;
            assert_eq!((resources.gpus, resources.memory_bytes), (None, None), "{fields}");
            let misread = crate::cloud::Misread { field, fault: Fault::NotFinite };
            assert_eq!(page.versions.misreads, [misread], "{fields}");
        }
    }

    #[test]
    fn a_score_that_is_no_number_costs_itself_alone_however_it_is_written() {
        let metrics = r#"{"total_metric":{"total_metric_values":{"recall":NaN,"precision":0.5}}}"#;
        for list in [metrics.to_owned(), serde_json::to_string(metrics).unwrap()] {
            let body = format!(r#"{{"version_id":1,"model_metric_list":{list}}}"#);
            let page = read(body.as_bytes(), &JobId::from(1), LIMITS).unwrap();
            let overall = page.versions.content[0].quality.clone().unwrap().overall;
            assert_eq!((overall.recall, overall.precision), (None, Some(0.5)), "{list}");
            let misread = crate::cloud::Misread { field: "recall", fault: Fault::NotFinite };
            assert_eq!(page.versions.misreads, [misread], "{list}");
        }
    }
}
