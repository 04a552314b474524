//! Response times: arrival to completion of each job, warm-up excluded.

use hdrhistogram::Histogram;

use crate::model::Model;
use crate::time::Duration;
use crate::trace::{Record, Sink, What};

/// Most response times that are kept one by one. The percentiles of so few say less than the times themselves.
pub const FEW: usize = 30;

/// Response times in a histogram with three significant digits, and one by one while they are few.
#[derive(Clone, Debug)]
pub struct Latency {
    histogram: Histogram<u64>,
    few: Vec<u64>,
    arrivals: Vec<Option<u64>>,
    warm_up: Duration,
}

impl Latency {
    /// No jobs yet.
    pub fn new(model: &Model) -> Latency {
        let histogram = Histogram::new(3).expect("three significant digits are allowed");
        Latency { histogram, few: Vec::new(), arrivals: Vec::new(), warm_up: model.warm_up }
    }

    /// Jobs measured.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// Every response time in nanoseconds, in order of completion, unless there are more than [`FEW`].
    pub fn each(&self) -> Option<&[u64]> {
        (self.count() <= FEW as u64).then_some(&self.few)
    }

    /// The response time in nanoseconds that a share `p` (0 to 1) of the jobs do not exceed.
    pub fn at(&self, p: f64) -> f64 {
        self.histogram.value_at_quantile(p) as f64
    }
}

impl Sink for Latency {
    fn record(&mut self, record: &Record) {
        match record.what {
            What::JobArrive { job, .. } => {
                if self.arrivals.len() <= job.index() {
                    self.arrivals.resize(job.index() + 1, None);
                }
                self.arrivals[job.index()] = Some(record.time.0);
            }
            What::JobEnd { job, .. } => {
                let arrived = self.arrivals.get_mut(job.index()).and_then(Option::take);
                if let Some(arrived) = arrived.filter(|arrived| *arrived >= self.warm_up.0) {
                    let response = record.time.0.saturating_sub(arrived);
                    // It grows by itself; a response of 2^63 nanoseconds does not occur in a run of 2^64.
                    let _ = self.histogram.record(response);
                    if self.few.len() < FEW {
                        self.few.push(response);
                    }
                }
            }
            _ => {}
        }
    }
}
