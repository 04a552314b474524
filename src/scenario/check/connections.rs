//! E16: connections used before there are any or after they were closed, and more sockets than `select` can watch. E15: waits for
//! those who never come.

use std::collections::{BTreeMap, BTreeSet};

use super::locks::expects_deadlock;
use super::loops::takes_time;
use super::model::{execution, has_loop, processes};
use super::walk::Body;
use super::{Finding, Findings, Path, Subject, entry, head};
use crate::model::{Execution, Selector};
use crate::scenario::ast::{Arrive, Peer, Step, Task};
use crate::time::Duration;

/// What is known of the connection with a peer at a step: it may be closed, it may be open, and where it was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    closed: bool,
    open: bool,
    closed_at: Option<Path>,
}

type State<'a> = BTreeMap<&'a str, Known>;

/// Connections that certainly are not there, waits for nobody, and more than `select` can watch.
pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    if subject.scenario.network.is_empty() {
        return;
    }
    let never = |open| Known { closed: true, open, closed_at: None };
    let peers = subject.scenario.network.keys();
    let none: State<'_> = peers.map(|peer| (peer.as_str(), never(false))).collect();
    let mut flow = Flow { subject, found, budget: 100_000, depth: 100, quiet: false };
    for index in subject.code.tasks() {
        flow.body(&subject.code.bodies()[index], &mut none.clone());
    }
    // A child has what its parent has accepted: only what nobody accepts is known not to be there.
    let given = accepted(subject);
    for spawned in subject.code.references().iter().filter(|reference| reference.spawn.is_some()) {
        let mut start = none.clone();
        for (peer, known) in &mut start {
            known.open = given.contains(peer);
        }
        flow.body(&subject.code.bodies()[spawned.to], &mut start);
    }
    watched(subject, found);
    alone(subject, found);
}

fn accepted<'a>(subject: &Subject<'a>) -> Vec<&'a str> {
    let mut peers = Vec::new();
    for body in subject.code.bodies() {
        body.each(&mut |_, step| {
            if let Step::Accept(peer, _) = step {
                peers.push(peer.as_str());
            }
        });
    }
    peers
}

struct Flow<'a, 'f> {
    subject: &'a Subject<'a>,
    found: &'f mut Findings,
    /// Steps that are still looked at: programs that call programs can be many.
    budget: u32,
    /// How many lists of steps around this one may be.
    depth: u32,
    /// A first look at a loop, to know what its later rounds begin with.
    quiet: bool,
}

impl<'a> Flow<'a, '_> {
    fn body(&mut self, body: &Body<'a>, state: &mut State<'a>) {
        if self.budget == 0 || self.depth == 0 {
            // Not looked at: anything may have happened.
            state.values_mut().for_each(|known| known.open = true);
            return;
        }
        self.depth -= 1;
        for (path, step) in body.own() {
            self.step(&path, step, state);
        }
        self.depth += 1;
    }

    fn step(&mut self, path: &Path, step: &'a Step, state: &mut State<'a>) {
        self.budget = self.budget.saturating_sub(1);
        match step {
            Step::Connect(peer, failed) | Step::Accept(peer, failed) => {
                self.otherwise(path, step, failed.is_some(), state);
                set(state, peer, Known { closed: failed.is_some(), open: true, closed_at: None });
            }
            Step::Send(peer, _, failed) | Step::Recv(peer, _, failed) => {
                // Who sees to failures may mean this one.
                if failed.is_none() {
                    self.needs(path, peer, state);
                }
                self.otherwise(path, step, failed.is_some(), state);
            }
            Step::Close(peer) => {
                self.needs(path, peer, state);
                set(state, peer, Known { closed: true, open: false, closed_at: Some(path.clone()) });
            }
            Step::Call(name) => {
                if let Some(program) = self.subject.code.program(name) {
                    self.body(&self.subject.code.bodies()[program], state);
                }
            }
            Step::Repeat(0, _) => {}
            Step::Repeat(..) | Step::Forever(_) | Step::While(..) | Step::RepeatUntil(..) => {
                for body in super::walk::inside(path, step) {
                    // The state before a later round is one after an earlier one.
                    let mut after = state.clone();
                    let quiet = std::mem::replace(&mut self.quiet, true);
                    self.body(&body, &mut after);
                    self.quiet = quiet;
                    join(state, &after);
                    self.body(&body, state);
                    if let Step::While(..) = step {
                        join(state, &after);
                    }
                }
            }
            Step::If(..) | Step::Choose(_) | Step::WaitTasks(..) => {
                let before = state.clone();
                for body in super::walk::inside(path, step) {
                    let mut branch = before.clone();
                    self.body(&body, &mut branch);
                    join(state, &branch);
                }
            }
            // A thread of the executor has connections of its own, and closes them at the end.
            Step::ToThread(steps) if self.subject.scenario.models.iter().any(has_loop) => {
                let mut own = state.clone();
                own.values_mut().for_each(|known| *known = Known { closed: true, open: false, closed_at: None });
                self.body(&Body { path: path.index(0), steps }, &mut own);
            }
            Step::Try(..) | Step::Timeout(..) => {
                for (index, body) in super::walk::inside(path, step).iter().enumerate() {
                    if index == 0 {
                        self.body(body, state);
                    } else {
                        self.after_failure(body, state);
                    }
                }
            }
            step => {
                for body in super::walk::inside(path, step) {
                    self.body(&body, state);
                }
            }
        }
    }

    /// The steps for a failure, after which the connection may be as before.
    fn otherwise(&mut self, path: &Path, step: &'a Step, some: bool, state: &mut State<'a>) {
        if some {
            for body in super::walk::inside(path, step) {
                self.after_failure(&body, state);
            }
        }
    }

    /// Steps that are done if something before them failed, nobody knows what.
    fn after_failure(&mut self, body: &Body<'a>, state: &mut State<'a>) {
        let mut failed = state.clone();
        failed.values_mut().for_each(|known| known.open = true);
        self.body(body, &mut failed);
        join(state, &failed);
    }

    fn needs(&mut self, path: &Path, peer: &str, state: &State<'a>) {
        let known = state.get(peer).filter(|known| !known.open && !self.quiet && self.budget > 0);
        let Some(known) = known else { return };
        let finding = match &known.closed_at {
            Some(at) => {
                let title = format!("the connection with \"{peer}\" is closed");
                Finding::error("E16", title, head(path), "nothing to use").and(head(at), "closed here")
            }
            None => {
                let title = format!("there is no connection with \"{peer}\" yet");
                let how = match self.subject.scenario.network.get(peer) {
                    Some(Peer::Listener { .. }) => "Connect or Accept comes first",
                    _ => "Connect comes first",
                };
                Finding::error("E16", title, head(path), how)
            }
        };
        self.found.push(finding);
    }
}

