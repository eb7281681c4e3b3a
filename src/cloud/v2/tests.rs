//! What is asked, and what becomes of the answers, against a cloud that says what it is told to say.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::cloud::sign::{self, Key, Request, Scheme};
use crate::cloud::{
    AccessKey, AnswerMemory, Auth, Error, Method, Pace, Project, Secret, Tls, Training,
    TrainingApi as _,
};
use crate::model::{Api, JobId, Status, TaskUsage, Version};
use crate::own;

/// One request as it came.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A cloud that answers with whatever a function says.
struct Cloud {
    training: Training,
    asked: Arc<Mutex<Vec<Asked>>>,
    own: own::Metrics,
}

type Answers = fn(&Asked) -> (u16, String);

impl Cloud {
    async fn start(answers: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) -> Self {
        let (_keep, token) = watch::channel(SecretString::from("a token"));
        Self::with(Method::Token(token), answers).await
    }

    async fn with(
        method: Method,
        answers: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        // Fails where another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let (asked, answers) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::new(answers));
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answers) = (Arc::clone(&seen), Arc::clone(&answers));
                tokio::spawn(async move { serve(stream, &seen, &*answers).await });
            }
        });
        let project = Project {
            name: "p".into(),
            api: Api::V2,
            endpoint,
            project_id: Some("0123".to_owned()),
            tls: Tls::default(),
            proxy_url: None,
            timeout: Duration::from_secs(30),
            answer_bytes: 1 << 20,
            label_value_length: 16,
            classes_per_version: 1,
            tasks_per_version: 4,
            extra_metrics: 0,
            workspace_id: None,
            auth: Auth { method, agency: None },
        };
        let own = own::Metrics::new();
        let memory = Arc::new(AnswerMemory::new(1 << 20));
        let training = Training::new(project, memory, own.project("p")).unwrap();
        Self { training, asked, own }
    }

    /// What was asked since the last time: the path below the project, and the offset of a search.
    fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let below = |asked: &Asked| {
            let path = asked.path.strip_prefix("/v2/0123/").unwrap();
            let offset = asked.body.split([':', ',']).nth(1);
            offset.map_or(path.to_owned(), |offset| format!("{path} {offset}"))
        };
        asked.iter().map(below).collect()
    }

    async fn job(&self, job: &str) -> Result<Version, Error> {
        let reading = self.training.versions(&JobId::from(job), &Unpaced).await?;
        Ok(reading.content.into_iter().next().unwrap())
    }

    /// How many calls have failed by the counter.
    fn failures(&self) -> f64 {
        let readings = self.own.read().into_iter();
        let errors = readings.filter(|reading| reading.family.name.ends_with("api_errors_total"));
        let values = errors.flat_map(|reading| reading.series).map(|series| series.value);
        values.map(|value| if let own::Value::Number(number) = value { number } else { 0.0 }).sum()
    }
}

struct Unpaced;

impl Pace for Unpaced {
    fn ready(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

async fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<Asked>>,
    answers: &(dyn Fn(&Asked) -> (u16, String) + Send + Sync),
) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut asked = Asked { method, path, headers: Vec::new(), body: String::new() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        asked.headers.push((name.to_owned(), value.to_owned()));
    }
    let length = asked.headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    asked.body = String::from_utf8(body).unwrap();
    let (status, body) = answers(&asked);
    seen.lock().unwrap().push(asked);
    let mut answer = format!("HTTP/1.1 {status} So\r\nConnection: close\r\n");
    if status != 204 {
        write!(answer, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    answer += "\r\n";
    answer += &body;
    stream.write_all(answer.as_bytes()).await.unwrap();
}

/// A job in this phase.
fn job(id: u64, phase: &str, tasks: &str) -> String {
    format!(
        r#"{{"metadata":{{"id":"job-{id}","name":"train"}},"status":{{"phase":"{phase}","start_time":1000,"tasks":{tasks}}},
        "spec":{{"resource":{{"flavor_id":"f"}}}}}}"#
    )
}

