//! What is forgotten, and what must not be counted again for it.

use super::*;

#[test]
fn what_a_skipped_page_hid_is_not_counted_again() {
    let mut scene = Scene::watched();
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    scene.listed(&[]);
    scene.later(HOUR);
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    assert_eq!(scene.runs("a"), [0, 1, 0]);
    // Nor after it was forgotten; what ended later is new.
    scene.listed(&[]);
    scene.later(2.0 * DAY);
    assert!(scene.outcomes.remembered(&key(1), &VersionId::from(1)).is_none());
    scene.see(&version(1, 1, "a", FAILED), Some(1.0));
    assert_eq!(scene.runs("a"), [0, 1, 0]);
    scene.see(&version(2, 1, "a", FAILED), Some(2.0 * DAY));
    assert_eq!(scene.runs("a"), [0, 2, 0]);
}

#[test]
fn a_version_that_was_missing_from_its_job_is_not_counted_again() {
    let mut scene = Scene::watched();
    let old = (version(1, 1, "a", FAILED), Some(1.0));
    let new = (version(1, 2, "a", COMPLETED), Some(2.0));
    scene.see_all(&[old.clone(), new.clone()], Answer::Whole);
    scene.see_all(std::slice::from_ref(&new), Answer::Whole);
    for _ in 0..3 {
        scene.later(DAY);
    }
    assert!(scene.outcomes.remembered(&key(1), &VersionId::from(1)).is_none());
    scene.see_all(&[old, new], Answer::Whole);
    assert_eq!(scene.runs("a"), [1, 1, 0]);
}

#[test]
fn where_nothing_is_remembered_versions_are_looked_at_no_more_than_once_a_second() {
    let mut scene = Scene::with(Rules { memory: Duration::ZERO, ..rules() });
    scene.listed(&[]);
    let (old, new) = ((version(1, 1, "a", FAILED), Some(1.0)), (version(1, 2, "a", RUNNING), None));
    scene.see_all(&[old, new.clone()], Answer::Whole);
    scene.later(1.0);
    scene.see_all(&[new], Answer::Whole);
    let is_known =
        |scene: &Scene| scene.outcomes.remembered(&key(1), &VersionId::from(1)).is_some();
    scene.later(0.5);
    assert!(is_known(&scene));
    scene.later(0.5);
    assert!(!is_known(&scene));
}

#[test]
fn of_jobs_that_are_gone_no_more_are_remembered_than_there_may_be_names() {
    let mut scene = Scene::with(Rules { names: 10, ..rules() });
    scene.listed(&[]);
    for job in 0..1000 {
        scene.see(&version(job, 1, "a", FAILED), Some(job as f64));
    }
    scene.listed(&[]);
    let before = scene.saved().len();
    scene.later(1.0);
    assert!(scene.saved().len() < before / 20);
    // None of them counts again, those that were forgotten nor those that are remembered.
    for job in 0..1000 {
        scene.see(&version(job, 1, "a", FAILED), Some(job as f64));
    }
    assert_eq!(scene.runs("a"), [0, 1000, 0]);
}

#[test]
fn what_passes_through_in_a_day_leaves_no_more_behind_than_there_may_be_names() {
    const NAMES: usize = 1000;
    const LIVE: usize = 200;
    let mut scene = Scene::with(Rules { names: NAMES, ..rules() });
    scene.listed(&[]);
    let (mut most, mut ended) = (0, 0);
    // Each round a crowd of jobs, each with a name of its own, has ended and is there for two lists.
    for round in 0..50 {
        let jobs: Vec<u64> = (0..).skip(round * LIVE).take(LIVE).collect();
        for _ in 0..2 {
            for job in &jobs {
                let at = scene.now - TODAY;
                scene.see(&version(*job, 1, &format!("job-{job}"), FAILED), Some(at));
            }
            scene.listed(&jobs);
            scene.later(DAY / 100.0);
        }
        ended += jobs.len() as u64;
        assert_eq!(scene.runs.of(Outcome::Failed), ended, "none is lost and none counts twice");
        assert!(
            scene.shown.len() <= NAMES && scene.shown.contains_key(&*format!("job-{}", jobs[0]))
        );
        most = most.max(scene.saved().len());
    }
    // What is listed, and of what is gone as many jobs as names.
    let a_job_and_its_name = 400;
    assert!(most <= (NAMES + LIVE) * a_job_and_its_name, "{most} bytes");
    scene.listed(&[]);
    scene.later(31.0 * DAY);
    assert!(scene.shown.is_empty() && scene.saved().len() < 500, "{}", scene.saved().len());
}