fn set<'a>(state: &mut State<'a>, peer: &'a str, known: Known) {
    state.insert(peer, known);
}

fn join<'a>(state: &mut State<'a>, other: &State<'a>) {
    for (peer, known) in state {
        if let Some(other) = other.get(peer) {
            known.closed |= other.closed;
            known.open |= other.open;
            if known.closed_at.is_none() {
                known.closed_at.clone_from(&other.closed_at);
            }
        }
    }
}

/// Jobs that all wait for answers at once on one loop with `select`.
fn watched(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let Some(limit) = scenario.machine.selector.limit() else { return };
    let on_loops = |model: &&crate::scenario::ast::ModelName| has_loop(model) && execution(model) != Execution::Polling;
    let Some(loops) = scenario.models.iter().filter(on_loops).map(|model| processes(scenario, model)).min() else {
        return;
    };
    for (name, task) in &scenario.tasks {
        let count = u64::from(task.count.unwrap_or(1));
        if !matches!(task.arrive, Arrive::AtOnce)
            || count <= u64::from(limit) * u64::from(loops)
            || !waits_first(subject, task)
        {
            continue;
        }
        let title = format!("{count} jobs wait for sockets at once, and select() watches at most {limit} for a loop");
        let spot = entry("tasks", name).name("count");
        let finding = Finding::error("E16", title, spot, "FD_SETSIZE");
        let selector = Path::root().name("machine").name("selector");
        let finding = finding.and(selector, format!("{:?} is chosen here", Selector::Select));
        found.push(finding.help("choose Poll, Epoll or Kqueue"));
    }
}

/// Whether each job of the task begins with a wait for a connection that takes time to make.
fn waits_first(subject: &Subject<'_>, task: &Task) -> bool {
    let Some(Step::Connect(peer, _)) = task.steps.first() else { return false };
    match subject.scenario.network.get(peer) {
        // All coroutines are started, and their steps taken, long before the first answer is there.
        Some(Peer::Host { latency, reply, .. }) => {
            *latency >= Duration::ms(1) && (takes_time(reply) || *latency > Duration::ZERO)
        }
        Some(Peer::Listener { .. }) | None => false,
    }
}

/// Waits for connections that nobody makes, and for answers of hosts that nobody asks.
fn alone(subject: &Subject<'_>, found: &mut Findings) {
    if expects_deadlock(&subject.scenario.expect) || !subject.is_whole("tasks") || !subject.is_whole("programs") {
        return;
    }
    let (mut connect, mut send) = (BTreeSet::new(), BTreeSet::new());
    for body in subject.code.bodies() {
        body.each(&mut |_, step| match step {
            Step::Connect(peer, _) => drop(connect.insert(peer.as_str())),
            Step::Send(peer, ..) => drop(send.insert(peer.as_str())),
            _ => {}
        });
    }
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            let (peer, why) = match step {
                Step::Accept(peer, _) => (peer, "nobody connects with it"),
                Step::Recv(peer, size, _) if size.0 > 0 => {
                    (peer, "it answers what it is sent, and nobody sends it anything")
                }
                _ => return,
            };
            let waits_for_ever = match subject.scenario.network.get(peer) {
                Some(Peer::Listener { clients: None, .. }) => {
                    matches!(step, Step::Accept(..)) && !connect.contains(peer.as_str())
                }
                Some(Peer::Host { timeout: None, .. }) => {
                    matches!(step, Step::Recv(..)) && !send.contains(peer.as_str())
                }
                _ => false,
            };
            if waits_for_ever {
                let title = format!("this waits for \"{peer}\" for ever: {why}");
                let finding = Finding::error("E15", title, head(path), "never goes on");
                found.push(finding.and(super::key(&entry("network", peer)), "declared here"));
            }
        });
    }
}
