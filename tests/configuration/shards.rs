//! Which part of the jobs is this process' own.

use modelarts_exporter::config::{self, Source};
use modelarts_exporter::model::Shard;
use tempfile::TempDir;

use super::{GOOD, mistakes, rows};

/// The good file with these keys.
fn with(shard: &str) -> String {
    format!("shard = {{ {shard} }}\n{GOOD}")
}

/// The shard on a machine of that name, or what is wrong.
fn on(host: &str, shard: &str) -> Result<Shard, String> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("exporter.toml");
    std::fs::write(&file, with(shard)).unwrap();
    let environment = vec![("HOSTNAME".to_owned(), host.to_owned())];
    let source = Source { file: Some(file), environment, ..Source::default() };
    let loaded = config::load(&source);
    loaded.map(|(config, _)| config.shard).map_err(|error| rows(&error, &folder))
}

#[test]
fn the_index_is_set_or_ends_the_host_name() {
    let shard = |index, total| Ok(Shard { index, total });
    assert_eq!(on("exporter-2", "total = 3"), shard(2, 3));
    assert_eq!(on("exporter-2", "total = 3, index = 1"), shard(1, 3));
    assert_eq!(on("exporter-7", "total = 1"), shard(0, 1), "nobody asks for it");
    insta::assert_snapshot!(on("exporter-3", "total = 3").unwrap_err(), @"exporter.toml | shard.index | is not below shard.total | the first shard is 0");
}

#[test]
fn mistakes_name_both_keys() {
    let all = ["total = 2", "total = 2, index = 2", "index = 1", "total = 0"];
    let all: String = all.map(with).iter().map(|text| mistakes(text)).collect();
    insta::assert_snapshot!(all, @r"
    exporter.toml | shard.index | is missing, and HOSTNAME ends in no `-` and number; shard.total asks for it | set it, from 0 on
    exporter.toml | shard.index | is not below shard.total | the first shard is 0
    exporter.toml | shard.index | is not below shard.total | the first shard is 0
    exporter.toml | shard.total | is not between 1 and 1024 | 
    ");
}
