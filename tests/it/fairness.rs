//! Laws of schedulers, over random sets of threads: nobody's work is lost and no core idles beside it, shares follow weights,
//! and who takes turns takes them in order.

use gilsim::dist::Dist;
use gilsim::kernel::Loses;
use gilsim::kernel::policy::{
    Eevdf, Equals, Fair, Joins, Mlfq, PolicyConfig, Priority, RoundRobin, SchedRr, Stride, Ties, Timer,
    WakeupPreemption,
};
use gilsim::model::{Arrivals, Builder, Execution, Stmt, Urgency};
use gilsim::rng::Stream;
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Record, What};

use crate::probe::{Probe, probe};
use crate::real_runs::{policies, run};

fn cpu(time: Duration) -> Stmt {
    Stmt::Cpu(CpuKind::Python, Dist::Const(time))
}

fn machine(cores: u32, policy: impl Into<PolicyConfig>) -> Builder {
    Builder::new(cores, Execution::ThreadPerTask).native().policy(policy)
}

/// On one core whatever the order, everything is done when the sum of all work is done, and everybody has had its own.
#[test]
fn every_policy_does_all_the_work_and_idles_beside_none() {
    for (seed, policy) in (0..).zip(policies()) {
        let mut stream = Stream::new(seed, 3);
        let mut below = |n: u64| stream.draw() % n;
        let mut builder = machine(1, policy.clone());
        let mut demands = Vec::new();
        for task in 0..2 + below(12) {
            let parts: Vec<Duration> = (0..1 + below(3)).map(|_| Duration::us(1 + below(9_000))).collect();
            demands.push(parts.iter().map(|part| part.0).sum::<u64>());
            let steps = parts.into_iter().flat_map(|part| [cpu(part), Stmt::Yield]).collect();
            let task = builder.batch(&format!("task {task}"), 1, steps);
            let urgency = Urgency {
                priority: 98 + below(4) as u32,
                nice: below(11) as i8 - 5,
                tickets: 1 + below(9) as u32,
                ..Urgency::default()
            };
            builder.urgency(task, urgency);
        }
        let (ended, probe) = probe(&builder.build(), seed);
        let total = demands.iter().sum::<u64>();
        // Where cores are given away at certain times only, they idle until then.
        assert!(ended.at.0 == total || policy.promises().idles && ended.at.0 > total, "{policy}");
        assert_eq!(had(&probe, demands.len()), demands, "{policy}");
    }
}

/// Core time of each task.
fn had(probe: &Probe, tasks: usize) -> Vec<u64> {
    let mut had = vec![0; tasks];
    for (from, to, _, task) in &probe.segments {
        had[*task as usize] += to - from;
    }
    had
}

/// Weights of Linux for some nice values (`sched_prio_to_weight`).
const WEIGHTS: [(i8, f64); 7] =
    [(-10, 9_548.0), (-5, 3_121.0), (-1, 1_277.0), (0, 1_024.0), (1, 820.0), (5, 335.0), (10, 110.0)];

/// Threads that always have work, on one core: after any time each has had its share of it, but for what a thread can be
/// ahead or behind. Under CFS that is a share of the period rounded up to ticks;
/// under EEVDF a slice and a tick; under stride less than half a slice for each of them.
#[test]
fn shares_follow_weights_at_any_time() {
    let eevdf = |slice| Eevdf { slice, wakeup_preemption: WakeupPreemption::On, tick: Duration::ms(4) };
    let stride = Stride(Duration::ms(4), gilsim::kernel::policy::Equals::ByArrival);
    let (fair, short, long) = (PolicyConfig::from(Fair), eevdf(None).into(), eevdf(Some(Duration::ms(6))).into());
    for (policy, bound, by_tickets) in
        [(fair, 10.0, false), (short, 10.0, false), (long, 10.0, false), (stride.into(), 14.0, true)]
    {
        let mut worst: f64 = 0.0;
        for seed in 0..30 {
            let mut stream = Stream::new(seed, 5);
            let mut below = |n: u64| stream.draw() % n;
            let weights: Vec<(i8, f64)> = (0..2 + below(6)).map(|_| WEIGHTS[below(7) as usize]).collect();
            let length = 200 + below(3_000);
            let mut builder = machine(1, policy.clone()).until(Duration::ms(length));
            for (task, (nice, weight)) in weights.iter().enumerate() {
                let task = builder.batch(&format!("hog {task}"), 1, vec![Stmt::Forever(vec![cpu(Duration::s(1))])]);
                builder.urgency(task, Urgency { nice: *nice, tickets: *weight as u32, ..Urgency::default() });
            }
            let (records, _) = run(&builder.build(), 1);
            let all: f64 = weights.iter().map(|of| of.1).sum();
            for (had, (nice, weight)) in core_times(&records, weights.len(), length * 1_000_000).iter().zip(&weights) {
                let due = length as f64 * weight / all;
                let off = (had - due).abs();
                worst = worst.max(off);
                assert!(off <= bound, "{policy}: nice {nice} of {weights:?} had {had} of {due} ms, seed {seed}");
            }
        }
        println!("{policy}: {worst:.1} ms of {bound} ms{}", if by_tickets { ", by tickets" } else { "" });
        assert!(worst > bound / 5.0, "{policy}: the bound says nothing: {worst}");
    }
}

