//! What a person is shown beside the metrics: what has grown too old, and what goes wrong.

use super::*;
use crate::own::Reason;

impl Scene {
    fn sight(&self) -> JobSight<'_> {
        self.inventory.see_job(&self.key, self.now).expect("the job is followed")
    }

    fn fails(&mut self, reason: Reason) {
        self.inventory.job_trouble(&self.key, Some(reason), self.now);
        self.polled(Polled::Failed);
    }
}

#[tokio::test]
async fn what_is_withdrawn_from_metrics_is_still_seen_with_its_age() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let unseen = scene.sight();
    assert!((unseen.versions.is_empty(), unseen.poll_success, unseen.name) == (true, None, ""));
    scene.answer(vec![with_recall(with_samples(version(1, RUNNING), 3), 0.5)]);
    let fresh = scene.sight().versions.swap_remove(0);
    assert!(fresh.is_fresh && fresh.tasks[0].is_sampled && fresh.tasks[0].is_fresh);
    assert_eq!((fresh.confirmed, fresh.quality.unwrap().seen), (TODAY, TODAY));
    scene.at(1).fails(Reason::Timeout);
    scene.at(30).fails(Reason::Timeout);
    assert!(scene.view().versions.is_empty(), "too old for metrics");
    let sight = scene.sight();
    assert_eq!((sight.name, sight.poll_success), ("job", Some(false)));
    let since = Some(Trouble { reason: Reason::Timeout, since: TODAY + 60.0 });
    assert_eq!(sight.trouble, since, "since the first of them");
    let old = &sight.versions[0];
    assert!(!(old.is_fresh || old.tasks[0].is_sampled || old.tasks[0].is_fresh));
    assert!(!old.quality.unwrap().is_fresh);
    assert_eq!(old.confirmed, TODAY);
    scene.at(31).fails(Reason::Malformed);
    assert_eq!(scene.sight().trouble.unwrap().since, TODAY + 31.0 * 60.0, "another trouble");
    scene.inventory.job_trouble(&scene.key, None, scene.now);
    assert_eq!(scene.sight().trouble, None);
}

#[tokio::test]
async fn a_job_that_is_gone_keeps_its_name() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(2, RUNNING), version(1, COMPLETED)]);
    assert_eq!((scene.sight().versions.len(), scene.sight().listed_versions), (1, 2));
    scene.at(1).polled(Polled::Gone);
    let sight = scene.sight();
    assert!(sight.gone && sight.versions.is_empty());
    assert_eq!(sight.name, "job");
}

#[tokio::test]
async fn all_jobs_are_seen_however_many_at_once() {
    let now = Moment { steady: Instant::now(), unix: TODAY };
    let mut inventory = Inventory::new();
    let mut wanted = Vec::new();
    for project in ["a", "b", "c"] {
        let project: Arc<str> = Arc::from(project);
        let jobs = if &*project == "b" { 0..0 } else { 1..8 };
        inventory.add_project(&project, SETTINGS, latest_of(jobs.clone()), MINUTE, now);
        let key = |id: u64| JobKey { project: Arc::clone(&project), job_id: JobId::from(id) };
        wanted.extend(jobs.map(key));
    }
    for most in [1, 3, 7, 100] {
        let (mut seen, mut after) = (Vec::new(), None);
        while let some @ [.., last] = &*inventory.see_jobs_after(after.as_ref(), most) {
            assert!(some.len() <= most);
            seen.extend_from_slice(some);
            after = Some(last.clone());
        }
        assert_eq!(seen, wanted, "{most} at once");
    }
}

#[tokio::test]
async fn a_project_tells_of_its_list() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let project = Arc::clone(&scene.key.project);
    let seen = scene.inventory.see_projects(scene.now).next().unwrap();
    assert!(!(seen.is_complete || seen.up || seen.discovers));
    assert_eq!((seen.jobs, seen.listed), (1, None));
    scene.inventory.list_trouble(&project, Some(Reason::Forbidden), scene.now);
    scene.answer(vec![version(1, RUNNING)]);
    let seen = scene.inventory.see_projects(scene.now).next().unwrap();
    assert!(seen.is_complete && seen.up);
    assert_eq!(seen.list_trouble.unwrap().reason, Reason::Forbidden);
}
