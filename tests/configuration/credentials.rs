//! The keys of each method, and what other clients of the clouds have left in the environment.

use std::fs;

use modelarts_exporter::cloud::sign::Scheme;
use modelarts_exporter::cloud::{Agency, Method};
use modelarts_exporter::config::Config;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{GOOD, MARK, load, load_file, load_in, mistakes, password, rows};

/// The good file with these lines in the place of its credentials.
fn with_auth(auth: &str) -> String {
    let (before, rest) = GOOD.split_once("[projects.auth]").unwrap();
    let (_, jobs) = rest.split_once("[[projects.jobs]]").unwrap();
    format!("{before}\n{auth}\n[[projects.jobs]]{jobs}")
}

/// An id of a project, and these lines for its credentials.
fn signed(auth: &str) -> String {
    with_auth(&format!("project_id = \"feed\"\n[projects.auth]\n{auth}"))
}

fn method(config: &Config) -> &Method {
    &config.projects[0].cloud.auth.method
}

fn agency(config: &Config) -> Option<&Agency> {
    config.projects[0].cloud.auth.agency.as_ref()
}

#[test]
fn an_access_key_may_be_permanent_or_temporary_and_sign_in_both_ways() {
    let key = "method = \"aksk\"\naccess_key = \"S3CR3T-ak\"\nsecret_key = \"S3CR3T-sk\"\n";
    let (config, warnings) = load(&signed(key)).unwrap();
    assert_eq!(warnings, []);
    let Method::AccessKey(read) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(read.access_key.borrow().expose_secret(), "S3CR3T-ak");
    assert_eq!(read.secret_key.borrow().expose_secret(), "S3CR3T-sk");
    assert!(read.security_token.is_none());
    assert_eq!(read.scheme, Scheme::Access);

    let scoped = "security_token = \"S3CR3T-t\"\nsignature = \"scoped\"\nregion = \"eu-de\"\nservice = \"modelarts\"";
    let (config, _) = load(&signed(&format!("{key}{scoped}"))).unwrap();
    let Method::AccessKey(read) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(read.security_token.as_ref().unwrap().borrow().expose_secret(), "S3CR3T-t");
    let (region, service) = ("eu-de".to_owned(), "modelarts".to_owned());
    assert_eq!(read.scheme, Scheme::Scoped { region, service });
    assert!(!format!("{config:?}").contains(MARK));
}

#[test]
fn every_secret_has_a_file() {
    let folder = TempDir::new().unwrap();
    for name in ["access_key", "secret_key", "security_token", "token"] {
        fs::write(folder.path().join(name), format!("S3CR3T-{name}\n")).unwrap();
    }
    let files = "access_key_file = \"access_key\"\nsecret_key_file = \"secret_key\"\nsecurity_token_file = \"security_token\"";
    let text = signed(&format!("method = \"aksk\"\n{files}"));
    let (config, _) = load_in(&folder, "exporter.toml", &text, &[], &[]).unwrap();
    let Method::AccessKey(key) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(key.access_key.borrow().expose_secret(), "S3CR3T-access_key");
    assert_eq!(key.secret_key.borrow().expose_secret(), "S3CR3T-secret_key");
    let token = key.security_token.as_ref().unwrap();
    assert_eq!(token.borrow().expose_secret(), "S3CR3T-security_token");
    let text = signed("method = \"token\"\ntoken_file = \"token\"");
    let (config, _) = load_in(&folder, "exporter.toml", &text, &[], &[]).unwrap();
    let Method::Token(token) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(token.borrow().expose_secret(), "S3CR3T-token");
}

#[test]
fn the_machines_own_keys_need_nothing_but_the_project() {
    let (config, warnings) = load(&signed("method = \"ecs_metadata\"")).unwrap();
    assert_eq!(warnings, []);
    let Method::EcsMetadata(metadata) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(metadata.endpoint.as_str(), "http://169.254.169.254/");
    assert_eq!(metadata.scheme, Scheme::Access);
}

