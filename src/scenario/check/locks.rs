//! E09: locks released without being held, or taken twice; waits for a notification without the lock. Warnings
//! `never-released`, `lock-order` and `bare-notify`.
//!
//! Follows each program straight through, with the programs that it calls.

use std::collections::BTreeMap;

use super::circles::circles;
use super::code::graph;
use super::walk::inside;
use super::{Finding, Findings, Path, Subject};
use crate::scenario::ast::{Expect, ModelName, Shared, Step};
use crate::sync::Mode;

/// Steps followed in one program, calls included: enough for what people write, and an end for what they do not.
const MOST_STEPS: u32 = 100_000;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let code = &subject.code;
    let used = code.used();
    let spawned = code.references().iter().filter(|r| r.spawn.is_some() && used[r.from]);
    let mut roots: Vec<usize> = code.tasks().chain(spawned.map(|r| r.to)).collect();
    roots.sort_unstable();
    roots.dedup();
    let mut orders = BTreeMap::new();
    for root in roots {
        let mut follower = Follower { subject, found, orders: &mut orders, steps: 0, limits: 0, root };
        let body = &code.bodies()[root];
        let end = follower.follow(&body.path, body.steps, Held::default());
        if follower.steps < MOST_STEPS {
            for (lock, path) in end.surely {
                let title = format!("lock \"{lock}\" is still held when the program ends");
                let finding = Finding::warning("never-released", title, path, "taken here and never released");
                found.push(finding.help(format!("add Release(\"{lock}\"), or write With(\"{lock}\", [..])")));
            }
        }
    }
    if !expects_deadlock(&subject.scenario.expect) && is_concurrent(subject) {
        lock_order(subject, &orders, found);
    }
}

/// Where a lock was taken, by the lock.
type Taken<'a> = BTreeMap<&'a str, Path>;

/// The locks a program holds at some step.
#[derive(Clone, Debug, Default)]
struct Held<'a> {
    /// On every way to this step.
    surely: Taken<'a>,
    /// On at least one.
    perhaps: Taken<'a>,
    /// How often, and whether to read.
    times: BTreeMap<&'a str, (u32, Mode)>,
}

