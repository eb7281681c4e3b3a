//! The v2 jobs each scenario begins with.

use super::{
    super::{
        clock::MINUTE,
        fleet::{HISTORY, HOSTILE_COUNT, ended_ago, hostile_name, name},
        job::minutes,
        random::pick,
        settings::Scenario,
    },
    flavor::{CPU, EIGHT_GPUS, EIGHT_NPUS, Flavor, GPU, NPU, POOLED_GPUS, POOLED_NPUS},
    job::{Job, Role, run_name},
    oddity::Oddity,
    phase::{COMPLETED, Phase},
    story::{Fate, Step},
};

/// Makes the job at a place of a fleet, from its number, the seed and the time.
type Make = fn(u64, u64, u64, i64) -> Job;

/// The v2 jobs a project begins with. `first` keeps the ids of several projects apart.
pub(in crate::simulator) fn fleet(
    scenario: Scenario,
    jobs: Option<usize>,
    seed: u64,
    first: u64,
    now: i64,
) -> Vec<Job> {
    let (own, make): (usize, Make) = match scenario {
        Scenario::Mixed => (24, mixed),
        Scenario::Demo => (DEMO_NAMES.len(), demo),
        Scenario::Steady => (100, steady),
        Scenario::History => (100, history),
        Scenario::Hostile => (HOSTILE_COUNT, hostile),
        Scenario::Quirks => (Oddity::ALL.len() + QUIRK_PHASES.len(), quirk),
        // They come and go.
        Scenario::Churn => return Vec::new(),
    };
    (0..jobs.unwrap_or(own) as u64).map(|place| make(place, first + place, seed, now)).collect()
}

fn workers(nodes: u64, flavor: Flavor) -> Vec<Role> {
    vec![Role { name: "worker", nodes, flavor }]
}

/// A learner with NPUs and what feeds it.
fn hetero(learner: Flavor, actors: u64) -> Vec<Role> {
    vec![
        Role { name: "learner", nodes: 1, flavor: learner },
        Role { name: "actor", nodes: actors, flavor: CPU },
    ]
}

fn mixed(place: u64, number: u64, seed: u64, now: i64) -> Job {
    // The second half of a fleet has the same stories on other machines.
    let other = place / 12 % 2 == 1;
    let draw = |at, low, high| minutes(seed ^ number << 8, at, low, high);
    let queue = draw(32, 1, 5);
    let (fate, ago, run) = match place % 12 {
        0 | 8 => (Fate::Completes, draw(31, 10, 25), draw(33, 30, 240)),
        1 | 4 => (Fate::Endless, draw(31, 60, 300), 0),
        2 => (Fate::Completes, draw(31, 300, 900), draw(33, 30, 90)),
        // It has ended just now: the next one is still to come.
        11 => (Fate::Completes, queue + draw(33, 20, 60) + MINUTE, draw(33, 20, 60)),
        3 => (Fate::Fails, draw(31, 120, 600), draw(33, 5, 90)),
        5 if other => (Fate::CannotBeStopped, draw(31, 120, 600), draw(33, 5, 90)),
        5 => (Fate::Stopped, draw(31, 120, 600), draw(33, 5, 90)),
        6 if other => (Fate::NeverCreated, draw(31, 5, 20), 0),
        6 => (Fate::Stuck, draw(31, 40, 200), 0),
        7 => (Fate::CannotStart, draw(31, 30, 200), 0),
        9 => (Fate::Restarts, draw(31, 60, 90), draw(33, 100, 160)),
        _ => (Fate::Lost, draw(31, 200, 300), draw(33, 20, 90)),
    };
    let mut job = Job::new(seed, number, name(number, seed), now - ago);
    "This is a ModelArts job".clone_into(&mut job.description);
    job.roles = match (place % 12, other) {
        (0, false) => workers(1, EIGHT_NPUS),
        (1, false) => workers(4, POOLED_NPUS),
        (1, true) => workers(2, POOLED_GPUS),
        (2, _) => workers(1, GPU),
        (4, _) => workers(4, EIGHT_GPUS),
        (8, false) => hetero(EIGHT_NPUS, 3),
        (8, true) => hetero(EIGHT_GPUS, 2),
        (9, _) => workers(2, EIGHT_NPUS),
        (6, _) => workers(8, EIGHT_NPUS),
        _ => workers(1, pick(job.seed, 34, &[CPU, GPU, NPU])),
    };
    match place % 12 {
        // Half of its nodes were taken away on the way.
        4 => job.resized = Some((now - ago / 2, 2)),
        // What is trained again and again has its moment in its name.
        11 => {
            job.repeats(draw(35, 5, 30));
            job.name = run_name("nightly-ranking", job.created + i64::from(other) * MINUTE);
        }
        2 => job.idle = other,
        _ => {}
    }
    job.goes(fate, queue, run)
}

const DEMO_NAMES: [&str; 12] = [
    "pangu-pretrain",
    "translation-moe",
    "protein-fold",
    "weather-swin",
    "robots-ppo",
    "code-sft",
    "nightly-ranking",
    "satellite-segment",
    "speech-distill",
    "fraud-gnn",
    "pangu-longcontext",
    "dialogue-dpo",
];

