//! Which part of the jobs is this process' own.

use super::Source;
use super::mistake::{Refusal, Report};
use super::values::Values;
use crate::model::Shard;

const INDEX: &str = "shard.index";
const TOTAL: &str = "shard.total";

/// What the container runtimes and most shells call the machine's name.
const HOST_NAME: &str = "HOSTNAME";

/// Where the index is left out, it is the number after the last `-` of the host name, as a `StatefulSet` gives it.
pub(super) fn build(values: &Values, source: &Source, report: &mut Report) -> Shard {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let total = number(values.integer(TOTAL));
    if values.is_refused(INDEX) || values.is_refused(TOTAL) || (total == 1 && !values.is_set(INDEX))
    {
        return Shard::default();
    }
    let index = if values.is_set(INDEX) {
        number(values.integer(INDEX))
    } else if let Some(ordinal) = ordinal(source) {
        ordinal
    } else {
        let reason =
            format!("is missing, and HOSTNAME ends in no `-` and number; {TOTAL} asks for it");
        report.missing(INDEX, Refusal::new(reason, "set it, from 0 on"));
        return Shard::default();
    };
    if index >= total {
        let refusal = Refusal::new(format!("is not below {TOTAL}"), "the first shard is 0");
        match values.origin(INDEX) {
            Some(origin) => report.refuse(origin, INDEX, refusal),
            None => report.missing(INDEX, refusal),
        }
    }
    Shard { index, total }
}

fn ordinal(source: &Source) -> Option<u32> {
    let (_, host) = source.environment.iter().find(|(name, _)| name == HOST_NAME)?;
    host.rsplit_once('-')?.1.parse().ok()
}
