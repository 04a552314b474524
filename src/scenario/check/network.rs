//! Peers: numbers that cannot be (E05), clients without end (E07), connections used before there are any or after they were
//! closed (E16), and more sockets than `select` can watch (E16).

use std::collections::BTreeMap;

use super::loops::takes_time;
use super::model::{execution, has_loop, processes};
use super::times::length;
use super::walk::Body;
use super::{Finding, Findings, Path, Subject, entry, head};
use crate::model::{Execution, Selector};
use crate::scenario::ast::{Arrive, Clients, Peer, Step, Task};
use crate::time::Duration;

/// Connections that wait to be accepted: beyond this, a queue is not what is simulated.
const MOST_WAITING: u32 = 1_000_000;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for (name, peer) in &subject.scenario.network {
        numbers(subject, &entry("network", name), peer, found);
    }
}

fn numbers(subject: &Subject<'_>, path: &Path, peer: &Peer, found: &mut Findings) {
    let (latency, send_buffer, recv_buffer, timeout) = match peer {
        Peer::Host { latency, send_buffer, recv_buffer, timeout, .. }
        | Peer::Listener { latency, send_buffer, recv_buffer, timeout, .. } => {
            (latency, send_buffer, recv_buffer, timeout)
        }
    };
    length(*latency, &path.name("latency"), found);
    for (field, size) in [("send_buffer", send_buffer), ("recv_buffer", recv_buffer)] {
        if size.0 == 0 {
            let title = "nothing ever gets through a buffer without room";
            found.push(Finding::error("E05", title, path.name(field), "such as \"16KiB\""));
        }
    }
    if let Some(timeout) = timeout {
        length(*timeout, &path.name("timeout"), found);
        if *timeout == Duration::ZERO {
            let title = "a timeout of zero is no wait at all";
            let finding = Finding::error("E05", title, path.name("timeout"), "such as \"5s\"");
            found.push(finding.help("sockets that never block are what the models Polling and Asyncio have"));
        }
    }
    match peer {
        Peer::Host { reply, .. } => super::times::when(reply, &path.name("reply"), found),
        Peer::Listener { backlog, clients, .. } => {
            super::numbers::count(*backlog, MOST_WAITING, "waiting connections", path.name("backlog"), found);
            if let Some(clients) = clients {
                outside(subject, &path.name("clients"), clients, found);
            }
        }
    }
}

fn outside(subject: &Subject<'_>, path: &Path, clients: &Clients, found: &mut Findings) {
    let arrive = path.name("arrive");
    match &clients.arrive {
        Arrive::Closed { .. } => {
            let title = "clients outside do not come again";
            let finding = Finding::error("E05", title, &arrive, "such as Poisson(\"200/s\")");
            return found.push(finding.help("users who think and ask again are a task: Closed(..), with Connect"));
        }
        Arrive::Every(Duration::ZERO) => {
            let title = "clients every zero seconds: infinitely many at once";
            found.push(Finding::error("E05", title, arrive.index(0), "a period above zero"));
        }
        Arrive::Every(period) => length(*period, &arrive.index(0), found),
        Arrive::Recorded(times) if times.windows(2).any(|pair| pair[1] < pair[0]) => {
            found.push(Finding::error(
                "E05",
                "recorded times run back",
                arrive.index(0),
                "write them in ascending order",
            ));
        }
        Arrive::AtOnce | Arrive::Poisson(_) | Arrive::Recorded(_) => {}
    }
    let endless = clients.count.is_none() && matches!(clients.arrive, Arrive::Every(_) | Arrive::Poisson(_));
    if endless && subject.scenario.until.is_none() {
        let finding =
            Finding::error("E07", "clients never stop coming, and nothing ends the run", &arrive, "without end");
        found.push(finding.help("write `until: \"10s\"` at the top level, or give the clients a `count`"));
    }
}

/// What is known of the connection with a peer at a step: it may be closed, it may be open, and where it was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    closed: bool,
    open: bool,
    closed_at: Option<Path>,
}

type State<'a> = BTreeMap<&'a str, Known>;

/// Connections that certainly are not there, and more than `select` can watch.
pub fn use_of_connections(subject: &Subject<'_>, found: &mut Findings) {
    if subject.scenario.network.is_empty() {
        return;
    }
    let never = |open| Known { closed: true, open, closed_at: None };
    let peers = subject.scenario.network.keys();
    let none: State<'_> = peers.map(|peer| (peer.as_str(), never(false))).collect();
    let mut flow = Flow { subject, found, budget: 100_000 };
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
    /// Steps that are looked at: programs that call programs can be many.
    budget: u32,
}

impl<'a> Flow<'a, '_> {
    fn body(&mut self, body: &Body<'a>, state: &mut State<'a>) {
        for (path, step) in body.own() {
            self.step(&path, step, state);
        }
    }

    fn step(&mut self, path: &Path, step: &'a Step, state: &mut State<'a>) {
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 {
            return;
        }
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
                    Flow { subject: self.subject, found: &mut Findings::default(), budget: self.budget }
                        .body(&body, &mut after);
                    join(state, &after);
                    self.body(&body, state);
                    if let Step::While(..) = step {
                        join(state, &after);
                    }
                }
            }
            Step::If(..) | Step::Choose(_) => {
                let before = state.clone();
                for body in super::walk::inside(path, step) {
                    let mut branch = before.clone();
                    self.body(&body, &mut branch);
                    join(state, &branch);
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
                let mut failed = state.clone();
                failed.values_mut().for_each(|known| known.open = true);
                self.body(&body, &mut failed);
                join(state, &failed);
            }
        }
    }

    fn needs(&mut self, path: &Path, peer: &str, state: &State<'a>) {
        let Some(known) = state.get(peer).filter(|known| !known.open) else { return };
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
    let Some(loops) = scenario.models.iter().filter(on_loops).map(processes).min() else { return };
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
