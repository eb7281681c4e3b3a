//! Who follows which job where several processes share them.

use super::*;
use crate::own::Reason;

fn of_shard(index: u32, total: u32) -> Region {
    let mut region = Region::new(Discovery::default());
    region.shard = Shard { index, total };
    region.restart();
    region
}

/// The same job under another name.
fn called(job: ListedJob, name: &str) -> ListedJob {
    ListedJob { job_name: name.to_owned(), ..job }
}

#[tokio::test]
async fn every_job_is_followed_on_one_shard() {
    let jobs: Vec<_> = (0..100).map(|id| called(job(id, RUNNING), &format!("job-{id}"))).collect();
    let mut all = Vec::new();
    for index in 0..3 {
        let mut region = of_shard(index, 3);
        let found = region.list(&jobs).found;
        assert!((20..=47).contains(&found.len()), "{}", found.len());
        all.extend(found);
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 100);
}

#[tokio::test]
async fn a_name_that_moves_leaves_one_shard_and_begins_anew_on_the_other() {
    // Found by trying: it stays with two shards and moves to the third.
    let is_of = |index, total, name: &str| Shard { index, total }.has("p", name);
    let mut names = (0..1000).map(|number| format!("train-{number}"));
    let name = names.find(|name| is_of(0, 2, name) && is_of(2, 3, name)).unwrap();
    let run = |code| called(job(1, code), &name);
    let ran = |code| Version { job_name: name.clone(), ..ran(1, code) };
    let (mut old, mut new) = (of_shard(0, 2), of_shard(2, 3));
    for code in [RUNNING, FAILED] {
        old.list(&[run(code)]);
        old.answer(1, vec![ran(code)]);
    }
    assert_eq!(counts(old.outcomes().unwrap().runs), [0, 1, 0]);
    old.shard = Shard { index: 0, total: 3 };
    old.restart();
    assert_eq!(old.list(&[run(FAILED)]), Turnover::default());
    assert_eq!(old.outcomes(), None, "it would be shown twice");
    assert_eq!(ids(&new.list(&[run(FAILED)]).found), ["1"]);
    new.answer(1, vec![ran(FAILED)]);
    let view = new.outcomes().unwrap();
    assert_eq!((view.consecutive_failures, counts(view.runs)), (1, [0, 0, 0]));
    // Another name, of another shard.
    let mut others = (0..100).map(|number| format!("other-{number}"));
    let other = others.find(|name| !is_of(2, 3, name)).unwrap();
    assert_eq!(ids(&new.list(&[called(run(FAILED), &other)]).left), ["1"]);
}

/// A part of a project whose jobs are named alone.
fn naming(index: u32, total: u32, named: impl IntoIterator<Item = u64>) -> Region {
    let mut region = of_shard(index, total);
    (region.finds, region.named) = (false, named.into_iter().collect());
    region.restart();
    region
}

/// All parts of it.
fn shared(total: u32, named: &[u64]) -> Vec<Region> {
    (0..total).map(|index| naming(index, total, named.iter().copied())).collect()
}

/// Of two shards, the one that has the name or id.
fn owner(of: &str) -> u32 {
    u32::from(Shard { index: 1, total: 2 }.has("p", of))
}

/// The first name that this one of two shards has.
fn name_of(shard: u32) -> String {
    let mut names = (0..100).map(|number| format!("train-{number}"));
    names.find(|name| owner(name) == shard).unwrap()
}

/// The first job id that this one of two shards has.
fn id_of(shard: u32) -> u64 {
    (1..100).find(|id: &u64| owner(&id.to_string()) == shard).unwrap()
}

impl Region {
    fn refuse(&mut self) -> Turnover {
        let mut turnover = Turnover::default();
        self.inventory.list_refused(&self.project, &mut turnover, self.now);
        self.tick();
        turnover
    }

    fn change(&mut self) -> Vec<JobKey> {
        let (project, roster) = (Arc::clone(&self.project), self.roster());
        self.inventory.change_project(&project, SETTINGS, roster, MINUTE)
    }
}

