//! Conditions in expectations and `Assert`, in runs and in searches; and what is wrong with them, at load.

use gilsim::experiment::{self, Options};
use gilsim::explore::{Budget, Failure, Property, Verdict, explore};
use gilsim::scenario::{self, Scenario};
use gilsim::sim::{self, Outcome};

/// `x` is 1 at 0 ms, 2 at 1 ms and 0 at 2 ms.
const STEPS: &str = r#"Store("x", 1), Sleep("1ms"), Store("x", 2), Sleep("1ms"), Store("x", 0)"#;

fn text(steps: &str, expect: &str) -> String {
    format!(
        r#"(
            machine: (costs: Zero),
            interpreter: Native,
            shared: {{ "x": Int(0), "y": Int(0), "lock": Lock }},
            tasks: {{ "t": (steps: [{steps}]) }},
            allow: ["unused"],
            expect: [{expect}],
        )"#
    )
}

fn compiled(steps: &str, expect: &str) -> Scenario {
    let text = text(steps, expect);
    scenario::compile("test", &text, &[]).unwrap_or_else(|errors| panic!("{expect}: {errors:#?}")).scenario
}

#[test]
fn runs_are_asked_at_every_moment() {
    for (expect, holds, found) in [
        (r#"Always(AtMost("x", 2))"#, true, "it always holds"),
        (r#"Always(AtMost("x", 1))"#, false, "it does not hold at 1 ms"),
        (r#"Never(Is("x", 3))"#, true, "it never holds"),
        (r#"Never(Is("x", 2))"#, false, "it holds at 1 ms"),
        (r#"Eventually(Is("x", 2))"#, true, "it holds at 1 ms"),
        (r#"Eventually(Is("x", 3))"#, false, "it never holds"),
        (r#"Possible(Is("x", 2))"#, true, "in 1 of 1 runs"),
        (r#"Possible(Is("x", 3))"#, false, "it never holds"),
        (r#"AtEnd(Is("x", "y"))"#, true, "x = 0, y = 0"),
        (r#"AtEnd(Above(Sum("x", "y"), 0))"#, false, "x = 0, y = 0"),
        (r#"Sometimes(AtEnd(Any([Is("x", 7), All([Is("x", 0), Is("y", 0)])])))"#, true, "in 1 of 1 runs"),
        // Before anything happens it is asked, too.
        (r#"Always(Above("x", 0))"#, false, "it does not hold at 0"),
    ] {
        let results = experiment::run(&compiled(STEPS, expect), &Options::default(), &());
        let checked = &results.report.points[0].expectations[0];
        assert_eq!(checked.holds, holds, "{expect}: {}", checked.found);
        assert!(checked.found.contains(found), "{expect}: {}", checked.found);
    }
}

#[test]
fn searches_are_asked_at_every_step() {
    for (expect, word) in [
        (r#"Always(AtMost("x", 2))"#, "proved"),
        (r#"Always(AtMost("x", 1))"#, "failed"),
        (r#"Never(Is("x", 2))"#, "failed"),
        (r#"Eventually(Is("x", 2))"#, "proved"),
        (r#"Eventually(Is("x", 3))"#, "failed"),
        (r#"Possible(Is("x", 2))"#, "proved"),
        (r#"Possible(Is("x", 3))"#, "failed"),
        (r#"AtEnd(Is("x", "y"))"#, "proved"),
        (r#"AtEnd(IsNot("x", "y"))"#, "failed"),
        (r#"Sometimes(AtEnd(Is("x", 0)))"#, "proved"),
        (r#"Sometimes(AtEnd(Is("x", 1)))"#, "failed"),
    ] {
        let scenario = compiled(STEPS, expect);
        let model = &scenario.points[0].models[0];
        let property = Property::of(&scenario.expect, model, &|_| None);
        let verdict = explore(model, &property, Budget::of(1_000, 0)).unwrap();
        assert_eq!(verdict.word(), word, "{expect}: {verdict:?}");
        // Random schedules come to the same, but for proofs.
        let sampled = gilsim::explore::search(model, &property, gilsim::explore::Search::Portfolio, Budget::of(1, 100));
        let sampled = sampled.unwrap();
        let possible = expect.starts_with("Possible") || expect.starts_with("Sometimes");
        let expected = match word {
            "proved" => "passed",
            _ if possible => "inconclusive",
            other => other,
        };
        assert_eq!(sampled.word(), expected, "{expect}: {sampled:?}");
    }
}

#[test]
fn an_assertion_ends_a_run_and_makes_a_schedule_bad() {
    let steps = r#"Store("x", 1), Assert(Is("x", 1)), Assert(Below(Own("x"), 1))"#;
    let scenario = compiled(steps, "");
    let model = &scenario.points[0].models[0];
    let ended = sim::run(model, 1, &mut ());
    let Outcome::Broken { who, asserted } = ended.outcome else { panic!("{:?}", ended.outcome) };
    assert_eq!((who.as_str(), asserted.as_str()), ("t", r#"Below(Own("x"), 1)"#));
    let Verdict::Failed(_, found) = explore(model, &Property::default(), Budget::of(1_000, 0)).unwrap() else {
        panic!("it is broken")
    };
    assert!(matches!(found.failure, Failure::Wrong(..)));
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    for (expect, code, words) in [
        (r#"Always(Is("z", 1))"#, "E13", "no shared object named \"z\""),
        (r#"Always(Is("x", "zz"))"#, "E13", "no shared object named \"zz\""),
        (r#"Always(Is("lock", 1))"#, "E13", "\"lock\" is a Lock, which has no value"),
        (r#"AtEnd(Is(Own("x"), 1))"#, "E13", "an expectation is about variables"),
        (r#"AtEnd(Is(1, 1))"#, "E13", "no variable is asked about"),
        (r#"AtEnd(Is(Quotient("x", 0), 1))"#, "E13", "a divisor is a number above zero"),
        (r#"Never(CompareAndSwap("x", 0, 1))"#, "E13", "an expectation changes nothing"),
        (r#"Eventually(All([]))"#, "E13", "this condition asks nothing"),
        (r#"Sometimes(Always(Is("x", 1)))"#, "E13", "at every moment of one run proves nothing"),
    ] {
        let errors = scenario::compile("test", &text(STEPS, expect), &[]).expect_err(expect);
        assert!(errors.iter().any(|error| error.code == code && error.title.contains(words)), "{expect}: {errors:#?}");
    }
    let many = [r#"Always(AtMost("x", 2))"#; 65].join(", ");
    let errors = scenario::compile("test", &text(STEPS, &many), &[]).unwrap_err();
    assert!(errors[0].title.contains("65 conditions"), "{errors:#?}");
    let errors = scenario::compile("test", &text(r#"Assert(Is("nothing", 1))"#, ""), &[]).unwrap_err();
    assert!(errors[0].title.contains("\"nothing\""), "{errors:#?}");
    let errors = scenario::compile("test", &text(r#"Assert(Is("lock", 1))"#, ""), &[]).unwrap_err();
    assert!(errors[0].title.contains("\"lock\" is a Lock"), "{errors:#?}");
}
