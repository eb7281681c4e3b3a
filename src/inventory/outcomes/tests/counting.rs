//! Which ends count, and in what order.

use super::*;

#[test]
fn a_name_starts_at_zero_and_its_first_end_counts() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "train-20260101", RUNNING), None);
    let view = scene.name("train");
    assert_eq!((view.last.as_ref(), view.last_completed, view.last_failed), (None, None, None));
    assert_eq!((scene.runs("train"), scene.streak("train")), ([0, 0, 0], 0));
    scene.see(&version(1, 1, "train-20260101", COMPLETED), Some(60.0));
    assert_eq!(scene.runs("train"), [1, 0, 0]);
    let last = LastRun { job_id: 1.into(), version: "1".into(), outcome: Outcome::Completed };
    assert_eq!(scene.name("train").last, Some(last));
    assert_eq!(scene.name("train").last_completed, Some(TODAY + 60.0));
    assert_eq!(Outcome::ALL.map(|outcome| scene.runs.of(outcome)), [1, 0, 0]);
}

#[test]
fn nothing_is_shown_before_the_watch_begins() {
    let mut scene = Scene::new();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    assert!(scene.shown.is_empty());
    scene.listed(&[1]);
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
}

#[test]
fn what_had_ended_before_the_watch_moves_the_gauges_alone() {
    let mut scene = Scene::new();
    scene.see_all(
        &[
            (version(1, 1, "a", FAILED), Some(10.0)),
            (version(1, 2, "a", COMPLETED), Some(20.0)),
            (version(1, 3, "a", FAILED), Some(30.0)),
            (version(1, 4, "a", RUNNING), None),
        ],
        Answer::Whole,
    );
    scene.listed(&[1]);
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 0, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    assert_eq!(scene.name("a").last_completed, Some(TODAY + 20.0));
    // This one was known as running.
    scene.see(&version(1, 4, "a", FAILED), Some(40.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 2));
}

#[test]
fn what_was_running_at_first_sight_counts_before_the_first_list_is_complete_too() {
    let mut scene = Scene::new();
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", COMPLETED), Some(5.0));
    scene.listed(&[1]);
    assert_eq!(scene.runs("a"), [1, 0, 0]);
}

#[test]
fn what_appeared_and_ended_between_two_answers_counts() {
    let mut scene = Scene::new();
    scene.see(&version(1, 5, "a", COMPLETED), Some(5.0));
    scene.listed(&[1]);
    // A new job, with all it has; and a new version of a known one.
    scene.see_all(
        &[(version(2, 1, "b", FAILED), Some(1.0)), (version(2, 2, "b", FAILED), Some(2.0))],
        Answer::Whole,
    );
    scene.see(&version(1, 6, "a", TERMINATED), Some(6.0));
    assert_eq!((scene.runs("a"), scene.runs("b")), ([0, 0, 1], [0, 2, 0]));
    // Older ones of the known job come with the answer about the whole of it.
    let whole = [5, 6, 4].map(|id| (version(1, id, "a", COMPLETED), Some(1.0)));
    scene.see_all(&whole, Answer::Whole);
    assert_eq!(scene.runs("a"), [0, 0, 1]);
}

#[test]
fn a_job_the_operator_listed_was_there_before_its_first_answer() {
    let mut scene = Scene::watched();
    scene.outcomes.await_job(&key(1));
    scene.see(&version(1, 3, "a", COMPLETED), Some(5.0));
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], Some(Outcome::Completed)));
    scene.see(&version(1, 4, "a", COMPLETED), Some(6.0));
    assert_eq!(scene.runs("a"), [1, 0, 0]);
}

#[test]
fn an_end_counts_once_however_often_and_in_whatever_words_it_is_told() {
    let mut scene = Scene::watched();
    for (code, finished) in [(FAILED, 5.0), (FAILED, 6.0), (3, 5.0), (DELETE_FAILED, 7.0)] {
        scene.see(&version(1, 1, "a", code), Some(finished));
        scene.listed(&[1]);
    }
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    assert_eq!(scene.name("a").last_failed, Some(TODAY + 5.0));
}

