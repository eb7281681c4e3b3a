//! What is saved, and read again.

use super::*;

#[test]
fn a_restart_changes_nothing_that_is_shown() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.234));
    scene.see(&version(1, 2, "a", RUNNING), None);
    scene.see(&with_recall(version(2, 1, "b", COMPLETED), 0.1 + 0.2), Some(2.0));
    scene.see(&version(3, 1, "c", TERMINATED), Some(3.0));
    scene.listed(&[1, 2]);
    let before = std::mem::take(&mut scene.shown);
    scene.later(60.0);
    scene.restart_from_bytes();
    assert_eq!(scene.shown, before);
    let running = scene.outcomes.remembered(&key(1), &VersionId::from(2)).unwrap();
    let want = Remembered { status: Status::Running, status_changed: TODAY, finished: None };
    assert_eq!(running, want);
    let failed = scene.outcomes.remembered(&key(1), &VersionId::from(1)).unwrap();
    assert_eq!(failed.finished, Some(TODAY + 1.234));
    // What ended, and what appeared and ended, while nobody looked.
    scene.see(&version(1, 2, "a", FAILED), Some(30.0));
    scene.see(&version(4, 1, "c", FAILED), Some(30.0));
    scene.see(&version(1, 1, "a", FAILED), Some(1.234));
    assert_eq!((scene.runs("a"), scene.runs("c")), ([0, 2, 0], [0, 1, 1]));
    // The name without a job kept its time of leaving.
    scene.listed(&[1]);
    scene.later(30.0 * DAY);
    assert_eq!(scene.shown.keys().map(|name| &**name).collect::<Vec<_>>(), ["a"]);
}

#[test]
fn what_could_not_be_saved_is_shown_the_next_time() {
    let mut scene = Scene::watched();
    let ended = version(1, 1, "a", FAILED);
    let seen = [Seen { version: &ended, label: "V1", finished: Some(TODAY) }];
    scene.outcomes.see(&key(1), &seen, Answer::Part, moment(TODAY));
    assert!(scene.outcomes.is_stale());
    let changes = scene.outcomes.take();
    assert!(!changes.is_empty() && !scene.outcomes.is_changed() && scene.outcomes.is_stale());
    scene.outcomes.saved();
    assert!(!scene.outcomes.is_stale());
    scene.outcomes.put_back(changes.clone());
    assert!(scene.outcomes.is_changed() && scene.outcomes.is_stale());
    assert_eq!(scene.outcomes.take(), changes);
}

#[test]
fn what_was_read_is_shown_without_being_saved_again() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    let mut saved = serde_json::from_slice(&scene.saved()).unwrap();
    let (rules, now) = (scene.rules.clone(), moment(scene.now));
    scene.outcomes = Outcomes::default();
    scene.outcomes.add_project(&Arc::from("p"), rules, &mut saved, now);
    scene.outcomes.await_job(&key(1));
    assert!(scene.outcomes.is_changed() && !scene.outcomes.is_stale());
    scene.show();
    assert_eq!(scene.runs("a"), [0, 1, 0]);
}

#[test]
fn what_was_saved_of_another_place_is_not_taken_up() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.rules.place = Arc::from("elsewhere");
    scene.shown.clear();
    scene.restart_from_bytes();
    scene.listed(&[]);
    assert!(scene.shown.is_empty() && scene.runs == Runs::default(), "{:?}", scene.runs);
}

#[test]
fn an_answer_that_says_nothing_new_leaves_nothing_to_be_saved() {
    let mut scene = Scene::watched();
    let answers = [(version(1, 1, "a", FAILED), Some(1.0)), (version(1, 2, "a", RUNNING), None)];
    scene.see_all(&answers, Answer::Whole);
    scene.listed(&[1]);
    scene.outcomes.saved();
    scene.see_all(&answers, Answer::Whole);
    scene.listed(&[1]);
    scene.later(60.0);
    assert!(!scene.outcomes.is_stale());
    // Another status is news, of the kind that can wait.
    scene.see(&version(1, 2, "a", 9), None);
    assert!(scene.outcomes.is_stale() && !scene.outcomes.is_changed());
}
