//! What users of these clouds have in their environment already: the variables of the vendor's SDK
//! and of the `OpenStack` clients, and `clouds.yaml`.
//!
//! The lowest layer of all, and for the first project alone: it fills in what the project's method
//! needs and no layer of ours has. Who we are comes from one place: a secret is taken from where the same
//! user or key is named, and completes no other's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::value::{Dict, Value};

use super::layers::{Origin, parse_yaml, text_layer, unreadable};
use super::mistake::{Refusal, Report};

/// Our keys, and what others call them in `OS_…`, in `HUAWEICLOUD_SDK_…` and in `clouds.yaml`.
const NAMES: &[(&str, &[&str])] = &[
    ("auth.iam_endpoint", &["auth_url", "iam_endpoint"]),
    ("auth.domain", &["user_domain_name", "domain_name"]),
    ("auth.username", &["username"]),
    ("auth.password", &["password"]),
    ("auth.project_name", &["project_name", "tenant_name"]),
    ("project_id", &["project_id", "tenant_id"]),
    ("auth.token", &["token"]),
    ("auth.access_key", &["access_key", "ak"]),
    ("auth.secret_key", &["secret_key", "sk"]),
    ("auth.security_token", &["security_token"]),
];

const SDK: &str = "HUAWEICLOUD_SDK_";
const OPENSTACK: &str = "OS_";

/// What each method is recognized by, the first first, where the file says nothing of `auth`.
const METHODS: [(&str, &[&str]); 3] = [
    ("password", &["auth.username", "auth.password"]),
    ("token", &["auth.token"]),
    ("aksk", &["auth.access_key", "auth.secret_key"]),
];

/// One place where values may be found: by our keys, with the name each has there.
type Place = BTreeMap<&'static str, Found>;

#[derive(Clone)]
struct Found {
    /// The variable or the file, for messages.
    place: String,
    /// What the log calls it.
    name: String,
    text: String,
}

/// Fills in what is missing from what is there, and says so once.
pub(super) fn fill(
    figment: Figment,
    environment: &[(String, String)],
    report: &mut Report,
) -> Figment {
    if !is_table(&figment, "projects.0") {
        return figment;
    }
    let mut places = vec![variables(environment, SDK), variables(environment, OPENSTACK)];
    let mut taken = choose(&figment, &places);
    if taken.is_none_or(|taken| !taken.is_complete)
        && let Some(cloud) = lookup(environment, "OS_CLOUD")
    {
        places.extend(clouds_yaml(cloud, environment, report));
    }
    taken = choose(&figment, &places);
    let Some(Taken { method, values, .. }) = taken else { return figment };
    if values.is_empty() {
        return figment;
    }
    let names: Vec<&str> = values.iter().map(|(_, found)| found.name.as_str()).collect();
    let reason = format!("takes what is not configured from {}", names.join(", "));
    report.warn("projects[0]", reason);
    let place = values[0].1.place.clone();
    let mut figment = figment;
    if !is_given(&figment, "auth.method") {
        figment = figment.join(text_layer(place, &path("auth.method"), method));
    }
    for (key, found) in values {
        figment = figment.join(text_layer(found.place, &path(key), &found.text));
    }
    figment
}

/// What was found for a method.
struct Taken {
    method: &'static str,
    values: Vec<(&'static str, Found)>,
    /// Nothing more is missing.
    is_complete: bool,
}

fn choose(figment: &Figment, places: &[Place]) -> Option<Taken> {
    let method = method(figment, places)?;
    let mut taken = Taken { method, values: Vec::new(), is_complete: true };
    // What belongs together; the first names it.
    let mut want = |wanted: &[&'static str], optional: &[&'static str]| {
        let missing: Vec<_> = wanted.iter().filter(|key| !is_given(figment, key)).collect();
        if missing.is_empty() {
            return;
        }
        let fits = |place: &&Place| {
            let names_it = place.contains_key(wanted[0]);
            let has_all = missing.iter().all(|key| place.contains_key(**key));
            let all = || wanted.iter().chain(optional);
            names_it && has_all && all().all(|key| is_of_the_same(figment, place, key))
        };
        let Some(place) = places.iter().find(fits) else {
            taken.is_complete = false;
            return;
        };
        let keys = missing.into_iter().chain(optional);
        taken.values.extend(keys.filter_map(|key| Some((*key, place.get(key)?.clone()))));
    };
    match method {
        "password" => {
            want(&["auth.iam_endpoint"], &[]);
            want(&["auth.username", "auth.domain", "auth.password"], &[]);
            let by_name = is_given(figment, "auth.project_name");
            let id_first = places.iter().find_map(|place| {
                ["project_id", "auth.project_name"].into_iter().find(|key| place.contains_key(key))
            });
            if !by_name && !is_given(figment, "project_id") {
                want(&[id_first.unwrap_or("project_id")], &[]);
            }
        }
        "token" => {
            want(&["auth.token"], &[]);
            want(&["project_id"], &[]);
        }
        "aksk" => {
            want(&["auth.access_key", "auth.secret_key"], &["auth.security_token"]);
            want(&["project_id"], &[]);
        }
        _ => want(&["project_id"], &[]),
    }
    Some(taken)
}

/// The method of the file, or the one that the first place that knows any is made for.
fn method(figment: &Figment, places: &[Place]) -> Option<&'static str> {
    const ALL: [&str; 4] = ["password", "token", "aksk", "ecs_metadata"];
    if let Ok(value) = figment.find_value("projects.0.auth.method") {
        let word = value.as_str()?.to_owned();
        return ALL.into_iter().find(|method| *method == word);
    }
    if is_table(figment, "projects.0.auth") {
        return Some("password");
    }
    places.iter().find_map(|place| {
        METHODS
            .into_iter()
            .find(|(_, keys)| keys.iter().all(|key| place.contains_key(key)))
            .map(|(method, _)| method)
    })
}

