//! How often wrong credentials are shown, with the clock moved by hand.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join, join_all};
use modelarts_exporter::cloud::sign::Scheme;
use modelarts_exporter::cloud::{
    self, AccessKey, AnswerMemory, Auth, Method, Pace, Secret, Training, TrainingApi as _,
};
use modelarts_exporter::config::{self, Source};
use modelarts_exporter::model::JobId;
use modelarts_exporter::own;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::PATIENCE;
use crate::harness::{Cloud, Setup};

/// As many as a project has in flight by default.
const AT_ONCE: usize = 16;

/// The least time between two attempts with what was refused.
const HOLD: Duration = Duration::from_mins(5);

struct Unpaced;

impl Pace for Unpaced {
    fn ready(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// Lets its call go when it is told to.
#[derive(Default)]
struct Late {
    asked: Notify,
    open: Notify,
}

impl Pace for Late {
    fn ready(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.asked.notify_one();
        Box::pin(self.open.notified())
    }
}

/// A way to the cloud's only job with this method.
fn training(cloud: &Cloud, job: u64, method: Method) -> Training {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("exporter.toml");
    let project = "project_id = \"0123456789abcdef0123456789abcdef\"";
    std::fs::write(&file, Setup { project, ..Setup::of([job]) }.file(cloud)).unwrap();
    let (config, _) = config::load(&Source { file: Some(file), ..Source::default() }).unwrap();
    let project = config.projects[0].cloud.clone();
    let project = cloud::Project { auth: Auth { method, agency: None }, ..project };
    // Fails where another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Training::new(project, Arc::new(AnswerMemory::new(1 << 24)), own::Metrics::new().project("p"))
        .unwrap()
}

fn secret(text: &str) -> (watch::Sender<SecretString>, Secret) {
    watch::channel(SecretString::from(text))
}

fn key(access_key: Secret, secret_key: Secret) -> Method {
    let scheme = Scheme::Access;
    Method::AccessKey(AccessKey { access_key, secret_key, security_token: None, scheme })
}

/// Calls at once, and how many were answered.
async fn call(training: &Training, job: u64) -> usize {
    let job = JobId::from(job);
    let calls = (0..AT_ONCE).map(|_| training.versions(&job, &Unpaced));
    join_all(calls).await.iter().filter(|outcome| outcome.is_ok()).count()
}

/// Moves the clock on; nothing is under way meanwhile.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_wrong_key_is_probed_once_a_hold_and_a_reload_or_a_new_secret_ends_it() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("job").await.job_id;
    let (_keep, access_key) = secret("DEMOACCESSKEY");
    let (sender, secret_key) = secret("wrong");
    let training = training(&cloud, job, key(access_key, secret_key));
    let bad = async || cloud.refusals().await.bad_signatures;
    assert_eq!((call(&training, job).await, bad().await), (0, 1), "at the start");
    assert_eq!((call(&training, job).await, bad().await), (0, 1), "held");
    pass(HOLD.saturating_sub(Duration::from_secs(20))).await;
    assert_eq!((call(&training, job).await, bad().await), (0, 1), "still held");
    pass(Duration::from_secs(25)).await;
    assert_eq!((call(&training, job).await, bad().await), (0, 2), "after the hold");
    training.end_hold();
    assert_eq!((call(&training, job).await, bad().await), (0, 3), "after a reload");
    sender.send_replace("demosecretkey".into());
    assert_eq!((call(&training, job).await, bad().await), (AT_ONCE, 3), "with the right one");
    sender.send_replace("wrong again".into());
    assert_eq!((call(&training, job).await, bad().await), (0, 4), "with another wrong one");
    assert_eq!(cloud.refusals().await.while_locked, 0);
}

#[tokio::test]
async fn a_token_that_nobody_takes_is_tried_by_one_call_after_the_hold() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("job").await.job_id;
    let (_keep, token) = watch::channel(SecretString::from("nobody's"));
    let training = training(&cloud, job, Method::Token(token));
    assert_eq!(call(&training, job).await, 0);
    let asked = cloud.requests("versions").await;
    assert_eq!(call(&training, job).await, 0);
    assert_eq!(cloud.requests("versions").await, asked, "held");
    pass(HOLD + Duration::from_secs(1)).await;
    assert_eq!(call(&training, job).await, 0);
    assert_eq!(cloud.requests("versions").await, asked + 1, "one probe");
}

#[tokio::test]
async fn a_call_that_waits_for_its_pace_keeps_no_other_from_trying_the_key() {
    let cloud = Cloud::empty().await;
    let job = cloud.add("job").await.job_id;
    let ((_access, access_key), (_secret, secret_key)) =
        (secret("DEMOACCESSKEY"), secret("demosecretkey"));
    let training = training(&cloud, job, key(access_key, secret_key));
    let job = JobId::from(job);
    let late = Late::default();
    let other = async {
        late.asked.notified().await;
        let outcome = training.versions(&job, &Unpaced).await;
        late.open.notify_one();
        outcome
    };
    let both = timeout(PATIENCE, join(training.versions(&job, &late), other)).await;
    let (late, other) = both.expect("each waits for the other");
    assert!(late.is_ok() && other.is_ok());
}

#[tokio::test]
async fn calls_that_were_paced_while_others_were_refused_do_not_show_the_key_again() {
    let cloud = Cloud::empty().await;
    let id = cloud.add("job").await.job_id;
    let ((_access, access_key), (_secret, secret_key)) =
        (secret("DEMOACCESSKEY"), secret("demosecretkey"));
    let training = training(&cloud, id, key(access_key, secret_key));
    assert_eq!(call(&training, id).await, AT_ONCE, "the key is accepted");
    let asked = cloud.requests("versions").await;
    cloud.fault(r#""fault": "unauthorized", "on": "versions""#).await;

    // All wait for their pace; each goes when the one before it is done.
    let (job, paces) = (JobId::from(id), [(); AT_ONCE].map(|()| Late::default()));
    let calls = (0..AT_ONCE).map(async |number| {
        let outcome = training.versions(&job, &paces[number]).await;
        if let Some(next) = paces.get(number + 1) {
            next.open.notify_one();
        }
        outcome.is_ok()
    });
    let first = async {
        for pace in &paces {
            pace.asked.notified().await;
        }
        paces[0].open.notify_one();
    };
    let all = timeout(PATIENCE, join(join_all(calls), first)).await;
    assert_eq!(all.expect("each gets its turn").0, [false; AT_ONCE]);
    assert_eq!(cloud.requests("versions").await, asked + 3, "until the project was held");
}
