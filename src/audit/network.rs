//! Connections: no byte is lost or made, none is early or late, buffers and queues hold what they can, and who waits for a
//! connection goes on when there is something to do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::id::{ContextId, PeerId, SocketId};
use crate::model::Model;
use crate::net::Kind;
use crate::time::{Duration, Time};
use crate::trace::{Call, On, Record, What, Wire};

/// What is declared of a peer, in the auditor's own words.
#[derive(Debug)]
struct Peer {
    latency: u64,
    /// Bytes per second.
    bandwidth: Option<u64>,
    send_buffer: u64,
    recv_buffer: u64,
    timeout: Option<Duration>,
    backlog: Option<u32>,
    /// Connections that wait to be accepted, oldest first.
    queue: VecDeque<SocketId>,
    /// Whether one has come at this instant, and whether anybody was woken for it.
    came: bool,
    woke: bool,
}

/// One end.
#[derive(Debug, Default)]
struct End {
    peer: u32,
    other: Option<SocketId>,
    /// Whose it is; a client outside has none.
    owner: Option<ContextId>,
    open: bool,
    /// Its owner knows that it is connected.
    known: bool,
    refused: bool,
    sent: u64,
    left: u64,
    confirmed: u64,
    arrived: u64,
    read: u64,
    over: bool,
    reset: bool,
    /// What left and has not come: when it has to come, and how much it is.
    flying: VecDeque<(Time, u64)>,
    /// Until when the link is busy.
    busy: Time,
}

/// What a context waits for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    peer: PeerId,
    socket: SocketId,
    what: u64,
    /// The call has got something since it waits: the kernel did it.
    served: bool,
    /// It waits now.
    on: bool,
}

/// What a context does.
#[derive(Clone, Copy, Debug)]
struct Made {
    peer: PeerId,
    socket: SocketId,
    context: ContextId,
    call: Call,
    amount: u64,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Network {
    peers: Vec<Peer>,
    ends: BTreeMap<SocketId, End>,
    waits: BTreeMap<ContextId, Wait>,
    /// Until when a call with a timeout may wait, and whether it has sent something, so that it may be over.
    deadlines: BTreeMap<ContextId, (Time, bool)>,
    /// Contexts whose jobs were dropped: their waits may end at any time.
    dropped: BTreeSet<ContextId>,
    /// Ends to which something has happened at this instant.
    touched: Vec<SocketId>,
}

impl Network {
    pub fn new(model: &Model) -> Network {
        let peer = |peer: &crate::model::Peer| Peer {
            latency: peer.config.path.latency.0,
            bandwidth: peer.config.path.bandwidth,
            send_buffer: peer.config.send_buffer,
            recv_buffer: peer.config.recv_buffer,
            timeout: peer.config.timeout,
            backlog: match peer.config.kind {
                Kind::Listener { backlog, .. } => Some(backlog),
                Kind::Host { .. } => None,
            },
            queue: VecDeque::new(),
            came: false,
            woke: false,
        };
        Network {
            peers: model.peers.iter().map(peer).collect(),
            ends: BTreeMap::new(),
            waits: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            dropped: BTreeSet::new(),
            touched: Vec::new(),
        }
    }

    /// Nothing more happens at this instant.
    pub fn settle(&mut self, threads: &Threads, reports: &mut Reports) {
        for socket in std::mem::take(&mut self.touched) {
            let Some(owner) = self.ends.get(&socket).and_then(|end| end.owner) else { continue };
            let Some(wait) = self.waits.get(&owner).filter(|wait| wait.on && wait.socket == socket) else { continue };
            let asleep = !self.is_ready(wait) || !is_blocked(owner, wait.peer, threads);
            reports.require(asleep, Rule::SocketReady, || format!("{owner:?} still waits, and {socket:?} is ready"));
        }
        for (number, peer) in self.peers.iter_mut().enumerate() {
            let (came, woke) = (std::mem::take(&mut peer.came), std::mem::take(&mut peer.woke));
            if came && !woke && !peer.queue.is_empty() {
                let waits = |wait: &Wait| wait.on && wait.what == 3 && wait.peer.index() == number;
                let waiter = self.waits.iter().find(|(_, wait)| waits(wait)).map(|(context, _)| *context);
                reports.require(waiter.is_none(), Rule::SocketReady, || {
                    format!("{waiter:?} waits for a connection, one has come, and nobody is woken")
                });
            }
        }
    }

