use super::{fault::Fault, rules::Verdict};

/// The part of a list that a request asks for, or another one that a fault shows instead, and how many
/// rows there seem to be in all.
pub(super) fn page_of<'a, T>(
    rows: &'a [T],
    skip: usize,
    most: usize,
    verdict: &Verdict,
) -> (Vec<&'a T>, usize) {
    let skip = match verdict.fault {
        Some((Fault::DuplicatePage, _)) => skip.saturating_sub(most),
        Some((Fault::SkippedPage, _)) if skip > 0 => skip + most,
        _ => skip,
    };
    if let Some((Fault::EndlessPages, _)) = verdict.fault {
        let again = rows.iter().cycle().skip(skip % rows.len().max(1)).take(most);
        (again.collect(), skip + 2 * most)
    } else {
        (rows.iter().skip(skip).take(most).collect(), rows.len())
    }
}
