//! The figures of a cell, read from records as the measuring program took them.

use std::collections::BTreeMap;

use gilsim::id::{ContextId, JobId, ThreadId};
use gilsim::model::Model;
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Deed, On, Record, Role, Sink, What};
use serde_json::Value;

use crate::fidelity_scenarios::ROUND_NS;

/// Records, without those that fill memory and that no figure of the kind is about.
#[derive(Default)]
struct Kept {
    lean: bool,
    records: Vec<Record>,
    last_store: i64,
}

impl Sink for Kept {
    fn record(&mut self, record: &Record) {
        if let What::Store { value, .. } | What::Update { value, .. } = record.what {
            self.last_store = value;
        }
        if !self.lean {
            self.records.push(*record);
        }
    }
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The quantile of sorted values as the measuring program takes it: between neighbours.
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = (sorted.len() - 1) as f64 * p;
    let (low, high) = (at as usize, (at as usize + 1).min(sorted.len() - 1));
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The figures of one run. Times in milliseconds.
pub fn figures(kind: &str, spec: &Value, model: &Model, seed: u64) -> BTreeMap<&'static str, f64> {
    let mut kept = Kept { lean: kind == "h", ..Kept::default() };
    let ended = gilsim::sim::run(model, seed, &mut kept);
    assert!(ended.outcome.is_regular(), "{:?}", ended.outcome);
    let Kept { records, last_store, .. } = kept;
    let mut found = BTreeMap::new();
    match kind {
        "d" => convoy(&records, ended.at.0, &mut found),
        "e" => lags(&records, spec, &mut found),
        "f" => {
            found.insert("wall_ms", ms(ended.at.0));
            found.insert("lat_ms.p50", quantile(&put_to_get(&records), 0.5));
        }
        "g" => {
            found.insert("wall_ms", ms(ended.at.0));
            let waits = lock_waits(&records);
            found.insert("lock_wait_ms.mean", mean(&waits));
            let long = waits.iter().filter(|wait| **wait > 0.02).count();
            found.insert("frac_wait_over_20us", long as f64 / waits.len() as f64);
        }
        "h" => {
            let all = spec["threads"].as_f64().unwrap() * spec["iterations"].as_f64().unwrap();
            found.insert("lost_frac", 1.0 - last_store as f64 / all);
        }
        "l" => shares(&records, spec, ended.at.0, &mut found),
        _ => {
            let latencies = responses(&records);
            found.insert("wall_ms", ms(ended.at.0));
            found.insert("lat_ms.p50", quantile(&latencies, 0.5));
            found.insert("lat_ms.p99", quantile(&latencies, 0.99));
            found.insert("lat_ms.mean", mean(&latencies));
        }
    }
    found
}

/// From arrival to end.
fn responses(records: &[Record]) -> Vec<f64> {
    let mut arrived: BTreeMap<JobId, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for Record { time, what } in records {
        match what {
            What::JobArrive { job, .. } => drop(arrived.insert(*job, time.0)),
            What::JobEnd { job, .. } => found.push(ms(time.0 - arrived[job])),
            _ => {}
        }
    }
    sorted(found)
}

/// Core time of each thread within spans of so many nanoseconds; threads by the role they started with.
fn core_time(records: &[Record], end: u64, window: u64) -> BTreeMap<ThreadId, Vec<u64>> {
    let windows = end.div_ceil(window) as usize;
    let mut since: BTreeMap<ThreadId, u64> = BTreeMap::new();
    let mut ran: BTreeMap<ThreadId, Vec<u64>> = BTreeMap::new();
    let mut add = |thread: ThreadId, from: u64, to: u64| {
        let spans = ran.entry(thread).or_insert_with(|| vec![0; windows]);
        for (n, span) in spans.iter_mut().enumerate() {
            let (start, stop) = (n as u64 * window, (n as u64 + 1) * window);
            *span += to.min(stop).saturating_sub(from.max(start));
        }
    };
    for Record { time, what } in records {
        match *what {
            What::Run { thread, .. } => drop(since.insert(thread, time.0)),
            What::Preempt { thread, .. }
            | What::Block { thread, .. }
            | What::Yield { thread, .. }
            | What::ThreadEnd { thread, .. } => {
                if let Some(start) = since.remove(&thread) {
                    add(thread, start, time.0);
                }
            }
            _ => {}
        }
    }
    since.iter().for_each(|(thread, start)| add(*thread, *start, end));
    ran
}

