//! E14: names of warnings.

use super::{Finding, Findings, Path, Subject};
use crate::scenario::words;

/// Every warning and what it says.
pub const NAMES: &[(&str, &str)] = &[
    ("unused", "something is declared that nothing uses"),
    ("blocks-the-loop", "a coroutine waits without awaiting, and stops its event loop"),
    ("does-nothing", "a step that changes nothing and takes no time"),
    ("unreachable", "a step that is never executed"),
    ("never-released", "a program ends and still holds a lock"),
    ("bare-notify", "a condition is notified by somebody who does not hold its lock"),
    ("never-read", "items are put into a queue and nobody takes them out"),
    ("lock-order", "locks are taken in different orders, which can deadlock"),
    ("one-run", "something is asked of several runs, and there is one"),
    ("not-shared", "every process has its own copy of something that looks shared"),
    ("no-urgency", "a lock has a protocol, and the scheduler orders threads by nothing that it could lend"),
    ("ignored", "a setting of the machine or a task that something else leaves without effect"),
    ("too-early", "a model that the version of the interpreter does not have yet"),
    ("clamped", "a slice or a speed that counts as another one"),
    ("overload", "more work arrives than can be done"),
    ("few-arrivals", "a count of jobs is larger than the number of recorded arrivals"),
    ("idle-workers", "more workers than there are jobs"),
];

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    for (index, name) in subject.scenario.allow.iter().enumerate() {
        if known.contains(&name.as_str()) {
            continue;
        }
        let path = Path::root().name("allow").index(index);
        let title = format!("no warning named \"{name}\"");
        found.push(match words::nearest(name, &known) {
            Some(nearest) => Finding::error("E14", title, &path, format!("did you mean \"{nearest}\"?"))
                .fix(&path, format!("\"{nearest}\"")),
            None => Finding::error("E14", title, path, "not a warning").help(format!("warnings: {}", known.join(", "))),
        });
    }
}
