//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use gilsim::experiment::Span;
use gilsim::time::{Duration, Time};

/// What will my concurrent program do, and why?
///
/// Exit codes: 0 as expected; 1 an expectation failed, a schedule that breaks it was found, a run ended irregularly, or a
/// conclusion hangs on a tie rule; 2 the request or a scenario is invalid; 3 no proof where one was demanded, or nothing is
/// decided; 4 nothing to test; 5 two runs of the same seed differ, or a schedule has drifted; 6 an output could not be written; 130 interrupted. Of several, the greatest.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios: figures in the terminal, files under output/<scenario>/
    Run {
        /// Scenario files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Run all scenarios of folders, with a page that shows them all
    Batch {
        /// Folders, searched for *.ron, and scenario files
        #[arg(required = true, value_name = "DIR|FILE")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        options: Options,
    },
    /// Say what is wrong with scenarios, without running them; or what depends on tie rules
    Check {
        /// Scenario files, and folders, searched for *.ron
        #[arg(required = true, value_name = "DIR|FILE")]
        files: Vec<PathBuf>,
        /// Change a value before reading: machine.cores=8
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
        /// Run them under every other tie rule, and say whether the conclusion survives
        #[arg(long)]
        conventions: bool,
    },
    /// Look for a schedule that breaks what must hold, or prove that there is none
    Test {
        /// Scenario files, and folders, searched for *.ron
        #[arg(required = true, value_name = "DIR|FILE")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        options: super::test::Options,
    },
    /// Follow a schedule that `gilsim test` found, step by step
    Replay {
        /// The scenario file
        file: PathBuf,
        /// The schedule, as printed: gs1.…
        #[arg(long, value_name = "TOKEN")]
        schedule: String,
        /// Change a value before reading: machine.cores=8
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
    },
    /// List what a scenario can be made of
    List {
        /// One topic only
        #[arg(value_name = "TOPIC", value_parser = super::list::topics())]
        topic: Option<String>,
    },
}

/// How to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seed of the first run, instead of the scenario's
    #[arg(long)]
    pub seed: Option<u64>,
    /// Number of runs with different seeds, instead of the scenario's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub runs: Option<u32>,
    /// Change a value before reading: machine.cores=8
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Folder for the files
    #[arg(long, value_name = "DIR", default_value = "output")]
    pub out: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
    /// Threads to run on, instead of one for each core of this computer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub jobs: Option<u16>,
    /// Draw no pictures
    #[arg(long)]
    pub no_charts: bool,
    /// Let an independent checker watch every run
    #[arg(long)]
    pub audit: bool,
    /// Say why each core takes whom it takes, in the first run of every model: all decisions, or those of a part
    #[arg(long, value_name = "FROM..TO", num_args = 0..=1, require_equals = true, default_missing_value = "..")]
    #[arg(value_parser = span)]
    pub explain: Option<Span>,
    /// Run everything twice under different conditions and compare every record
    #[arg(long)]
    pub check_determinism: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
}

/// `5ms..20ms`, of which either end may be left out.
fn span(text: &str) -> Result<Span, String> {
    let (from, to) = text.split_once("..").ok_or("write two points in time, such as --explain=5ms..20ms")?;
    let point = |text: &str, otherwise: Time| match text.trim() {
        "" => Ok(otherwise),
        text => Duration::parse(text).map(|since| Time(since.0)).map_err(|error| error.to_string()),
    };
    let span = Span { from: point(from, Time::ZERO)?, to: point(to, Time::NEVER)? };
    if span.from < span.to { Ok(span) } else { Err(format!("nothing lies between {from} and {to}")) }
}
