//! What becomes of a version once it has ended, or has after all not.

use super::*;

#[tokio::test]
async fn a_retention_ends_to_the_second_whichever_way_a_version_is_followed() {
    let listed = VersionSelection::Listed(["1".to_owned(), "V0002".to_owned()].into());
    for selection in [VersionSelection::All, VersionSelection::Latest, listed] {
        let mut scene = Scene::new(selection.clone());
        let answer = |code| vec![version(1, code), version(2, RUNNING)];
        // Under `latest` it is followed because it was once the newest.
        scene.answer(vec![version(1, RUNNING)]);
        scene.answer(answer(COMPLETED));
        let ended = version(1, COMPLETED).end_of_run().unwrap();
        let kept = SETTINGS.finished_retention.as_secs_f64();
        let last = ended + kept - TODAY;
        scene.now = scene.start.after(Duration::from_secs_f64(last));
        scene.answer(answer(COMPLETED));
        assert_eq!(scene.shown(), ["2", "1"], "{selection:?}");
        scene.now = scene.now.after(Duration::from_millis(1));
        assert_eq!(scene.shown(), ["2"], "{selection:?}: no answer is needed for it");
        scene.answer(answer(COMPLETED));
        assert_eq!(scene.shown(), ["2"], "{selection:?}: and none brings it back");
        // It runs again: by its id it was asked for, and so was each of all.
        scene.answer(answer(RUNNING));
        let again: &[&str] = match selection {
            VersionSelection::Latest => &["2"],
            _ => &["2", "1"],
        };
        assert_eq!(scene.shown(), again, "{selection:?}");
    }
}

#[tokio::test]
async fn time_alone_ends_a_retention_within_five_seconds() {
    let mut scene = Scene::new(VersionSelection::All);
    let answer = || vec![version(1, COMPLETED), version(2, RUNNING)];
    scene.answer(answer());
    let ended = version(1, COMPLETED).end_of_run().unwrap();
    let kept = SETTINGS.finished_retention.as_secs_f64();
    let begin = scene.start.after(Duration::from_secs_f64(ended + kept - TODAY - 60.0));
    scene.now = begin;
    scene.answer(answer());
    let due = (0..300).find(|second| {
        scene.now = begin.after(Duration::from_secs(*second));
        !scene.inventory.tick(scene.now).is_empty()
    });
    let late = scene.now.unix - ended - kept;
    assert!(due.is_some() && late > 0.0 && late <= 5.0, "{late} s");
}

#[tokio::test]
async fn a_version_that_runs_again_shows_the_times_of_its_new_run() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    let run = |code, started: f64, duration| Version {
        started: Some(TODAY + started),
        duration: Some(duration),
        ..version(1, code)
    };
    let times = |scene: &Scene| {
        let shown = scene.only();
        let version = shown.version;
        [version.started, version.duration, shown.finished].map(|time| time.map(|at| at - TODAY))
    };
    let duration = |scene: &Scene| scene.only().version.duration;
    scene.answer(vec![run(RUNNING, 0.0, 0.0)]);
    scene.at(10).answer(vec![run(FAILED, 0.0, 600.0)]);
    assert_eq!((times(&scene)[2], duration(&scene)), (Some(600.0), Some(600.0)));
    let waiting = Version { started: None, duration: None, ..version(1, PENDING) };
    scene.at(11).answer(vec![waiting]);
    assert_eq!(times(&scene), [None, None, None]);
    scene.at(12).answer(vec![run(RUNNING, 700.0, 20.0)]);
    assert_eq!((times(&scene)[0], duration(&scene)), (Some(700.0), Some(20.0)));
    assert_eq!(times(&scene)[2], None);
    scene.at(20).answer(vec![run(COMPLETED, 700.0, 400.0)]);
    assert_eq!((times(&scene)[2], duration(&scene)), (Some(1100.0), Some(400.0)));
    // The same where the list is the first to say so.
    scene.at(21).list(&[ListedJob { duration: Some(0.0), ..listed(RUNNING, 1, 1) }]);
    assert_eq!(times(&scene)[2], None);
    assert_eq!(duration(&scene), Some(0.0));
}

#[tokio::test]
async fn a_version_that_was_lost_runs_on_or_ends_with_its_own_times() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    scene.at(1).answer(vec![version(1, LOST)]);
    scene.at(14).answer(vec![version(1, RUNNING)]);
    scene.at(15).answer(vec![version(1, LOST)]);
    scene.at(29).answer(vec![version(1, LOST)]);
    assert_eq!(scene.only().finished, None, "what was lost before does not count");
    scene.at(30);
    assert_eq!(scene.inventory.tick(scene.now), [scene.key.clone()], "time alone ends it");
    assert_eq!(scene.only().finished, version(1, LOST).end_of_run());
    scene.at(31).answer(vec![version(1, COMPLETED)]);
    assert_eq!(scene.only().finished, version(1, COMPLETED).end_of_run());
    assert_eq!(scene.only().version.state.status, crate::model::Status::Completed);
}

#[tokio::test]
async fn a_deletion_that_failed_ends_a_version_as_it_was() {
    const DELETE_FAILED: i64 = 6;
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![with_recall(with_samples(version(1, RUNNING), 3), 0.5)]);
    scene.at(1).answer(vec![version(1, COMPLETED)]);
    let finished = scene.only().finished;
    for minute in 2..=30 {
        scene.at(minute).answer(vec![version(1, DELETE_FAILED)]);
    }
    assert_eq!(scene.only().finished, finished);
    assert!(scene.only().quality.is_some() && scene.has_whole_run());
    assert!(scene.sampled().is_none());
    // Straight from running: it has ended, and how is not known.
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    scene.at(1).answer(vec![version(1, DELETE_FAILED)]);
    assert!(scene.only().finished.is_some());
}

#[tokio::test]
async fn all_versions_give_way_to_newer_ones_whatever_their_status() {
    let mut scene = Scene::new(VersionSelection::All);
    scene.answer((1..=3).map(|id| version(id, RUNNING)).collect());
    scene.at(1).answer((1..=5).map(|id| version(id, RUNNING)).collect());
    assert_eq!(scene.shown(), ["5", "4", "3"]);
    // The newest was deleted: what it had pushed out is there again.
    scene.at(2).answer((1..=4).map(|id| version(id, RUNNING)).collect());
    assert_eq!(scene.shown(), ["4", "3", "2"]);
    // Versions asked for by id are not cut.
    let wanted = (1..=5).map(|id| id.to_string()).collect();
    let mut scene = Scene::new(VersionSelection::Listed(wanted));
    scene.answer((1..=9).map(|id| version(id, RUNNING)).collect());
    assert_eq!(scene.shown(), ["5", "4", "3", "2", "1"]);
}
