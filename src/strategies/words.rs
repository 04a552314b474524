//! What programs do, by what it is about. The names are always the same, so that vocabularies go together: variables `x` and
//! `y`, locks `a` and `b`, a condition `c`, an event `e`, a queue `q`, a semaphore `s`, a program `p`.

use super::shape::Shape;

fn all(shape: Shape, steps: &[&str]) -> Shape {
    steps.iter().fold(shape, |shape, step| shape.step(step))
}

/// Reads and writes of two variables, with others in between, and decisions about them.
pub fn variables(shape: Shape) -> Shape {
    let steps = [
        r#"Load("x")"#,
        r#"Add("x", 1)"#,
        r#"Store("x")"#,
        r#"Load("y")"#,
        r#"Add("y", 1)"#,
        r#"Store("y")"#,
        r#"Load("x"), Add("x", 1), Store("x")"#,
        r#"Load("y"), Add("y", 1), Store("y")"#,
        r#"If(Above("x", 0), [..], [..])"#,
        r#"If(Above("y", 0), [..], [..])"#,
        "Repeat(2, [..])",
    ];
    all(shape.shared("x", "Int(0)").shared("y", "Int(0)"), &steps)
}

/// Atomic operations on two variables.
pub fn atomics(shape: Shape) -> Shape {
    let steps = [
        r#"FetchAdd("x", 1)"#,
        r#"FetchAdd("y", 1)"#,
        r#"Swap("x", 2)"#,
        r#"Swap("y", 2)"#,
        r#"If(CompareAndSwap("x", 0, 1), [..], [..])"#,
        r#"If(CompareAndSwap("y", 0, 1), [..], [..])"#,
    ];
    all(shape.shared("x", "Int(0)").shared("y", "Int(0)"), &steps)
}

/// Two locks, in any order.
pub fn locks(shape: Shape) -> Shape {
    all(shape.shared("a", "Lock").shared("b", "Lock"), &[r#"With("a", [..])"#, r#"With("b", [..])"#])
}

/// A condition, with its lock.
pub fn conditions(shape: Shape) -> Shape {
    let steps = [r#"With("c", [Notify("c")])"#, r#"With("c", [NotifyAll("c")])"#, r#"With("c", [Wait("c")])"#];
    all(shape.shared("c", "Condition"), &steps)
}

/// An event.
pub fn events(shape: Shape) -> Shape {
    all(shape.shared("e", "Event"), &[r#"SetEvent("e")"#, r#"Wait("e")"#])
}

/// A queue with room for one.
pub fn queues(shape: Shape) -> Shape {
    all(shape.shared("q", "Queue(capacity: 1)"), &[r#"Put("q", 1)"#, r#"Get("q")"#])
}

/// A semaphore of one.
pub fn semaphores(shape: Shape) -> Shape {
    all(shape.shared("s", "Semaphore(1)"), &[r#"Acquire("s"), Release("s")"#, r#"Acquire("s")"#, r#"Release("s")"#])
}

/// What takes time: it counts in runs with times, and lets others in.
pub fn times(shape: Shape) -> Shape {
    all(shape, &[r#"Cpu(Exp("5us"))"#, r#"Sleep(Exp("5us"))"#, "Yield"])
}

/// Exceptions, and what is done about them.
pub fn exceptions(shape: Shape) -> Shape {
    all(shape, &["Raise", "Choose({ 0.5: [Raise] })", "Try([..], [..])", "Finally([..], [..])"])
}

/// Threads that are spawned, and waits for them.
pub fn spawns(shape: Shape) -> Shape {
    let steps = [r#"Spawn(Thread, "p")"#, r#"Spawn(Thread, "p"), Join("p")"#, r#"Spawn(DaemonThread, "p")"#];
    all(shape.shared("x", "Int(0)").program("p", r#"[FetchAdd("x", 1)]"#), &steps)
}

/// What coroutines do with each other: groups, timeouts, cancellation, threads of an executor.
pub fn coroutines(shape: Shape) -> Shape {
    let steps = [
        r#"Sleep(Exp("5us"))"#,
        r#"Timeout("5us", [..], [..])"#,
        r#"Gather(["p"], 2)"#,
        r#"TaskGroup(["p"])"#,
        r#"Shield("p")"#,
        r#"Spawn(Coroutine, "p"), Join("p")"#,
        r#"Spawn(Coroutine, "p"), Sleep(Exp("3us")), Cancel("p")"#,
        r#"Spawn(Coroutine, "p", 2), WaitTasks(["p"], FirstCompleted)"#,
        r#"ToThread([FetchAdd("x", 1)])"#,
        r#"CallSoon("b")"#,
    ];
    let shape = shape.program("p", r#"[Sleep(Exp("4us")), FetchAdd("x", 1)]"#).program("b", r#"[FetchAdd("x", 1)]"#);
    all(shape.shared("x", "Int(0)"), &steps)
}
