//! Names that come, go and change hands.

use super::*;

#[test]
fn runs_of_several_jobs_and_names_of_one_rule_are_one_story() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "train-20260101", FAILED), Some(1.0));
    scene.see(&version(2, 1, "train-20260102", FAILED), Some(2.0));
    assert_eq!(scene.streak("train"), 2);
    scene.see(&version(3, 1, "train-20260103", COMPLETED), Some(3.0));
    assert_eq!((scene.runs("train"), scene.streak("train")), ([1, 2, 0], 0));
    assert_eq!(scene.shown.len(), 1);
}

#[test]
fn a_name_outlives_its_jobs_by_the_retention_and_goes_on_if_it_is_used_again() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.listed(&[]);
    scene.later(29.0 * DAY);
    assert_eq!(scene.runs("a"), [0, 1, 0]);
    scene.see(&version(2, 1, "a", FAILED), Some(29.0 * DAY));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 2, 0], 2));
    scene.later(2.0 * DAY);
    scene.listed(&[]);
    scene.later(29.0 * DAY);
    assert_eq!(scene.runs("a"), [0, 2, 0]);
    // A clock that runs backwards forgets nothing, and puts off nothing for good.
    scene.later(-DAY);
    scene.later(2.0 * DAY);
    assert!(scene.shown.is_empty());
}

#[test]
fn a_name_beyond_the_limit_waits_for_one_that_is_gone() {
    let mut scene = Scene::with(Rules { names: 2, ..rules() });
    scene.listed(&[]);
    for (job, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "c")] {
        scene.see(&version(job, 1, name, FAILED), Some(1.0));
    }
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(scene.outcomes.refused_names().map(|(_, count)| count).sum::<usize>(), 1);
    // The project's own counter needs no name.
    assert_eq!(scene.runs.of(Outcome::Failed), 4);
    scene.listed(&[2, 3, 4]);
    scene.see(&version(4, 2, "c", FAILED), Some(2.0));
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(scene.runs("c"), [0, 1, 0]);
    assert_eq!(scene.outcomes.refused_names().map(|(_, count)| count).sum::<usize>(), 0);
}

#[test]
fn an_id_that_comes_back_with_another_name_counts_no_run_twice() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.see(&version(1, 2, "a", RUNNING), None);
    for name in ["b", "a", "b"] {
        scene.see(&version(1, 1, name, FAILED), Some(1.0));
        scene.see(&version(1, 2, name, RUNNING), None);
        scene.listed(&[1]);
    }
    assert_eq!((scene.runs("a"), scene.runs("b")), ([0, 1, 0], [0, 0, 0]));
    scene.see(&version(1, 2, "b", COMPLETED), Some(2.0));
    assert_eq!((scene.runs("a"), scene.runs("b")), ([0, 1, 0], [1, 0, 0]));
    // The old name has no job any more.
    scene.later(31.0 * DAY);
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_version_without_a_name_waits_for_one() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "", RUNNING), None);
    assert!(scene.shown.is_empty());
    scene.see(&version(1, 1, "a", COMPLETED), Some(2.0));
    assert_eq!(scene.runs("a"), [1, 0, 0]);
}
