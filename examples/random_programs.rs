//! For every program of a shape, and every schedule of it, something holds: with proptest, which draws the programs, and makes
//! one that fails as small as can be.

use gilsim::strategies::{Shape, locks, times};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

const UPDATE: &str = r#"Load("x"), Add("x", 1), Store("x")"#;

/// Two or three tasks that update `x`, and take locks and time as they like.
fn updates() -> Shape {
    Shape::threads().shared("x", "Int(0)").step(UPDATE).with(locks).with(times)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    /// Ten lines: whatever a job does inside of one lock, no update is lost.
    #[test]
    fn no_update_is_lost_inside_of_one_lock(program in updates().shared("all", "Lock").job(r#"With("all", [..])"#)) {
        for ending in program.endings(10_000)? {
            prop_assert!(ending.is_deadlock() || ending.value("x") == program.times(UPDATE));
        }
    }

    /// What is expected can be said as scenarios say it.
    #[test]
    fn nobody_is_inside_with_another(
        program in Shape::threads()
            .shared("inside", "Int(0)").shared("lock", "Lock")
            .step(r#"With("lock", [FetchAdd("inside", 1), Sleep("1us"), FetchAdd("inside", -1)])"#)
            .with(times)
            .expect(r#"Never(Above("inside", 1))"#)
    ) {
        program.holds(10_000)?;
    }
}

pub fn main() {
    // Without the lock there are bad schedules: the smallest program that has one.
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() });
    let failed = runner.run(&updates(), |program| {
        let lost = |end: &gilsim::explore::Ending| !end.is_deadlock() && end.value("x") != program.times(UPDATE);
        prop_assert!(!program.endings(10_000)?.iter().any(lost), "an update can be lost");
        Ok(())
    });
    println!("{}", failed.unwrap_err());
}
