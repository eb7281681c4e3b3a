//! Several daemons that share the jobs of a project, each of which is on one of them.

use crate::harness::{Cloud, Daemon, PATIENCE, Setup, wait_for};
use modelarts_exporter::model::Shard;

/// All of the daemons.
struct Shards(Vec<Daemon>);

impl Shards {
    async fn start(total: u32, setup: &Setup<'_>, cloud: &Cloud) -> Self {
        let mut shards = Vec::new();
        for index in 0..total {
            let tables = format!("[shard]\nindex = {index}\ntotal = {total}");
            let setup = Setup { tables: &tables, ..setup.clone() };
            shards.push(Daemon::start(&setup.file(cloud)).await);
        }
        Self(shards)
    }

    async fn are_ready(&self) {
        for shard in &self.0 {
            shard.is_ready().await;
        }
    }

    /// How many series there are, and the sum of their values.
    async fn total_of(&self, series: &str) -> (usize, f64) {
        let (mut count, mut sum) = (0, 0.0);
        for shard in &self.0 {
            let scrape = shard.scrape().await;
            count += scrape.find(series).len();
            sum += scrape.sum(series);
        }
        (count, sum)
    }

    /// Waits until all of them together have so many series, the values of which come to this sum.
    async fn reach(&self, series: &str, count: usize, sum: f64) {
        wait_for(PATIENCE, series, async || match self.total_of(series).await {
            (there, found) if there == count && (found - sum).abs() < 0.5 => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    /// Waits until this one alone shows the job as it is.
    async fn have(&self, job: u64, owner: usize) {
        let success = format!("modelarts_job_poll_success{{job_id=\"{job}\"}}");
        self.0[owner].shows(&[format!("{success} == 1")]).await;
        self.reach(&success, 1, 1.0).await;
    }
}

/// Which of so many has what is called so.
fn owner(of: &str, total: u32) -> usize {
    let mut owners = (0..total).filter(|&index| Shard { index, total }.has("p", of));
    owners.next().unwrap() as usize
}

/// The first of these names that passes.
fn name(is_wanted: impl Fn(&str) -> bool) -> String {
    let mut names = (0..1000).map(|number| format!("moving-{number}"));
    names.find(|name| is_wanted(name)).unwrap()
}

#[tokio::test]
async fn jobs_that_are_found_are_shown_once() {
    let cloud = Cloud::empty().await;
    let mut jobs = Vec::new();
    for number in 0..30 {
        jobs.push(cloud.add(&format!("train-{number}")).await.job_id);
    }
    let found =
        Setup { project: "discovery = { enabled = true }", ..Setup::new().with("p", [], "") };
    let shards = Shards::start(3, &found, &cloud).await;
    shards.reach("modelarts_job_poll_success", 30, 30.0).await;
    shards.reach("modelarts_job_info", 30, 30.0).await;
    shards.reach("modelarts_up", 3, 3.0).await;
    for job in jobs {
        shards.reach(&format!("modelarts_job_info{{job_id=\"{job}\"}}"), 1, 1.0).await;
        cloud.set_status(job, "failed").await;
    }
    shards.reach("modelarts_runs_total{outcome=\"failed\"}", 3, 30.0).await;
    shards.reach("modelarts_job_consecutive_failures", 30, 30.0).await;
}

#[tokio::test]
async fn jobs_that_are_named_are_shown_once_listed_or_not_and_move_with_their_names() {
    let cloud = Cloud::empty().await;
    let mut named = Vec::new();
    for number in 0..10 {
        // Two versions each.
        cloud.add(&format!("train-{number}")).await;
        named.push(cloud.add(&format!("train-{number}")).await.job_id);
        cloud.add(&format!("other-{number}")).await;
    }
    let moving = name(|name| owner(name, 3) != owner(&format!("{name}-renamed"), 3));
    let job = cloud.add(&moving).await.job_id;
    let absent = 999_999;
    named.extend([job, absent]);
    let setup = Setup::new().with("p", named.clone(), "\"all\"");
    let shards = Shards::start(3, &setup, &cloud).await;
    shards.are_ready().await;
    shards.reach("modelarts_job_info", 21, 21.0).await;
    shards.reach("modelarts_job_poll_success", 12, 11.0).await;
    shards.reach("modelarts_up", 3, 3.0).await;
    for (number, job) in named.iter().take(10).enumerate() {
        shards.have(*job, owner(&format!("train-{number}"), 3)).await;
    }
    shards.have(job, owner(&moving, 3)).await;
    let failing = format!("modelarts_job_poll_success{{job_id=\"{absent}\"}} == 0");
    shards.0[owner(&absent.to_string(), 3)].shows(&[failing]).await;

    cloud.fault(&format!("\"fault\": \"renamed\", \"job_id\": {job}")).await;
    shards.have(job, owner(&format!("{moving}-renamed"), 3)).await;
    shards.reach(&format!("modelarts_job_info{{job_id=\"{job}\"}}"), 1, 1.0).await;

    cloud.remove(job).await;
    shards.reach(&format!("modelarts_job_info{{job_id=\"{job}\"}}"), 0, 0.0).await;
    shards.reach(&format!("modelarts_job_poll_success{{job_id=\"{job}\"}}"), 1, 0.0).await;
}

#[tokio::test]
async fn jobs_that_are_named_are_divided_by_their_ids_while_the_list_is_forbidden() {
    let cloud = Cloud::empty().await;
    cloud.fault("\"fault\": \"forbidden\", \"on\": \"list\"").await;
    let mut jobs = Vec::new();
    for number in 0..12 {
        let name = format!("train-{number}");
        jobs.push((cloud.add(&name).await.job_id, name));
    }
    let shards = Shards::start(2, &Setup::of(jobs.iter().map(|(job, _)| *job)), &cloud).await;
    shards.are_ready().await;
    for (job, _) in &jobs {
        shards.have(*job, owner(&job.to_string(), 2)).await;
    }
    shards.reach("modelarts_job_runs_total{outcome=\"failed\"}", 12, 0.0).await;
    for (job, _) in &jobs {
        cloud.set_status(*job, "failed").await;
    }
    shards.reach("modelarts_runs_total{outcome=\"failed\"}", 2, 12.0).await;
    shards.reach("modelarts_job_consecutive_failures", 12, 12.0).await;

    cloud.heal().await;
    for (job, name) in &jobs {
        shards.have(*job, owner(name, 2)).await;
    }
    shards.reach("modelarts_job_consecutive_failures", 12, 12.0).await;
    // What was counted for the project stays with whoever counted it.
    shards.reach("modelarts_runs_total{outcome=\"failed\"}", 2, 12.0).await;
}

#[tokio::test]
async fn a_shard_without_jobs_is_up_while_the_list_is_forbidden() {
    let cloud = Cloud::empty().await;
    cloud.fault("\"fault\": \"forbidden\", \"on\": \"list\"").await;
    let job = cloud.add("train").await.job_id;
    let shards = Shards::start(3, &Setup::of([job]), &cloud).await;
    shards.reach("modelarts_job_poll_success", 1, 1.0).await;
    shards.reach("modelarts_up", 3, 3.0).await;
    cloud.heal().await;
    cloud.fault("\"fault\": \"server_error\", \"on\": \"any\"").await;
    shards.reach("modelarts_up", 3, 0.0).await;
}