    fn is_ready(&self, wait: &Wait) -> bool {
        if wait.what == 3 {
            return !self.peers[wait.peer.index()].queue.is_empty();
        }
        let Some(end) = self.ends.get(&wait.socket) else { return true };
        end.reset
            || end.refused
            || match wait.what {
                0 => end.arrived > end.read || end.over,
                1 => end.sent.saturating_sub(end.confirmed) < self.peers[wait.peer.index()].send_buffer,
                _ => end.open,
            }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        match record.what {
            What::Socket { peer, socket, context, call, amount } => {
                let running = is_executing(context, threads);
                let by_kernel = self.waits.get(&context).is_some_and(|wait| wait.on);
                reports.require(running || by_kernel || self.dropped.contains(&context), Rule::SocketOwner, || {
                    format!("{context:?} does not run and does {call:?}")
                });
                self.call(Made { peer, socket, context, call, amount }, threads, reports);
            }
            What::Wire { peer, socket, wire, amount } => self.wire(peer, socket, wire, amount, reports),
            What::JobDrop { by: Some(context), .. } | What::Kill { context } => drop(self.dropped.insert(context)),
            What::JobStart { context, .. } => drop(self.dropped.remove(&context)),
            _ => {}
        }
        if let Some((context, On::Socket(_))) = threads.waiting(&record.what) {
            let waits = self.waits.get(&context).is_some_and(|wait| wait.on);
            reports.require(waits, Rule::SocketReady, || format!("{context:?} waits for nothing"));
        }
        if let Some((context, On::Socket(peer))) = threads.woken(&record.what) {
            self.wake(context, peer, threads.is_cancelled(context), reports);
        }
    }

    fn wake(&mut self, context: ContextId, peer: PeerId, cancelled: bool, reports: &mut Reports) {
        let Some(wait) = self.waits.get(&context).copied().filter(|wait| wait.on) else {
            return reports.require(false, Rule::SocketReady, || format!("{context:?} wakes and did not wait"));
        };
        let late = self.deadlines.get(&context).is_some_and(|(deadline, _)| reports.now >= *deadline);
        let may = wait.served || late || self.is_ready(&wait) || cancelled || self.dropped.contains(&context);
        reports.require(may, Rule::SocketReady, || format!("{context:?} goes on, and nothing is ready"));
        self.peers[peer.index()].woke |= wait.what == 3;
        self.waits.entry(context).and_modify(|wait| wait.on = false);
    }

    fn call(&mut self, made: Made, threads: &Threads, reports: &mut Reports) {
        let Made { peer, socket, context, call, amount } = made;
        match call {
            Call::Wait => return self.wait(made, threads, reports),
            Call::Again => return,
            Call::Poll => {
                let timeout = self.peers[peer.index()].timeout;
                reports.require(timeout == Some(Duration(amount)), Rule::SocketReady, || {
                    format!("{context:?} waits for {amount} ns at most instead of {timeout:?}")
                });
                self.deadlines.insert(context, (reports.now + Duration(amount), false));
                return;
            }
            Call::Connect => {
                let end = End { peer: peer.0, owner: Some(context), ..End::default() };
                let twice = self.ends.insert(socket, end).is_some();
                reports.require(!twice, Rule::SocketBytes, || format!("{socket:?} exists already"));
                return;
            }
            Call::Accept => self.accept(peer, socket, context, reports),
            Call::TimeOut => {
                let over = self.deadlines.get(&context).is_some_and(|(deadline, _)| reports.now >= *deadline);
                reports.require(over, Rule::SocketReady, || format!("{context:?} gives up too early"));
            }
            Call::Connected | Call::Send | Call::Recv | Call::End | Call::Close | Call::Give => {}
        }
        match (call, self.deadlines.get_mut(&context)) {
            (Call::Send, Some((_, sent))) => *sent = true,
            _ => drop(self.deadlines.remove(&context)),
        }
        // The call has done something: its wait, if it has one, was not in vain.
        match self.waits.get_mut(&context) {
            Some(wait) if wait.on => wait.served = true,
            _ => drop(self.waits.remove(&context)),
        }
        let Some(end) = self.ends.get_mut(&socket) else {
            return reports.require(call == Call::TimeOut, Rule::SocketOwner, || format!("{socket:?} does not exist"));
        };
        reports.require(end.owner == Some(context), Rule::SocketOwner, || {
            format!("{socket:?} is {:?}'s and not {context:?}'s", end.owner)
        });
        let knows = end.known || matches!(call, Call::Connected | Call::TimeOut | Call::Close);
        reports.require(knows, Rule::SocketTime, || format!("{context:?} uses {socket:?}, which is not connected"));
        match call {
            Call::Send => end.sent += amount,
            Call::Recv => end.read += amount,
            Call::Close => end.owner = None,
            Call::Give => end.owner = Some(ContextId(amount as u32)),
            Call::Connected => {
                let answered = if amount == 1 { end.open } else { end.refused };
                reports
                    .require(answered && !end.known, Rule::SocketTime, || format!("{socket:?} is connected too early"));
                end.known = true;
            }
            Call::End => {
                let over = end.over && end.read == end.arrived;
                reports.require(over, Rule::SocketBytes, || format!("{socket:?} has more to be read"));
            }
            _ => {}
        }
        let (sent, confirmed, read, arrived) = (end.sent, end.confirmed, end.read, end.arrived);
        reports
            .require(read <= arrived, Rule::SocketBytes, || format!("{socket:?}: {read} bytes are read of {arrived}"));
        let most = self.peers[peer.index()].send_buffer;
        reports.require(sent.saturating_sub(confirmed) <= most, Rule::SocketBuffers, || {
            format!("{socket:?} keeps {} bytes in a send buffer of {most}", sent.saturating_sub(confirmed))
        });
    }

