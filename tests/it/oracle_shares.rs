//! Lottery and stride against recorded runs, expectations that are exact, and the law of shares.

use gilsim::kernel::policy::{Equals, Lottery, PolicyConfig, Stride};
use gilsim::model::{Builder, Execution, Urgency};
use gilsim::time::Duration;
use proptest::prelude::*;
use serde_json::Value;

use crate::oracle::{cases, cpu, numbers, units};
use crate::probe::probe;
use crate::validation::{Table, Tally, exact};

/// One thread for each (core time, tickets), all there at once.
fn hogs(policy: PolicyConfig, jobs: &[(Duration, u32)]) -> Builder {
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
    for (index, (time, tickets)) in jobs.iter().enumerate() {
        let task = builder.batch(&format!("job {index}"), 1, vec![cpu(*time)]);
        builder.urgency(task, Urgency { tickets: *tickets, ..Urgency::default() });
    }
    builder
}

fn jobs(inputs: &Value) -> Vec<(Duration, u32)> {
    let jobs = inputs["jobs"].as_array().unwrap().iter();
    jobs.map(|job| (units(&job["burst"]), job["tickets"].as_u64().unwrap() as u32)).collect()
}

#[test]
fn a_lottery_with_recorded_draws_agrees_with_ostep() {
    let cases = cases("ostep-lottery");
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let (inputs, expected, id) = (&case["inputs"], &case["expected"], &case["id"]);
        let draws = inputs["random_draws"].as_array().unwrap().iter().map(|draw| draw.as_u64().unwrap()).collect();
        let quantum = units(&inputs["quantum"]);
        let jobs = jobs(inputs);
        let (_, probe) = probe(&hogs(PolicyConfig::from(Lottery(quantum, draws)), &jobs).build(), 1);
        assert_eq!(probe.completions(jobs.len()), numbers(&expected["completion"]), "{id}");
        let winners = expected["winners"].as_array().unwrap().iter().map(|winner| winner.as_u64().unwrap() as u32);
        for (slice, winner) in winners.enumerate() {
            let middle = quantum.0 * slice as u64 + quantum.0 / 2;
            let running = probe.segments.iter().find(|s| (s.0..s.1).contains(&middle));
            assert_eq!(running.map(|segment| segment.3), Some(winner), "{id} slice {slice}");
        }
    }
    assert_eq!(cases.len(), 3);
    exact(
        Table::Programs,
        "OSTEP lottery.py with its draws replayed: completions and the winner of every slice",
        cases.len(),
    );
}

/// Two equal jobs: when the first of them is done, on average, is known exactly.
#[test]
fn a_lottery_is_fair_on_average() {
    let cases = cases("ostep-lottery");
    let mut tally = Tally::new(Table::Theory, "lottery of two equal jobs: mean first completion");
    for case in cases["statistical_cases"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let (burst, tickets) = (units(&inputs["burst"]), &inputs["tickets"]);
        let jobs = [0, 1].map(|job| (burst, tickets[job].as_u64().unwrap() as u32));
        let model = hogs(PolicyConfig::from(Lottery(units(&inputs["quantum"]), vec![])), &jobs).build();
        let runs = 400;
        let firsts: Vec<f64> =
            (0..runs).map(|seed| *probe(&model, seed).1.completions(2).iter().min().unwrap() as f64 / 1e6).collect();
        let mean = firsts.iter().sum::<f64>() / f64::from(runs as u32);
        let variance =
            firsts.iter().map(|first| (first - mean) * (first - mean)).sum::<f64>() / f64::from(runs as u32 - 1);
        let expected = case["expected"]["mean_first_completion"].as_f64().unwrap();
        let tolerance = 4.0 * (variance / f64::from(runs as u32)).sqrt();
        tally.compare(case["id"].as_str().unwrap(), mean, expected, tolerance);
    }
    tally.done();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// At any time, core time by tickets differs between two threads that were never idle by at most a slice of each.
    #[test]
    fn stride_is_exact_to_a_slice(
        tickets in proptest::collection::vec(1..500u32, 2..6),
        quantum in 1..20u64,
        until in 100..900u64,
    ) {
        let policy = PolicyConfig::from(Stride(Duration::ms(quantum), Equals::ByArrival));
        let jobs: Vec<_> = tickets.iter().map(|tickets| (Duration::s(10), *tickets)).collect();
        let model = hogs(policy, &jobs).until(Duration::ms(until)).build();
        let mut records = Vec::new();
        gilsim::sim::run(&model, 1, &mut records);
        let (mut ran, mut running) = (vec![0u64; tickets.len()], None);
        for record in &records {
            match record.what {
                gilsim::trace::What::Run { thread, .. } => running = Some((thread.index(), record.time.0)),
                gilsim::trace::What::Preempt { thread, .. } => {
                    let (_, since) = running.take().unwrap();
                    ran[thread.index()] += record.time.0 - since;
                }
                _ => {}
            }
        }
        let quantum = (quantum * 1_000_000) as f64;
        for (one, of_one) in ran.iter().zip(&tickets) {
            for (other, of_other) in ran.iter().zip(&tickets) {
                let (one, other) = (*one as f64 / f64::from(*of_one), *other as f64 / f64::from(*of_other));
                let bound = quantum / f64::from(*of_one) + quantum / f64::from(*of_other);
                prop_assert!((one - other).abs() <= bound * 1.000_001, "{ran:?} by {tickets:?}");
            }
        }
    }
}