#[tokio::test]
async fn every_named_job_is_followed_on_one_shard_whether_it_is_listed_or_not() {
    let listed: Vec<_> =
        (0..60).map(|id| called(twice(id, RUNNING), &format!("job-{id}"))).collect();
    for finds in [false, true] {
        let mut all = Vec::new();
        for mut region in shared(3, &(30..90).collect::<Vec<_>>()) {
            region.finds = finds;
            region.restart();
            assert_eq!(region.shown(), [""; 0], "nobody knows yet whose they are");
            assert!(!region.inventory.is_complete());
            let found = region.list(&listed).found;
            assert!(region.inventory.is_complete());
            assert_eq!(region.list(&listed), Turnover::default());
            assert_eq!(region.inventory.all_job_keys().len(), found.len());
            all.extend(found);
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        let expected = if finds { 90 } else { 60 };
        assert_eq!((all.len(), count), (expected, expected), "with discovery: {finds}");
    }
}

#[tokio::test]
async fn a_named_job_of_a_shard_is_followed_as_it_is_named() {
    let mut region = naming(owner("train"), 2, [7]);
    let job = called(job(7, COMPLETED), "train");
    assert_eq!(ids(&region.list(std::slice::from_ref(&job)).found), ["7"]);
    region.answer(7, vec![ran(1, COMPLETED)]);
    assert_eq!(counts(region.outcomes().unwrap().runs), [0, 0, 0], "it was there before");
    assert_eq!(region.at(3 * 24 * 60).list(&[job]), Turnover::default());
    region.tick();
    assert_eq!(region.shown(), ["7:1"], "its newest version stays");
}

#[tokio::test]
async fn a_list_that_is_not_whole_does_not_say_whose_an_absent_job_is() {
    let mut shards = shared(2, &[1, 2, 3, 4]);
    for region in &mut shards {
        let whole = JobList { jobs: Vec::new(), complete: true, settled: true, pages: 2 };
        for (complete, settled) in [(false, true), (true, false)] {
            let list = JobList { complete, settled, ..whole.clone() };
            assert_eq!(region.read(&list), Turnover::default());
        }
        assert!(region.inventory.is_complete());
    }
    let found: usize = shards.iter_mut().map(|region| region.list(&[]).found.len()).sum();
    assert_eq!(found, 4);
}

#[tokio::test]
async fn a_named_job_that_is_renamed_leaves_one_shard_and_enters_the_other() {
    let names = [name_of(0), name_of(1)];
    let run = |code, name: &str| called(job(1, code), name);
    let ran = |code, name: &str| Version { job_name: name.to_owned(), ..ran(1, code) };
    let mut shards = shared(2, &[1]);
    let [old, new] = &mut shards[..] else { panic!("two") };
    assert_eq!(ids(&old.list(&[run(RUNNING, &names[0])]).found), ["1"]);
    assert_eq!(new.list(&[run(RUNNING, &names[0])]), Turnover::default());
    old.answer(1, vec![ran(RUNNING, &names[0])]);
    old.at(1).answer(1, vec![ran(FAILED, &names[0])]);
    let before = old.outcomes().unwrap();
    assert_eq!((before.consecutive_failures, counts(before.runs)), (1, [0, 1, 0]));
    assert_eq!(ids(&old.at(2).list(&[run(FAILED, &names[1])]).left), ["1"]);
    assert_eq!(ids(&new.at(2).list(&[run(FAILED, &names[1])]).found), ["1"]);
    assert_eq!((old.shown().len(), new.shown().len()), (0, 1));
    new.answer(1, vec![ran(FAILED, &names[1])]);
    let after = new.outcomes().unwrap();
    assert_eq!((after.consecutive_failures, counts(after.runs)), (1, [0, 0, 0]));
    assert_eq!(old.outcomes(), None, "what the former name did stays as it is");
    // Back again: its end is no other one, and was counted.
    assert_eq!(ids(&new.at(3).list(&[run(FAILED, &names[0])]).left), ["1"]);
    assert_eq!(ids(&old.at(3).list(&[run(FAILED, &names[0])]).found), ["1"]);
    old.answer(1, vec![ran(FAILED, &names[0])]);
    let again = old.outcomes().unwrap();
    assert_eq!((again.consecutive_failures, counts(again.runs)), (1, [0, 1, 0]));
}

#[tokio::test]
async fn a_named_job_that_is_deleted_is_asked_about_on_one_shard() {
    let name = name_of(0);
    let id = id_of(1);
    let mut shards = shared(2, &[id]);
    let there = called(job(id, RUNNING), &name);
    for region in &mut shards {
        region.list(std::slice::from_ref(&there));
    }
    shards[0].answer(id, vec![Version { job_name: name.clone(), ..ran(1, RUNNING) }]);
    assert!(shards[0].outcomes().is_some());
    assert_eq!(ids(&shards[0].at(1).list(&[]).left), [id.to_string()]);
    assert_eq!(ids(&shards[1].at(1).list(&[]).found), [id.to_string()]);
    shards[1].gone(id);
    assert_eq!(shards[1].shown(), [format!("{id}:0")]);
    let key = shards[1].key_of(&JobId::from(id));
    let view = shards[1].inventory.job(&key, shards[1].now).unwrap();
    assert_eq!(view.poll_success, Some(false));
    assert_eq!(shards[0].outcomes(), None, "the outcomes of the name stay");
}

#[tokio::test]
async fn a_refused_list_divides_named_jobs_by_their_ids_until_one_comes() {
    // By its id on the first shard, by its name on the other.
    let (id, name) = (id_of(0), name_of(1));
    let ran = |code| Version { job_name: name.clone(), ..ran(1, code) };
    let mut shards = shared(2, &[id]);
    let [by_id, by_name] = &mut shards[..] else { panic!("two") };
    assert_eq!(ids(&by_id.refuse().found), [id.to_string()]);
    assert_eq!(by_name.refuse(), Turnover::default());
    assert!(by_name.inventory.is_complete(), "there is none to wait for");
    assert!(!by_id.inventory.is_complete(), "before the first answer");
    assert_eq!(by_id.refuse(), Turnover::default(), "once");
    by_id.answer(id, vec![ran(RUNNING)]);
    by_id.tick();
    assert!(by_id.inventory.is_complete());
    by_id.at(1).answer(id, vec![ran(FAILED)]);
    assert_eq!(counts(by_id.outcomes().unwrap().runs), [0, 1, 0]);
    // No counter falls with a restart.
    by_id.restart();
    assert_eq!(counts(by_id.outcomes().unwrap().runs), [0, 1, 0]);
    assert_eq!(ids(&by_id.refuse().found), [id.to_string()]);
    by_id.answer(id, vec![ran(FAILED)]);
    let list = [called(job(id, FAILED), &name)];
    assert_eq!(ids(&by_id.at(2).list(&list).left), [id.to_string()]);
    let shown = by_id.inventory.outcomes.take().into_iter().flat_map(|changes| changes.names);
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown, [(Arc::from(&*name), None)], "another's to show from now on");
    assert_eq!(ids(&by_name.at(2).list(&list).found), [id.to_string()]);
    by_name.answer(id, vec![ran(FAILED)]);
    let view = by_name.outcomes().unwrap();
    assert_eq!((view.consecutive_failures, counts(view.runs)), (1, [0, 0, 0]));
    // And refused again.
    assert_eq!(ids(&by_name.at(3).refuse().left), [id.to_string()]);
    assert_eq!(ids(&by_id.at(3).refuse().found), [id.to_string()]);
}

