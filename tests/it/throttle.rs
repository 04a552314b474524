//! Throttling of real-time threads: normal ones get what is left of each period.

use gilsim::kernel::policy::{PolicyConfig, SchedFifo, SchedRr, Throttle};
use gilsim::model::{Arrivals, Builder, Execution, Model, Urgency};
use gilsim::time::Duration;

use crate::oracle::cpu;
use crate::probe::probe;

const THROTTLE: Option<Throttle> = Some(Throttle { runtime: Duration(950_000_000), period: Duration(1_000_000_000) });

/// One real-time job and a normal one, by core time in ms, on so many cores.
fn model(policy: PolicyConfig, cores: u32, urgent: u64, normal: u64) -> Model {
    let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy);
    let first = builder.task("urgent", Some(cores), Arrivals::AtOnce, vec![], vec![cpu(Duration::ms(urgent))]);
    builder.urgency(first, Urgency { priority: 1, ..Urgency::default() });
    builder.task("normal", Some(cores), Arrivals::AtOnce, vec![], vec![cpu(Duration::ms(normal))]);
    builder.build()
}

/// When the last job of each task ended, in ms.
fn ends(model: &Model) -> [u64; 2] {
    let (_, probe) = probe(model, 1);
    [0, 1]
        .map(|task| probe.ended.iter().filter(|ended| ended.0 == task).map(|ended| ended.2 / 1_000_000).max().unwrap())
}

#[test]
fn normal_threads_get_the_rest_of_each_second() {
    for policy in [
        PolicyConfig::from(SchedFifo { throttle: THROTTLE }),
        SchedRr { slice: Duration::ms(100), throttle: THROTTLE }.into(),
        SchedRr { slice: Duration::ms(70), throttle: THROTTLE }.into(),
    ] {
        // 950 ms, then 50 ms for the normal one, 950 ms and again 50 ms; what is left of the urgent one, 1100 ms, alone.
        assert_eq!(ends(&model(policy.clone(), 1, 3_000, 100)), [3_100, 2_000], "{policy}");
        // A normal job of 30 ms is done at 980 ms, and the urgent one goes on at once: nobody is kept from an idle core.
        assert_eq!(ends(&model(policy.clone(), 1, 1_200, 30)), [1_230, 980], "{policy}");
    }
    // Two cores, two of each: every second the normal ones get 50 ms on both.
    let both = model(SchedFifo { throttle: THROTTLE }.into(), 2, 1_900, 100);
    assert_eq!(ends(&both), [1_950, 2_000]);
}

#[test]
fn without_a_throttle_normal_threads_wait_for_the_end() {
    assert_eq!(ends(&model(SchedFifo::default().into(), 1, 3_000, 100)), [3_000, 3_100]);
}

#[test]
fn a_budget_is_not_saved_up() {
    // Urgent for 100 ms at 0 s, then from 1.5 s on: the period that began at 1 s has its own 950 ms.
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(SchedFifo { throttle: THROTTLE });
    let at = Arrivals::Recorded([Duration::ms(1_500)].into());
    let first = builder.task("urgent", Some(1), at, vec![], vec![cpu(Duration::ms(2_000))]);
    builder.urgency(first, Urgency { priority: 1, ..Urgency::default() });
    builder.task("normal", Some(1), Arrivals::AtOnce, vec![], vec![cpu(Duration::ms(1_600))]);
    // Normal to 1.5 s; urgent to the end of the period at 2 s (500 ms) and on to 2.95 s; normal to 3 s; urgent to 3.55 s.
    assert_eq!(ends(&builder.build()), [3_550, 3_600]);
}

#[test]
fn the_auditor_agrees() {
    for (cores, urgent, normal) in [(1, 3_000, 100), (2, 1_900, 100), (3, 500, 900)] {
        for slice in [7, 100, 333] {
            let policy = SchedRr { slice: Duration::ms(slice), throttle: THROTTLE };
            let model = model(policy.into(), cores, urgent, normal);
            let mut auditor = gilsim::audit::Auditor::new(&model);
            let ended = gilsim::sim::run(&model, 1, &mut auditor);
            let found = auditor.finish(&ended);
            assert!(found.is_empty(), "{found:?}");
        }
    }
}