#[test]
fn a_deletion_that_failed_is_no_end() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", DELETE_FAILED), Some(5.0));
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], None));
    scene.see(&version(1, 1, "a", COMPLETED), Some(6.0));
    assert_eq!(scene.runs("a"), [1, 0, 0]);
    // One that was so when we came had ended before, nobody knows how.
    let mut scene = Scene::new();
    scene.see(&version(1, 1, "a", DELETE_FAILED), Some(5.0));
    scene.listed(&[1]);
    scene.see(&version(1, 1, "a", COMPLETED), Some(6.0));
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], Some(Outcome::Completed)));
}

#[test]
fn a_lost_run_fails_when_it_has_ended_and_a_return_clears_the_failure() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", LOST), None);
    assert_eq!((scene.runs("a"), scene.last("a")), ([0, 0, 0], None));
    scene.see(&version(1, 1, "a", LOST), Some(5.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 1));
    scene.see(&version(1, 1, "a", COMPLETED), Some(9.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([0, 1, 0], 0));
    assert_eq!(scene.last("a"), Some(Outcome::Completed));
}

#[test]
fn a_version_that_runs_again_moves_the_gauges_and_no_counter() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", COMPLETED), Some(5.0));
    scene.see(&version(1, 1, "a", RUNNING), None);
    assert_eq!(scene.last("a"), Some(Outcome::Completed));
    scene.see(&version(1, 1, "a", FAILED), Some(9.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([1, 0, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    // Failing twice, it is still one failure.
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", FAILED), Some(12.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([1, 0, 0], 1));
    assert_eq!(scene.name("a").last_failed, Some(TODAY + 12.0));
    // That it did is history, not undone by what it does later.
    scene.see(&version(1, 1, "a", RUNNING), None);
    scene.see(&version(1, 1, "a", COMPLETED), Some(15.0));
    assert_eq!(scene.name("a").last_failed, Some(TODAY + 12.0));
}

#[test]
fn two_versions_that_end_at_once_are_ordered_by_the_number_of_their_id() {
    for ids in [[9, 10], [10, 9]] {
        let mut scene = Scene::watched();
        for id in ids {
            let code = if id == 10 { FAILED } else { COMPLETED };
            scene.see(&version(1, id, "a", code), Some(5.0));
        }
        assert_eq!((scene.last("a"), scene.streak("a")), (Some(Outcome::Failed), 1));
    }
}

#[test]
fn a_termination_neither_sets_nor_clears_the_failures() {
    let mut scene = Scene::watched();
    let ends = [(FAILED, 1), (TERMINATED, 1), (FAILED, 2), (COMPLETED, 0), (TERMINATED, 0)];
    for (id, (code, streak)) in (1..).zip(ends) {
        scene.see(&version(1, id, "a", code), Some(id as f64));
        assert_eq!(scene.streak("a"), streak, "after version {id}");
    }
    assert_eq!((scene.runs("a"), scene.last("a")), ([1, 2, 2], Some(Outcome::Terminated)));
}

#[test]
fn a_success_that_is_heard_of_late_clears_only_the_failures_before_it() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(10.0));
    scene.see(&version(2, 2, "a", FAILED), Some(30.0));
    scene.see(&version(3, 3, "a", COMPLETED), Some(20.0));
    assert_eq!((scene.runs("a"), scene.streak("a")), ([1, 2, 0], 1));
    assert_eq!(scene.last("a"), Some(Outcome::Failed));
    // And a failure before it is none of them.
    scene.see(&version(4, 4, "a", FAILED), Some(15.0));
    assert_eq!(scene.streak("a"), 1);
}

#[test]
fn failures_without_end_are_counted_and_cleared() {
    let mut scene = Scene::watched();
    for id in 1..=1000 {
        scene.see(&version(1, id, "a", FAILED), Some(id as f64));
    }
    assert_eq!(scene.streak("a"), 1000);
    scene.see(&version(1, 2000, "a", COMPLETED), Some(999.5));
    assert_eq!(scene.streak("a"), 1);
    assert!(scene.saved().len() < 1000 * 150, "one mark a version, and few failures");
}
