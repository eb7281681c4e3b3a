//! The configuration is read again: everything of it or nothing, and projects that did not change notice
//! nothing.

mod operators;
mod projects;
mod refusals;
mod shown;

use crate::harness::{Answer, Cloud, Daemon, ONE_POLL, PATIENCE, Raw, Scrape, Setup, wait_for};

/// Lets whoever asks make it read its configuration again.
const LIFECYCLE: &str = "[web]\nenable_lifecycle = true";

impl Daemon {
    /// Writes another configuration and has it read, which has to go well.
    async fn takes_over(&self, config: &str) -> String {
        self.configure(config);
        let answer = self.reload().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text
    }

    async fn reload(&self) -> Answer {
        self.post("/-/reload", "").await
    }

    /// Waits until a line with these words was logged so many times.
    async fn has_logged(&self, words: &[&str], times: usize) {
        wait_for(PATIENCE, &format!("{words:?} in the log"), async || match self.logged(words) {
            found if found >= times => Ok(()),
            _ => Err(self.log()),
        })
        .await;
    }

    /// What it shows at this moment: what is packed may be as old as a second.
    async fn scrape_unpacked(&self) -> Scrape {
        let answer = Raw::ask(self, "GET", "/metrics", &[]).await;
        Scrape::read(&String::from_utf8(answer.body).unwrap())
    }

    /// Scrapes again and again while something is done: each scrape has to show all of this.
    async fn shows_throughout<T>(&self, expected: &[&str], during: impl Future<Output = T>) -> T {
        let scraping = async {
            loop {
                assert_eq!(self.scrape_unpacked().await.unmet(expected), [""; 0]);
            }
        };
        tokio::select! {
            done = during => done,
            never = scraping => never,
        }
    }
}

/// A cloud with running jobs of these names, and their ids.
async fn cloud_with<const COUNT: usize>(names: [&str; COUNT]) -> (Cloud, [u64; COUNT]) {
    let cloud = Cloud::empty().await;
    let mut jobs = [0; COUNT];
    for (job, name) in jobs.iter_mut().zip(names) {
        *job = cloud.add(name).await.job_id;
    }
    (cloud, jobs)
}

/// Projects that are polled once and then not again for an hour, and that may be told to reload.
fn setup() -> Setup<'static> {
    Setup { poll: ONE_POLL, tables: LIFECYCLE, ..Setup::new() }
}

/// The first file, and the projects of the others.
fn joined(files: &[String]) -> String {
    let (first, others) = files.split_first().unwrap();
    let projects = others.iter().map(|file| &file[file.find("[[projects]]").unwrap()..]);
    std::iter::once(first.as_str()).chain(projects).collect()
}
