//! Scenarios to results and files.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use gilsim::experiment::{self, Explained, Observer, Results};
use gilsim::output::{self, Folder, OutputError};
use gilsim::report::chart::file_stem;
use gilsim::report::html::{self, Entry, Shown};
use gilsim::report::{self, ModelData};
use gilsim::scenario::Scenario;
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde::Serialize;

use super::Exit;
use super::args::Options;
use super::load::{Loaded, Refused};

/// The page beside the folders of all scenarios.
pub const OVERVIEW: &str = "index.html";

/// A scenario with the folder for its files.
pub struct Job {
    loaded: Loaded,
    folder: Folder,
}

/// A scenario that has run.
pub struct Done {
    pub results: Results,
    /// Why cores ran whom they ran, by model; empty if nobody asked.
    pub explained: Vec<Explained>,
    pub audited: bool,
    pub checked: bool,
    pictures: Vec<Shown>,
    /// Picture files of an earlier run that went, since this run drew none.
    pub lost: usize,
    /// The folder with its files.
    pub published: Result<PathBuf, OutputError>,
}

/// Draws every point as it comes.
struct Painter<'a> {
    scenario: &'a Scenario,
    folder: &'a Folder,
    bar: &'a ProgressBar,
    charts: bool,
    pictures: Mutex<Vec<(usize, Vec<Shown>)>>,
}

impl Observer for Painter<'_> {
    fn run_done(&self) {
        self.bar.inc(1);
    }

    fn point_done(&self, point: usize, models: &[ModelData]) {
        if !self.charts {
            return;
        }
        let settings: Vec<String> =
            self.scenario.points[point].settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let settings = settings.join(", ");
        let (title, prefix) = if settings.is_empty() {
            (self.scenario.title.clone(), String::new())
        } else {
            // The number keeps the names apart and in order, the settings tell people which is which.
            let digits = self.scenario.points.len().to_string().len();
            let number = format!("point-{:0digits$}", point + 1);
            (format!("{} ({settings})", self.scenario.title), format!("{number}-{}-", file_stem(&settings)))
        };
        let mut shown = Vec::new();
        for picture in report::render(&title, models, &self.scenario.charts) {
            let stem = format!("{prefix}{}", picture.file_stem);
            self.folder.write(&format!("{stem}.svg"), picture.svg.as_bytes());
            self.folder.write(&format!("{stem}.png"), &picture.png);
            let title = if settings.is_empty() { picture.title } else { format!("{} ({settings})", picture.title) };
            shown.push(Shown { href: format!("{stem}.svg"), title });
        }
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner).push((point, shown));
    }
}

/// Folders for all, or for none.
///
/// # Errors
/// The first folder that cannot be.
pub fn begin(loaded: Vec<Loaded>, options: &Options) -> Result<Vec<Job>, OutputError> {
    loaded.into_iter().map(|loaded| Job::begin(loaded, options)).collect()
}

/// Executes all at once; the results are in the order of the jobs.
pub fn parallel(
    jobs: Vec<Result<Job, OutputError>>,
    options: &Options,
    bar: &ProgressBar,
) -> Vec<Result<Done, OutputError>> {
    jobs.into_par_iter().map(|job| job.map(|job| job.execute(options, bar))).collect()
}

impl Job {
    /// Prepares the folder, and applies what the command line says about seeds.
    ///
    /// # Errors
    /// The folder cannot be written or replaced.
    pub fn begin(mut loaded: Loaded, options: &Options) -> Result<Job, OutputError> {
        let scenario = &mut loaded.scenario;
        scenario.seed = options.seed.unwrap_or(scenario.seed);
        scenario.runs = options.runs.unwrap_or(scenario.runs);
        let folder = Folder::begin(&options.out, &loaded.source.name)?;
        Ok(Job { loaded, folder })
    }

    /// How many runs this will be.
    pub fn runs(&self, options: &Options) -> u64 {
        experiment::runs(&self.loaded.scenario, &asked(options, &self.loaded.scenario))
    }

    /// Runs, draws, writes.
    pub fn execute(self, options: &Options, bar: &ProgressBar) -> Done {
        let Job { loaded, folder } = self;
        let scenario = &loaded.scenario;
        let asked = asked(options, scenario);
        let painter = Painter { scenario, folder: &folder, bar, charts: asked.charts, pictures: Mutex::default() };
        let results = experiment::run(scenario, &asked, &painter);
        let mut pictures = painter.pictures.into_inner().unwrap_or_else(PoisonError::into_inner);
        pictures.sort_by_key(|(point, _)| *point);
        let mut pictures: Vec<Shown> = pictures.into_iter().flat_map(|(_, shown)| shown).collect();
        if let Some(picture) = asked.charts.then(|| report::render_sweep(&results.report)).flatten() {
            folder.write("sweep.svg", picture.svg.as_bytes());
            folder.write("sweep.png", &picture.png);
            pictures.insert(0, Shown { href: "sweep.svg".to_owned(), title: picture.title });
        }
        let explained = options.explain.map_or_else(Vec::new, |span| experiment::explain(scenario, span));
        for explained in &explained {
            folder.write(&decisions_file(explained), decisions(explained).as_bytes());
        }
        let text = &loaded.source.text;
        folder.write("figures.json", json(&Written::of(&results)).as_bytes());
        folder.write("scenario.ron", text.as_bytes());
        folder.write("index.html", html::scenario(&results.report, &pictures, text).as_bytes());
        let lost = if asked.charts { 0 } else { folder.former(&[".svg", ".png"]) };
        let published = folder.publish();
        Done {
            results,
            explained,
            audited: options.audit,
            checked: options.check_determinism,
            pictures,
            lost,
            published,
        }
    }
}