fn list(jobs: impl Iterator<Item = u64>, count: u64) -> String {
    let jobs: Vec<_> = jobs.map(|id| job(id, "Running", r#"["worker-0"]"#)).collect();
    format!(r#"{{"count":{count},"items":[{}]}}"#, jobs.join(","))
}

/// The offset that a search asks for.
fn offset(asked: &Asked) -> u64 {
    asked.body.split([':', ',']).nth(1).unwrap().parse().unwrap()
}

const SAMPLES: &str = r#"{"metrics":[{"metric":"memUsage","value":[-1,50]}]}"#;

#[tokio::test]
async fn a_list_is_read_to_its_count_whatever_the_offset_counts() {
    const COUNT: u64 = 120;
    let by_pages: Answers = |asked| {
        let first = offset(asked) * 50;
        (200, list(first.min(COUNT)..(first + 50).min(COUNT), COUNT))
    };
    let by_jobs: Answers =
        |asked| (200, list(offset(asked).min(COUNT)..(offset(asked) + 50).min(COUNT), COUNT));
    let searches = |offsets: &[u64]| -> Vec<_> {
        offsets.iter().map(|offset| format!("training-job-searches {offset}")).collect()
    };
    for (answers, first, again) in
        [(by_pages, &[0, 1, 2][..], &[0, 1, 2][..]), (by_jobs, &[0, 1, 51, 101], &[0, 50, 100])]
    {
        let cloud = Cloud::start(answers).await;
        for offsets in [first, again] {
            let list = cloud.training.list(100, &Unpaced).await.unwrap();
            assert_eq!(cloud.asked(), searches(offsets));
            assert_eq!((list.content.jobs.len(), list.content.complete), (120, true));
            assert_eq!(list.misreads, []);
            let job = &list.content.jobs[0];
            assert_eq!((job.job_id.as_str(), job.state.status), ("job-0", Status::Running));
        }
    }
}

#[tokio::test]
async fn pages_that_repeat_or_never_end_make_an_incomplete_list() {
    let repeats = Cloud::start(|_| (200, list(0..50, 120))).await;
    let list_of = async |cloud: &Cloud, most| cloud.training.list(most, &Unpaced).await.unwrap();
    let repeated = list_of(&repeats, 100).await.content;
    assert_eq!((repeated.jobs.len(), repeated.complete), (50, false));
    assert_eq!(repeats.asked().len(), 2);
    let endless =
        Cloud::start(|asked| (200, list(offset(asked) * 50..offset(asked) * 50 + 50, 9_999))).await;
    let endless_list = list_of(&endless, 3).await.content;
    assert_eq!((endless_list.complete, endless_list.pages), (false, 200));
    assert_eq!(endless.asked().len(), 1, "it is known to be too long by its count");
}

#[tokio::test]
async fn a_list_has_all_that_a_detail_has() {
    let cloud = Cloud::start(|asked| match &*asked.path {
        "/v2/0123/training-job-searches" => {
            let jobs = [job(1, "Running", r#"["worker-0"]"#), job(2, "Completed", "null")];
            (200, format!(r#"{{"count":2,"items":[{}]}}"#, jobs.join(",")))
        }
        "/v2/0123/training-jobs/job-1" => (200, job(1, "Running", r#"["worker-0"]"#)),
        path => panic!("{path}"),
    })
    .await;
    let list = cloud.training.list(100, &Unpaced).await.unwrap().content;
    let detail = cloud.job("job-1").await.unwrap();
    assert_eq!(list.jobs[0].whole.as_deref(), Some(&detail));
    assert_eq!(detail.execution.tasks, ["worker-0"]);
    assert_eq!(cloud.asked(), ["training-job-searches 0", "training-jobs/job-1"]);
}

#[tokio::test]
async fn the_usage_of_each_task_is_a_call_of_its_own() {
    let cloud = Cloud::start(|asked| match asked.path.rsplit('/').next().unwrap() {
        "worker-0" => (200, SAMPLES.to_owned()),
        "empty" => (204, String::new()),
        "early" => (400, r#"{"error_code":"ModelArts.2777","error_msg":"x"}"#.to_owned()),
        "gone" => (404, r#"{"error_code":"ModelArts.0404","error_msg":"no task"}"#.to_owned()),
        "lost" => (400, r#"{"error_code":"ModelArts.2775","error_msg":"no job"}"#.to_owned()),
        _ => (429, r#"{"error_code":"APIGW.0308","error_msg":"x"}"#.to_owned()),
    })
    .await;
    let usage = async |task| {
        let reading = cloud.training.usage(&JobId::from("job-1"), task, &Unpaced).await;
        reading.map(|reading| reading.content)
    };
    let told = usage("worker-0").await.unwrap();
    assert_eq!((&*told.task, told.samples, told.newest.memory), ("worker-0", 1, Some(0.5)));
    assert_eq!(cloud.asked(), ["training-jobs/job-1/metrics/worker-0"]);
    for nothing_yet in ["empty", "early"] {
        let nothing = TaskUsage { task: nothing_yet.to_owned(), ..TaskUsage::default() };
        assert_eq!(usage(nothing_yet).await.unwrap(), nothing);
    }
    assert!(cloud.failures().abs() < 0.1, "that is no failure");
    for gone in ["gone", "lost"] {
        assert!(matches!(usage(gone).await.unwrap_err(), Error::NotFound(_)), "{gone}");
    }
    assert!(matches!(usage("hot").await.unwrap_err(), Error::Throttled { .. }));
}

#[tokio::test]
async fn quotas_are_asked_for_where_there_are_any() {
    let cloud = Cloud::start(|asked| {
        assert_eq!(asked.path, "/v2/0123/training-quotas");
        (200, r#"{"quotas":[{"resource":"job-num","quota":7,"used":1}]}"#.to_owned())
    })
    .await;
    let quotas = cloud.training.quotas(&Unpaced).await.unwrap().unwrap();
    assert_eq!((quotas.content[0].limit, quotas.content[0].used), (Some(7.0), Some(1.0)));
}

#[tokio::test]
async fn a_search_is_signed_with_its_body() {
    let secret = |text: &str| -> Secret { watch::channel(SecretString::from(text)).1 };
    let method = Method::AccessKey(AccessKey {
        access_key: secret("AK"),
        secret_key: secret("SK"),
        security_token: None,
        scheme: Scheme::Access,
    });
    let cloud = Cloud::with(method, |_| (200, list(0..1, 1))).await;
    cloud.training.list(100, &Unpaced).await.unwrap();
    let asked = cloud.asked.lock().unwrap()[0].clone();
    assert_eq!(asked.method, "POST");
    let search = r#"{"offset":0,"limit":50,"sort_by":"create_time","order":"asc"}"#;
    assert_eq!(asked.body, search);
    let header = |wanted: &str| {
        let found = asked.headers.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let authorization = header("authorization");
    let signed = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let headers: Vec<_> = signed.split(';').map(|name| (name, header(name))).collect();
    let request = Request {
        method: &asked.method,
        path: &asked.path,
        query: "",
        headers: &headers,
        body: search.as_bytes(),
        date: header("x-sdk-date"),
    };
    let key = Key { access: "AK", secret: "SK" };
    assert_eq!(authorization, sign::authorization(&Scheme::Access, key, &request));
}