#[tokio::test]
async fn a_change_keeps_the_named_jobs_that_are_ours_and_has_the_next_list_judge_the_others() {
    let name = name_of(0);
    let list: Vec<_> = (1..=3).map(|id| called(job(id, RUNNING), &name)).collect();
    let mut region = naming(0, 2, [1, 2]);
    assert_eq!(ids(&region.list(&list).found), ["1", "2"]);
    region.named = vec![2, 3];
    assert_eq!(region.change(), [region.key_of(&JobId::from(1))]);
    assert_eq!(region.shown(), ["2:1"]);
    assert_eq!(ids(&region.list(&list).found), ["2", "3"], "whoever polls now has to be told");
    assert_eq!(region.list(&list), Turnover::default());
}

#[tokio::test]
async fn a_shard_that_has_nothing_to_ask_but_a_refused_list_is_up_while_the_cloud_refuses() {
    let mut shards = shared(2, &[id_of(0)]);
    let [has_it, idle] = &mut shards[..] else { panic!("two") };
    let is_up = |region: &Region| region.inventory.projects(region.now).next().unwrap().up;
    let says = |region: &mut Region, reason| {
        region.inventory.list_trouble(&Arc::clone(&region.project), Some(reason), region.now);
    };
    for region in [&mut *has_it, &mut *idle] {
        assert!(!is_up(region), "nothing was answered");
        region.refuse();
        says(region, Reason::Forbidden);
    }
    assert!(!is_up(has_it), "its job was not answered for");
    assert!(is_up(idle));
    says(idle, Reason::Unreachable);
    assert!(!is_up(idle));
}
