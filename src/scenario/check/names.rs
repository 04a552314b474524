//! E01: a name that nothing has. E02: a name of the wrong kind of thing.

use super::objects::{Named, objects};
use super::{Finding, Findings, Path, Subject, entry};
use crate::scenario::ast::{Peer, Scenario, Shared, Step};
use crate::scenario::words::nearest;

/// Sections with names in them, and what one entry is called.
const SECTIONS: &[(&str, &str)] = &[
    ("devices", "device"),
    ("network", "peer"),
    ("shared", "shared object"),
    ("programs", "program"),
    ("tasks", "task"),
];

/// Names that a wrong one is compared with: every wrong one with every other takes too long in the largest files.
const MOST_COMPARED: usize = 500;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for body in subject.code.bodies() {
        body.each(&mut |path, step| step_names(subject, path, step, found));
    }
    for (name, task) in &subject.scenario.tasks {
        for (index, before) in task.after.iter().enumerate() {
            let path = entry("tasks", name).name("after").index(index);
            expect_name(subject, "tasks", before, &path, found);
        }
    }
    for (name, shared) in &subject.scenario.shared {
        condition(subject, name, shared, found);
        if let Shared::Interprocess(inner) = shared
            && let Shared::Interprocess(_) = **inner
        {
            let title = "Interprocess needs a shared object inside";
            found.push(Finding::error("E02", title, entry("shared", name), "it says it twice"));
        }
        if let Shared::Interprocess(inner) = shared
            && let Shared::ThreadLocal(_) = **inner
        {
            let title = "what every thread has its own of is not shared by processes";
            found.push(Finding::error(
                "E02",
                title,
                entry("shared", name),
                "write ThreadLocal(..) or Interprocess(Int(..))",
            ));
        }
    }
}

/// The lock of a condition is a lock of as many processes.
fn condition(subject: &Subject<'_>, name: &str, shared: &Shared, found: &mut Findings) {
    let Shared::Condition { lock: Some(lock) } = shared.plain() else { return };
    let everywhere = |shared: &Shared| matches!(shared, Shared::Interprocess(_));
    let path = entry("shared", name);
    let path = if everywhere(shared) { path.index(0) } else { path }.name("lock");
    expect_shared(subject, lock, &path, ("a Condition", &[Kind::Lock]), found);
    if let Some(other) = subject.scenario.shared.get(lock)
        && Kind::of(other) == Kind::Lock
        && everywhere(other) != everywhere(shared)
    {
        let title = format!("\"{name}\" and its lock \"{lock}\" belong to different processes");
        let finding = Finding::error("E02", title, path, "Interprocess(..) has to stand around both, or none");
        found.push(finding.and(super::key(&entry("shared", lock)), "declared here"));
    }
}

fn step_names(subject: &Subject<'_>, path: &Path, step: &Step, found: &mut Findings) {
    let first = path.index(0);
    match step {
        Step::Io(device, _) => expect_name(subject, "devices", device, &first, found),
        Step::Connect(peer, _) | Step::Send(peer, ..) | Step::Recv(peer, ..) | Step::Close(peer) => {
            expect_name(subject, "network", peer, &first, found);
        }
        Step::Accept(peer, _) => {
            expect_name(subject, "network", peer, &first, found);
            if let Some(Peer::Host { .. }) = subject.scenario.network.get(peer) {
                let title = format!("Accept needs a Listener, but \"{peer}\" is a Host");
                let finding = Finding::error("E02", title, &first, "not a listener");
                found.push(finding.and(super::key(&entry("network", peer)), "declared here"));
            }
        }
        Step::Call(name)
        | Step::Join(name)
        | Step::Cancel(name)
        | Step::Shield(name)
        | Step::CallSoon(name)
        | Step::CallSoonThreadsafe(name) => expect_name(subject, "programs", name, &first, found),
        Step::Spawn(_, name, _) | Step::CallLater(_, name) => {
            expect_name(subject, "programs", name, &path.index(1), found)
        }
        Step::Gather(names, _, _) | Step::TaskGroup(names, _) | Step::WaitTasks(names, ..) => {
            for (index, name) in names.iter().enumerate() {
                expect_name(subject, "programs", name, &first.index(index), found);
            }
        }
        _ => {}
    }
    for Named { path, name, by } in objects(path, step) {
        expect_shared(subject, name, &path, by, found);
    }
}

/// What a shared object is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Int,
    ThreadLocal,
    Lock,
    RLock,
    Semaphore,
    Event,
    Condition,
    Barrier,
    Queue,
    RwLock,
    Object,
}