fn path(key: &str) -> Vec<String> {
    ["projects", "0"].into_iter().chain(key.split('.')).map(str::to_owned).collect()
}

/// The key, or its twin that names a file.
fn is_given(figment: &Figment, key: &str) -> bool {
    [key.to_owned(), format!("{key}_file")]
        .iter()
        .any(|key| figment.find_value(&format!("projects.0.{key}")).is_ok())
}

/// Whether what a place has is no other than what is configured; what stands in a file of its own cannot
/// be compared, and counts as another.
fn is_of_the_same(figment: &Figment, place: &Place, key: &str) -> bool {
    let Some(found) = place.get(key).filter(|_| is_given(figment, key)) else { return true };
    let ours = figment.find_value(&format!("projects.0.{key}"));
    ours.is_ok_and(|ours| ours.as_str() == Some(&*found.text))
}

fn is_table(figment: &Figment, path: &str) -> bool {
    matches!(figment.find_value(path), Ok(Value::Dict(_, tree)) if !tree.is_empty())
}

fn lookup<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = environment.iter().find(|(known, text)| known == name && !text.is_empty());
    found.map(|(_, text)| text.as_str())
}

fn variables(environment: &[(String, String)], prefix: &str) -> Place {
    place(|name| {
        let name = format!("{prefix}{}", name.to_ascii_uppercase());
        let text = lookup(environment, &name)?.to_owned();
        Some(Found { place: name.clone(), name, text })
    })
}

/// What a place has, by our keys; where it has a value under two names, the first counts.
fn place(find: impl Fn(&str) -> Option<Found>) -> Place {
    let value = |names: &[&str]| names.iter().find_map(|name| find(name));
    NAMES
        .iter()
        .filter_map(|(key, names)| Some((*key, value(names)?)))
        .map(|(key, found)| (key, Found { text: as_ours(key, found.text), ..found }))
        .collect()
}

/// Others write IAM's URL with the version of its API.
fn as_ours(key: &str, text: String) -> String {
    if key != "auth.iam_endpoint" {
        return text;
    }
    let url = text.trim_end_matches('/');
    url.strip_suffix("/v3").unwrap_or(url).to_owned()
}

/// A cloud of the first `clouds.yaml` there is.
fn clouds_yaml(
    cloud: &str,
    environment: &[(String, String)],
    report: &mut Report,
) -> Option<Place> {
    let Some(file) = clouds_file(environment) else {
        let remedy = "set OS_CLIENT_CONFIG_FILE, or complete `auth` of the project";
        let origin = Origin { place: "OS_CLOUD".to_owned(), is_text: true };
        report.refuse(&origin, "clouds", Refusal::new("there is no clouds.yaml", remedy));
        return None;
    };
    let origin = Origin { place: file.display().to_string(), is_text: true };
    let text = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            report.refuse(&origin, "", unreadable(&error));
            return None;
        }
    };
    let tree = match parse_yaml(&text) {
        Ok(tree) => tree,
        Err((line_and_column, refusal)) => {
            report.refuse(&origin, &line_and_column, refusal);
            return None;
        }
    };
    let Some(cloud) = table(&tree, "clouds").and_then(|clouds| table(clouds, cloud)) else {
        let refusal = Refusal::new("does not have the cloud that OS_CLOUD names", "correct one");
        report.refuse(&origin, "clouds", refusal);
        return None;
    };
    Some(place(|name| {
        let value = table(cloud, "auth").and_then(|auth| auth.get(name))?;
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => super::kind::whole_number(value)?.to_string(),
        };
        let name = format!("{name} in {}", file.display());
        (!text.is_empty()).then(|| Found { place: origin.place.clone(), name, text })
    }))
}

fn clouds_file(environment: &[(String, String)]) -> Option<PathBuf> {
    if let Some(file) = lookup(environment, "OS_CLIENT_CONFIG_FILE") {
        return Some(file.into());
    }
    let home = lookup(environment, "HOME").map(|home| Path::new(home).join(".config"));
    let own = lookup(environment, "XDG_CONFIG_HOME").map(PathBuf::from).or(home);
    let folders = [Some(PathBuf::from(".")), own.map(|own| own.join("openstack"))]
        .into_iter()
        .chain([Some(PathBuf::from("/etc/openstack"))])
        .flatten();
    folders.map(|folder| folder.join("clouds.yaml")).find(|file| file.is_file())
}

fn table<'a>(tree: &'a Dict, name: &str) -> Option<&'a Dict> {
    match tree.get(name) {
        Some(Value::Dict(_, inner)) => Some(inner),
        _ => None,
    }
}
