//! A budget that cannot hold the jobs of the file.

use std::fmt::Write as _;

use modelarts_exporter::config::{self, Source};
use tempfile::TempDir;

use super::GOOD;

/// The warnings about the good file with these keys of its project, and so many jobs beside its own.
fn warnings(poll: &str, jobs: usize) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("exporter.toml");
    let name = "name = \"vision\"";
    let mut text = GOOD.replace(name, &format!("{name}\npoll = {{ {poll} }}"));
    for job in 0..jobs {
        let _ = write!(text, "\n[[projects.jobs]]\njob_id = {}\n", 900_000 + job);
    }
    std::fs::write(&file, text).unwrap();
    let (_, warnings) = config::load(&Source { file: Some(file), ..Source::default() }).unwrap();
    warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn a_budget_that_cannot_hold_the_jobs_of_the_file_is_said() {
    let minute = "interval = \"60s\", requests_per_minute";
    assert_eq!(warnings(&format!("{minute} = 60"), 40), [""; 0]);
    assert_eq!(warnings(&format!("{minute} = 0"), 400), [""; 0]);
    let two_minutes = minute.replace("60s", "120s");
    assert_eq!(warnings(&format!("{two_minutes} = 60"), 110), [""; 0]);
    let said = warnings(&format!("{minute} = 60"), 119);
    assert_eq!(said.len(), 1, "{said:?}");
    for words in ["poll.requests_per_minute", "120 are needed (120 every 1m)", "every 122s"] {
        assert!(said[0].contains(words), "{words} in {said:?}");
    }
}
