//! What socket calls do to connections, and how contexts come to have them, hand them over and lose them.

use super::socket::{Attempt, Held, Own, Why};
use super::{Chooser, Sim};
use crate::id::{CallId, ContextId, PeerId, SocketId};
use crate::model::{SocketAct, SocketCall};
use crate::net::{Owner, Parcel, Read, State};
use crate::trace::{Call, On, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// What the call does now.
    pub(super) fn attempt(&mut self, context: ContextId, call: CallId) -> Attempt {
        let SocketCall { peer, act, .. } = self.model.calls[call.index()];
        match (act, self.socket_of(context, peer)) {
            (SocketAct::Connect, _) => self.connect(context, peer),
            (SocketAct::Accept, _) => self.accept(context, peer),
            (SocketAct::Close, _) => {
                self.drop_connection(context, peer);
                Attempt::Done
            }
            (_, None) => Attempt::Failed(Why::NotConnected),
            (SocketAct::Send(bytes), Some(socket)) => self.send(context, socket, bytes),
            (SocketAct::Recv(bytes), Some(socket)) => self.recv(context, socket, bytes),
        }
    }

    /// The context closes its connection with the peer.
    pub(super) fn drop_connection(&mut self, context: ContextId, peer: PeerId) {
        let own = self.own(context);
        let Some(at) = own.sockets.iter().position(|held| held.peer == peer) else { return };
        let held = own.sockets.swap_remove(at);
        self.close(context, held.socket);
    }

    fn connect(&mut self, context: ContextId, peer: PeerId) -> Attempt {
        if !std::mem::replace(&mut self.own(context).begun, true) {
            let config = *self.config(peer);
            let (client, server) = self.world.net.network.open(peer, &config, Owner::Context(context));
            self.keep(context, Held { peer, socket: client, accepted: false });
            self.note(What::Socket { peer, socket: client, context, call: Call::Connect, amount: 0 });
            self.note_pair(server, client);
            self.post(client, Parcel::Syn, 0);
        }
        let socket = self.socket_of(context, peer).expect("it has begun to connect");
        let state = self.world.net.network.sockets[socket].state;
        if state == State::Connecting {
            return Attempt::Wait;
        }
        let open = state != State::Refused;
        self.note(What::Socket { peer, socket, context, call: Call::Connected, amount: open.into() });
        if open {
            return Attempt::Done;
        }
        self.drop_connection(context, peer);
        Attempt::Failed(Why::Refused)
    }

    fn accept(&mut self, context: ContextId, peer: PeerId) -> Attempt {
        let Some(socket) = self.world.net.network.listeners[peer.index()].accept() else { return Attempt::Wait };
        self.world.net.network.sockets[socket].owner = Owner::Context(context);
        self.note(What::Socket { peer, socket, context, call: Call::Accept, amount: 0 });
        self.keep(context, Held { peer, socket, accepted: true });
        Attempt::Done
    }

    /// The context has the connection. One that it had with the same peer is closed, as what no name refers to any more.
    fn keep(&mut self, context: ContextId, new: Held) {
        let own = self.own(context);
        let old = own.sockets.iter().position(|held| held.peer == new.peer).map(|at| own.sockets.swap_remove(at));
        own.sockets.push(new);
        if let Some(old) = old {
            self.close(context, old.socket);
        }
    }

    fn send(&mut self, context: ContextId, socket: SocketId, bytes: u64) -> Attempt {
        let got = self.own(context).got;
        let state = &mut self.world.net.network.sockets[socket];
        let peer = state.peer;
        if state.state == State::Reset {
            return Attempt::Failed(Why::Reset);
        }
        let copied = state.end.copy(bytes - got);
        state.sent += copied;
        let (sent, other) = (state.sent, state.other);
        self.own(context).got = got + copied;
        if copied > 0 {
            self.note(What::Socket { peer, socket, context, call: Call::Send, amount: copied });
        }
        let done = got + copied == bytes;
        if done && bytes > 0 && self.world.net.network.sockets[other].owner == Owner::Outside {
            self.world.net.network.sockets[other].asked.push(sent);
        }
        self.pump(socket);
        if done { Attempt::Done } else { Attempt::Wait }
    }

    fn recv(&mut self, context: ContextId, socket: SocketId, bytes: u64) -> Attempt {
        let got = self.own(context).got;
        if got == bytes {
            return Attempt::Done;
        }
        let state = &mut self.world.net.network.sockets[socket];
        let peer = state.peer;
        match state.end.read(bytes - got) {
            Read::Bytes(read) => {
                self.own(context).got = got + read;
                self.note(What::Socket { peer, socket, context, call: Call::Recv, amount: read });
                self.credit(socket, 0, read);
                if got + read == bytes { Attempt::Done } else { Attempt::More }
            }
            Read::Nothing if state.state == State::Reset => Attempt::Failed(Why::Reset),
            Read::Nothing => Attempt::Wait,
            Read::Over => {
                self.note(What::Socket { peer, socket, context, call: Call::End, amount: 0 });
                Attempt::Failed(Why::Ended)
            }
        }
    }

    /// The context has no use for the end any more.
    pub(super) fn close(&mut self, context: ContextId, socket: SocketId) {
        let peer = self.world.net.network.sockets[socket].peer;
        self.note(What::Socket { peer, socket, context, call: Call::Close, amount: 0 });
        self.shut(socket);
    }

    /// The context has done its job: its connections are closed.
    #[cold]
    pub(super) fn close_all(&mut self, context: ContextId) {
        let Some(own) = self.world.net.own.get_mut(context.index()) else { return };
        let mut sockets = std::mem::take(&mut own.sockets);
        *own = Own::default();
        for held in sockets.drain(..) {
            self.close(context, held.socket);
        }
        self.own(context).sockets = sockets;
    }

    /// The context does not do its job any more: if it waits for a connection, it goes on, and everything is closed.
    #[cold]
    pub(super) fn abandon_sockets(&mut self, context: ContextId) {
        if let Some((On::Socket(_), _)) = self.world.contexts[context].waits {
            self.leave_socket(context);
            self.wake_context(context);
        }
        self.unwatch(context);
        self.close_all(context);
    }

    /// The context, which waits for a connection, does so no more.
    #[cold]
    pub(super) fn leave_socket(&mut self, context: ContextId) {
        let call = self.own(context).call.expect("it waits in a call");
        self.stop_waiting(context, call);
    }

    /// The selector does not watch the connection any more that the coroutine has awaited.
    #[cold]
    pub(super) fn unwatch(&mut self, context: ContextId) {
        if std::mem::take(&mut self.own(context).watched) {
            let thread = self.world.contexts[context].thread;
            self.watch(thread).watched -= 1;
        }
    }

    /// The child has the connections that its parent has accepted.
    #[cold]
    pub(super) fn give_accepted(&mut self, parent: ContextId, child: ContextId) {
        let mut at = 0;
        while let Some(held) = self.own(parent).sockets.get(at).copied() {
            if !held.accepted {
                at += 1;
                continue;
            }
            self.own(parent).sockets.swap_remove(at);
            let Held { peer, socket, .. } = held;
            self.world.net.network.sockets[socket].owner = Owner::Context(child);
            self.note(What::Socket { peer, socket, context: parent, call: Call::Give, amount: child.0.into() });
            self.own(child).sockets.push(held);
        }
    }

    /// What the context waits for, in words.
    pub(super) fn name_wait(&self, context: ContextId, peer: PeerId) -> String {
        let name = &self.model.peers[peer.index()].name;
        let own = self.world.net.own.get(context.index());
        let act = own.and_then(|own| own.call).map(|call| self.model.calls[call.index()].act);
        let left = |bytes: u64| bytes - own.map_or(0, |own| own.got);
        match act {
            Some(SocketAct::Accept) => format!("somebody who connects to \"{name}\""),
            Some(SocketAct::Send(bytes)) => format!("room for {} more bytes to \"{name}\"", left(bytes)),
            Some(SocketAct::Recv(bytes)) => format!("{} more bytes from \"{name}\"", left(bytes)),
            Some(SocketAct::Connect | SocketAct::Close) | None => format!("a connection with \"{name}\""),
        }
    }

    /// Why nothing comes.
    pub(super) fn who_could_send(&self, context: ContextId, peer: PeerId) -> Option<String> {
        let network = &self.world.net.network;
        let other = network.sockets[self.socket_of(context, peer)?].other;
        match network.sockets[other].owner {
            Owner::Context(other) => Some(format!("at the other end is {}", self.who(other))),
            Owner::Listener => Some("nobody has accepted the connection".to_owned()),
            Owner::Outside => Some("it has answered all that it was sent".to_owned()),
            Owner::Nobody | Owner::Gone => None,
        }
    }
}
