//! EEVDF against what was measured on Linux 6.18 (semantics of the scheduler, one core, ticks of 4 ms, slice 1.4 ms), and
//! against its own theory: shares follow weights, and lag is bounded.

use std::collections::BTreeMap;

use gilsim::dist::Dist;
use gilsim::id::ThreadId;
use gilsim::kernel::policy::{Eevdf, WakeupPreemption};
use gilsim::model::{Builder, Execution, Stmt, Urgency};
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Record, What};

use crate::real_runs::run;
use crate::validation::Measurements;

fn us(us: u64) -> Dist {
    Dist::Const(Duration::us(us))
}

/// Wake latencies and lengths of bursts (from the first moment on the core to the end) of a thread that sleeps 7.3 ms and
/// then computes, beside hogs on its core; both ascending, in milliseconds.
fn waker(hogs: u32, hog_slice: Option<u64>, slice: Option<u64>, burst: u64, wakeup: WakeupPreemption) -> [Vec<f64>; 2] {
    let policy = Eevdf { slice: Some(Duration::us(1_400)), wakeup_preemption: wakeup, tick: Duration::ms(4) };
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy).until(Duration::s(60));
    let cpu = |time: u64| Stmt::Cpu(CpuKind::Python, us(time));
    let urgency = |slice: Option<u64>| Urgency { slice: slice.map(Duration::us), ..Urgency::default() };
    let hog = builder.batch("hog", hogs, vec![Stmt::Forever(vec![cpu(1_000_000)])]);
    builder.urgency(hog, urgency(hog_slice));
    let sleep = Dist::Uniform { low: Duration::us(7_300), high: Duration::us(7_370) };
    let waker = builder.batch("waker", 1, vec![Stmt::Forever(vec![Stmt::Sleep(sleep), cpu(burst)])]);
    builder.urgency(waker, urgency(slice));
    let (records, _) = run(&builder.build(), 1);
    let mut found = [Vec::new(), Vec::new()];
    let mut ready: BTreeMap<ThreadId, u64> = BTreeMap::new();
    let mut began: BTreeMap<ThreadId, u64> = BTreeMap::new();
    for Record { time, what } in &records {
        match *what {
            What::Ready { thread } => drop(ready.insert(thread, time.0)),
            What::Run { thread, .. } => {
                if let Some(since) = ready.remove(&thread) {
                    found[0].push((time.0 - since) as f64 / 1e6);
                    began.insert(thread, time.0);
                }
            }
            What::Block { thread, .. } => {
                found[1].extend(began.remove(&thread).map(|since| (time.0 - since) as f64 / 1e6))
            }
            _ => {}
        }
    }
    found.iter_mut().for_each(|of| of.sort_by(f64::total_cmp));
    found
}

fn percentile(of: &[f64], p: usize) -> f64 {
    of[(of.len() * p / 100).min(of.len() - 1)]
}

/// What one row of the table says of a waker.
struct Row {
    hogs: u32,
    hog_slice: Option<u64>,
    slice: Option<u64>,
    burst: u64,
    /// As measured: percentiles 50, 90 and 99 of the wake latency, and the median length of a burst.
    latency: [f64; 3],
    wall: f64,
}

const fn row(hogs: u32, [hog_slice, slice]: [u64; 2], burst: u64, latency: [f64; 3], wall: f64) -> Row {
    const fn given(slice: u64) -> Option<u64> {
        if slice == 0 { None } else { Some(slice) }
    }
    Row { hogs, hog_slice: given(hog_slice), slice: given(slice), burst, latency, wall }
}

/// Short bursts: half of them start at once, the slowest wait for a tick and no longer. Long ones share the core.
///
/// Measured latencies have 0.07 ms of timer slack in them, and a noisy host. Left out: one hog with short bursts, whose
/// 99th percentile was 3.4 ms; it is 0 here, where nothing else ever runs.
#[test]
fn latencies_beside_hogs_are_as_measured() {
    let mut beside = Measurements::new("a thread that sleeps 7.3 ms and computes beside hogs, EEVDF, 1 core");
    for (row, factor) in [
        (row(2, [0, 0], 100, [0.10, 0.26, 3.9], 0.10), 1.25),
        (row(4, [0, 0], 100, [0.11, 3.5, 4.0], 0.10), 1.25),
        (row(4, [0, 100], 100, [0.10, 3.0, 3.9], 0.10), 1.25),
        (row(4, [20_000, 0], 100, [0.09, 0.13, 8.4], 0.10), 1.25),
        // The slowest wake-ups took twice as long as here; whether that is the host or the scheduler is not known.
        (row(4, [0, 0], 5_000, [3.9, 7.9, 14.7], 20.8), 2.0),
        (row(2, [0, 0], 5_000, [3.9, 3.9, 4.2], 12.8), 1.25),
    ] {
        let Row { hogs, hog_slice, slice, burst, latency: measured, wall } = row;
        let [found, walls] = waker(hogs, hog_slice, slice, burst, WakeupPreemption::On);
        let [p50, p90, p99] = [50, 90, 99].map(|p| percentile(&found, p));
        let given = |who: &str, slice: Option<u64>| {
            slice.map_or(String::new(), |slice| format!(", {who} slice {}", Duration::us(slice)))
        };
        let what = format!(
            "{hogs} hogs{}, bursts of {}{}",
            given("their", hog_slice),
            Duration::us(burst),
            given("own", slice)
        );
        beside.compare(&format!("{what}: wake latency p99, ms"), measured[2], p99, factor);
        beside.compare(&format!("{what}: median length of a burst, ms"), wall, percentile(&walls, 50), 1.05);
        if burst == 100 {
            assert!(p50 < 0.1, "half of the short bursts start at once, but for timer slack: {p50}");
        } else {
            assert!((2.0..8.0).contains(&p50) && p90 < 8.1, "{p50} {p90}");
        }
    }
    beside.done();
}

/// Bursts longer than the fair share: a short slice buys latency with length, as measured (4.1 + 4.6 ms against
/// 0.07 + 9.5 ms); the two patterns in which the phases lock differ, the sum and the direction do not.
#[test]
fn a_short_slice_buys_latency() {
    let median = |slice| waker(4, None, slice, 2_000, WakeupPreemption::On).map(|of| percentile(&of, 50));
    let ([late, length], [early, stretched]) = (median(None), median(Some(100)));
    println!("{late:.2} + {length:.2} ms, with a short slice {early:.2} + {stretched:.2} ms");
    assert!(early < late / 2.0 && stretched >= length);
    assert!(late + length <= 11.0 && early + stretched <= 11.0);
}

/// A lazy preemption waits for the tick, and none at all waits for the end of a slice.
#[test]
fn lazy_preemption_waits_for_the_tick() {
    let median = |wakeup| percentile(&waker(1, None, None, 100, wakeup)[0], 50);
    let [on, lazy, off] = [WakeupPreemption::On, WakeupPreemption::Lazy, WakeupPreemption::Off].map(median);
    assert!(on < 0.1 && (0.3..4.0).contains(&lazy) && off >= lazy, "{on} {lazy} {off}");
    let slow = |wakeup| percentile(&waker(1, Some(20_000), None, 100, wakeup)[0], 90);
    let (lazy, off) = (slow(WakeupPreemption::Lazy), slow(WakeupPreemption::Off));
    assert!(lazy < 4.1 && off > 2.0 * lazy, "{lazy} {off}");
}
