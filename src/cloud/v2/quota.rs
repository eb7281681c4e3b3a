//! What the cloud grants a project (Huawei Cloud: "Querying Training Job Quotas"; Open Telekom Cloud has
//! no such call).

use crate::cloud::v2::answer::{check_code, parse};
use crate::cloud::wire::{Limits, List, OwnedScalar, Reader, document};
use crate::cloud::{Error, Fault, Reading};
use crate::model::Quota;

/// Resources with a quota; the documents name one.
const MOST_QUOTAS: usize = 64;

document! {
    struct QuotasDocument {
        quotas: List<QuotaDocument, MOST_QUOTAS> = "quotas",
        error_code: OwnedScalar = "error_code",
        error_msg: OwnedScalar = "error_msg",
    }
}

document! {
    struct QuotaDocument {
        resource: OwnedScalar = "resource",
        limit: OwnedScalar = "quota",
        used: OwnedScalar = "used",
    }
}

/// Reads the answer: each resource once.
pub(super) fn read(body: &[u8], limits: Limits) -> Result<Reading<Vec<Quota>>, Error> {
    let mut reader = Reader::new(limits);
    let answer: QuotasDocument = parse(body)?;
    check_code(&answer.error_code, &answer.error_msg, &mut reader)?;
    let List { items, wrong, beyond } = answer.quotas;
    let Some(documents) = items else {
        return Err(Error::Malformed("no list of quotas".to_owned()));
    };
    if beyond > 0 {
        return Err(Error::Malformed(format!("more than {MOST_QUOTAS} quotas")));
    }
    for _ in 0..wrong {
        reader.misread("quotas", Fault::WrongType);
    }
    let mut content: Vec<Quota> = Vec::new();
    for document in documents {
        let resource = reader.label("resource", &document.resource.0);
        if resource.is_empty() || content.iter().any(|known| known.resource == resource) {
            reader.misread("resource", Fault::Missing);
            continue;
        }
        let limit = reader.amount("quota", &document.limit.0);
        let used = reader.amount("used", &document.used.0);
        content.push(Quota { resource, limit, used });
    }
    Ok(Reading { content, misreads: reader.misreads })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cloud::{Misread, hostile};

    const LIMITS: Limits = Limits { label_length: 9, classes: 9, extra_metrics: 9, tasks: 9 };

    proptest! {
        #![proptest_config(hostile::config())]

        #[test]
        fn no_bytes_make_the_reader_panic(body in hostile::answers(&[hostile::QUOTAS])) {
            if let Ok(reading) = read(&body, LIMITS) {
                for quota in reading.content {
                    prop_assert!(quota.resource.chars().count() <= LIMITS.label_length);
                }
            }
        }
    }

    #[test]
    fn large_answers_are_read_in_time() {
        hostile::in_time(|body| drop(read(body, LIMITS)));
    }

    #[test]
    fn what_is_documented_is_read() {
        let reading = read(hostile::QUOTAS.as_bytes(), LIMITS).unwrap();
        let quota = Quota { resource: "job-num".to_owned(), limit: Some(500.0), used: Some(12.0) };
        assert_eq!(reading, Reading { content: vec![quota], misreads: vec![] });
    }

    #[test]
    fn what_cannot_be_read_costs_itself_alone() {
        let body = r#"{"quotas":[{"resource":"npu","quota":-1,"used":"3"},{"quota":1},{"resource":"npu"},4]}"#;
        let reading = read(body.as_bytes(), LIMITS).unwrap();
        let quota = Quota { resource: "npu".to_owned(), limit: None, used: Some(3.0) };
        assert_eq!(reading.content, [quota]);
        let wanted = [
            Misread { field: "quotas", fault: Fault::WrongType },
            Misread { field: "quota", fault: Fault::OutOfRange },
            Misread { field: "resource", fault: Fault::Missing },
            Misread { field: "resource", fault: Fault::Missing },
        ];
        assert_eq!(reading.misreads, wanted);
        for body in ["{}", r#"{"quotas":{}}"#] {
            assert_eq!(read(body.as_bytes(), LIMITS).is_err(), body == "{}", "{body}");
        }
    }
}