/// Milliseconds on a core up to the end, by thread.
fn core_times(records: &[Record], threads: usize, end: u64) -> Vec<f64> {
    let (mut had, mut since) = (vec![0; threads], vec![None; threads]);
    for Record { time, what } in records {
        match *what {
            What::Run { thread, .. } => since[thread.index()] = Some(time.0),
            What::Preempt { thread, .. } => had[thread.index()] += time.0 - since[thread.index()].take().unwrap(),
            _ => {}
        }
    }
    let last = since.iter().map(|since| since.map_or(0, |since: u64| end - since));
    had.iter().zip(last).map(|(had, last)| (had + last) as f64 / 1e6).collect()
}

/// Under round robin nobody is dispatched twice while another waits, and all slices but those cut short by a wait are whole.
#[test]
fn turns_are_taken_in_order() {
    let mut dispatches = 0;
    for seed in 0..40 {
        let mut stream = Stream::new(seed, 9);
        let mut below = |n: u64| stream.draw() % n;
        let (cores, slice) = (1 + below(3) as u32, Duration::us(500 + below(4_000)));
        let policy = RoundRobin(slice, Joins::ArrivalsFirst, Timer::Fresh);
        let mut builder = machine(cores, policy).until(Duration::ms(400));
        for task in 0..2 + below(9) {
            let sleep = Stmt::Sleep(Dist::Const(Duration::us(below(6_000))));
            let round = vec![cpu(Duration::us(1 + below(20_000))), if below(3) == 0 { sleep } else { Stmt::Yield }];
            builder.batch(&format!("task {task}"), 1, vec![Stmt::Forever(round)]);
        }
        let (records, _) = run(&builder.build(), seed);
        // Who waits, and who was dispatched in the meantime.
        let mut waiting: Vec<(gilsim::id::ThreadId, Vec<gilsim::id::ThreadId>)> = Vec::new();
        for record in &records {
            match record.what {
                What::Ready { thread } | What::Preempt { thread, .. } | What::Yield { thread, .. } => {
                    waiting.push((thread, Vec::new()));
                }
                What::Run { thread, .. } => {
                    waiting.retain(|(waits, _)| *waits != thread);
                    for (waits, overtaken) in &mut waiting {
                        let again = overtaken.contains(&thread);
                        assert!(!again, "seed {seed}: {thread:?} runs twice while {waits:?} waits, {:?}", record.time);
                        overtaken.push(thread);
                    }
                    dispatches += 1;
                }
                _ => {}
            }
        }
    }
    assert!(dispatches > 1_000, "{dispatches}");
}

/// Two threads in the lowest level of two cores, in step; a newcomer takes the core of one, and the other is left alone:
/// whose slices end together stands behind whoever stood before it. `loses` has no part in it.
#[test]
fn a_newcomer_of_a_higher_level_moves_one_thread_only() {
    for loses in [Loses::LowestCore, Loses::HighestCore] {
        let policy = Mlfq {
            quanta: vec![Duration::ms(1), Duration::ms(10)],
            allotments: vec![],
            boost: None,
            refill_after_wait: false,
            front_after_wait: false,
            ties: Ties::PreemptedFirst,
        };
        let mut builder = machine(2, policy);
        builder.model_mut().machine.loses = loses;
        builder.batch("a", 1, vec![cpu(Duration::ms(8))]);
        builder.batch("b", 1, vec![cpu(Duration::ms(8))]);
        let at = Arrivals::Recorded([Duration::ms(3)].into());
        builder.task("newcomer", Some(1), at, vec![], vec![cpu(Duration::ms(1))]);
        let probe = probe(&builder.build(), 1).1;
        let ended: Vec<(u32, u64)> = probe.ended.iter().map(|job| (job.0, job.2 / 1_000_000)).collect();
        assert_eq!(ended, [(2, 4), (0, 8), (1, 9)]);
        // (from, to, core, task)
        let ms = |(from, to, core, task): (u64, u64, u32, u32)| (from / 1_000_000, to / 1_000_000, core, task);
        let segments: Vec<_> = probe.segments.iter().copied().map(ms).collect();
        assert_eq!(segments, [(0, 3, 1, 1), (3, 4, 1, 2), (0, 8, 0, 0), (4, 9, 1, 1)]);
    }
}

