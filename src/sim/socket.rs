//! Socket calls: the way of a context through the system, and what it finds there.
//!
//! A call releases the GIL, takes the time of a system call, and asks. Who finds nothing to do blocks in the same call; with a
//! timeout it waits in `poll` and calls again; in an event loop it tells the selector and is suspended.

use super::world::{Phase, Resume};
use super::{Chooser, Outcome, Sim};
use crate::id::{CallId, ContextId, PeerId, SocketId, ThreadId};
use crate::load::Source;
use crate::model::{Execution, Selector, SocketAct, SocketCall};
use crate::net::{Config, Network, Want};
use crate::rng::Stream;
use crate::time::{Duration, Time};
use crate::trace::{Call, CpuKind, On, Sink, What};

/// Connections, and what contexts and loops have to do with them. Empty in a model without peers.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Net {
    pub network: Network,
    /// By context.
    pub own: Vec<Own>,
    /// By thread, of event loops.
    pub watches: Vec<Watch>,
    /// By peer: what hosts take to answer.
    pub replies: Vec<Stream>,
    /// By peer: clients outside.
    pub clients: Vec<Option<Source>>,
    /// Who is woken by one connection, kept to save allocations.
    pub woken: Vec<ContextId>,
}

/// What a context has, and how far its call is.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Own {
    pub sockets: Vec<Held>,
    stage: Stage,
    /// Bytes that the call has sent or received.
    pub got: u64,
    /// The call has begun to connect.
    pub begun: bool,
    /// When its wait is over at the latest.
    deadline: Option<Time>,
    /// The selector of its loop watches for it.
    pub watched: bool,
    /// The call that it waits in.
    pub call: Option<CallId>,
}

#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Held {
    pub peer: PeerId,
    pub socket: SocketId,
    pub accepted: bool,
}

/// What comes next of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Stage {
    /// The system call; with a timeout, `poll` before it.
    #[default]
    Start,
    /// The system call, after `poll` has said that there is something.
    Polled,
    /// The selector has to be told.
    Again,
    /// The selector has been told.
    Told,
    /// The kernel has done it.
    Done,
    /// The kernel has given it up.
    Failed(Why),
}

/// What a selector watches and has reported.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Watch {
    pub watched: u32,
    /// Not paid for yet.
    reported: u32,
}

/// What one attempt comes to.
pub(super) enum Attempt {
    Done,
    /// Not all bytes yet: the program calls again.
    More,
    Wait,
    Failed(Why),
}

