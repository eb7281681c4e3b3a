use serde::Serialize;

use super::super::job::Job;

/// Hosts of a network.
const HOSTS: u64 = 250;

/// Where a task is, or was.
#[derive(Debug, Serialize)]
pub(in crate::simulator::v2) struct Place {
    task: String,
    ip: String,
    host_ip: String,
    schedule_count: u64,
}

/// Where the tasks of a job are after its newest scheduling; with a number, after that one.
pub(in crate::simulator::v2) fn places(job: &Job, now: i64, schedule: u64) -> Vec<Place> {
    let runs = job.runs(now).len() as u64;
    let wanted = if schedule == 0 { runs } else { schedule };
    if wanted == 0 || wanted > runs {
        return Vec::new();
    }
    let place = |(task, place): (_, u64)| {
        let host = format!("{}.{}", place / HOSTS, place % HOSTS + 1);
        Place {
            task,
            ip: format!("172.16.{host}"),
            host_ip: format!("192.168.{host}"),
            schedule_count: wanted,
        }
    };
    job.tasks(now).into_iter().map(|task| task.name).zip(0..).map(place).collect()
}
