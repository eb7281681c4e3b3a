//! What the tests of the families compare.

use std::fmt::Write as _;

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

/// A version with nothing but itself; its label is its name.
pub(super) fn bare(version: &Version) -> VersionView<'_> {
    VersionView {
        label: version.version_name.as_deref().unwrap_or_default(),
        version,
        rank: 0,
        status_changed: 0.0,
        finished: None,
        tasks: Vec::new(),
        quality: None,
        previous: None,
    }
}

/// The lines of a version, as far as they are asked for.
pub(super) fn lines_of(view: VersionView<'_>, is_asked: impl Fn(&str) -> bool) -> String {
    let job = JobView {
        project: "p",
        job_id: view.version.job_id.as_str(),
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
