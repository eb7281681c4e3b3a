//! What a run is compared with.

use super::*;

#[test]
fn each_version_is_compared_with_the_run_that_completed_before_it() {
    let mut scene = Scene::watched();
    let completed = |job, id, recall| with_recall(version(job, id, "a", COMPLETED), recall);
    scene.see(&completed(1, 1, 0.5), Some(1.0));
    assert_eq!(scene.previous(1, 1), None);
    scene.see(&with_recall(version(2, 1, "a", RUNNING), 0.1), None);
    assert_eq!(scene.previous(2, 1), Some(0.5));
    scene.see(&completed(2, 1, 0.6), Some(2.0));
    assert_eq!((scene.previous(1, 1), scene.previous(2, 1)), (None, Some(0.5)));
    // A failed run has something to be compared with, and is nothing to compare with.
    scene.see(&with_recall(version(3, 1, "a", FAILED), 0.9), Some(3.0));
    scene.see(&completed(3, 2, 0.7), Some(4.0));
    assert_eq!((scene.previous(3, 1), scene.previous(3, 2)), (Some(0.6), Some(0.6)));
    // Scores that come after the end, and scores that were corrected.
    scene.see(&version(4, 1, "a", COMPLETED), Some(5.0));
    scene.see(&version(5, 1, "a", RUNNING), None);
    assert_eq!(scene.previous(5, 1), None, "the run before reported nothing");
    for recall in [0.8, 0.81] {
        scene.see(&completed(4, 1, recall), Some(5.0));
        assert_eq!(scene.previous(5, 1), Some(recall));
    }
    scene.restart_from_bytes();
    assert_eq!((scene.previous(5, 1), scene.previous(4, 1)), (Some(0.81), Some(0.7)));
}

#[test]
fn jobs_that_are_to_be_compared_anew_are_named() {
    let mut scene = Scene::watched();
    for job in 1..=3 {
        let name = if job == 3 { "b" } else { "a" };
        scene.see(&version(job, 1, name, RUNNING), None);
    }
    let ended = version(1, 1, "a", COMPLETED);
    let seen = [Seen { version: &ended, label: "V1", finished: Some(TODAY) }];
    scene.outcomes.see(&key(1), &seen, Answer::Part, moment(TODAY));
    let changes = scene.outcomes.take();
    assert_eq!(changes[0].jobs, [JobId::from(1), JobId::from(2)]);
}

#[test]
fn the_worst_class_of_a_run_is_kept_for_the_next_one() {
    let mut scene = Scene::watched();
    let scored = |recall: f64, precision: Option<f64>| ClassQuality {
        scores: Scores { recall: Some(recall), precision, ..Scores::default() },
        ..ClassQuality::default()
    };
    // The lowest recall and the lowest precision are of two classes, and not every class has both.
    let mut classes = vec![scored(0.9, Some(0.5)), scored(0.3, None), scored(0.7, Some(0.6))];
    let with = |version, classes: &[ClassQuality]| {
        let classes = classes.to_vec();
        Version { quality: Some(Quality { classes, ..Quality::default() }), ..version }
    };
    scene.see(&with(version(1, 1, "a", COMPLETED), &classes), Some(1.0));
    scene.see(&version(1, 2, "a", RUNNING), None);
    let worst = |scene: &Scene| {
        let previous = scene.outcomes.previous(&key(1), &VersionId::from(2)).unwrap();
        let Scores { recall, precision, accuracy, f1_score, .. } = *previous.worst_class;
        assert_eq!(*previous.overall, Scores::default());
        (recall, precision, accuracy, f1_score)
    };
    assert_eq!(worst(&scene), (Some(0.3), Some(0.5), None, None));
    // A correction of a class alone is news, too.
    scene.outcomes.saved();
    assert!(!scene.outcomes.is_stale());
    classes[1] = scored(0.4, None);
    scene.see(&with(version(1, 1, "a", COMPLETED), &classes), Some(1.0));
    assert!(scene.outcomes.is_stale());
    scene.restart_from_bytes();
    assert_eq!(worst(&scene), (Some(0.4), Some(0.5), None, None));
}

#[test]
fn what_an_older_release_saved_of_a_run_has_no_worst_class() {
    let mut scene = Scene::watched();
    scene.see(&with_recall(version(1, 1, "a", COMPLETED), 0.5), Some(1.0));
    scene.see(&version(1, 2, "a", RUNNING), None);
    let saved = String::from_utf8(scene.saved()).unwrap();
    assert!(!saved.contains("worst_class"), "{saved}");
    scene.restart(serde_json::from_str(&saved).unwrap());
    let previous = scene.outcomes.previous(&key(1), &VersionId::from(2)).unwrap();
    assert_eq!((previous.overall.recall, previous.worst_class.recall), (Some(0.5), None));
}