#[test]
fn an_agency_stands_on_top_of_any_method() {
    let agency_keys = "iam_endpoint = \"https://iam.example\"\nagency_name = \"monitoring\"\nagency_domain = \"other\"\n";
    for base in [
        "method = \"ecs_metadata\"",
        "method = \"token\"\ntoken = \"t\"",
        "method = \"aksk\"\naccess_key = \"a\"\nsecret_key = \"s\"",
        "domain = \"acme\"\nusername = \"exporter\"\npassword = \"p\"",
    ] {
        let (config, _) = load(&signed(&format!("{agency_keys}{base}"))).unwrap();
        let agency = agency(&config).unwrap();
        assert_eq!((agency.name.as_str(), agency.domain.as_str()), ("monitoring", "other"));
        let alone = "agency_name = \"monitoring\"\n";
        let rows = mistakes(&signed(&format!("{alone}{base}")));
        assert!(rows.contains("auth.agency_domain | is missing"), "{rows}");
        assert!(rows.contains("auth.iam_endpoint | is missing"), "{rows}");
    }
    let by_name = "method = \"token\"\ntoken = \"t\"\nproject_name = \"eu-de\"\n";
    let text = with_auth(&format!("[projects.auth]\n{agency_keys}{by_name}"));
    let (config, _) = load(&text).unwrap();
    assert_eq!(agency(&config).unwrap().project_name.as_deref(), Some("eu-de"));
}

#[test]
fn keys_of_another_method_are_refused_by_its_name_and_missing_ones_named() {
    let cases = [
        "method = \"aksk\"\npassword = \"S3CR3T\"\nregion = \"eu-de\"",
        "method = \"token\"\nsecret_key = \"S3CR3T\"\nproject_name = \"eu-de\"",
        "method = \"ecs_metadata\"\ntoken = \"S3CR3T\"\nsignature = \"scoped\"",
        "metadata_endpoint = \"http://127.0.0.1:1\"",
    ];
    let all: String =
        cases.map(|auth| mistakes(&with_auth(&format!("[projects.auth]\n{auth}")))).concat();
    insta::assert_snapshot!(all, @r#"
    exporter.toml | projects[0].auth.access_key_file | is missing | set it, or auth.access_key
    exporter.toml | projects[0].auth.password | belongs to method "password" | remove it, for auth.method is "aksk"
    exporter.toml | projects[0].auth.region | belongs to auth.signature = "scoped" | remove it, or set that
    exporter.toml | projects[0].auth.secret_key_file | is missing | set it, or auth.secret_key
    exporter.toml | projects[0].project_id | is missing | set it: with this method nothing else names the project
    exporter.toml | projects[0].auth.project_name | belongs to method "password" | remove it, for auth.method is "token"
    exporter.toml | projects[0].auth.secret_key | belongs to method "aksk" | remove it, for auth.method is "token"
    exporter.toml | projects[0].auth.token_file | is missing | set it, or auth.token
    exporter.toml | projects[0].project_id | is missing | set it: with this method nothing else names the project
    exporter.toml | projects[0].auth.region | is missing | 
    exporter.toml | projects[0].auth.service | is missing | 
    exporter.toml | projects[0].auth.token | belongs to method "token" | remove it, for auth.method is "ecs_metadata"
    exporter.toml | projects[0].project_id | is missing | set it: with this method nothing else names the project
    exporter.toml | projects[0].auth.domain | is missing | 
    exporter.toml | projects[0].auth.iam_endpoint | is missing | 
    exporter.toml | projects[0].auth.metadata_endpoint | belongs to method "ecs_metadata" | remove it, for auth.method is "password"
    exporter.toml | projects[0].auth.password_file | is missing | set it, or auth.password
    exporter.toml | projects[0].auth.username | is missing | 
    exporter.toml | projects[0].project_id | is missing, and so is auth.project_name | set one of them: the token is for one project
    "#);
}

const OPENRC: &[(&str, &str)] = &[
    ("OS_AUTH_URL", "https://iam.example/v3"),
    ("OS_USERNAME", "exporter"),
    ("OS_PASSWORD", "S3CR3T"),
    ("OS_USER_DOMAIN_NAME", "acme"),
    ("OS_PROJECT_NAME", "eu-de"),
];

const SIGNER: &[(&str, &str)] =
    &[("OS_ACCESS_KEY", "a"), ("OS_SECRET_KEY", "S3CR3T"), ("OS_SECURITY_TOKEN", "S3CR3T-t")];

#[test]
fn an_openrc_makes_a_file_with_a_name_an_endpoint_and_jobs_complete() {
    let folder = TempDir::new().unwrap();
    let text = with_auth("");
    let (config, warnings) = load_in(&folder, "e.toml", &text, OPENRC, &[]).unwrap();
    let user = password(&config, 0);
    assert_eq!(user.iam_endpoint.as_str(), "https://iam.example/");
    assert_eq!((user.username.as_str(), user.domain.as_str()), ("exporter", "acme"));
    assert_eq!(user.password.borrow().expose_secret(), "S3CR3T");
    assert_eq!(user.project_name.as_deref(), Some("eu-de"));
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "projects[0]: takes what is not configured from OS_AUTH_URL, OS_USERNAME, OS_USER_DOMAIN_NAME, OS_PASSWORD, OS_PROJECT_NAME"
        ]
    );
}