/// The file of the decisions of one model, with the number of its point in a sweep.
pub fn decisions_file(explained: &Explained) -> String {
    let model = file_stem(&explained.model);
    match explained.settings.is_empty() {
        true => format!("decisions-{model}.txt"),
        false => format!("decisions-{model}-{}.txt", explained.point + 1),
    }
}

fn decisions(explained: &Explained) -> String {
    let mut out: String = explained.decisions.iter().map(|decision| format!("{decision}\n")).collect();
    if explained.more > 0 {
        out += &format!("and {} more: ask for a part with --explain=FROM..TO\n", explained.more);
    }
    out
}

fn asked(options: &Options, scenario: &Scenario) -> experiment::Options {
    experiment::Options {
        charts: !options.no_charts && !scenario.charts.is_empty(),
        audit: options.audit,
        check_determinism: options.check_determinism,
        ..experiment::Options::default()
    }
}

impl Done {
    pub fn exit(&self) -> Exit {
        let failed = if self.results.passed { Exit::Expected } else { Exit::Failed };
        let differs = if self.results.difference.is_some() { Exit::Nondeterminism } else { Exit::Expected };
        let unwritten = if self.published.is_err() { Exit::Output } else { Exit::Expected };
        failed.max(differs).max(unwritten)
    }

    /// Expectations that held, and all.
    pub fn held(&self) -> (usize, usize) {
        let all = self.results.report.points.iter().flat_map(|point| &point.expectations);
        (all.clone().filter(|checked| checked.holds).count(), all.count())
    }
}

/// One scenario as JSON.
#[derive(Serialize)]
struct Written<'a> {
    passed: bool,
    #[serde(flatten)]
    report: &'a gilsim::metrics::figures::Report,
}

impl<'a> Written<'a> {
    fn of(results: &'a Results) -> Written<'a> {
        Written { passed: results.passed, report: &results.report }
    }
}

/// What became of everything asked for.
#[derive(Default)]
pub struct Tally {
    pub done: Vec<Done>,
    pub refused: Vec<String>,
    unwritten: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    gilsim: &'static str,
    scenarios: Vec<Written<'a>>,
    /// Files that are no scenarios.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    invalid: &'a [String],
}

impl Tally {
    pub fn add(&mut self, done: Done) {
        self.done.push(done);
    }

    pub fn refuse(&mut self, refused: &Refused) {
        self.refused.push(refused.source.shown());
    }

    pub fn unwritten(&mut self) {
        self.unwritten = true;
    }

    pub fn exit(&self) -> Exit {
        let worst = self.done.iter().map(Done::exit).max().unwrap_or(Exit::Expected);
        let invalid = if self.refused.is_empty() { Exit::Expected } else { Exit::Invalid };
        worst.max(invalid).max(if self.unwritten { Exit::Output } else { Exit::Expected })
    }

    /// All of it as one JSON document.
    pub fn json(&self) -> String {
        let scenarios = self.done.iter().map(|done| Written::of(&done.results)).collect();
        json(&Document { gilsim: env!("CARGO_PKG_VERSION"), scenarios, invalid: &self.refused })
    }

    /// Writes the page that shows all scenarios.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn index(&self, out: &Path) -> Result<PathBuf, OutputError> {
        let entries: Vec<Entry> = self.done.iter().filter(|done| done.published.is_ok()).map(entry).collect();
        output::write_file(out, OVERVIEW, html::batch("gilsim: all scenarios", &entries).as_bytes())?;
        Ok(out.join(OVERVIEW))
    }
}

fn entry(done: &Done) -> Entry {
    let report = &done.results.report;
    let inside = |file: &str| format!("{}/{file}", report.name);
    Entry {
        href: inside("index.html"),
        title: report.title.clone(),
        picture: done.pictures.first().map(|shown| Shown { href: inside(&shown.href), title: shown.title.clone() }),
        verdict: report.verdict.clone(),
        held: done.held(),
        passed: done.results.passed,
    }
}

fn json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("figures have text keys only");
    text.push('\n');
    text
}
