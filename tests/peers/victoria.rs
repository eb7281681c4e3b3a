use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::peer;
use crate::harness::prometheus::{Sample, query};
use crate::harness::{Process, Site};

/// Until it listens, on a busy machine.
const START: Duration = Duration::from_mins(1);

/// A real `VictoriaMetrics`, which reads text 0.0.4 with a parser of its own.
pub(super) struct Victoria {
    _process: Process,
    site: Site,
    _directory: TempDir,
}

impl Victoria {
    /// Starts `VictoriaMetrics` with this scrape configuration, and waits until it listens.
    pub(super) async fn start(config: &str) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        std::fs::write(directory.path().join("scrape.yml"), config).expect("can be written");
        let mut command = Command::new(peer("victoria-metrics/usr/bin/victoria-metrics"));
        command.current_dir(directory.path()).args([
            "-promscrape.config=scrape.yml",
            "-storageDataPath=data",
            "-httpListenAddr=127.0.0.1:0",
            // A query sees the last scrape at once, not only after half a minute.
            "-search.latencyOffset=0s",
            // Its caches would else be sized for a machine of its own.
            "-memory.allowedBytes=64MiB",
        ]);
        let mut process = Process::start("VictoriaMetrics", &mut command);
        let address = process.wait_until(START, "its address", Process::listens_on).await;
        Self {
            _process: process,
            site: Site::new(&format!("http://{address}")),
            _directory: directory,
        }
    }

    /// The answer to an instant query.
    pub(super) async fn query(&self, expression: &str) -> Result<Vec<Sample>, String> {
        query(&self.site, expression).await
    }
}