#[test]
fn what_the_file_says_is_never_replaced_nor_mixed() {
    let folder = TempDir::new().unwrap();
    let (config, warnings) = load_in(&folder, "e.toml", GOOD, OPENRC, &[]).unwrap();
    assert_eq!(password(&config, 0).iam_endpoint.as_str(), "https://iam.example/");
    assert_eq!(password(&config, 0).password.borrow().expose_secret(), "S3CR3T-password");
    assert_eq!(warnings, []);
    // A secret belongs to who is named beside it, and to nobody else.
    let key = "method = \"aksk\"\n";
    fs::write(folder.path().join("key"), "a").unwrap();
    for (text, environment, missing) in [
        (signed(&format!("{key}access_key = \"b\"")), SIGNER, "auth.secret_key"),
        (signed(&format!("{key}access_key_file = \"key\"")), SIGNER, "auth.secret_key"),
        (signed(&format!("{key}access_key = \"a\"")), &SIGNER[1..], "auth.secret_key"),
        (signed(&format!("{key}secret_key = \"S3CR3T-own\"")), SIGNER, "auth.access_key"),
        (signed(&format!("{key}security_token = \"S3CR3T-own\"")), SIGNER, "auth.secret_key"),
        (with_auth("[projects.auth]\nusername = \"other\""), OPENRC, "auth.password"),
        (with_auth("[projects.auth]\ndomain = \"other\""), OPENRC, "auth.password"),
        (with_auth("[projects.auth]\nusername = \"exporter\""), &OPENRC[2..], "auth.password"),
        (with_auth("[projects.auth]\npassword = \"S3CR3T-own\""), OPENRC, "auth.username"),
    ] {
        let error = load_in(&folder, "e.toml", &text, environment, &[]).expect_err(&text);
        let rows = rows(&error, &folder);
        assert!(
            rows.contains(&format!("or {missing}")) || rows.contains(&format!("{missing} |")),
            "{text}{rows}"
        );
    }
    // The same one may be named twice.
    let own_key = signed(&format!("{key}access_key = \"a\""));
    let (config, _) = load_in(&folder, "e.toml", &own_key, SIGNER, &[]).unwrap();
    let Method::AccessKey(key) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(key.secret_key.borrow().expose_secret(), "S3CR3T");
    assert_eq!(key.security_token.as_ref().unwrap().borrow().expose_secret(), "S3CR3T-t");
    let own_name = with_auth("[projects.auth]\nusername = \"exporter\"");
    let (config, _) = load_in(&folder, "e.toml", &own_name, OPENRC, &[]).unwrap();
    assert_eq!(password(&config, 0).password.borrow().expose_secret(), "S3CR3T");
    // Only the first project is filled in.
    let second = format!(
        "{GOOD}\n[[projects]]\nname = \"b\"\nendpoint = \"https://m.example\"\n[[projects.jobs]]\njob_id = 1\n"
    );
    let error = load_in(&folder, "e.toml", &second, OPENRC, &[]).unwrap_err();
    assert!(rows(&error, &folder).contains("projects[1].auth.username | is missing"));
}

