//! The jobs each scenario begins with.

use std::collections::BTreeMap;

use super::{
    clock::MINUTE,
    job::{Job, MACHINES, minutes, named},
    oddity::Oddity,
    random::{mix, pick},
    settings::Scenario,
    story::{self, Fate, Machine},
    usage::Curve,
};

/// Makes the job at a place of a fleet, from its number, the seed and the time.
type Make = fn(u64, u64, u64, i64) -> Job;

/// The jobs a project begins with. `first` keeps the ids of several projects apart.
pub(super) fn fleet(
    scenario: Scenario,
    jobs: Option<usize>,
    seed: u64,
    first: u64,
    now: i64,
) -> Vec<Job> {
    let (own, make): (usize, Make) = match scenario {
        Scenario::Mixed => (24, mixed),
        Scenario::Demo => (18, demo),
        Scenario::Steady => (100, steady),
        Scenario::History => (100, history),
        Scenario::Hostile => (HOSTILE_COUNT, hostile),
        Scenario::Quirks => (Oddity::ALL.len() + QUIRK_CODES.len(), quirk),
        // They come and go.
        Scenario::Churn => return Vec::new(),
    };
    (0..jobs.unwrap_or(own) as u64).map(|place| make(place, first + place, seed, now)).collect()
}

/// A name like those that people give, unique by its number.
pub(super) fn name(number: u64, seed: u64) -> String {
    let task = pick(seed, number * 2, &["resnet50", "yolov5", "bert-base", "unet", "gpt2", "dlrm"]);
    let data =
        pick(seed, number * 2 + 1, &["flowers", "traffic", "reviews", "scans", "logs", "ads"]);
    format!("{task}-{data}-{number:05}")
}

fn mixed(place: u64, number: u64, seed: u64, now: i64) -> Job {
    let mut job = Job::new(number, name(number, seed), seed);
    "This is a ModelArts job".clone_into(&mut job.description);
    let seed = job.seed;
    let ago = |low, high| now - minutes(seed, 31, low, high);
    let queue = minutes(seed, 32, 1, 5);
    let run = minutes(seed, 33, 30, 240);
    match place % 12 {
        // Running for a while and for a while to come.
        0 | 4 | 8 => _ = job.add(Fate::Completes, ago(10, 25), queue, run),
        1 => _ = job.add(Fate::Endless, ago(60, 300), queue, run),
        2 => _ = job.add(Fate::Completes, ago(300, 900), queue, minutes(seed, 33, 30, 90)),
        3 => _ = job.add(Fate::Fails, ago(120, 600), queue, minutes(seed, 33, 5, 90)),
        5 => _ = job.add(Fate::Killed, ago(120, 600), queue, minutes(seed, 33, 5, 90)),
        6 => _ = job.add(Fate::Stuck, ago(40, 200), queue, run),
        7 => _ = job.add(Fate::NeverStarts, ago(30, 200), queue, run),
        9 => _ = job.add(Fate::LostAndFound, ago(30, 60), queue, minutes(seed, 33, 100, 160)),
        10 => _ = job.add(Fate::CannotBeDeleted, ago(200, 300), queue, minutes(seed, 33, 20, 90)),
        _ => {
            job.add(Fate::Completes, ago(100, 200), queue, minutes(seed, 33, 20, 60));
            job.again_after = Some(minutes(seed, 34, 5, 30));
        }
    }
    // Every third one has a history, as jobs that are tuned have.
    if place.is_multiple_of(3) {
        prepend_history(&mut job);
    }
    // A few of the forms the documents do not agree on.
    let odd = pick(
        seed,
        35,
        &[
            Oddity::None,
            Oddity::None,
            Oddity::ModelObject,
            Oddity::NumberNames,
            Oddity::F1,
            Oddity::ExtraKeys,
        ],
    );
    job.versions.iter_mut().for_each(|version| version.oddity = odd);
    job
}

/// Puts a completed version before the first one.
fn prepend_history(job: &mut Job) {
    let Some(first) = job.versions.first() else { return };
    let created = first.created - 26 * 60 * MINUTE;
    let run = minutes(job.seed, 36, 60, 300);
    job.add(Fate::Completes, created, 2 * MINUTE, run);
    job.versions.rotate_right(1);
    let ids: Vec<u64> = (1..).take(job.versions.len()).map(|place| job.version_id(place)).collect();
    for (version, (id, number)) in job.versions.iter_mut().zip(ids.into_iter().zip(1..)) {
        (version.id, version.number) = (id, number);
    }
}

