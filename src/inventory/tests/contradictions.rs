//! What cannot be true beside what was seen before.

use super::*;
use crate::own::Contradiction;
use crate::own::Contradiction::{
    ClockSetBack, IdReused, NameReused, OutOfOrder, Renamed, Restarted, Shrunk,
};

impl Scene {
    /// What was counted since the last call.
    fn contradictions(&mut self) -> Vec<(Contradiction, u64)> {
        let seen = self.inventory.take_contradictions();
        seen.map(|(_, kind, times)| (kind, times)).collect()
    }

    /// Takes an answer of one version, and says what it contradicts.
    fn contradicts(&mut self, version: Version) -> Vec<(Contradiction, u64)> {
        self.answer(vec![version]);
        self.contradictions()
    }
}

const NONE: [(Contradiction, u64); 0] = [];

#[tokio::test]
async fn the_life_of_a_job_contradicts_nothing() {
    let mut scene = Scene::remembering(VersionSelection::All);
    let waiting = Version { started: None, duration: None, ..version(1, PENDING) };
    let lives = [waiting.clone(), version(1, RUNNING), waiting, version(1, RUNNING)];
    let ends = [version(1, LOST), version(1, RUNNING), version(1, COMPLETED), version(1, 6)];
    for (minute, life) in (1..).zip(lives.into_iter().chain(ends)) {
        let code = life.state.code.unwrap();
        assert_eq!(scene.at(minute).contradicts(life), NONE);
        let list = ListedJob { duration: Some(3590.0), ..listed(code, 1, 1) };
        scene.list(&[list]);
        assert_eq!(scene.contradictions(), NONE);
    }
    scene.at(20).answer(vec![version(1, 6), version(2, RUNNING)]);
    scene.at(21).polled(Polled::Gone);
    scene.at(22).answer(vec![version(1, 6), version(2, RUNNING)]);
    scene.restart();
    scene.at(23).answer(vec![version(1, 6), version(2, COMPLETED), version(3, RUNNING)]);
    assert_eq!(scene.contradictions(), NONE);
}

#[tokio::test]
async fn what_the_list_says_first_is_not_compared_with_the_first_answer() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.list(&[ListedJob { job_name: "jo".to_owned(), ..listed(RUNNING, 1, 1) }]);
    assert_eq!(scene.contradicts(version(1, RUNNING)), NONE);
}

#[tokio::test]
async fn a_version_that_runs_again_is_counted_once_each_time() {
    for (seen_by_list, code) in [(false, RUNNING), (true, RUNNING), (false, PENDING)] {
        let mut scene = Scene::remembering(VersionSelection::Latest);
        for (minute, ended) in [(1, COMPLETED), (3, FAILED)] {
            scene.at(minute).answer(vec![version(1, ended)]);
            scene.at(minute + 1);
            if seen_by_list {
                scene.list(&[ListedJob { duration: None, ..listed(code, 1, 1) }]);
            }
            scene.answer(vec![version(1, code)]);
            scene.answer(vec![version(1, code)]);
            assert_eq!(scene.contradictions(), [(Restarted, 1)], "minute {minute}, {code}");
        }
    }
}

#[tokio::test]
async fn a_restart_of_ours_hides_no_restart_of_a_version() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    scene.at(1).answer(vec![version(1, FAILED)]);
    scene.restart();
    assert_eq!(scene.at(2).contradicts(version(1, RUNNING)), [(Restarted, 1)]);
    // A status that cannot be read is counted where it was read.
    scene.at(3).answer(vec![version(1, FAILED)]);
    let unreadable = Version { state: State::UNREADABLE, ..version(1, RUNNING) };
    assert_eq!(scene.at(4).contradicts(unreadable), NONE);
}

#[tokio::test]
async fn a_version_that_is_not_followed_contradicts_too() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![version(1, COMPLETED), version(2, RUNNING)]);
    scene.at(1).answer(vec![version(1, RUNNING), version(2, RUNNING)]);
    assert_eq!(scene.contradictions(), [(Restarted, 1)]);
    assert_eq!(scene.shown(), ["2"]);
}

