//! Who may import whom: the rooms stand in the order in which the data passes through them, and
//! a room reaches only for what stands in its row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms of ours it may use. `own` is open to all but `model` and `simulator`;
/// `app`, `cli` and `main` may use everything.
const RULES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("own", &[]),
    ("simulator", &[]),
    ("cloud", &["model", "own"]),
    ("inventory", &["model", "own"]),
    ("metrics", &["model", "inventory", "own"]),
    ("exposition", &["metrics", "own"]),
    ("schedule", &["cloud", "model", "own"]),
    ("server", &["exposition", "inventory", "model", "own"]),
    ("config", &["cloud", "inventory", "metrics", "model", "own", "schedule", "server"]),
];

/// Only these may use everything; no room imports them, nor `config`.
const ABOVE_THE_ROOMS: &[&str] = &["app", "cli", "main", "lib"];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Every room a source names after `crate::`, one by one or in braces.
fn imported_rooms(source: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, start) in source.match_indices("crate::") {
        let path = &source[at + start.len()..];
        match path.strip_prefix('{') {
            Some(list) => rooms.extend(outermost(list).map(first_word)),
            None => rooms.push(first_word(path)),
        }
    }
    rooms
}

fn first_word(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The entries of a list in braces, not those of lists within it.
fn outermost(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 1;
    let mut end = 0;
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        end = at;
        if depth == 0 {
            break;
        }
    }
    let mut depth = 0;
    list[..end].split(move |character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    })
}

#[test]
fn every_room_keeps_to_its_row() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&house, &mut files);
    let rules: BTreeMap<_, _> = RULES.iter().copied().collect();
    let mut broken = Vec::new();
    let mut seen = BTreeMap::new();
    for file in files {
        let place = file.strip_prefix(&house).unwrap();
        let room = place.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = room.trim_end_matches(".rs");
        *seen.entry(room.to_owned()).or_insert(0) += 1;
        if ABOVE_THE_ROOMS.contains(&room) {
            continue;
        }
        let Some(allowed) = rules.get(room) else {
            broken.push(format!("{}: `{room}` is no room of the house", place.display()));
            continue;
        };
        for other in imported_rooms(&fs::read_to_string(&file).unwrap()) {
            let known = rules.contains_key(&*other) || ABOVE_THE_ROOMS.contains(&&*other);
            if known && other != room && !allowed.contains(&&*other) {
                broken.push(format!("{}: `{room}` may not use `{other}`", place.display()));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    for (room, _) in RULES {
        assert!(seen.contains_key(*room), "the rules speak of `{room}`, which is not there");
    }
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let source = "use crate::model::JobId; use crate::{cloud, own::{self, Project}, server}; fn f() { crate::config::load() }";
    assert_eq!(imported_rooms(source), ["model", "cloud", "own", "server", "config"]);
}
