//! Task groups whose parents are cancelled, against what the same programs print on CPython 3.13.0.

use gilsim::dist::Dist;
use gilsim::id::ProgramId;
use gilsim::model::{Builder, Execution, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Together, What};

use crate::real_runs::{audit, run};
use crate::told::say;

fn ms(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

fn group(programs: &[ProgramId]) -> Stmt {
    Stmt::Gather(Together::TaskGroup, programs.to_vec(), 1)
}

fn gather(programs: &[ProgramId]) -> Stmt {
    Stmt::Gather(Together::Gather, programs.to_vec(), 1)
}

/// What one job prints that does these steps and survives their exception; the auditor accepts the run.
fn printed(mut builder: Builder, steps: Vec<Stmt>) -> Vec<String> {
    builder.batch("job", 1, vec![Stmt::Try(steps, vec![say("raised")])]);
    let model = builder.build();
    let (records, ended) = run(&model, 1);
    assert_eq!(audit(&model, &records, &ended), []);
    assert_eq!(ended.outcome.word(), "finished");
    let text = |what: &What| match what {
        What::Print { text, .. } => Some(model.texts[text.index()].clone()),
        _ => None,
    };
    records.iter().filter_map(|record| text(&record.what)).collect()
}

fn asyncio() -> Builder {
    Builder::new(1, Execution::Asyncio)
}

/// Prints its number of steps so far, and gives way, six times.
fn counts(builder: &mut Builder) -> ProgramId {
    builder.program("counts", (0..6).flat_map(|step| [say(&step.to_string()), Stmt::Yield]).collect())
}

#[test]
fn a_timeout_around_nested_groups_reaches_the_innermost_one_an_iteration_later_for_each() {
    let mut builder = asyncio();
    let b = builder.program("b", vec![Stmt::Sleep(ms(1)), say("p5")]);
    let a = builder.program("a", vec![group(&[b])]);
    let steps = vec![Stmt::Timeout(ms(1), vec![group(&[a])], None)];
    assert_eq!(printed(builder, steps), ["p5", "raised"]);
}

#[test]
fn an_outer_timeout_that_is_over_by_then_takes_the_exception_of_the_inner_one() {
    let builder = asyncio();
    let late = vec![Stmt::Cpu(CpuKind::Python, ms(10)), Stmt::Sleep(ms(9))];
    let inner = Stmt::Timeout(ms(1), late, Some(vec![say("inner")]));
    let steps = vec![Stmt::Timeout(ms(2), vec![inner, say("after")], Some(vec![say("outer")]))];
    assert_eq!(printed(builder, steps), ["outer"]);
}

#[test]
fn a_group_in_a_gather_in_a_group_that_fails_still_begins_its_own() {
    let mut builder = asyncio();
    let c = builder.program("c", vec![say("c")]);
    let d = builder.program("d", vec![Stmt::Yield, Stmt::Raise]);
    let b = builder.program("b", vec![group(&[c])]);
    let a = builder.program("a", vec![gather(&[b])]);
    assert_eq!(printed(builder, vec![group(&[d, a])]), ["c", "raised"]);
}

#[test]
fn what_a_group_has_just_created_begins_before_its_cancelled_parent_has_its_step() {
    let mut builder = asyncio();
    let c = builder.program("c", vec![say("p8"), Stmt::Raise]);
    let a = builder.program("a", vec![Stmt::Yield, group(&[c])]);
    assert_eq!(printed(builder, vec![group(&[a, c])]), ["p8", "p8", "raised"]);
}

#[test]
fn each_level_of_groups_takes_an_iteration_to_cancel() {
    let mut builder = asyncio();
    let d = counts(&mut builder);
    let c = builder.program("c", vec![group(&[d])]);
    let b = builder.program("b", vec![group(&[c])]);
    let f = builder.program("f", vec![Stmt::Yield, Stmt::Raise]);
    assert_eq!(printed(builder, vec![group(&[b, f])]), ["0", "1", "2", "raised"]);
}

#[test]
fn levels_of_gathers_are_cancelled_at_once() {
    let mut builder = asyncio();
    let d = counts(&mut builder);
    let c = builder.program("c", vec![gather(&[d])]);
    let b = builder.program("b", vec![gather(&[c])]);
    let f = builder.program("f", vec![Stmt::Yield, Stmt::Yield, Stmt::Raise]);
    assert_eq!(printed(builder, vec![group(&[b, f])]), ["0", "1", "raised"]);
}
