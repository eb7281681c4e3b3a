//! The answer of both calls: the versions list brings `versions`, the detail brings the fields of
//! one version at the top; either is understood from either call.

use serde::de::MapAccess;

use crate::cloud::v1::version::{Job, VersionDocument};
use crate::cloud::wire::{Answer, Document, Limits, List, Reader, Scalar, Taken};
use crate::cloud::{Error, Fault, Reading, Refusal};
use crate::model::{JobId, Version};

#[derive(Debug, Default)]
struct AnswerDocument<'a> {
    is_success: Scalar<'a>,
    error_code: Scalar<'a>,
    error_message: Scalar<'a>,
    version_count: Scalar<'a>,
    versions: List<VersionDocument<'a>>,
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
    pub(super) version_count: Option<u64>,
}

/// Reads one answer. HTTP 200 may still carry a refusal.
pub(super) fn read(body: &[u8], job_id: &JobId, limits: Limits) -> Result<Page, Error> {
    let Answer(answer): Answer<AnswerDocument<'_>> =
        serde_json::from_slice(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let mut reader = Reader::new(limits);
    if answer.is_success == Scalar::Bool(false) {
        let (code, message) = (
            reader.label("error_code", &answer.error_code),
            reader.label("error_message", &answer.error_message),
        );
        return Err(Error::Rejected(Refusal { status: 200, code, message }));
    }
    for _ in 0..answer.versions.wrong {
        reader.misread("versions", Fault::WrongType);
    }
    let (name, description) = answer.top.job_texts(&mut reader);
    if answer.versions == List::default() && !answer.top.is_given() {
        // Valid JSON that is no answer of this API: `{}`, or somebody else's document.
        return Err(Error::Malformed("neither a version nor a list of versions".to_owned()));
    }
    let unread = answer.versions.wrong > 0;
    let mut documents = answer.versions.items.unwrap_or_default();
    if answer.top.is_given() {
        documents.push(answer.top);
    }
    let job = Job { id: job_id, name: &name, description: &description };
    let is_empty = documents.is_empty() && !unread;
    let read = documents.into_iter().filter_map(|document| document.read(&job, &mut reader));
    let content: Vec<Version> = read.collect();
    if content.is_empty() && !is_empty {
        // Taken for a list, it would say that the job has lost all its versions.
        return Err(Error::Malformed("no version in it can be read".to_owned()));
    }
    let version_count = answer.version_count.integer().ok().flatten();
    Ok(Page {
        versions: Reading { content, misreads: reader.misreads },
        version_count: version_count.and_then(|count| u64::try_from(count).ok()),
    })
}