#[tokio::test]
async fn another_name_is_counted_once_however_many_versions_have_it() {
    let mut scene = Scene::new(VersionSelection::All);
    let renamed = |id| Version { job_name: "other".to_owned(), ..version(id, RUNNING) };
    scene.answer(vec![version(1, RUNNING), version(2, RUNNING)]);
    scene.at(1).answer(vec![renamed(1), renamed(2)]);
    assert_eq!(scene.contradictions(), [(Renamed, 1)]);
    scene.at(2).list(&[ListedJob { duration: None, ..listed(RUNNING, 2, 2) }]);
    assert_eq!(scene.contradictions(), [(Renamed, 1)], "the list has its old name");
    scene.at(3).answer(vec![Version { job_name: String::new(), ..version(2, RUNNING) }]);
    assert_eq!(scene.contradictions(), NONE, "no name is no other name");
}

#[tokio::test]
async fn the_name_of_a_job_that_is_gone_is_reused_by_another() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![version(1, COMPLETED)]);
    let other = JobKey { job_id: JobId::from(8), ..scene.key.clone() };
    scene.inventory.change_project(&other.project, SETTINGS, latest_of([7, 8]), MINUTE);
    scene.inventory.versions(&other, vec![version(1, RUNNING)], scene.now).unwrap();
    assert_eq!(scene.contradictions(), NONE, "two jobs may share one");
    for key in [&scene.key, &other] {
        scene.inventory.polled(key, Polled::Gone, MINUTE, scene.now);
    }
    let third = JobKey { job_id: JobId::from(9), ..other };
    scene.inventory.change_project(&third.project, SETTINGS, latest_of([9]), MINUTE);
    for _ in 0..2 {
        scene.inventory.versions(&third, vec![version(2, RUNNING)], scene.now).unwrap();
    }
    assert_eq!(scene.contradictions(), [(NameReused, 1)]);
}

#[tokio::test]
async fn an_id_that_stands_for_something_else_is_counted() {
    let later = |id| Version { created: Some(TODAY), ..version(id, RUNNING) };
    // The version was created at another time.
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    assert_eq!(scene.at(1).contradicts(later(1)), [(IdReused, 1)]);
    assert_eq!(scene.at(2).contradicts(later(1)), NONE);
    // The job was deleted, and its id came back with others of all.
    for other in [later(1), later(5)] {
        let mut scene = Scene::new(VersionSelection::Latest);
        scene.answer(vec![version(1, RUNNING)]);
        scene.at(1).polled(Polled::Gone);
        scene.at(2).polled(Polled::Gone);
        let other = Version { job_name: "other".to_owned(), ..other };
        assert_eq!(scene.at(3).contradicts(other), [(Renamed, 1), (IdReused, 1)]);
    }
}

#[tokio::test]
async fn a_run_that_gets_shorter_is_counted_and_shown_as_it_is() {
    let mut scene = Scene::new(VersionSelection::Latest);
    let lasting = |seconds| Version { duration: Some(seconds), ..version(1, RUNNING) };
    scene.answer(vec![lasting(3600.0)]);
    assert_eq!(scene.at(1).contradicts(lasting(3599.0)), NONE, "the other call counts otherwise");
    assert_eq!(scene.at(2).contradicts(lasting(60.0)), [(Shrunk, 1)]);
    assert_eq!(scene.only().version.duration, Some(60.0));
    scene.at(3).answer(vec![lasting(600.0)]);
    let again = Version { started: Some(TODAY), ..lasting(0.0) };
    assert_eq!(scene.at(4).contradicts(again), NONE, "it was put back and began anew");
}

#[tokio::test]
async fn versions_that_were_created_in_another_order_than_their_ids_are_counted_once() {
    let mut scene = Scene::new(VersionSelection::All);
    let early = |id| Version { created: Some(TODAY - 90_000.0), ..version(id, RUNNING) };
    for minute in 0..3 {
        scene.at(minute).answer(vec![version(1, RUNNING), early(2), version(3, RUNNING)]);
    }
    assert_eq!(scene.contradictions(), [(OutOfOrder, 1)]);
    assert_eq!(scene.shown(), ["3", "1", "2"], "what was created last is the newest");
    // The clock of the cloud was set back: what comes next is older than what was there.
    scene.at(3).answer(vec![version(1, RUNNING), early(2), version(3, RUNNING), early(4)]);
    assert_eq!(scene.contradictions(), [(OutOfOrder, 1)]);
}