impl Kind {
    /// Of an object, `Interprocess` or not.
    pub fn of(shared: &Shared) -> Kind {
        match shared {
            Shared::Int(_) => Kind::Int,
            Shared::ThreadLocal(_) => Kind::ThreadLocal,
            Shared::Lock(_) => Kind::Lock,
            Shared::RLock => Kind::RLock,
            Shared::Semaphore(_) | Shared::BoundedSemaphore(_) => Kind::Semaphore,
            Shared::Event => Kind::Event,
            Shared::Condition { .. } => Kind::Condition,
            Shared::Barrier(_) => Kind::Barrier,
            Shared::Queue { .. } => Kind::Queue,
            Shared::RwLock(_) => Kind::RwLock,
            Shared::Object { .. } => Kind::Object,
            Shared::Interprocess(inner) => Kind::of(inner),
        }
    }

    /// Why nobody can ask for the value of something of this kind.
    pub fn without_value(self, name: &str) -> String {
        let why = if self == Kind::ThreadLocal { "has a value for each thread" } else { "has no value" };
        format!("\"{name}\" is {}, which {why}", self.words().0)
    }

    /// What it is called with its article, and what something else is not.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Int => ("an Int", "not a variable"),
            Kind::ThreadLocal => ("a ThreadLocal", "a variable of which every thread has its own"),
            Kind::Lock => ("a Lock", "not a lock"),
            Kind::RLock => ("an RLock", "not a lock"),
            Kind::Semaphore => ("a Semaphore", "not a semaphore"),
            Kind::Event => ("an Event", "not an event"),
            Kind::Condition => ("a Condition", "not a condition"),
            Kind::Barrier => ("a Barrier", "not a barrier"),
            Kind::Queue => ("a Queue", "not a queue"),
            Kind::RwLock => ("an RwLock", "not a lock for readers and writers"),
            Kind::Object => ("an Object", "not an object with a reference count"),
        }
    }
}

fn expect_shared(subject: &Subject<'_>, name: &str, path: &Path, (step, kinds): (&str, &[Kind]), found: &mut Findings) {
    let Some(shared) = subject.scenario.shared.get(name) else {
        return expect_name(subject, "shared", name, path, found);
    };
    let is = Kind::of(shared);
    if !kinds.contains(&is) {
        let wanted: Vec<&str> = kinds.iter().map(|kind| kind.words().0).collect();
        let wanted = match &wanted[..] {
            [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => wanted.concat(),
        };
        let title = format!("{step} needs {wanted}, but \"{name}\" is {}", is.words().0);
        let label = if let [only] = kinds { only.words().1 } else { "none of these" };
        let finding = Finding::error("E02", title, path, label);
        found.push(finding.and(super::key(&entry("shared", name)), "declared here"));
    }
}

fn expect_name(subject: &Subject<'_>, section: &'static str, name: &str, path: &Path, found: &mut Findings) {
    if subject.is_whole(section) && !declares(subject.scenario, section, name) {
        found.push(unknown("E01", subject.scenario, section, name, path));
    }
}

/// Whether a section has this name.
fn declares(scenario: &Scenario, section: &str, name: &str) -> bool {
    match section {
        "devices" => scenario.devices.contains_key(name),
        "network" => scenario.network.contains_key(name),
        "shared" => scenario.shared.contains_key(name),
        "programs" => scenario.programs.contains_key(name),
        "tasks" => scenario.tasks.contains_key(name),
        _ => false,
    }
}

/// The names declared in a section.
pub fn names<'a>(scenario: &'a Scenario, section: &str) -> Vec<&'a str> {
    match section {
        "devices" => scenario.devices.keys().map(String::as_str).collect(),
        "network" => scenario.network.keys().map(String::as_str).collect(),
        "shared" => scenario.shared.keys().map(String::as_str).collect(),
        "programs" => scenario.programs.keys().map(String::as_str).collect(),
        "tasks" => scenario.tasks.keys().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Nothing in the section has this name: with the nearest that there is, or the section where it is.
pub fn unknown(code: &'static str, scenario: &Scenario, section: &'static str, name: &str, path: &Path) -> Finding {
    let what = SECTIONS.iter().find(|(of, _)| *of == section).map_or("thing", |(_, what)| what);
    let title = format!("no {what} named \"{name}\"");
    let declared = names(scenario, section);
    if let Some(nearest) = nearest(name, &declared[..declared.len().min(MOST_COMPARED)]) {
        return Finding::error(code, title, path, format!("did you mean \"{nearest}\"?"))
            .and(super::key(&entry(section, nearest)), "declared here")
            .fix(path, format!("\"{nearest}\""));
    }
    let mut finding = Finding::error(code, title, path, "not declared");
    if let Some((other, _)) = SECTIONS.iter().find(|(other, _)| declares(scenario, other, name)) {
        let text = format!("this one is in `{other}`, not `{section}`");
        finding = finding.and(super::key(&entry(other, name)), text);
    }
    let list: Vec<String> = declared.iter().take(20).map(|name| format!("\"{name}\"")).collect();
    match list.is_empty() {
        true => finding.help(format!("there is no {what} yet: declare it in `{section}`")),
        false => finding.help(format!("declared in `{section}`: {}", list.join(", "))),
    }
}