/// Requests of the talking thread, and what the others had of the cores.
fn convoy(records: &[Record], end: u64, found: &mut BTreeMap<&'static str, f64>) {
    let mut talker = None;
    let mut rounds = Vec::new();
    let mut contexts: BTreeMap<ContextId, ThreadId> = BTreeMap::new();
    let mut server = None;
    for Record { time, what } in records {
        match *what {
            What::ThreadStart { thread, context, role, .. } => {
                contexts.insert(context, thread);
                if matches!(role, Role::Spawned { .. }) {
                    server = Some(thread);
                }
            }
            What::Compute { context, kind: CpuKind::Python, demand } if demand.0.is_multiple_of(ROUND_NS) => {
                talker = Some(contexts[&context]);
                rounds.push(time.0);
            }
            _ => {}
        }
    }
    let start = rounds[0];
    let took: Vec<f64> = rounds.windows(2).map(|pair| ms(pair[1] - pair[0])).collect();
    found.insert("requests_per_s", took.len() as f64 / ms(rounds[rounds.len() - 1] - start) * 1e3);
    found.insert("lat_pooled_ms.mean", mean(&took));
    let ran = core_time(records, end, end);
    let hogs: u64 = ran
        .iter()
        .filter(|(thread, _)| Some(**thread) != talker && Some(**thread) != server)
        .map(|(_, spans)| spans[0])
        .sum();
    found.insert("cpu_threads_cpu_share", hogs as f64 / end as f64);
}

/// How much later than asked each sleep ended.
fn lags(records: &[Record], spec: &Value, found: &mut BTreeMap<&'static str, f64>) {
    let asked = Duration((spec["sleep_ms"].as_f64().unwrap() * 1e6) as u64);
    let mut due: BTreeMap<ContextId, u64> = BTreeMap::new();
    let mut lags = Vec::new();
    for Record { time, what } in records {
        match *what {
            What::Sleep { context, time: sleep } if sleep == asked => drop(due.insert(context, time.0 + sleep.0)),
            What::Resume { context } => lags.extend(due.remove(&context).map(|due| ms(time.0 - due))),
            _ => {}
        }
    }
    let late = lags.iter().filter(|lag| **lag > 5.0).count() as f64 / lags.len() as f64;
    let lags = sorted(lags);
    found.insert("lag_ms.p50", quantile(&lags, 0.5));
    found.insert("lag_ms.max", lags[lags.len() - 1]);
    found.insert("frac_lag_over_5ms", late);
}

/// From the moment somebody wants to put an item in until somebody has it.
fn put_to_get(records: &[Record]) -> Vec<f64> {
    let mut wants: BTreeMap<ContextId, u64> = BTreeMap::new();
    let mut items = std::collections::VecDeque::new();
    let mut found = Vec::new();
    for Record { time, what } in records {
        let What::Sync { context, deed, amount, .. } = *what else { continue };
        match deed {
            Deed::WaitToPut => drop(wants.entry(context).or_insert(time.0)),
            Deed::Put => items.push_back((wants.remove(&context).unwrap_or(time.0), amount)),
            Deed::Get => {
                let (since, amount) = items.pop_front().expect("an item was put in");
                if amount > 0 {
                    found.push(ms(time.0 - since));
                }
            }
            _ => {}
        }
    }
    sorted(found)
}

/// From the end of the work outside the lock to the beginning of the work inside it.
fn lock_waits(records: &[Record]) -> Vec<f64> {
    let mut asks: BTreeMap<ContextId, u64> = BTreeMap::new();
    let mut taken: BTreeMap<ContextId, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for Record { time, what } in records {
        match *what {
            What::ComputeEnd { context } => drop(asks.insert(context, time.0)),
            What::LockTake { context, .. } => drop(taken.insert(context, asks[&context])),
            What::Compute { context, .. } => found.extend(taken.remove(&context).map(|asked| ms(time.0 - asked))),
            _ => {}
        }
    }
    found
}

/// Shares of the threads' core time in each window: the medians of the greatest, the least and the sum.
fn shares(records: &[Record], spec: &Value, end: u64, found: &mut BTreeMap<&'static str, f64>) {
    let window = (spec["window_s"].as_f64().unwrap() * 1e9) as u64;
    let ran = core_time(records, end, window);
    let (mut most, mut least, mut total) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..(end / window) as usize {
        let times: Vec<u64> = ran.values().map(|spans| spans[n]).collect();
        let all: u64 = times.iter().sum();
        most.push(*times.iter().max().unwrap() as f64 / all as f64);
        least.push(*times.iter().min().unwrap() as f64 / all as f64);
        total.push(all as f64 / window as f64);
    }
    found.insert("max_share", quantile(&sorted(most), 0.5));
    found.insert("min_share", quantile(&sorted(least), 0.5));
    found.insert("total_cpu_share", quantile(&sorted(total), 0.5));
    let blocks = records.iter().filter(|record| matches!(record.what, What::Block { on, .. } if on != On::Job)).count();
    found.insert("nvcsw_per_s", blocks as f64 / (end as f64 / 1e9));
}