    fn wait(&mut self, made: Made, threads: &Threads, reports: &mut Reports) {
        let Made { peer, socket, context, amount: what, .. } = made;
        let wait = Wait { peer, socket, what, served: false, on: true };
        let ready = self.is_ready(&wait);
        reports.require(!ready, Rule::SocketReady, || format!("{context:?} waits for what is there"));
        let before = self.waits.insert(context, wait);
        reports.require(before.is_none_or(|before| !before.on), Rule::SocketReady, || {
            format!("{context:?} waits in its wait")
        });
        let coroutine = threads.contexts.get(&context).is_some_and(|found| found.progress.is_some());
        let limited = self.peers[peer.index()].timeout.is_some() && !coroutine;
        let known = self.deadlines.get(&context).is_some_and(|(_, sent)| !sent || what == 1);
        reports.require(known || !limited, Rule::SocketReady, || format!("{context:?} waits without its timeout"));
    }

    fn accept(&mut self, peer: PeerId, socket: SocketId, context: ContextId, reports: &mut Reports) {
        let first = self.peers[peer.index()].queue.pop_front();
        reports.require(first == Some(socket), Rule::SocketBacklog, || {
            format!("{context:?} accepts {socket:?}, but {first:?} is first")
        });
        if let Some(end) = self.ends.get_mut(&socket) {
            (end.owner, end.known) = (Some(context), true);
        }
    }

    fn wire(&mut self, peer: PeerId, socket: SocketId, wire: Wire, amount: u64, reports: &mut Reports) {
        self.touched.push(socket);
        let now = reports.now;
        match wire {
            Wire::Client => {
                let twice = self.ends.insert(socket, End { peer: peer.0, ..End::default() }).is_some();
                reports.require(!twice, Rule::SocketBytes, || format!("{socket:?} exists already"));
            }
            Wire::Pair => {
                let other = SocketId(amount as u32);
                let end = End { peer: peer.0, other: Some(other), ..End::default() };
                let twice = self.ends.insert(socket, end).is_some();
                let known = self.ends.get_mut(&other).map(|end| end.other = Some(socket)).is_some();
                reports.require(known && !twice, Rule::SocketBytes, || format!("{socket:?} is no other end"));
                // The first to leave is the wish to be connected.
                self.leave(other, 0, now, reports);
                return;
            }
            Wire::Meet => {
                self.come(socket, 0, reports);
                self.leave(socket, 0, now, reports);
            }
            Wire::Queue | Wire::Refuse => return self.offered(peer, socket, wire == Wire::Queue, reports),
            Wire::Gone => return self.forget(socket, reports),
            Wire::Open | Wire::Refused => self.answered(socket, wire == Wire::Open, reports),
            Wire::Leave => self.leave(socket, amount, now, reports),
            Wire::Fin => {
                let owner = self.ends.get(&socket).and_then(|end| end.owner);
                reports.require(owner.is_none(), Rule::SocketOwner, || format!("{owner:?} has not closed {socket:?}"));
                self.leave(socket, 0, now, reports);
            }
            Wire::Arrive => self.come(socket, amount, reports),
            Wire::Lose => {
                self.come(socket, amount, reports);
                self.leave(socket, 0, now, reports);
            }
            Wire::End | Wire::Reset => self.come(socket, 0, reports),
            Wire::Confirm => {}
        }
        let buffer = self.peers[peer.index()].recv_buffer;
        let Some(end) = self.ends.get_mut(&socket) else {
            return reports.require(false, Rule::SocketBytes, || format!("{socket:?} does not exist"));
        };
        match wire {
            Wire::Leave => end.left += amount,
            Wire::Arrive => end.arrived += amount,
            Wire::End => end.over = true,
            Wire::Reset => end.reset = true,
            Wire::Confirm => end.confirmed += amount,
            _ => {}
        }
        // What somebody outside sends is not written down before it leaves.
        let sent = end.owner.is_none() || end.left <= end.sent;
        reports.require(sent && end.confirmed <= end.left, Rule::SocketBytes, || {
            format!("{socket:?}: {} bytes sent, {} left, {} confirmed", end.sent, end.left, end.confirmed)
        });
        let waiting = end.arrived.saturating_sub(end.read);
        reports.require(end.owner.is_none() || waiting <= buffer, Rule::SocketBuffers, || {
            format!("{socket:?} keeps {waiting} bytes in a receive buffer of {buffer}")
        });
    }