/// Two threads of equal urgency run, a third one that is more urgent comes.
#[test]
fn which_of_equal_threads_loses_its_core_is_a_setting() {
    for (loses, moved) in [(Loses::LowestCore, 0), (Loses::HighestCore, 1)] {
        let mut builder = machine(2, Priority::default());
        builder.model_mut().machine.loses = loses;
        for task in ["a", "b"] {
            let task = builder.batch(task, 1, vec![cpu(Duration::ms(5))]);
            builder.urgency(task, Urgency { priority: 2, ..Urgency::default() });
        }
        let at = Arrivals::Recorded([Duration::ms(2)].into());
        let urgent = builder.task("urgent", Some(1), at, vec![], vec![cpu(Duration::ms(1))]);
        builder.urgency(urgent, Urgency { priority: 1, ..Urgency::default() });
        let model = builder.build();
        let preempted: Vec<(u32, u32)> = (run(&model, 1).0.iter())
            .filter_map(|record| match record.what {
                What::Preempt { thread, core, .. } => Some((thread.0, core.0)),
                _ => None,
            })
            .collect();
        assert_eq!(preempted.len(), 1);
        assert_eq!(preempted[0].1, moved);
    }
}

/// Three threads on two cores, slices that all end together: everybody waits for its third of the time, under every policy
/// that takes turns, and nobody keeps the same core throughout.
#[test]
fn turns_on_two_cores_are_fair() {
    let slice = Duration::ms(2);
    for policy in [
        PolicyConfig::from(RoundRobin(slice, Joins::ArrivalsFirst, Timer::Fresh)),
        RoundRobin(slice, Joins::PreemptedFirst, Timer::Fresh).into(),
        RoundRobin(slice, Joins::ArrivalsUnseen, Timer::Fresh).into(),
        SchedRr { slice, throttle: None }.into(),
        Mlfq {
            quanta: vec![slice],
            allotments: vec![],
            boost: None,
            refill_after_wait: false,
            front_after_wait: false,
            ties: Ties::PreemptedFirst,
        }
        .into(),
        Stride(slice, Equals::ByArrival).into(),
    ] {
        let mut builder = machine(2, policy.clone());
        let tasks = builder.batch("work", 3, vec![cpu(Duration::ms(200))]);
        builder.urgency(tasks, Urgency { priority: 1, ..Urgency::default() });
        let probe = probe(&builder.build(), 1).1;
        let ended: Vec<u64> = probe.ended.iter().map(|job| job.2 / 1_000_000).collect();
        assert!(ended.iter().all(|ended| (296..=300).contains(ended)), "{policy}: {ended:?}");
    }
}

/// Who has had much for its tickets and ends does not set back those who come after it.
#[test]
fn newcomers_start_where_the_least_of_those_who_compete_is() {
    let mut builder = machine(1, Stride(Duration::ms(2), Equals::ByArrival));
    for (task, tickets, at, time) in [("a", 1, 0, 1), ("b", 100, 0, 9), ("c", 1, 1, 2), ("d", 100, 3, 4)] {
        let arrivals = Arrivals::Recorded([Duration::ms(at)].into());
        let task = builder.task(task, Some(1), arrivals, vec![], vec![cpu(Duration::ms(time))]);
        builder.urgency(task, Urgency { tickets, ..Urgency::default() });
    }
    let probe = probe(&builder.build(), 1).1;
    let ended: Vec<(u32, u64)> = probe.ended.iter().map(|job| (job.0, job.2 / 1_000_000)).collect();
    assert_eq!(ended, [(0, 1), (2, 5), (3, 11), (1, 16)]);
}
