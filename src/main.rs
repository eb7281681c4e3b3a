//! The binary: parse, dispatch; an error prints its whole chain and sets the exit code.

use std::process::ExitCode;

use clap::Parser as _;
use modelarts_exporter::{app, cli};

fn main() -> ExitCode {
    let command = cli::Cli::parse().into_command();
    match app::dispatch(command) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the log may not have been started yet")]
            {
                eprintln!("modelarts-exporter: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
