//! The digests of a few runs, pinned: whoever changes what the simulator does, changes this table, and says why.

use gilsim::kernel::policy::{Joins, PolicyConfig, RoundRobin, Timer};
use gilsim::model::{Builder, Costs, Execution};
use gilsim::sim;
use gilsim::time::Duration;
use gilsim::trace::Digest;

use crate::real_runs::{EXECUTIONS, everything, policies};

/// Every execution model with costs, and every policy without, on the work that does everything.
fn digests() -> Vec<String> {
    let slices = PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Fresh));
    let costly = EXECUTIONS.map(|execution| (execution, slices.clone(), Costs::linux()));
    let free = policies().into_iter().map(|policy| (Execution::Threads(3), policy, Costs::zero()));
    let mut lines = Vec::new();
    for (execution, policy, costs) in costly.into_iter().chain(free) {
        let cost = if costs == Costs::zero() { "Zero" } else { "Linux" };
        lines.push(line(execution, policy, costs, cost));
    }
    lines
}

fn line(execution: Execution, policy: PolicyConfig, costs: Costs, cost: &str) -> String {
    let name = format!("{execution} {policy} {cost}");
    let mut builder = Builder::new(2, execution).policy(policy).costs(costs);
    everything(&mut builder);
    let mut digest = Digest::default();
    let ended = sim::run(&builder.build(), 1, &mut digest);
    format!("{name}: {} {} ns {} records {digest}", ended.outcome.word(), ended.at.0, digest.records())
}

#[test]
fn runs_are_what_they_were() {
    crate::scenarios::compare_pinned("models.txt", &digests());
}