/// A fleet of every kind, most of it running. At 60 times real time one fails after 12 s and one completes after 16 s.
fn demo(place: u64, number: u64, seed: u64, now: i64) -> Job {
    const NAMES: [&str; 18] = [
        "flowers-resnet50",
        "traffic-yolov5",
        "reviews-bert",
        "scans-unet",
        "ads-dlrm",
        "logs-gpt2",
        "faces-arcface",
        "speech-conformer",
        "maps-segformer",
        "prices-xgboost",
        "parts-defects",
        "plates-ocr",
        "nightly-regression",
        "tuning-sweep",
        "roads-lanes",
        "chat-llama",
        "voices-tts",
        "tumours-nnunet",
    ];
    let label = NAMES
        .get(usize::try_from(place).unwrap_or(usize::MAX))
        .map_or_else(|| name(number, seed), |name| (*name).to_owned());
    let mut job = Job::new(number, label, seed);
    "This is a ModelArts job".clone_into(&mut job.description);
    let at = |minutes: i64| now + minutes * MINUTE;
    let far = 100_000 * MINUTE;
    // (machine, fate, created, queue, run, again after), in minutes.
    let (machine, fate, created, queue, run, again) = match place % 18 {
        0 => (1, Fate::Completes, -40, 2, 54, Some(4)),
        1 => (0, Fate::Fails, -30, 2, 40, Some(6)),
        2 => (5, Fate::Completes, -95, 3, 400, Some(10)),
        3 => (3, Fate::Endless, -120, 2, 500, None),
        4 => (4, Fate::Completes, -25, 1, 300, Some(5)),
        5 => (2, Fate::Endless, -300, 5, 900, None),
        6 => (0, Fate::Killed, -60, 2, 35, None),
        7 => (1, Fate::Completes, -15, 20, 120, Some(5)),
        8 => (5, Fate::Stuck, -50, 4, 0, None),
        9 => (4, Fate::Completes, -200, 1, 90, None),
        10 => (0, Fate::Fails, -20, 2, 90, Some(3)),
        11 => (1, Fate::LostAndFound, -30, 2, 140, Some(10)),
        12 => (0, Fate::Completes, -50, 1, 30, Some(29)),
        13 => (3, Fate::NeverStarts, -10, 6, 0, None),
        14 => (1, Fate::Endless, -70, 1, 0, None),
        15 => (5, Fate::Endless, -400, 8, 0, None),
        16 => (2, Fate::Completes, -33, 2, 200, Some(5)),
        _ => (4, Fate::Endless, -55, 2, 0, None),
    };
    let run = if fate == Fate::Endless { far } else { run * MINUTE };
    job.again_after = again.map(|minutes: i64| minutes * MINUTE);
    if matches!(place % 18, 0 | 2 | 5 | 10) {
        job.add(Fate::Completes, at(created - 26 * 60), 2 * MINUTE, 180 * MINUTE);
    }
    job.add(fate, at(created), queue * MINUTE, run);
    let (machine, curve): (Machine, Curve) = MACHINES[machine];
    for version in &mut job.versions {
        (version.machine, version.curve) = (machine, curve);
        if place == 0 {
            version.classes = named(["roses", "tulips", "daisy", "dandelion", "sunflowers"]);
        }
    }
    job
}

/// Samples of every steady job.
const STEADY_SAMPLES: u64 = 120;

fn steady(_place: u64, number: u64, seed: u64, now: i64) -> Job {
    let mut job = Job::new(number, name(number, seed), seed);
    let age = i64::try_from(STEADY_SAMPLES + 5).unwrap_or(0) * MINUTE;
    let version = job.add(Fate::Stuck, now - age, MINUTE, 0);
    version.steps.push(story::Step { at: now - age + MINUTE, code: story::RUNNING });
    (version.machine, version.curve) = MACHINES[1];
    version.classes = named(["roses", "tulips", "daisy", "dandelion", "sunflowers"]);
    version.kept = STEADY_SAMPLES;
    job
}

/// Of so many jobs of a fleet with a history one runs.
pub(super) const HISTORY: u64 = 20;

/// How long ago one of the others ended, in milliseconds.
pub(super) fn ended_ago(seed: u64, number: u64) -> i64 {
    minutes(mix(seed, number), 41, 1, 12 * 60)
}