/// A fleet of every kind. At 60 times real time one fails after 10 s and one completes after 15 s.
fn demo(place: u64, number: u64, seed: u64, now: i64) -> Job {
    // (roles, fate, created, queue, run, again after), in minutes.
    let (roles, fate, created, queue, run, again) = match place % 12 {
        0 => (workers(4, POOLED_NPUS), Fate::Endless, -300, 5, 0, None),
        1 => (workers(2, EIGHT_NPUS), Fate::Restarts, -50, 2, 120, None),
        2 => (workers(1, EIGHT_GPUS), Fate::Fails, -40, 2, 48, None),
        3 => (workers(2, EIGHT_NPUS), Fate::Completes, -60, 3, 72, None),
        4 => (hetero(EIGHT_NPUS, 3), Fate::Endless, -90, 4, 0, None),
        5 => (workers(1, NPU), Fate::Completes, -10, 15, 40, None),
        6 => (workers(1, GPU), Fate::Completes, -45, 1, 50, Some(4)),
        7 => (workers(1, GPU), Fate::Endless, -120, 2, 0, None),
        8 => (workers(1, NPU), Fate::Stopped, -80, 2, 60, None),
        9 => (workers(1, CPU), Fate::CannotStart, -15, 3, 0, None),
        10 => (workers(16, POOLED_NPUS), Fate::Stuck, -70, 4, 0, None),
        _ => (workers(1, EIGHT_NPUS), Fate::Lost, -100, 2, 80, None),
    };
    let created = now + created * MINUTE;
    let base = DEMO_NAMES
        .get(usize::try_from(place).unwrap_or(usize::MAX))
        .map_or_else(|| name(number, seed), |name| (*name).to_owned());
    let label = if again.is_some() { run_name(&base, created) } else { base };
    let mut job = Job::new(seed, number, label, created);
    "This is a ModelArts job".clone_into(&mut job.description);
    job.roles = roles;
    job.idle = place % 12 == 7;
    if let Some(minutes) = again {
        job.repeats(minutes * MINUTE);
    }
    job.goes(fate, queue * MINUTE, run * MINUTE)
}

/// Samples of every steady task.
const STEADY_SAMPLES: u64 = 120;

/// Tasks of every steady job: a usual size, and enough to see that each costs a request.
const STEADY_NODES: u64 = 4;

fn steady(_place: u64, number: u64, seed: u64, now: i64) -> Job {
    let age = i64::try_from(STEADY_SAMPLES + 5).unwrap_or(0) * MINUTE;
    let mut job = Job::new(seed, number, name(number, seed), now - age);
    job.roles = workers(STEADY_NODES, EIGHT_NPUS);
    job.kept = STEADY_SAMPLES;
    job.goes(Fate::Endless, MINUTE, 0)
}

/// One that runs as in [`steady`], or that did until some time in the last half day.
fn history(place: u64, number: u64, seed: u64, now: i64) -> Job {
    if place.is_multiple_of(HISTORY) {
        return steady(place, number, seed, now);
    }
    let end = now - ended_ago(seed, number);
    let mut job = steady(place, number, seed, end);
    job.steps.push(Step { at: end, phase: COMPLETED });
    job
}

fn hostile(place: u64, number: u64, seed: u64, now: i64) -> Job {
    let name = hostile_name(place);
    let mut job = Job::new(seed, number, name.clone(), now - 30 * MINUTE);
    job.description = name;
    job.goes(Fate::Endless, 2 * MINUTE, 0)
}

/// Phases that are documented in one place only, or nowhere.
const QUIRK_PHASES: [(&str, &str); 6] = [
    ("Hibernating", "Asleep"),
    ("", ""),
    ("running", "Running"),
    ("Running", "Unheard"),
    ("Abnormal", "Unknown"),
    ("Pending", "WaitingForQuota"),
];

fn quirk(place: u64, number: u64, seed: u64, now: i64) -> Job {
    let place = usize::try_from(place).unwrap_or(0) % (Oddity::ALL.len() + QUIRK_PHASES.len());
    let odd = Oddity::ALL.get(place).copied().unwrap_or(Oddity::None);
    let phase = place.checked_sub(Oddity::ALL.len()).and_then(|place| QUIRK_PHASES.get(place));
    let label = match phase {
        Some(("", _)) => "quirk-phase-empty".to_owned(),
        Some((first, second)) => format!("quirk-phase-{first}-{second}"),
        None => format!("quirk-{odd:?}"),
    };
    let age = if odd == Oddity::LongHistory { LONG_HISTORY } else { 90 * MINUTE };
    let mut job = Job::new(seed, number, label, now - age);
    job.oddity = odd;
    job.roles = match odd {
        Oddity::TextUnits => workers(2, GPU),
        Oddity::NoFlavorDetail => workers(2, POOLED_GPUS),
        _ => workers(2, NPU),
    };
    if odd == Oddity::LongHistory {
        job.kept = u64::MAX;
    }
    let fate = match odd {
        odd if odd.is_of_waiting() => Fate::Stuck,
        Oddity::BareList | Oddity::ReversedRecords => Fate::Restarts,
        _ => Fate::Endless,
    };
    let mut job = job.goes(fate, 2 * MINUTE, 60 * MINUTE);
    if let Some(&(first, second)) = phase {
        job.force(now - MINUTE, Phase { first: first.into(), second: second.into() });
    }
    job
}

/// How long ago the job began that has 50,000 samples.
const LONG_HISTORY: i64 = 50_002 * MINUTE;
