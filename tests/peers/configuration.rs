use std::fmt::{Display, Write as _};

use crate::harness::Site;

/// A configuration that follows these jobs of a cloud, every version of each, quickly. Ids of v2 come in
/// quotes.
///
/// Nothing is left out for its age or number, so that the exporter knows all that the cloud knows.
pub(super) fn follow(
    project: &str,
    endpoint: &Site,
    auth: &str,
    jobs: impl IntoIterator<Item: Display>,
) -> String {
    let mut text = format!(
        r#"
        [poll]
        interval = "1s"
        requests_per_minute = 0

        [limits]
        versions_per_job = 1000
        finished_retention = "3650d"

        [[projects]]
        name = "{project}"
        endpoint = "{}"
        {auth}
        "#,
        endpoint.url()
    );
    for job in jobs {
        let _ = write!(text, "\n[[projects.jobs]]\njob_id = {job}\nversions = \"all\"\n");
    }
    text
}