/// Why a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Why {
    NotConnected,
    Refused,
    Reset,
    Ended,
    TimedOut,
    TooMany,
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    pub(super) fn has_network(&self) -> bool {
        !self.model.peers.is_empty()
    }

    pub(super) fn config(&self, peer: PeerId) -> &Config {
        &self.model.peers[peer.index()].config
    }

    #[inline]
    pub(super) fn own(&mut self, context: ContextId) -> &mut Own {
        let own = &mut self.world.net.own;
        if own.len() <= context.index() {
            own.resize(context.index() + 1, Own::default());
        }
        &mut own[context.index()]
    }

    pub(super) fn watch(&mut self, thread: ThreadId) -> &mut Watch {
        let watches = &mut self.world.net.watches;
        if watches.len() <= thread.index() {
            watches.resize(thread.index() + 1, Watch::default());
        }
        &mut watches[thread.index()]
    }

    pub(super) fn socket_of(&self, context: ContextId, peer: PeerId) -> Option<SocketId> {
        let own = self.world.net.own.get(context.index())?;
        own.sockets.iter().find(|held| held.peer == peer).map(|held| held.socket)
    }

    /// The step of a program. Whether the thread can go on at this instant.
    #[inline(never)]
    pub(super) fn call_socket(&mut self, thread: ThreadId, context: ContextId, call: CallId) -> bool {
        if std::mem::take(&mut self.own(context).watched) {
            self.watch(thread).watched -= 1;
        }
        match self.own(context).stage {
            Stage::Start | Stage::Polled => {
                let syscall = self.model.machine.costs.syscall;
                self.start_burst(thread, context, CpuKind::System, syscall, Phase::Socket(call));
                let then = self.world.threads[thread].phase;
                self.leave_gil(thread, then)
            }
            Stage::Again => {
                let cost = self.cost_of_telling();
                self.own(context).stage = Stage::Told;
                self.world.contexts[context].pc -= 1;
                self.start_burst(thread, context, CpuKind::Loop, cost, Phase::Step);
                true
            }
            Stage::Told => self.stop_until_ready(thread, context, call),
            Stage::Done => {
                self.end_call(context);
                true
            }
            Stage::Failed(why) => self.fail_call(context, call, why),
        }
    }

    /// `epoll_ctl` and `kevent` once to watch a descriptor and once to stop that.
    fn cost_of_telling(&self) -> Duration {
        match self.model.machine.selector {
            _ if self.model.execution == Execution::Polling => Duration::ZERO,
            Selector::Epoll | Selector::Kqueue => Duration(self.model.machine.costs.syscall.0 * 2),
            Selector::Select | Selector::Poll | Selector::Iocp => Duration::ZERO,
        }
    }

    /// The coroutine is suspended until its loop hears of the socket, which may be ready already.
    fn stop_until_ready(&mut self, thread: ThreadId, context: ContextId, call: CallId) -> bool {
        self.world.contexts[context].pc -= 1;
        self.own(context).stage = Stage::Start;
        if self.is_over(context, call) {
            return true;
        }
        let limit = self.model.machine.selector.limit().filter(|_| self.model.execution != Execution::Polling);
        if limit.is_some_and(|limit| self.watch(thread).watched >= limit) {
            self.world.contexts[context].pc += 1;
            return self.fail_call(context, call, Why::TooMany);
        }
        self.watch(thread).watched += 1;
        self.own(context).watched = true;
        self.wait_for_socket(context, call);
        if self.tracks {
            self.world.loop_task(context).again = true;
        }
        self.suspend(thread, context, On::Socket(self.model.calls[call.index()].peer), Resume::Step)
    }

    /// The thread is in the system, without the GIL. Whether it can go on at this instant.
    pub(super) fn in_call(&mut self, thread: ThreadId, call: CallId) -> bool {
        let context = self.world.threads[thread].current;
        let SocketCall { peer, act, .. } = self.model.calls[call.index()];
        let awaits = self.awaits(context);
        let timeout = self.config(peer).timeout.filter(|_| !awaits);
        let own = self.own(context);
        let stage = std::mem::take(&mut own.stage);
        let waits = match act {
            SocketAct::Close => false,
            SocketAct::Connect => own.begun,
            _ => true,
        };
        if let Some(timeout) = timeout
            && waits
            && stage != Stage::Polled
        {
            return self.poll_one(thread, context, call, timeout);
        }
        match self.attempt(context, call) {
            Attempt::Done => {
                self.end_call(context);
                self.world.threads[thread].phase = Phase::Gil;
                true
            }
            Attempt::Failed(why) => {
                self.world.threads[thread].phase = Phase::Gil;
                self.fail_call(context, call, why)
            }
            Attempt::More => {
                self.own(context).deadline = None;
                self.call_again(thread, context, Stage::Start)
            }
            Attempt::Wait if awaits || timeout.is_some() => {
                if !self.completes() || !awaits {
                    self.note(What::Socket {
                        peer,
                        socket: self.socket_number(context, peer),
                        context,
                        call: Call::Again,
                        amount: 0,
                    });
                }
                self.call_again(thread, context, if awaits { Stage::Again } else { Stage::Start })
            }
            Attempt::Wait => {
                self.wait_for_socket(context, call);
                self.block(thread, On::Socket(peer), Phase::Socket(call));
                false
            }
        }
    }

    /// Back in the program, which makes the call again.
    fn call_again(&mut self, thread: ThreadId, context: ContextId, stage: Stage) -> bool {
        self.own(context).stage = stage;
        self.world.contexts[context].pc -= 1;
        self.world.threads[thread].phase = Phase::Gil;
        true
    }

    /// `poll` on one descriptor, as long as the timeout leaves.
    fn poll_one(&mut self, thread: ThreadId, context: ContextId, call: CallId, timeout: Duration) -> bool {
        let now = self.world.now;
        let peer = self.model.calls[call.index()].peer;
        let deadline = match self.own(context).deadline {
            Some(deadline) => deadline,
            None => {
                self.own(context).deadline = Some(now + timeout);
                let socket = self.socket_number(context, peer);
                self.note(What::Socket { peer, socket, context, call: Call::Poll, amount: timeout.0 });
                now + timeout
            }
        };
        if self.is_over(context, call) {
            return self.call_again(thread, context, Stage::Polled);
        }
        if now >= deadline {
            self.note(What::Socket {
                peer,
                socket: self.socket_number(context, peer),
                context,
                call: Call::TimeOut,
                amount: 0,
            });
            if self.model.calls[call.index()].act == SocketAct::Connect {
                self.drop_connection(context, peer);
            }
            self.world.threads[thread].phase = Phase::Gil;
            return self.fail_call(context, call, Why::TimedOut);
        }
        self.wait_for_socket(context, call);
        self.block(thread, On::Socket(peer), Phase::Socket(call));
        let granularity = self.model.machine.costs.timer_granularity.0.max(1);
        let left = deadline.since(now).0.div_ceil(granularity).saturating_mul(granularity);
        self.set_timeout(thread, Time(now.0.saturating_add(left)));
        false
    }

    /// Whether the kernel does what a coroutine asks for and reports it when it is done.
    fn completes(&self) -> bool {
        self.model.machine.selector == Selector::Iocp && self.model.execution != Execution::Polling
    }

    /// The number of the connection for the records, if there is one.
    fn socket_number(&self, context: ContextId, peer: PeerId) -> SocketId {
        self.socket_of(context, peer).unwrap_or(SocketId(u32::MAX))
    }

    /// Whether the call would not wait.
    fn is_over(&self, context: ContextId, call: CallId) -> bool {
        let SocketCall { peer, act, .. } = self.model.calls[call.index()];
        let network = &self.world.net.network;
        match (want(act), self.socket_of(context, peer)) {
            (None, _) if act == SocketAct::Accept => network.listeners[peer.index()].is_readable(),
            (Some(want), Some(socket)) => network.sockets[socket].is_ready(want),
            _ => true,
        }
    }

    /// The context is to be told when the call would not wait any more.
    fn wait_for_socket(&mut self, context: ContextId, call: CallId) {
        let SocketCall { peer, act, .. } = self.model.calls[call.index()];
        let socket = self.socket_number(context, peer);
        let amount = want(act).map_or(3, |want| want as u64);
        self.note(What::Socket { peer, socket, context, call: Call::Wait, amount });
        self.stand_in_line(context, call);
    }

    fn stand_in_line(&mut self, context: ContextId, call: CallId) {
        let SocketCall { peer, act, .. } = self.model.calls[call.index()];
        self.own(context).call = Some(call);
        match (want(act), self.socket_of(context, peer)) {
            (Some(want), Some(socket)) => self.world.net.network.sockets[socket].waits = Some((context, want)),
            _ => {
                let polls = self.awaits(context) || self.config(peer).timeout.is_some();
                let listener = &mut self.world.net.network.listeners[peer.index()];
                listener.wait(context, polls);
            }
        }
    }

    pub(super) fn stop_waiting(&mut self, context: ContextId, call: CallId) {
        let SocketCall { peer, act, .. } = self.model.calls[call.index()];
        match (want(act), self.socket_of(context, peer)) {
            (Some(_), Some(socket)) => self.world.net.network.sockets[socket].waits = None,
            _ => self.world.net.network.listeners[peer.index()].leave(context),
        }
    }

    /// The timeout of the thread's socket is over: it learns of nothing more.
    #[cold]
    pub(super) fn give_up_socket(&mut self, thread: ThreadId) {
        let context = self.world.threads[thread].current;
        let call = self.own(context).call.expect("it waits in a call");
        self.stop_waiting(context, call);
    }

    /// What a context waits for may be there.
    pub(super) fn tell_waiter(&mut self, socket: SocketId) {
        let state = &mut self.world.net.network.sockets[socket];
        if let Some((context, want)) = state.waits
            && state.is_ready(want)
        {
            state.waits = None;
            self.rouse(context);
        }
    }

    /// The context goes on, unless its wait has ended otherwise.
    pub(super) fn rouse(&mut self, context: ContextId) {
        let state = &self.world.contexts[context];
        if !matches!(state.waits, Some((On::Socket(_), _))) {
            return;
        }
        if !self.awaits(context) {
            return self.wake_context(context);
        }
        if self.completes() && !self.complete_call(context) {
            return;
        }
        let thread = self.world.contexts[context].thread;
        self.watch(thread).reported += 1;
        self.make_ready(context);
    }

    /// The kernel does what the coroutine has asked for. Whether there is something to report.
    fn complete_call(&mut self, context: ContextId) -> bool {
        let call = self.own(context).call.expect("it waits in a call");
        let stage = match self.attempt(context, call) {
            Attempt::Done => Stage::Done,
            Attempt::More => Stage::Start,
            Attempt::Failed(why) => Stage::Failed(why),
            Attempt::Wait => {
                self.stand_in_line(context, call);
                return false;
            }
        };
        self.own(context).stage = stage;
        true
    }

    pub(super) fn end_call(&mut self, context: ContextId) {
        let own = self.own(context);
        let sockets = std::mem::take(&mut own.sockets);
        *own = Own { sockets, ..Own::default() };
    }

    /// The call fails: the program sees to that, or the run is over.
    fn fail_call(&mut self, context: ContextId, call: CallId, why: Why) -> bool {
        self.end_call(context);
        let SocketCall { peer, failed, .. } = self.model.calls[call.index()];
        match failed {
            Some(to) => {
                self.world.contexts[context].pc = to;
                true
            }
            None => {
                let did = self.words_for(why, peer);
                self.outcome = Some(Outcome::Socket { who: self.who(context), did });
                false
            }
        }
    }

    fn words_for(&self, why: Why, peer: PeerId) -> String {
        let name = &self.model.peers[peer.index()].name;
        match why {
            Why::NotConnected => format!(
                "uses a connection with \"{name}\" that it does not have: nothing was connected or accepted, or it was closed"
            ),
            Why::Refused => {
                format!("was refused by \"{name}\": as many connections as its backlog waited to be accepted")
            }
            Why::Reset => format!(
                "lost its connection with \"{name}\": the other end was closed while bytes were on the way to it"
            ),
            Why::Ended => format!("wants more bytes from \"{name}\" than came before the other end was closed"),
            Why::TimedOut => format!("waited longer for \"{name}\" than the timeout of its socket"),
            Why::TooMany => {
                format!("wants select() to watch more than 1024 sockets, one of them of \"{name}\": FD_SETSIZE")
            }
        }
    }

    /// What one call of the selector takes beyond the rest of an iteration.
    pub(super) fn cost_of_selecting(&mut self, thread: ThreadId) -> Duration {
        let costs = &self.model.machine.costs;
        let (watched, reported) = (costs.watched.0, costs.reported.0);
        let (syscall, callback) = (costs.syscall.0, costs.callback.0);
        let watch = self.watch(thread);
        let ready = u64::from(std::mem::take(&mut watch.reported));
        let all = u64::from(watch.watched);
        Duration(match self.model.machine.selector {
            // One call after the other, and what the program does around each.
            _ if self.model.execution == Execution::Polling => (all * (syscall + callback)).max(1_000),
            Selector::Select | Selector::Poll => all * watched + ready * reported,
            Selector::Epoll | Selector::Kqueue => ready * reported,
            // Asyncio asks the port for one completion at a time.
            Selector::Iocp => ready * (reported + syscall),
        })
    }
}

fn want(act: SocketAct) -> Option<Want> {
    match act {
        SocketAct::Connect => Some(Want::Connect),
        SocketAct::Send(_) => Some(Want::Write),
        SocketAct::Recv(_) => Some(Want::Read),
        SocketAct::Accept | SocketAct::Close => None,
    }
}
