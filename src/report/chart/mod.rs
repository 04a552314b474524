//! The charts. A new one is a file with a `draw` function and a row in [`CHARTS`].

pub mod axis;
pub mod choices;
mod cumulative;
pub(crate) mod frame;
mod latency;
mod states;
mod strip;
pub mod sweep;
mod throughput;
mod timeline;

use super::ModelData;
use super::scene::Scene;

/// A kind of picture.
pub struct Chart {
    /// As a scenario asks for it.
    pub name: &'static str,
    /// One line of explanation, for `gilsim list`.
    pub about: &'static str,
    /// Draws it; the empty list if there is nothing to show.
    pub draw: fn(&Subject<'_>) -> Vec<Drawn>,
}

/// All kinds of pictures, in the order of a report.
pub const CHARTS: &[Chart] = &[
    Chart {
        name: "timeline",
        about: "per model: what every core, GIL, thread and coroutine did when; zoomed in as well if that is a lot",
        draw: timeline::draw,
    },
    Chart { name: "states", about: "per model: where the time of all threads went", draw: states::draw },
    Chart {
        name: "throughput",
        about: "all models: completed jobs per second over time; few jobs are counted up",
        draw: throughput::draw,
    },
    Chart {
        name: "latency",
        about: "all models: response time by percentile; few jobs one by one",
        draw: latency::draw,
    },
];

/// What is drawn: one run of each model on the same work.
pub struct Subject<'a> {
    /// Title of the scenario.
    pub title: &'a str,
    /// The models in the order of the scenario.
    pub models: &'a [ModelData],
}

impl Subject<'_> {
    fn seed_words(&self) -> String {
        match self.models.first() {
            Some(model) => format!("one seed ({})", model.figures.seed),
            None => "no run".to_owned(),
        }
    }
}

/// A picture with the name of its file, without an ending.
pub struct Drawn {
    /// Name of the file.
    pub stem: String,
    /// The picture.
    pub scene: Scene,
}

/// `Hybrid(processes: 2, each: Asyncio)` as `hybrid-processes-2-each-asyncio`.
pub fn file_stem(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let stem: String = out.trim_end_matches('-').chars().take(60).collect();
    if stem.is_empty() { "model".to_owned() } else { stem }
}
