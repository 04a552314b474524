//! Settings of cores and schedulers that have no effect are told; those that cannot be are errors.

use gilsim::scenario::compile;
use gilsim::scenario::diagnostic::Diagnostic;

/// What is said of a scenario with these settings of machine and task: codes and titles.
fn said(machine: &str, task: &str) -> Vec<String> {
    let text = format!(
        r#"(machine: (cores: 2, {machine}), models: [ThreadPerTask], tasks: {{ "a": ({task}steps: [Cpu("1ms")]) }})"#
    );
    let of = |diagnostics: &[Diagnostic]| {
        diagnostics.iter().map(|found| format!("{} {}", found.code, found.title)).collect::<Vec<_>>()
    };
    match compile("x.ron", &text, &[]) {
        Ok(compiled) => of(&compiled.warnings),
        Err(errors) => of(&errors),
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let caches = |size: u32| format!("caches: (size: {size}, warm: 2.0, warm_up: \"1ms\")");
    for (machine, task, expected) in [
        ("", "working_set: 30, ", "a working set is of use only on a machine with caches"),
        (&*caches(0), "working_set: 30, ", "nothing fits into these caches"),
        (&*caches(100), "", "no task has a working set, so caches play no part"),
        (r#"scheduler: RoundRobin("4ms"), interrupt: "10ms""#, "", "the interrupt ends the turns of threads"),
        ("scheduler: Edf()", "", "Edf() orders threads by deadlines or periods, and no task has any"),
        (
            "scheduler: RateMonotonic()",
            r#"deadline: "9ms", "#,
            "RateMonotonic() orders threads by deadlines or periods",
        ),
    ] {
        let said = said(machine, task);
        assert!(said.len() == 1 && said[0].starts_with(&format!("ignored {expected}")), "{machine} {task}: {said:?}");
    }
    for (machine, task) in [
        (&*caches(100), "working_set: 30, "),
        (r#"scheduler: FirstCome, interrupt: "10ms""#, ""),
        ("scheduler: Edf()", r#"deadline: "9ms", "#),
        ("scheduler: RateMonotonic()", r#"arrive: Every("9ms"), count: 2, "#),
    ] {
        assert_eq!(said(machine, task), [""; 0], "{machine} {task}");
    }
}

#[test]
fn what_cannot_be_is_an_error() {
    for (machine, task, expected) in [
        ("smt: (siblings: 2, factor: 1.5)", "", "E05 cores that share a physical core do not speed each other up"),
        ("", "affinity: [0, 1, 0], ", "E05 core 0 is named twice"),
    ] {
        assert_eq!(said(machine, task), [expected], "{machine} {task}");
    }
}
