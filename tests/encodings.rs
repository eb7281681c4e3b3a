//! Encodings are made once a state, beside the scrapes, while somebody wants them.
//!
//! The clock is paused: a sleep moves it on and takes no time.

use std::io::Read as _;
use std::time::Duration;

use bytes::Buf as _;
use modelarts_exporter::exposition::{Reader, View};
use modelarts_exporter::own;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::exposition::{new, put};

/// As often as the daemon publishes.
const PUBLISH_EVERY: Duration = Duration::from_millis(800);

/// How long an encoding is kept ready for nobody.
const KEPT: Duration = Duration::from_mins(10);

/// The background work, as the daemon runs it.
fn keep(reader: &Reader) -> JoinHandle<()> {
    tokio::spawn(reader.clone().keep_encodings())
}

/// How many gzip texts were made.
fn made(own: &own::Metrics) -> u32 {
    let families = own.read();
    let made = families.iter().find(|reading| reading.family.name.ends_with("encodings_total"));
    let wanted = [("format", "text".to_owned()), ("encoding", "gzip".to_owned())];
    let series = made.and_then(|made| made.series.iter().find(|series| series.labels == wanted));
    series.map_or(0, |series| match series.value {
        own::Value::Number(number) => number.to_string().parse().unwrap(),
        own::Value::Histogram { .. } => panic!("a counter is no histogram"),
    })
}

async fn gzip(reader: &Reader) -> String {
    let mut answer = reader.answer("", "gzip", &View::default()).await.unwrap();
    assert_eq!(answer.content_encoding, Some("gzip"));
    let packed = answer.body.copy_to_bytes(answer.body.remaining());
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn nothing_is_made_before_somebody_asks_and_only_what_was_asked_for() {
    let (store, reader, own) = new();
    let _work = keep(&reader);
    for round in 0..20 {
        put(&store, 1, f64::from(round));
        store.publish(0.0);
        sleep(PUBLISH_EVERY).await;
    }
    assert_eq!(made(&own), 0);
    gzip(&reader).await;
    put(&store, 1, 0.5);
    store.publish(0.0);
    sleep(PUBLISH_EVERY).await;
    let others =
        own.read().into_iter().filter(|reading| reading.family.name.ends_with("encodings_total"));
    assert_eq!(others.map(|family| family.series.len()).sum::<usize>(), 1);
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_each_state_is_encoded_once_and_shows_what_was_just_published() {
    let (store, reader, own) = new();
    put(&store, 1, 0.0);
    store.publish(0.0);
    let _work = keep(&reader);
    gzip(&reader).await;
    for round in 1..50_u32 {
        put(&store, 1, f64::from(round));
        let before = made(&own);
        store.publish(0.0);
        // Long before anything runs out, so that only the publication can have caused it.
        sleep(Duration::from_millis(20)).await;
        for _ in 0..7 {
            let line = format!("m_use_ratio{{job_id=\"000001\"}} {round}\n");
            assert!(gzip(&reader).await.contains(&line), "round {round}");
        }
        assert_eq!(made(&own), before + 1, "round {round}");
        sleep(PUBLISH_EVERY.saturating_sub(Duration::from_millis(50))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_counters_are_at_most_a_second_old_where_nothing_else_changes() {
    let (_store, reader, own) = new();
    let _work = keep(&reader);
    gzip(&reader).await;
    for code in 500..520 {
        own.http_request("/metrics", code);
        sleep(Duration::from_secs(1)).await;
        let made_so_far = made(&own);
        assert!(gzip(&reader).await.contains(&format!("code=\"{code}\"}} 1\n")));
        assert_eq!(made(&own), made_so_far, "nobody had to wait for it");
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_is_given_up_after_ten_minutes() {
    let (store, reader, own) = new();
    let _work = keep(&reader);
    gzip(&reader).await;
    sleep(KEPT / 2).await;
    gzip(&reader).await;
    let halfway = made(&own);
    sleep(KEPT.saturating_sub(PUBLISH_EVERY * 2)).await;
    let late = made(&own);
    assert!(late > halfway + 500, "{halfway} {late}");
    sleep(PUBLISH_EVERY * 4).await;
    let given_up = made(&own);
    sleep(KEPT).await;
    put(&store, 1, 0.5);
    store.publish(0.0);
    sleep(PUBLISH_EVERY).await;
    assert_eq!(made(&own), given_up);
    assert!(gzip(&reader).await.contains("m_use_ratio{job_id=\"000001\"} 0.5\n"));
    assert_eq!(made(&own), given_up + 1);
}
