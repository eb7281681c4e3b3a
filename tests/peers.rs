//! What others wrote reads what we say: promtool, Prometheus, `VictoriaMetrics`, curl, the Python parsers,
//! the cloud's client, Keystone, Helm, systemd.

mod chain;
mod clients;
mod configuration;
mod dashboards;
mod formats;
mod keystone;
mod packages;
mod prometheus;
mod promtool;
mod proxy;
mod shards;
mod signer;
mod status_page;
mod systemd;
mod victoria;
mod web;