#[test]
fn the_sdks_variables_make_an_access_key() {
    let folder = TempDir::new().unwrap();
    let environment = [
        ("HUAWEICLOUD_SDK_AK", "S3CR3T-a"),
        ("HUAWEICLOUD_SDK_SK", "S3CR3T-s"),
        ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "S3CR3T-t"),
        ("HUAWEICLOUD_SDK_PROJECT_ID", "feed"),
        ("OS_USERNAME", "nobody"),
    ];
    let (config, warnings) = load_in(&folder, "e.toml", &with_auth(""), &environment, &[]).unwrap();
    let Method::AccessKey(key) = method(&config) else { panic!("{:?}", method(&config)) };
    assert_eq!(key.secret_key.borrow().expose_secret(), "S3CR3T-s");
    assert_eq!(key.security_token.as_ref().unwrap().borrow().expose_secret(), "S3CR3T-t");
    assert_eq!(config.projects[0].cloud.project_id.as_deref(), Some("feed"));
    assert!(!format!("{warnings:?}").contains(MARK), "{warnings:?}");
}

#[test]
fn a_cloud_of_clouds_yaml_is_the_last_resort() {
    let folder = TempDir::new().unwrap();
    let clouds = folder.path().join("clouds.yaml");
    fs::write(
        &clouds,
        "clouds:\n  otc:\n    auth:\n      auth_url: https://iam.example/v3\n      username: exporter\n      password: S3CR3T-yaml\n      user_domain_name: acme\n      project_id: 12345\n",
    )
    .unwrap();
    let named = clouds.to_str().unwrap();
    let load = |cloud: &str, file: &str| {
        let environment =
            [("OS_CLOUD", cloud), ("OS_CLIENT_CONFIG_FILE", file), ("OS_PASSWORD", "S3CR3T-env")];
        load_in(&folder, "e.toml", &with_auth(""), &environment, &[])
    };
    let (config, warnings) = load("otc", named).unwrap();
    assert_eq!(password(&config, 0).username, "exporter");
    let secret = password(&config, 0).password.borrow().expose_secret().to_owned();
    assert_eq!(secret, "S3CR3T-yaml", "whose password the environment's is, nobody says");
    assert_eq!(config.projects[0].cloud.project_id.as_deref(), Some("12345"));
    assert!(warnings[0].reason.contains("username in "), "{warnings:?}");

    let unknown = load("other", named).unwrap_err();
    let rows_of = |error| rows(&error, &folder);
    let unknown = rows_of(unknown);
    assert!(unknown.contains("clouds.yaml | clouds | does not have the cloud"), "{unknown}");
    let missing = rows_of(load("otc", "/nowhere/clouds.yaml").unwrap_err());
    assert!(missing.contains("/nowhere/clouds.yaml |  | does not exist"), "{missing}");
    fs::write(&clouds, "clouds: [S3CR3T\n").unwrap();
    let broken = rows_of(load("otc", named).unwrap_err());
    assert!(broken.contains("is not YAML") && !broken.contains(MARK), "{broken}");

    // Where everything is configured, nobody looks.
    let complete = folder.path().join("complete.toml");
    fs::write(&complete, GOOD).unwrap();
    let environment = [("OS_CLOUD", "otc"), ("OS_CLIENT_CONFIG_FILE", "/nowhere")];
    assert_eq!(load_file(&complete, &environment, &[]).unwrap().1, []);
}
