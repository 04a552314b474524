//! Numbers to files: pictures as SVG and PNG, and pages that show them.
//!
//! A [`Collector`] listens to a run; [`render`] turns what the collectors of all models heard into pictures.

pub mod chart;
pub mod html;
pub mod latency;
pub mod scene;
pub mod series;
pub mod tables;
pub mod timeline;

#[cfg(test)]
mod tests;

use crate::metrics::figures::{Figures, Report};
use crate::model::Model;
use crate::time::Time;
use crate::trace::{Record, Sink};
use chart::{CHARTS, Subject};
use latency::Latency;
use series::Series;
use timeline::Timeline;

/// Listens to one run and keeps what the charts need, in bounded memory.
#[derive(Clone, Debug)]
pub struct Collector {
    timeline: Timeline,
    series: Series,
    latency: Latency,
}

impl Collector {
    /// For a run of this model.
    pub fn new(model: &Model) -> Collector {
        Collector { timeline: Timeline::new(model), series: Series::new(model), latency: Latency::new(model) }
    }

    /// The run ended at `end` and gave these figures.
    pub fn finish(mut self, name: &str, end: Time, figures: Figures) -> ModelData {
        self.timeline.finish(end);
        self.series.finish(Time(figures.makespan.0).min(end));
        let Collector { timeline, series, latency } = self;
        ModelData { name: name.to_owned(), timeline, series, latency, figures }
    }
}

impl Sink for Collector {
    fn record(&mut self, record: &Record) {
        self.timeline.record(record);
        self.series.record(record);
        self.latency.record(record);
    }
}

/// What the charts know of one model.
#[derive(Clone, Debug)]
pub struct ModelData {
    /// As the scenario writes it: `Threads(4)`.
    pub name: String,
    /// Rows of the timeline.
    pub timeline: Timeline,
    /// Completed jobs over time.
    pub series: Series,
    /// Response times.
    pub latency: Latency,
    /// All figures of the run.
    pub figures: Figures,
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Name of its files, without an ending.
    pub file_stem: String,
    /// What it shows.
    pub title: String,
    /// As SVG.
    pub svg: String,
    /// As PNG.
    pub png: Vec<u8>,
}

/// Draws the charts of these names (all if there are none), in the order of [`CHARTS`]. A file name that would come
/// twice gets a number.
pub fn render(title: &str, models: &[ModelData], charts: &[String]) -> Vec<Picture> {
    let subject = Subject { title, models };
    let wanted = CHARTS.iter().filter(|chart| charts.is_empty() || charts.iter().any(|name| name == chart.name));
    let mut pictures: Vec<Picture> = Vec::new();
    for drawn in wanted.flat_map(|chart| (chart.draw)(&subject)) {
        let taken = |stem: &str| pictures.iter().any(|picture| picture.file_stem == stem);
        let numbered = |number: u32| format!("{}-{number}", drawn.stem);
        let file_stem = if taken(&drawn.stem) {
            (2..).map(numbered).find(|stem| !taken(stem)).expect("there are more numbers than pictures")
        } else {
            drawn.stem.clone()
        };
        pictures.push(picture(file_stem, &drawn.scene));
    }
    pictures
}

/// The picture of a whole sweep, by the one number that is swept or by choice; `None` if there is nothing to compare.
pub fn render_sweep(report: &Report) -> Option<Picture> {
    let drawn = chart::sweep::draw(report).or_else(|| chart::choices::draw(report))?;
    Some(picture(drawn.stem, &drawn.scene))
}

fn picture(file_stem: String, scene: &scene::Scene) -> Picture {
    Picture { file_stem, title: scene.title.clone(), svg: scene::svg::write(scene), png: scene::png::write(scene) }
}
