//! The command: arguments, words for the terminal, and exit codes. It uses only what the library offers to everybody.

mod args;
mod conventions;
mod execute;
mod list;
mod load;
mod table;
mod terminal;
mod test;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command, Format};
use execute::{Job, Tally};
use load::Loaded;
use terminal::Terminal;

/// What the exit code says. When several apply, the greatest is returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything was as expected.
    Expected = 0,
    /// An expectation failed, or a run ended irregularly.
    Failed = 1,
    /// The request or a scenario is invalid.
    Invalid = 2,
    /// Nothing was decided, or no proof was found where one was demanded.
    Inconclusive = 3,
    /// There is nothing to test.
    Nothing = 4,
    /// Two runs of the same model and seed differ, or a schedule has drifted.
    Nondeterminism = 5,
    /// An output could not be written.
    Output = 6,
}

/// Does what the command line asks.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Help is an error, too, as far as the parser is concerned; a closed pipe is nobody's concern.
            let _ = error.print();
            return code(if error.use_stderr() { Exit::Invalid } else { Exit::Expected });
        }
    };
    let terminal = Terminal::detect();
    let exit = match &args.command {
        Command::List { topic } => terminal.print(&list::list(topic.as_deref(), &terminal)),
        Command::Check { files, set, conventions: false } => check(files, set, false, &terminal),
        Command::Check { files, set, conventions: true } => {
            prepare(&terminal, None).unwrap_or_else(|| check(files, set, true, &terminal))
        }
        Command::Test { paths, options } => {
            prepare(&terminal, options.jobs).unwrap_or_else(|| test::test(paths, options, &terminal))
        }
        Command::Replay { file, schedule, set } => test::replay(file, schedule, set, &terminal),
        Command::Run { files, options } => {
            prepare(&terminal, options.jobs).unwrap_or_else(|| run(files, options, &terminal))
        }
        Command::Batch { paths, options } => {
            prepare(&terminal, options.jobs).unwrap_or_else(|| batch(paths, options, &terminal))
        }
    };
    code(exit)
}

fn code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

/// Threads and the interrupt. The exit code if that fails.
fn prepare(terminal: &Terminal, jobs: Option<u16>) -> Option<Exit> {
    let threads = jobs.map_or(0, usize::from);
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        terminal.complain(&format!("cannot start the threads for --jobs: {error}"));
        return Some(Exit::Invalid);
    }
    let interrupted = ctrlc::set_handler(|| {
        let _nothing_is_published_from_here_on = gilsim::output::abandon();
        std::process::exit(130);
    });
    if let Err(error) = interrupted {
        terminal.complain(&format!("an interrupt would leave hidden files behind: {error}"));
    }
    None
}

fn check(files: &[std::path::PathBuf], sets: &[String], under_conventions: bool, terminal: &Terminal) -> Exit {
    let found = match (load::sets(sets), load::scenarios(files)) {
        (Ok(sets), Ok(files)) => load::each(files, &sets),
        (Err(words), _) | (_, Err(words)) => {
            terminal.complain(&words);
            return Exit::Invalid;
        }
    };
    let mut exit = Exit::Expected;
    for loaded in &found {
        match loaded {
            Ok(loaded) => {
                terminal.diagnostics(&loaded.source, &loaded.warnings);
                let warnings = match loaded.warnings.len() {
                    0 => "no warnings".to_owned(),
                    1 => "1 warning".to_owned(),
                    n => format!("{n} warnings"),
                };
                if !under_conventions {
                    exit = exit.max(terminal.print(&format!("{}: valid, {warnings}\n", loaded.source.shown())));
                }
            }
            Err(refused) => {
                terminal.refused(refused);
                exit = exit.max(Exit::Invalid);
            }
        }
    }
    if under_conventions {
        let valid: Vec<&Loaded> = found.iter().flatten().collect();
        exit = exit.max(conventions::check(&valid, terminal));
    }
    exit
}

/// `run`: nothing starts before everything is known to be valid.
fn run(files: &[std::path::PathBuf], options: &args::Options, terminal: &Terminal) -> Exit {
    let loaded = match load::sets(&options.set) {
        Ok(sets) => load::all(load::plain(files), &sets),
        Err(words) => {
            terminal.complain(&words);
            return Exit::Invalid;
        }
    };
    let refused = loaded.iter().filter_map(|loaded| loaded.as_ref().err());
    if refused.clone().count() > 0 {
        refused.for_each(|refused| terminal.refused(refused));
        return Exit::Invalid;
    }
    let loaded: Vec<Loaded> = loaded.into_iter().flatten().collect();
    for loaded in &loaded {
        terminal.diagnostics(&loaded.source, &loaded.warnings);
    }
    let jobs = match execute::begin(loaded, options) {
        Ok(jobs) => jobs,
        Err(error) => {
            terminal.complain(&error.to_string());
            return Exit::Output;
        }
    };
    let bar = terminal.bar(jobs.iter().map(|job| job.runs(options)).sum());
    let mut tally = Tally::default();
    let mut exit = Exit::Expected;
    for job in jobs {
        let done = job.execute(options, &bar);
        if options.format == Format::Table {
            exit = exit.max(bar.suspend(|| terminal.print(&table::scenario(&done, terminal))));
        }
        bar.suspend(|| terminal.failures(&done));
        tally.add(done);
    }
    bar.finish_and_clear();
    if options.format == Format::Json {
        exit = exit.max(terminal.print_json(&tally.json()));
    }
    exit.max(tally.exit())
}

/// `batch`: what is invalid or fails does not stop the others.
fn batch(paths: &[std::path::PathBuf], options: &args::Options, terminal: &Terminal) -> Exit {
    let (sets, sources) = match (load::sets(&options.set), load::scenarios(paths)) {
        (Ok(sets), Ok(sources)) => (sets, sources),
        (Err(words), _) | (_, Err(words)) => {
            terminal.complain(&words);
            return Exit::Invalid;
        }
    };
    let mut tally = Tally::default();
    let mut valid = Vec::new();
    for loaded in load::all(sources, &sets) {
        match loaded {
            Ok(loaded) => valid.push(loaded),
            Err(refused) => {
                terminal.refused(&refused);
                tally.refuse(&refused);
            }
        }
    }
    for loaded in &valid {
        terminal.diagnostics(&loaded.source, &loaded.warnings);
    }
    let jobs: Vec<_> = valid.into_iter().map(|loaded| Job::begin(loaded, options)).collect();
    let bar = terminal.bar(jobs.iter().flatten().map(|job| job.runs(options)).sum());
    for done in execute::parallel(jobs, options, &bar) {
        match done {
            Ok(done) => {
                bar.suspend(|| terminal.failures(&done));
                tally.add(done);
            }
            Err(error) => {
                bar.suspend(|| terminal.complain(&error.to_string()));
                tally.unwritten();
            }
        }
    }
    bar.finish_and_clear();
    // A page without scenarios would only destroy that of an earlier batch.
    let index = (!tally.done.is_empty()).then(|| tally.index(&options.out));
    if let Some(Err(error)) = &index {
        terminal.complain(&error.to_string());
        tally.unwritten();
    }
    let overview = index.and_then(Result::ok);
    let printed = match options.format {
        Format::Table => terminal.print(&table::batch(&tally, overview.as_deref(), terminal)),
        Format::Json => terminal.print_json(&tally.json()),
    };
    printed.max(tally.exit())
}