#[tokio::test]
async fn a_clock_of_ours_that_is_set_back_is_counted_and_ages_nothing() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![with_samples(version(1, RUNNING), 3)]);
    for minute in 1..=3 {
        scene.at(minute).now.unix -= 3.0 * 86_400.0;
        scene.answer(vec![with_samples(version(1, RUNNING), 3 + u64::from(minute))]);
        assert!(scene.sampled().is_some() && scene.up());
    }
    assert_eq!(scene.contradictions(), [(ClockSetBack, 1)]);
    scene.at(4).answer(vec![version(1, COMPLETED)]);
    assert_eq!(scene.contradictions(), NONE, "it was put right again");
    assert_eq!(scene.shown(), ["1"]);
}

#[tokio::test]
async fn a_clock_that_is_set_back_by_less_than_passes_between_two_looks_is_seen() {
    let mut scene = Scene::new(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    let mut set_back = 0.0;
    // Put right by a little each time, which adds up, and then by more.
    for (look, by) in (1..).zip([0.0, 0.5, 0.5, 0.5, 3.0, 0.0]) {
        set_back += by;
        scene.now = scene.start.after(Duration::from_secs(5 * look));
        scene.now.unix -= set_back;
        scene.inventory.tick(scene.now);
        let wanted = if by > 1.0 { vec![(ClockSetBack, 1)] } else { Vec::new() };
        assert_eq!(scene.contradictions(), wanted, "look {look}");
    }
}

#[tokio::test]
async fn an_end_that_no_clock_can_tell_is_when_it_was_seen() {
    let absurd = |id| Version { duration: Some(1e12), ..version(id, COMPLETED) };
    let mut scene = Scene::remembering(VersionSelection::Latest);
    // The older one is not followed.
    scene.answer(vec![version(1, RUNNING), version(2, RUNNING)]);
    scene.at(1).answer(vec![absurd(1), absurd(2)]);
    let now = Some(scene.now.unix);
    assert_eq!((scene.only().finished, scene.counted()), (now, [2, 0, 0]));
    for id in [1, 2].map(VersionId::from) {
        let remembered = scene.inventory.outcomes.remembered(&scene.key, &id).unwrap();
        assert_eq!(remembered.finished, now, "{id}");
    }
    // Nothing that ends later is taken for older than that, or for forgotten.
    scene.at(2).answer(vec![version(2, RUNNING), version(3, RUNNING)]);
    let failed = Version { duration: Some(86_400.0 + 120.0), ..version(3, FAILED) };
    scene.at(3).answer(vec![version(2, RUNNING), failed]);
    assert_eq!(scene.counted(), [2, 1, 0]);
    let (_, outcomes) = scene.inventory.outcomes.of_job(&scene.key).unwrap();
    assert_eq!(outcomes.consecutive_failures, 1);
}

#[tokio::test]
async fn a_run_of_a_job_that_its_own_answer_renames_counts_once() {
    let mut scene = Scene::remembering(VersionSelection::Latest);
    scene.answer(vec![version(1, RUNNING)]);
    // The list, which was asked for before that, still has the old name.
    let asked = scene.now.steady;
    let renamed = Version { job_name: "other".to_owned(), ..version(1, COMPLETED) };
    scene.at(1).answer(vec![renamed.clone()]);
    scene.listed(&[listed(COMPLETED, 1, 1)], asked, MINUTE);
    let name = |scene: &Scene| {
        let (name, outcomes) = scene.inventory.outcomes.of_job(&scene.key).unwrap();
        (
            name.to_string(),
            scene.only().version.job_name.clone(),
            outcomes.last.map(|last| last.outcome),
        )
    };
    let wanted = ("other".to_owned(), "other".to_owned(), Some(Outcome::Completed));
    assert_eq!(name(&scene), wanted);
    let renamed_too = "other".to_owned();
    let is_same = ListedJob { job_name: renamed_too, duration: None, ..listed(COMPLETED, 1, 1) };
    scene.at(2).list(&[is_same]);
    scene.at(3).answer(vec![renamed]);
    assert_eq!((name(&scene), scene.counted()), (wanted, [1, 0, 0]));
    assert_eq!(scene.contradictions(), [(Renamed, 1)]);
}