/// One that runs as in [`steady`], or that did until some time in the last half day.
fn history(place: u64, number: u64, seed: u64, now: i64) -> Job {
    if place.is_multiple_of(HISTORY) {
        return steady(place, number, seed, now);
    }
    let end = now - ended_ago(seed, number);
    let mut job = steady(place, number, seed, end);
    for version in &mut job.versions {
        version.steps.push(story::Step { at: end, code: story::COMPLETED });
    }
    job
}

/// Names that break programs which paste them into text.
const HOSTILE_NAMES: [&str; 16] = [
    "say \"hello\"",
    "back\\slash\\n and \\\\ two",
    "two\nlines",
    "carriage\r\nreturn",
    "tab\tand\u{b}vertical",
    "<script>alert('job')</script>",
    "<img src=x onerror=alert(1)>&amp;",
    "\u{1f916}\u{1f469}\u{200d}\u{1f52c} emoji",
    "\u{202e}txet desrever",
    "\u{5d0}\u{5d1}\u{5d2} \u{645}\u{631}\u{62d}\u{628}\u{627}",
    "{label=\"value\"} 1",
    "# HELP nothing",
    "nul\u{0}inside",
    "../../etc/passwd?x=1#y",
    "   spaces   ",
    "zero\u{200b}width\u{feff}",
];

/// Letters in the longest name.
const LONG_NAME: usize = 10_000;

/// Hostile names that differ, the longest and the empty one among them.
pub(super) const HOSTILE_COUNT: usize = HOSTILE_NAMES.len() + 2;

/// After the bare ones, the longest and the empty one among them, each comes again with its number:
/// names stay unique.
pub(super) fn hostile_name(place: u64) -> String {
    let count = HOSTILE_COUNT as u64;
    let text = match usize::try_from(place % count).unwrap_or(0) {
        long if long == HOSTILE_NAMES.len() => "long-".repeat(LONG_NAME / 5),
        other => HOSTILE_NAMES.get(other).copied().unwrap_or_default().to_owned(),
    };
    if place < count { text } else { format!("{text} {place}") }
}

fn hostile(place: u64, number: u64, seed: u64, now: i64) -> Job {
    let name = hostile_name(place);
    let mut job = Job::new(number, name.clone(), seed);
    job.description = name;
    let version = job.add(Fate::Completes, now - 30 * MINUTE, 2 * MINUTE, 24 * 60 * MINUTE);
    (version.machine, version.curve) = MACHINES[0];
    version.classes = named(HOSTILE_NAMES.iter().copied().chain(["", "\u{e9}", "e\u{301}"]));
    if place == HOSTILE_NAMES.len() as u64 {
        version.classes = named(["class ".repeat(LONG_NAME / 6), "short".to_owned()]);
    }
    job
}

/// Statuses that are documented in one place only, or nowhere.
const QUIRK_CODES: [i64; 8] = [0, 13, 16, 17, 20, 22, 99, -1];

fn quirk(place: u64, number: u64, seed: u64, now: i64) -> Job {
    let place = usize::try_from(place).unwrap_or(0) % (Oddity::ALL.len() + QUIRK_CODES.len());
    let odd = Oddity::ALL.get(place).copied().unwrap_or(Oddity::None);
    let code = place.checked_sub(Oddity::ALL.len()).and_then(|place| QUIRK_CODES.get(place));
    let label = code.map_or_else(|| odd.job_name(), |code| format!("quirk-status-{code}"));
    let mut job = Job::new(number, label, seed);
    let fate = if matches!(odd, Oddity::NoStartTime | Oddity::NullStartTime) {
        Fate::Stuck
    } else {
        Fate::Completes
    };
    let version = job.add(fate, now - 30 * MINUTE, 2 * MINUTE, 24 * 60 * MINUTE);
    (version.machine, version.curve) = MACHINES[0];
    version.classes = named(["roses", "tulips", "daisy"]);
    version.oddity = odd;
    match odd {
        Oddity::NumberNames => version.classes = named(["0", "1", "2"]),
        Oddity::Nameless => version.classes = named(["", "", ""]),
        Oddity::NullGpu => (version.machine, version.curve) = MACHINES[4],
        Oddity::None => version.overall = Some(BTreeMap::from([("accuracy".to_owned(), 0.9012)])),
        _ => {}
    }
    if let Some(&code) = code {
        version.force(now - MINUTE, code);
    }
    job
}
