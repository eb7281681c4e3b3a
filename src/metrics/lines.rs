//! What the tests of the families compare.

use std::fmt::Write as _;

use crate::inventory::outcomes::PreviousScores;
use crate::inventory::{JobView, VersionView};
use crate::metrics::{FAMILIES, FamilyIndex, Room, Settings, Sink, of_job};
use crate::model::Version;

/// Lines as in text, so that what is compared is what is read.
#[derive(Default)]
pub(super) struct Lines(pub(super) String);

impl Sink for Lines {
    fn sample(&mut self, family: FamilyIndex, labels: &[(&'static str, &str)], value: f64) {
        let names: Vec<_> = labels.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, FAMILIES[family].labels, "{}", FAMILIES[family].name);
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let name = FAMILIES[family].name;
        writeln!(self.0, "{name}{{{}}} {value}", labels.join(",")).unwrap();
    }
}

/// The lines of a version which has neither usage nor quality, after a run with these scores, as far as
/// they are asked for. Its label is its name.
pub(super) fn lines_of_version(
    version: &Version,
    previous: Option<PreviousScores<'_>>,
    is_asked: impl Fn(&str) -> bool,
) -> String {
    let view = VersionView {
        label: version.version_name.as_deref().unwrap_or_default(),
        version,
        rank: 0,
        status_changed: 0.0,
        finished: None,
        tasks: Vec::new(),
        quality: None,
        previous,
    };
    let job = JobView {
        project: "p",
        job_id: version.job_id.as_str(),
        versions: vec![view],
        poll_success: None,
        last_success: None,
    };
    let settings =
        Settings { extra_model_metrics: false, info_labels: Vec::new(), series: usize::MAX };
    let mut lines = Lines::default();
    of_job(&job, &settings, &Room::default(), &mut lines);
    lines.0.split_inclusive('\n').filter(|line| is_asked(line)).collect()
}
