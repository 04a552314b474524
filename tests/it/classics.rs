//! The classic bugs in `examples/bugs/`: each is found by a plain search, with exactly the numbers that other programs computed for it,
//! and its repaired version is proved.

use std::fs;
use std::path::PathBuf;

use gilsim::explore::schedule::{Token, replay};
use gilsim::explore::{Budget, Failure, Found, Machine, Property, Verdict, explore, outcome};
use gilsim::model::Model;
use gilsim::scenario;

/// Schedules, bad ones, of which deadlocks, fewest preemptions, fewest delays: from `classic-bugs.json` and from the table
/// of 26 bugs that it is a part of.
type Row = (&'static str, u128, u128, u128, u32, u32);
const BUGS: &[Row] = &[
    ("lost-update", 6, 4, 0, 1, 1),
    ("rare-minimum", 137_846_528_820, 8, 0, 4, 4),
    ("check-then-act", 6, 4, 0, 1, 1),
    ("unsafe-publication", 4, 1, 0, 1, 1),
    ("double-checked-locking", 60, 2, 0, 1, 1),
    ("use-before-init", 705_432, 352_716, 0, 0, 1),
    ("null-check-then-use", 162_381, 31_752, 0, 1, 2),
    ("flag-test-then-set", 148, 72, 0, 2, 2),
    ("aba-stack", 31_726, 42, 0, 1, 1),
    ("self-deadlock", 1, 1, 1, 0, 0),
    ("abba-deadlock", 6, 2, 2, 1, 1),
    ("dining-philosophers-3", 168, 6, 6, 1, 2),
    ("dining-philosophers-5", 66_468_720, 120, 120, 1, 4),
    ("missed-notification", 8, 3, 3, 1, 1),
    ("wait-with-if", 24, 2, 0, 1, 2),
    ("bounded-buffer", 3_770, 242, 242, 0, 0),
    ("pool-starvation", 128, 20, 20, 0, 0),
    ("long-solo-run", 22, 1, 0, 0, 0),
    ("uneven-threads", 26, 1, 0, 0, 1),
    ("three-point-alternation", 20, 1, 0, 4, 4),
    ("message-order", 4, 2, 0, 0, 1),
    ("channel-cycle", 2, 2, 2, 0, 0),
    ("async-lost-update", 90, 84, 0, 1, 1),
    // Not in that table: what two threads do with a load and a store each, and two parents with two places.
    ("refcount-race", 6, 4, 0, 1, 1),
    ("nested-submit", 2, 2, 2, 0, 0),
    // The other comes before, while or after the lock is held, and the holder is cancelled or is not; when it is, the other also
    // comes between that and the holder's last step. Counted by hand.
    ("cancelled-holder", 7, 3, 3, 0, 0),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/bugs").join(name).with_extension("ron")
}

fn load(name: &str) -> (Model, Property) {
    let text = fs::read_to_string(path(name)).unwrap();
    let scenario = scenario::compile(name, &text, &[]).unwrap_or_else(|errors| panic!("{name}: {errors:#?}")).scenario;
    let model = scenario.points[0].models[0].clone();
    let property = Property::of(&scenario.expect, &model, &|_| None);
    (model, property)
}

fn search(name: &str) -> (Model, Property, Verdict) {
    let (model, property) = load(name);
    let verdict = explore(&model, &property, Budget::of(1_000_000, 0)).unwrap();
    (model, property, verdict)
}

#[test]
fn every_classic_bug_has_its_exact_numbers() {
    for (name, schedules, bad, deadlocks, preemptions, delays) in BUGS {
        let (model, property, verdict) = search(name);
        let Verdict::Failed(explored, found) = verdict else { panic!("{name}: {verdict:?}") };
        let counts = explored.counts.unwrap();
        assert_eq!((counts.schedules, counts.bad, counts.deadlocks), (*schedules, *bad, *deadlocks), "{name}");
        assert_eq!((found.preemptions, found.delays), (*preemptions, *delays), "{name}");
        assert!(found.nearest && found.point_of_no_return().is_some(), "{name}");
        if explored.states <= 20_000 {
            assert_eq!(explored.delays.last().unwrap().bound, *delays, "{name}");
        }
        replays(name, &model, &property, &found);
    }
}

/// A token is read back, and leads to the same end.
fn replays(name: &str, model: &Model, property: &Property, found: &Found) {
    let machine = Machine::new(model, Machine::preemption_of(model)).unwrap().watching(property);
    let text = Token::of(&machine, &found.steps).to_string();
    let token = Token::parse(&text).unwrap();
    let steps = replay(&machine, &token.deviations, token.stop).unwrap();
    assert_eq!(steps, found.steps, "{name}: {text}");
    assert_eq!(outcome(&machine, property, &steps).as_ref(), Some(&found.failure), "{name}");
}

/// Each takes its lock, does not get the other, and gives its own back: nobody waits, and nobody gets on.
#[test]
fn a_livelock_is_a_circle_that_is_fair() {
    let (model, property, verdict) = search("livelock");
    let Verdict::Failed(explored, found) = verdict else { panic!("{verdict:?}") };
    assert_eq!((explored.counts, &found.failure), (None, &Failure::Livelock));
    replays("livelock", &model, &property, &found);
}

#[test]
fn every_repaired_version_is_proved() {
    let mut proved = 0;
    for (name, ..) in BUGS.iter().chain(&[("livelock", 0, 0, 0, 0, 0)]) {
        let name = format!("{name}-repaired");
        if path(&name).exists() {
            let (.., verdict) = search(&name);
            assert!(matches!(verdict, Verdict::Proved(_)), "{name}: {verdict:?}");
            proved += 1;
        }
    }
    assert_eq!(proved, 24);
}
