//! Semaphores, events, conditions, barriers, queues and locks for readers and writers in scenarios: exact schedules, and what
//! is said when nobody can go on.

use gilsim::experiment::{self, Options, Results};
use gilsim::scenario;

/// Runs a scenario under the auditor. The machine costs nothing and there is no GIL unless the text says otherwise.
fn run(text: &str) -> Results {
    let interpreter = if text.contains("interpreter:") { "" } else { "interpreter: Native, " };
    let text = format!("(machine: (cores: 4, costs: Zero), {interpreter}{text})");
    let compiled = scenario::compile("test", &text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert!(compiled.warnings.is_empty(), "{:#?}", compiled.warnings);
    let results = experiment::run(&compiled.scenario, &Options { audit: true, ..Options::default() }, &());
    assert_eq!(results.report.points.len(), 1);
    results
}

/// All that the scenario expects holds, and the auditor is silent.
fn holds(text: &str) {
    let results = run(text);
    let wrong: Vec<_> = results.report.points[0].expectations.iter().filter(|checked| !checked.holds).collect();
    let explanations: Vec<_> = results.report.points[0].models.iter().map(|model| &model.runs[0].explanation).collect();
    assert!(results.passed && wrong.is_empty(), "{wrong:#?} {explanations:#?}");
}

/// What the first model's run says about its end.
fn explanation(text: &str) -> Vec<String> {
    run(text).report.points[0].models[0].runs[0].explanation.clone()
}

/// What is printed, with its time in milliseconds, by model.
fn prints(text: &str) -> Vec<Vec<String>> {
    let results = run(text);
    let models = results.report.points[0].models.iter();
    let lines = models.map(|model| {
        let prints = model.runs[0].prints.iter();
        prints.map(|print| format!("{} {}", print.at.0 / 1_000_000, print.who)).collect()
    });
    lines.collect()
}

/// A thousand lines are kept; what is left out is counted.
#[test]
fn lines_beyond_the_first_thousand_are_counted() {
    for lines in [1_000, 1_200] {
        let steps = format!(r#"Repeat({lines}, [Print("out"), Cpu("1us")])"#);
        let results = run(&format!(r#"models: [Serial], tasks: {{ "a": (steps: [{steps}]) }}"#));
        let run = &results.report.points[0].models[0].runs[0];
        assert_eq!((run.prints.len(), run.prints_beyond), (1_000, lines - 1_000));
    }
}

/// A thread that releases a permit and asks again is faster than the one it woke; a coroutine is not.
#[test]
fn threads_overtake_at_a_semaphore_and_coroutines_do_not() {
    let printed = prints(
        r#"shared: { "s": Semaphore(1) }, models: [ThreadPerTask, Asyncio],
        tasks: { "a": (count: 2, steps: [Repeat(2, [With("s", [Sleep("1ms"), Print("out")])])]) }"#,
    );
    assert_eq!(printed[0], ["1 a[0]", "2 a[0]", "3 a[1]", "4 a[1]"]);
    assert_eq!(printed[1], ["1 a[0]", "2 a[1]", "3 a[0]", "4 a[1]"]);
}

/// Who is woken for an item asks again: another getter that does not wait can have it, for coroutines, too.
#[test]
fn a_getter_that_was_woken_can_be_overtaken() {
    let printed = prints(
        r#"shared: { "q": Queue, "e": Event }, models: [ThreadPerTask, Asyncio],
        tasks: {
            "waits": (steps: [Get("q"), Print("out")]),
            "puts": (steps: [Sleep("1ms"), Put("q"), Get("q"), Print("out"), Sleep("1ms"), Put("q")]),
            "ends": (steps: [SetEvent("e"), Wait("e")]),
        }"#,
    );
    for found in printed {
        assert_eq!(found, ["1 puts", "2 waits"]);
    }
}

#[test]
fn an_event_lets_all_go_on_although_it_is_cleared_at_once() {
    holds(
        r#"shared: { "e": Event, "n": Int(0) }, models: [ThreadPerTask, Asyncio, Threads(4)],
        tasks: {
            "waits": (count: 3, steps: [Wait("e"), FetchAdd("n")]),
            "sets": (steps: [Sleep("1ms"), SetEvent("e"), ClearEvent("e")]),
        },
        expect: [Final(var: "n", is: 3), Elapsed(is: "1ms")]"#,
    );
}

/// Items arrive in order, and the numbers are the own copies of those who get them.
#[test]
fn numbers_go_through_a_queue_in_order() {
    holds(
        r#"shared: { "q": Queue(capacity: 2), "n": Int(0), "sum": Int(0), "wrong": Int(0) },
        models: [ThreadPerTask, Asyncio, Threads(2)],
        tasks: {
            "puts": (steps: [Repeat(9, [Add("n", 1), Put("q", Product(Own("n"), Own("n")))])]),
            "gets": (steps: [Repeat(9, [
                Get("q", "sum"), Add("n", 1),
                If(IsNot(Own("sum"), Product(Own("n"), Own("n"))), [FetchAdd("wrong")]),
            ])]),
        },
        expect: [Final(var: "wrong", is: 0)]"#,
    );
}

/// Two conditions of one lock, one for each kind of waiter: `notify()` is enough.
#[test]
fn two_conditions_share_a_lock() {
    holds(
        r#"shared: { "full": Condition(lock: "m"), "m": Lock, "empty": Condition(lock: "m"), "items": Int(0) },
        models: [ThreadPerTask, Asyncio],
        tasks: {
            "consumer": (count: 2, steps: [Repeat(2, [
                With("m", [While(Is("items", 0), [Wait("full")]), Store("items", 0), Notify("empty")]), Sleep("1ms"),
            ])]),
            "producer": (steps: [Repeat(4, [
                With("m", [While(Is("items", 1), [Wait("empty")]), Store("items", 1), Notify("full")]),
            ])]),
        },
        expect: [Elapsed(at_most: "4ms"), Final(var: "items", is: 0)]"#,
    );
}

/// Its holder takes an `RLock` again; whoever else wants it waits for as many releases.
#[test]
fn a_lock_that_is_held_twice() {
    let printed = prints(
        r#"shared: { "r": RLock }, models: [ThreadPerTask, Asyncio],
        tasks: {
            "twice": (steps: [With("r", [With("r", [Sleep("1ms")]), Sleep("1ms"), Print("out")]), Sleep("1ms")]),
            "once": (steps: [With("r", [Print("in")])]),
        }"#,
    );
    for found in printed {
        assert_eq!(found, ["2 twice", "2 once"]);
    }
}

#[test]
fn processes_share_what_is_interprocess() {
    holds(
        r#"shared: { "b": Interprocess(Barrier(2)), "q": Interprocess(Queue), "v": Int(0), "sum": Interprocess(Int(0)) },
        models: [Processes(2)],
        tasks: {
            "sends": (steps: [Put("q", 41), Wait("b"), Cpu("1ms")]),
            "receives": (steps: [Get("q", "v"), Store("sum", Sum(Own("v"), 1)), Wait("b")]),
        },
        allow: ["not-shared"],
        expect: [Final(var: "sum", is: 42)]"#,
    );
}

/// A semaphore with one permit is a lock that others may release: no update is lost, with a GIL and without.
#[test]
fn one_permit_excludes() {
    holds(
        r#"interpreter: CPython(), shared: { "s": BoundedSemaphore(1), "n": Int(0) },
        models: [Threads(4), Asyncio, FreeThreaded(4)],
        tasks: { "a": (count: 8, steps: [
            Repeat(20, [With("s", [Load("n"), Cpu("1ms"), Add("n", 1), Store("n")]), Cpu("200us")]),
        ]) },
        expect: [Final(var: "n", is: 160)]"#,
    );
}

#[test]
fn a_lost_wake_up_says_when_it_was_and_who_could_help() {
    let said = explanation(
        r#"shared: { "c": Condition }, models: [ThreadPerTask], allow: ["bare-notify"], expect: [Deadlock],
        tasks: {
            "waiter": (steps: [Sleep("2ms"), With("c", [Wait("c")])]),
            "notifier": (steps: [Sleep("1ms"), Notify("c")]),
        }"#,
    );
    let wait = "waiter waits for a notification of \"c\", since 2ms; last notified at 1ms by notifier; nobody is left who could";
    assert_eq!(said, [wait]);
}

#[test]
fn who_could_help_waits_too() {
    let said = explanation(
        r#"shared: { "e": Event, "f": Event }, models: [ThreadPerTask], expect: [Deadlock],
        tasks: {
            "one": (steps: [Sleep("2ms"), Wait("e"), SetEvent("f")]),
            "other": (steps: [Sleep("1ms"), Wait("f"), SetEvent("e")]),
        }"#,
    );
    assert_eq!(
        said,
        [
            "one waits for the event \"e\", since 2ms; never set; other could, and waits, too",
            "other waits for the event \"f\", since 1ms; never set; one could, and waits, too",
        ]
    );
}

/// `run_coroutine_threadsafe(..).result()` on the thread of the loop itself.
#[test]
fn a_loop_that_is_blocked_is_named() {
    let said = explanation(
        r#"shared: { "e": Event }, models: [Asyncio], allow: ["blocks-the-loop"], expect: [Deadlock],
        programs: { "coroutine": [SetEvent("e")], "start": [Spawn(Coroutine, "coroutine")] },
        tasks: { "main": (steps: [Sleep("1ms"), CallSoonThreadsafe("start"), Blocking([Wait("e")])]) }"#,
    );
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(said.ends_with("never set; the event loop, which it blocks, has start#0 to run"), "{said}");
}

/// Both read and want to write: each waits for the other reader. The circle is found while somebody else still runs.
#[test]
fn a_circle_through_readers_is_found_when_it_closes() {
    let results = run(
        r#"shared: { "a": RwLock, "b": RwLock }, models: [ThreadPerTask], expect: [Deadlock], allow: ["lock-order"],
        tasks: {
            "one": (steps: [WithRead("a", [Sleep("1ms"), With("b", [])])]),
            "other": (steps: [WithRead("b", [Sleep("2ms"), With("a", [])])]),
            "reader": (steps: [WithRead("a", [Sleep("1s")])]),
        }"#,
    );
    let run = &results.report.points[0].models[0].runs[0];
    assert_eq!(
        run.explanation,
        [
            "other waits for the lock \"a\", held by one and reader, since 2ms",
            "one waits for the lock \"b\", held by other, since 1ms",
        ]
    );
    assert_eq!(run.makespan.0, 2_000_000);
}

/// With writers first, who reads and asks again waits for the writer that waits for it.
#[test]
fn a_reader_that_asks_again_can_wait_for_itself() {
    let said = explanation(
        r#"shared: { "a": RwLock(prefer: Writers) }, models: [ThreadPerTask], expect: [Deadlock],
        tasks: {
            "reader": (steps: [WithRead("a", [Sleep("2ms"), WithRead("a", [])])]),
            "writer": (steps: [Sleep("1ms"), With("a", [])]),
        }"#,
    );
    assert_eq!(
        said,
        [
            "reader waits for the lock \"a\", held by writer, since 2ms",
            "writer waits for the lock \"a\", held by reader, since 1ms",
        ]
    );
}

#[test]
fn what_is_not_held_cannot_be_given_back() {
    let one = |shared: &str, steps: &str| {
        let text = format!(
            r#"shared: {{ {shared} }}, models: [ThreadPerTask], tasks: {{ "t": (steps: [Choose({{ 1.0: [{steps}] }})]) }}"#
        );
        explanation(&text)
    };
    let said = one(r#""s": BoundedSemaphore(1)"#, r#"Release("s")"#);
    assert_eq!(said, ["t released the semaphore \"s\", of which it has no permit"]);
}

/// The exact numbers of the readers' case: the wait of the writer, and that 99 reads overtook it; first come, none does.
#[test]
fn a_starved_writer_is_named_with_its_wait() {
    let run = |prefer: &str| {
        let results = run(&format!(
            r#"shared: {{ "book": RwLock(prefer: {prefer}) }}, models: [ThreadPerTask],
            programs: {{ "read": [Repeat(50, [WithRead("book", [Sleep("10ms")]), Sleep("2ms")])] }},
            tasks: {{
                "R1": (steps: [Call("read")]),
                "R2": (arrive: Recorded(["6ms"]), steps: [Call("read")]),
                "W": (arrive: Recorded(["1ms"]), steps: [With("book", [Sleep("1ms")])]),
            }}"#
        ));
        let point = &results.report.points[0];
        let wait = point.models[0].runs[0].longest_wait.clone().expect("the writer waits");
        (wait.who, wait.what, wait.since.0, wait.length.0, wait.overtaken, point.verdicts[0].clone())
    };
    let (who, what, since, length, overtaken, verdict) = run("Readers");
    assert_eq!((&*who, &*what, since, length, overtaken), ("W", "the lock \"book\"", 1_000_000, 603_000_000, 99));
    let words =
        "W starved: it waited 603 ms for the lock \"book\" from 1 ms on, 99.5 % of the run, and was overtaken 99 times";
    assert!(verdict.contains(words), "{verdict}");
    for prefer in ["FirstCome", "Writers"] {
        let (who, _, since, length, overtaken, verdict) = run(prefer);
        assert_eq!((&*who, since, length, overtaken), ("W", 1_000_000, 9_000_000, 0));
        assert!(!verdict.contains("starved"), "{verdict}");
    }
}
