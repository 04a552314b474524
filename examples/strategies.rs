//! After how many random schedules each bug of `examples/bugs/` is found with a probability of one half, by strategy: the table of
//! docs/testing.md. `cargo run --release --example strategies`

use gilsim::explore::{Budget, End, Machine, Property, Sampler, Strategy, Verdict, explore};
use gilsim::scenario::compile;

const RUNS: u64 = 20_000;
const STRATEGIES: [Strategy; 8] = [
    Strategy::RandomWalk,
    Strategy::Pct { depth: 1 },
    Strategy::Pct { depth: 2 },
    Strategy::Pct { depth: 3 },
    Strategy::Pos,
    Strategy::Uniform,
    Strategy::Delay { bound: 1 },
    Strategy::Delay { bound: 2 },
];

fn main() {
    let mut files: Vec<_> =
        std::fs::read_dir("examples/bugs").expect("run it at the root").map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "ron"));
    files.sort();
    let names: Vec<String> = STRATEGIES.iter().map(|strategy| format!("`{strategy}`")).collect();
    println!("| bug | schedules | bad | states | deviations | {} |", names.join(" | "));
    println!("| --- |{}", " --- |".repeat(4 + STRATEGIES.len()));
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = compile(&name, &std::fs::read_to_string(&file).unwrap(), &[]).expect("it is right").scenario;
        let model = &scenario.points[0].models[0];
        let property = Property::of(&scenario.expect, model, &|_| None);
        let Ok(Verdict::Failed(explored, found)) = explore(model, &property, Budget::of(1_000_000, 0)) else {
            continue;
        };
        let machine = Machine::new(model, Machine::preemption_of(model)).unwrap().watching(&property);
        let mut sampler = Sampler::new(&machine, &property, 1);
        let mut cells = Vec::new();
        for strategy in STRATEGIES {
            let bad = (0..RUNS).filter(|run| matches!(sampler.run(strategy, *run), End::Bad(_))).count();
            let exact = explored.random_walk.filter(|_| strategy == Strategy::RandomWalk);
            cells.push(median(exact.unwrap_or(bad as f64 / RUNS as f64)));
        }
        let (schedules, bad) = match explored.counts {
            Some(counts) => (counts.schedules.to_string(), counts.bad.to_string()),
            None => ("endless".to_owned(), "-".to_owned()),
        };
        println!("| {name} | {schedules} | {bad} | {} | {} | {} |", explored.states, found.delays, cells.join(" | "));
    }
}

/// Independent schedules after which one of probability `p` has been seen with probability one half.
fn median(p: f64) -> String {
    if p <= 0.0 {
        return "-".to_owned();
    }
    let runs = (libm::log(0.5) / libm::log1p(-p.min(1.0 - 1e-12))).ceil().max(1.0);
    if runs < 1e6 { format!("{runs:.0}") } else { format!("{runs:.0e}") }
}