impl<'a> Held<'a> {
    fn merge(mut self, other: Held<'a>) -> Held<'a> {
        self.surely.retain(|lock, _| other.surely.contains_key(lock));
        self.times.retain(|lock, times| other.times.get(lock) == Some(times));
        self.perhaps.extend(other.perhaps);
        self
    }
}

/// `(held, taken)`: where the first was held and the second taken, and by which bodies.
type Orders<'a> = BTreeMap<(&'a str, &'a str), (Path, Vec<usize>)>;

struct Follower<'a, 'f> {
    subject: &'a Subject<'a>,
    found: &'f mut Findings,
    orders: &'f mut Orders<'a>,
    steps: u32,
    /// How many timeouts are around: a wait for oneself ends with them.
    limits: u32,
    root: usize,
}

impl<'a> Follower<'a, '_> {
    fn follow(&mut self, list: &Path, steps: &'a [Step], mut held: Held<'a>) -> Held<'a> {
        for (index, step) in steps.iter().enumerate() {
            self.steps += 1;
            if self.steps >= MOST_STEPS {
                return held;
            }
            held = self.step(&list.index(index), step, held);
        }
        held
    }

    fn step(&mut self, path: &Path, step: &'a Step, mut held: Held<'a>) -> Held<'a> {
        match step {
            Step::Acquire(name) => {
                self.take(path, name, Mode::Write, &mut held);
                held
            }
            Step::AcquireRead(name) => {
                self.take(path, name, Mode::Read, &mut held);
                held
            }
            Step::Release(name) => {
                self.release(path, name, &mut held);
                held
            }
            Step::With(name, steps) => {
                self.take(path, name, Mode::Write, &mut held);
                let mut held = self.follow(&path.index(1), steps, held);
                self.release(path, name, &mut held);
                held
            }
            Step::WithRead(name, steps) => {
                self.take(path, name, Mode::Read, &mut held);
                let mut held = self.follow(&path.index(1), steps, held);
                self.release(path, name, &mut held);
                held
            }
            Step::Finally(..) | Step::Try(..) | Step::Timeout(..) => self.caught(path, step, held),
            Step::Wait(name) => {
                self.wait(path, name, &held);
                held
            }
            Step::Notify(name, _) | Step::NotifyAll(name) => {
                self.notify(path, name, &held);
                held
            }
            Step::Call(name) => {
                let program = self.subject.code.program(name);
                match program.map(|program| &self.subject.code.bodies()[program]) {
                    Some(body) => self.follow(&body.path, body.steps, held),
                    None => held,
                }
            }
            Step::Choose(branches) => {
                let sum: f64 = branches.0.iter().map(|(probability, _)| probability).sum();
                let rest = (sum < 1.0 - 1e-9).then(|| held.clone());
                let taken = branches.0.iter().enumerate().filter(|(_, (probability, _))| *probability > 0.0);
                let ends = taken.map(|(n, (_, steps))| self.follow(&path.index(0).index(n), steps, held.clone()));
                let ends: Vec<Held<'a>> = ends.chain(rest).collect();
                ends.into_iter().reduce(Held::merge).unwrap_or(held)
            }
            Step::If(..) => self.either(path, step, &held),
            Step::While(..) => self.repeat(path, step, held.clone()).merge(held),
            Step::Repeat(..) | Step::Forever(_) | Step::RepeatUntil(..) => self.repeat(path, step, held),
            // The thread is somebody else: it gives nothing back, and keeps what it has taken.
            Step::ToThread(steps) => {
                self.follow(&path.index(0), steps, held.clone());
                held
            }
            Step::Blocking(steps) => self.follow(&path.index(0), steps, held),
            Step::WaitTasks(..) => self.either(path, step, &held).merge(held),
            _ => held,
        }
    }

    /// Steps, and others after them: always, or if these break off anywhere.
    #[inline(never)]
    fn caught(&mut self, path: &Path, step: &'a Step, held: Held<'a>) -> Held<'a> {
        let mut bodies = inside(path, step).into_iter();
        let Some(first) = bodies.next() else { return held };
        if let Step::Finally(..) = step {
            let done = self.follow(&first.path, first.steps, held);
            return bodies.fold(done, |done, last| self.follow(&last.path, last.steps, done));
        }
        let limit = u32::from(matches!(step, Step::Timeout(..)));
        self.limits += limit;
        let done = self.follow(&first.path, first.steps, held.clone());
        self.limits -= limit;
        let broken = done.clone().merge(held);
        bodies.fold(done, |done, body| {
            let after = self.follow(&body.path, body.steps, broken.clone());
            done.merge(after)
        })
    }

    /// One or the other list of steps.
    fn either(&mut self, path: &Path, step: &'a Step, held: &Held<'a>) -> Held<'a> {
        let ends: Vec<Held<'a>> =
            inside(path, step).iter().map(|body| self.follow(&body.path, body.steps, held.clone())).collect();
        ends.into_iter().reduce(Held::merge).unwrap_or_default()
    }

    /// A second round finds what the first leaves behind.
    fn repeat(&mut self, path: &Path, step: &'a Step, mut held: Held<'a>) -> Held<'a> {
        let rounds = match step {
            Step::Repeat(times, _) => (*times).min(2),
            _ => 2,
        };
        for _ in 0..rounds {
            for body in inside(path, step) {
                held = self.follow(&body.path, body.steps, held);
            }
        }
        held
    }

    /// What is held after `name` was taken: the lock of that name, or of the condition. Who has a permit of a semaphore does
    /// not matter.
    fn lock_of(&self, name: &'a str) -> Option<&'a str> {
        match self.subject.scenario.shared.get(name).map(Shared::plain) {
            Some(Shared::Condition { lock: Some(lock) }) => Some(lock),
            Some(Shared::Semaphore(_) | Shared::BoundedSemaphore(_)) => None,
            _ => Some(name),
        }
    }

    fn condition_lock(&self, name: &'a str) -> Option<&'a str> {
        let condition = matches!(self.subject.scenario.shared.get(name)?.plain(), Shared::Condition { .. });
        if condition { self.lock_of(name) } else { None }
    }

    fn wait(&mut self, path: &Path, name: &'a str, held: &Held<'a>) {
        let Some(lock) = self.condition_lock(name) else { return };
        if !held.perhaps.contains_key(lock) {
            let title = format!("Wait(\"{name}\") releases its lock, which is not held here");
            let finding = Finding::error("E09", title, path.index(0), "not held here");
            self.found.push(finding.help(format!("take it first: With(\"{name}\", [.., Wait(\"{name}\")])")));
        }
        // It takes the lock again while it holds all the others.
        self.order(&path.index(0), lock, held);
    }

    fn notify(&mut self, path: &Path, name: &'a str, held: &Held<'a>) {
        let Some(lock) = self.condition_lock(name) else { return };
        if !held.perhaps.contains_key(lock) {
            let title = format!("\"{name}\" is notified without its lock");
            let text = "can come between a test and the wait after it, and is lost then";
            let finding = Finding::warning("bare-notify", title, path.index(0), text);
            self.found.push(
                finding.help(format!("write With(\"{name}\", [..]) around it: Python raises a RuntimeError without")),
            );
        }
    }

    fn take(&mut self, path: &Path, name: &'a str, mode: Mode, held: &mut Held<'a>) {
        let Some(lock) = self.lock_of(name) else { return };
        let at = path.index(0);
        if let (Some(first), Some((times, before))) = (held.surely.get(lock), held.times.get_mut(lock)) {
            *times += 1;
            let reentrant = matches!(self.subject.scenario.shared.get(lock).map(Shared::plain), Some(Shared::RLock));
            if !reentrant && self.limits == 0 && (mode, *before) != (Mode::Read, Mode::Read) {
                let title = format!("\"{lock}\" is taken again while it is held: this waits for itself");
                let finding = Finding::error("E09", title, &at, "already held");
                self.found.push(match *first == at {
                    true => finding.help("the round before has not released it"),
                    false => finding.and(first, "taken here"),
                });
            }
            return;
        }
        held.times.insert(lock, (1, mode));
        self.order(&at, lock, held);
        held.surely.insert(lock, at.clone());
        held.perhaps.insert(lock, at);
    }

    fn order(&mut self, at: &Path, lock: &'a str, held: &Held<'a>) {
        for (before, _) in held.surely.iter().filter(|(before, _)| **before != lock) {
            let (_, by) = self.orders.entry((before, lock)).or_insert_with(|| (at.clone(), Vec::new()));
            if !by.contains(&self.root) {
                by.push(self.root);
            }
        }
    }

    fn release(&mut self, path: &Path, name: &'a str, held: &mut Held<'a>) {
        let Some(lock) = self.lock_of(name) else { return };
        match held.times.get_mut(lock) {
            Some((times, _)) if *times > 1 => {
                *times -= 1;
                return;
            }
            _ => drop(held.times.remove(lock)),
        }
        if !held.perhaps.contains_key(lock) {
            let title = format!("\"{lock}\" is released without being held");
            let finding = Finding::error("E09", title, path.index(0), "not held here");
            self.found
                .push(finding.help(format!("take it first: Acquire(\"{lock}\"), or write With(\"{lock}\", [..])")));
        }
        held.surely.remove(lock);
        held.perhaps.remove(lock);
    }
}

fn lock_order(subject: &Subject<'_>, orders: &Orders<'_>, found: &mut Findings) {
    let locks: Vec<&str> = subject.scenario.shared.keys().map(String::as_str).collect();
    let number = |lock: &str| locks.iter().position(|name| *name == lock);
    let edges = orders.keys().filter_map(|(held, taken)| Some((number(held)?, number(taken)?)));
    for circle in circles(&graph(locks.len(), edges)) {
        let pairs = circle.iter().zip(circle.iter().cycle().skip(1));
        let taken: Vec<_> = pairs.filter_map(|(a, b)| orders.get_key_value(&(locks[*a], locks[*b]))).collect();
        let mut by: Vec<usize> = taken.iter().flat_map(|(_, (_, by))| by.iter().copied()).collect();
        by.sort_unstable();
        by.dedup();
        if let [only] = by[..]
            && runs_alone(subject, only)
        {
            continue;
        }
        let mut labels =
            taken.iter().map(|((held, lock), (path, _))| (path, format!("\"{held}\" is held, takes \"{lock}\"")));
        let Some((path, text)) = labels.next() else { continue };
        let title = match circle.len() {
            2 => format!(
                "locks \"{}\" and \"{}\" are taken in both orders: this can deadlock",
                locks[circle[0]], locks[circle[1]]
            ),
            n => format!("{n} locks are taken in orders that form a circle: this can deadlock"),
        };
        let finding = Finding::warning("lock-order", title, path, text);
        let finding = labels.fold(finding, |finding, (path, text)| finding.and(path, text));
        found.push(finding.help(
            "take them in the same order everywhere, or write `expect: [Sometimes(Deadlock)]` if it is the point of the scenario",
        ));
    }
}

/// Whether at most one context ever executes the body.
fn runs_alone(subject: &Subject<'_>, body: usize) -> bool {
    let task = body.checked_sub(subject.scenario.programs.len());
    let task = task.and_then(|index| subject.scenario.tasks.get_index(index));
    let spawned = subject.code.references().iter().any(|r| r.spawn.is_some() && r.to == body);
    task.is_some_and(|(_, task)| {
        task.count == Some(1) || (task.count.is_none() && matches!(task.arrive, crate::scenario::ast::Arrive::AtOnce))
    }) && !spawned
}

fn is_concurrent(subject: &Subject<'_>) -> bool {
    let spawns = subject.code.references().iter().any(|r| r.spawn.is_some());
    let alone =
        |model: &ModelName| matches!(model, ModelName::Serial | ModelName::Threads(1) | ModelName::FreeThreaded(1));
    spawns || !subject.scenario.models.iter().all(alone)
}

pub fn expects_deadlock(expects: &[Expect]) -> bool {
    expects.iter().any(|expect| match expect {
        Expect::Deadlock => true,
        Expect::Sometimes(inner) => expects_deadlock(std::slice::from_ref(inner)),
        Expect::In(_, inner) | Expect::At(_, inner) => expects_deadlock(inner),
        _ => false,
    })
}
