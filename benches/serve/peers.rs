//! What others wrote, as `make bench-serve` unpacks it, told to serve our values.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

/// A file of a peer.
pub(crate) fn peer(path: &str) -> anyhow::Result<PathBuf> {
    repository(&format!("target/peers/{path}"))
}

fn repository(path: &str) -> anyhow::Result<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    anyhow::ensure!(file.exists(), "{} is missing; run `make bench-serve`", file.display());
    Ok(file)
}

/// nginx with the files of a directory, each packed where a file of that name with `.gz` stands beside it.
pub(crate) fn nginx(directory: &Path) -> anyhow::Result<Server> {
    // It takes no port 0. Between here and its start another program may take this one, which ends
    // the measurement with an error.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let place = directory.display();
    let configuration = format!(
        r#"daemon off;
worker_processes 2;
pid {place}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    default_type "text/plain; version=0.0.4; charset=utf-8";
    client_body_temp_path {place}/client_body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{
        listen {address};
        root {place};
        gzip_static on;
        gzip_vary on;
    }}
}}
"#
    );
    let file = directory.join("nginx.conf");
    fs::write(&file, configuration)?;
    Server::start(
        Command::new(peer("nginx/usr/sbin/nginx")?)
            .args(["-e", "stderr", "-p"])
            .arg(directory)
            .arg("-c")
            .arg(&file),
        |line| line.contains("start worker process ").then(|| format!("http://{address}")),
    )
}

/// Debian's pushgateway, which is Go's client library with a store: empty.
pub(crate) fn pushgateway() -> anyhow::Result<Server> {
    Server::start(
        Command::new(peer("pushgateway/usr/bin/prometheus-pushgateway")?)
            .args(["--web.listen-address=127.0.0.1:0", "--persistence.file="]),
        |line| {
            let (_, address) = line.split_once("msg=\"Listening on\" address=")?;
            Some(format!("http://{address}"))
        },
    )
}

/// Python's `prometheus_client` with the gauges of an exposition.
pub(crate) fn python(exposition: &Path) -> anyhow::Result<Server> {
    Server::start(
        Command::new(peer("clients/bin/python")?)
            .arg("-u")
            .arg(repository("benches/serve/gauges.py")?)
            .arg(exposition),
        |line| Some(line.strip_prefix("listening on ")?.to_owned()),
    )
}
