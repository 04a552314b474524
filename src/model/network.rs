//! The part of a model, and of its [`Builder`], that is about connections.

use super::{Arrivals, Builder, Op, Stmt};
use crate::id::{CallId, PeerId, VarId};
use crate::net::Config;

/// Who can be connected with.
#[derive(Clone, Debug)]
pub struct Peer {
    /// As declared.
    pub name: String,
    /// What is known of it.
    pub config: Config,
    /// Of a listener: clients outside, and when they connect; `None` for no number of them in particular.
    pub clients: Option<(Arrivals, Option<u32>)>,
}

/// A socket call as a program makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SocketCall {
    /// With whom.
    pub peer: PeerId,
    /// What.
    pub act: SocketAct,
    /// Where the program goes on if the call fails; `None` if a failure ends the run.
    pub failed: Option<u32>,
}

/// What is done with a connection. A context has at most one with each peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SocketAct {
    /// Makes one; waits until the other end has answered.
    Connect,
    /// Takes the next one that a listener has; waits for one.
    Accept,
    /// So many bytes: waits until they are in the send buffer.
    Send(u64),
    /// So many bytes: waits until they have come.
    Recv(u64),
    /// Closes it.
    Close,
}

/// How an event loop learns of what is ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum Selector {
    /// Readiness, level triggered: looks at every watched descriptor, of which there can be 1,024.
    Select,
    /// Readiness, level triggered: looks at every watched descriptor.
    Poll,
    /// Readiness, level triggered: the kernel keeps a list of those that are ready.
    #[default]
    Epoll,
    /// As `Epoll`, on BSD and macOS.
    Kqueue,
    /// Completion: the kernel does what was asked for, and reports when it is done.
    Iocp,
}

impl Selector {
    /// Most descriptors that it watches (`FD_SETSIZE`).
    pub fn limit(self) -> Option<u32> {
        (self == Selector::Select).then_some(1_024)
    }
}

impl Builder {
    /// Declares a peer.
    pub fn peer(&mut self, name: &str, config: Config, clients: Option<(Arrivals, Option<u32>)>) -> PeerId {
        self.model.peers.push(Peer { name: name.to_owned(), config, clients });
        PeerId::from(self.model.peers.len() - 1)
    }

    /// A call, and what is done if it fails: nothing, if `failed` is `None`, for then the run ends.
    pub(super) fn call_socket(
        &mut self,
        peer: PeerId,
        act: SocketAct,
        failed: Option<&[Stmt]>,
        registers: &mut Vec<VarId>,
    ) {
        let call = CallId::from(self.model.calls.len());
        self.model.calls.push(SocketCall { peer, act, failed: None });
        self.emit(Op::Socket { call });
        let Some(steps) = failed else { return };
        let over = self.emit(Op::Jump { to: 0 });
        self.model.calls[call.index()].failed = Some(self.here());
        self.steps(steps, registers);
        let here = self.here();
        self.model.code[over] = Op::Jump { to: here };
    }
}