    /// Both ends are closed, and nothing is on its way any more.
    fn forget(&mut self, socket: SocketId, reports: &mut Reports) {
        let end = self.ends.remove(&socket);
        let other = end.as_ref().and_then(|end| end.other).and_then(|other| self.ends.remove(&other));
        let empty = |end: &Option<End>| end.as_ref().is_some_and(|end| end.flying.is_empty());
        reports.require(empty(&end) && empty(&other), Rule::SocketBytes, || {
            format!("{socket:?} is forgotten: {end:?}, {other:?}")
        });
    }

    /// A wish to be connected has come: it is the first thing of all.
    fn offered(&mut self, number: PeerId, socket: SocketId, queued: bool, reports: &mut Reports) {
        self.come(socket, 0, reports);
        let peer = &mut self.peers[number.index()];
        let room = peer.backlog.is_some_and(|most| peer.queue.len() < most as usize + 1);
        let full = peer.queue.len();
        reports.require(room == queued, Rule::SocketBacklog, || {
            format!("{socket:?} comes to {full} that wait; whether it can wait, too: {queued}")
        });
        if queued {
            peer.queue.push_back(socket);
            peer.came = true;
        }
        let now = reports.now;
        self.leave(socket, 0, now, reports);
    }

    /// The end that connects hears of the other.
    fn answered(&mut self, socket: SocketId, open: bool, reports: &mut Reports) {
        self.come(socket, 0, reports);
        if let Some(end) = self.ends.get_mut(&socket) {
            (end.open, end.refused) = (open, !open);
        }
    }

    /// Something is on its way to the other end.
    fn leave(&mut self, socket: SocketId, bytes: u64, now: Time, reports: &mut Reports) {
        let Some(end) = self.ends.get_mut(&socket) else {
            return reports.require(false, Rule::SocketBytes, || format!("{socket:?} does not exist"));
        };
        let peer = &self.peers[end.peer as usize];
        let ns = |rate: u64| (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate)) as u64;
        end.busy = end.busy.max(now) + Duration(peer.bandwidth.map_or(0, ns));
        end.flying.push_back((end.busy + Duration(peer.latency), bytes));
    }

    /// Something has come from the other end: what left it first.
    fn come(&mut self, socket: SocketId, bytes: u64, reports: &mut Reports) {
        let now = reports.now;
        let other = self.ends.get(&socket).and_then(|end| end.other);
        let first = other.and_then(|other| self.ends.get_mut(&other)).and_then(|end| end.flying.pop_front());
        let Some((at, left)) = first else {
            return reports
                .require(false, Rule::SocketBytes, || format!("{bytes} bytes come to {socket:?} from nowhere"));
        };
        reports.require(left == bytes, Rule::SocketBytes, || format!("{left} bytes left for {socket:?}, {bytes} come"));
        reports.require(at == now, Rule::SocketTime, || {
            format!("something comes to {socket:?} at {} ns instead of {} ns", now.0, at.0)
        });
    }

    /// A run that goes on as long as it should leaves nothing on its way that should have come.
    pub fn finish(&self, finished: bool, reports: &mut Reports) {
        let now = reports.now;
        let late = |end: &End| end.flying.front().is_some_and(|(at, _)| *at < now);
        let lost = self.ends.iter().find(|(_, end)| late(end)).map(|(socket, _)| *socket);
        reports.require(finished || lost.is_none(), Rule::SocketTime, || {
            format!("what left {lost:?} has not come in time")
        });
    }
}

fn is_executing(context: ContextId, threads: &Threads) -> bool {
    let thread = threads.thread_of(context);
    let current =
        thread.and_then(|thread| threads.threads.get(&thread)).is_some_and(|found| found.current() == context);
    current && thread.is_some_and(|thread| threads.is_running(thread))
}

fn is_blocked(context: ContextId, peer: PeerId, threads: &Threads) -> bool {
    let on = On::Socket(peer);
    let thread = threads.thread_of(context).and_then(|thread| threads.threads.get(&thread));
    let blocked = thread.is_some_and(|thread| thread.current() == context && thread.state == State::Blocked(on));
    blocked
        || threads
            .contexts
            .get(&context)
            .is_some_and(|found| found.progress == Some(super::threads::Progress::Suspended(on)))
}
