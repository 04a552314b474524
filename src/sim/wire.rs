//! What is on its way between the ends of connections, and those at the other end who are no tasks of the scenario.

use super::socket::Net;
use super::{Chooser, Sim};
use crate::dist::Dist;
use crate::engine::Class;
use crate::id::{PacketId, PeerId, SocketId};
use crate::load::Source;
use crate::model::{Arrivals, Model};
use crate::net::{Kind, Network, Owner, Packet, Parcel, Queued, Read, State};
use crate::rng::{Stream, stream_id};
use crate::time::Time;
use crate::trace::{Sink, What, Wire};

impl Net {
    /// Before anybody has connected.
    pub(super) fn new(model: &Model, seed: u64) -> Net {
        let replies =
            model.peers.iter().map(|peer| Stream::new(seed, stream_id(&format!("network/{}#reply", peer.name))));
        let clients = model.peers.iter().map(|peer| {
            let (arrivals, count) = peer.clients.as_ref()?;
            Some(Source::new(arrivals, *count, seed, &format!("network/{}", peer.name)))
        });
        Net {
            network: Network::new(model.peers.iter().map(|peer| peer.config)),
            replies: replies.collect(),
            clients: clients.collect(),
            ..Net::default()
        }
    }
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Clients outside begin to come.
    #[cold]
    pub(super) fn first_clients(&mut self) {
        for peer in (0..self.model.peers.len()).map(PeerId::from) {
            match &self.model.peers[peer.index()].clients {
                Some((Arrivals::AtOnce, count)) => {
                    for _ in 0..count.unwrap_or(1) {
                        self.schedule_packet(Time::ZERO, SocketId(u32::MAX), Parcel::Client(peer));
                    }
                }
                Some(_) => self.next_client(peer),
                None => {}
            }
        }
    }

    /// Whether no job will come any more: what is still on its way concerns nobody, and the run does not wait for it.
    #[cold]
    pub(super) fn nobody_comes(&self) -> bool {
        self.world.work.tasks.iter().all(|task| task.source.exhausted())
    }

    fn next_client(&mut self, peer: PeerId) {
        let Some((arrivals, _)) = &self.model.peers[peer.index()].clients else { return };
        let Some(source) = &mut self.world.net.clients[peer.index()] else { return };
        if let Some(at) = source.next(arrivals) {
            self.schedule_packet(at.max(self.world.now), SocketId(u32::MAX), Parcel::Client(peer));
        }
    }

    fn schedule_packet(&mut self, at: Time, to: SocketId, what: Parcel) {
        let packet = self.world.net.network.post(to, what);
        self.world.engine.schedule(at, Class::Packet, packet.0);
    }

    /// Something leaves for the other end.
    pub(super) fn post(&mut self, from: SocketId, what: Parcel, bytes: u64) {
        let now = self.world.now;
        let state = &mut self.world.net.network.sockets[from];
        let path = self.model.peers[state.peer.index()].config.path;
        let (at, to) = (state.link.send(now, bytes, path), state.other);
        self.schedule_packet(at, to, what);
    }

    /// The other end learns that bytes have arrived, or that there is room for more.
    pub(super) fn credit(&mut self, from: SocketId, confirmed: u64, room: u64) {
        let state = &self.world.net.network.sockets[from];
        let latency = self.model.peers[state.peer.index()].config.path.latency;
        self.schedule_packet(self.world.now + latency, state.other, Parcel::Credit { confirmed, room });
    }

    /// As much leaves as the other end has room for.
    pub(super) fn pump(&mut self, socket: SocketId) {
        let state = &mut self.world.net.network.sockets[socket];
        let (peer, bytes) = (state.peer, state.end.leave());
        if bytes > 0 {
            self.note(What::Wire { peer, socket, wire: Wire::Leave, amount: bytes });
            self.post(socket, Parcel::Bytes(bytes), bytes);
        }
        if self.world.net.network.sockets[socket].end.tell() {
            self.note(What::Wire { peer, socket, wire: Wire::Fin, amount: 0 });
            self.post(socket, Parcel::Fin, 0);
        }
    }

    /// Nobody has the end any more.
    pub(super) fn shut(&mut self, socket: SocketId) {
        let state = &mut self.world.net.network.sockets[socket];
        state.owner = Owner::Nobody;
        state.waits = None;
        if state.state != State::Refused {
            state.end.close();
            self.pump(socket);
        }
        self.bury(socket);
    }

    fn bury(&mut self, socket: SocketId) {
        let peer = self.world.net.network.sockets[socket].peer;
        if self.world.net.network.bury(socket) {
            self.note(What::Wire { peer, socket, wire: Wire::Gone, amount: 0 });
        }
    }

    pub(super) fn note_pair(&mut self, socket: SocketId, other: SocketId) {
        let peer = self.world.net.network.sockets[socket].peer;
        self.note(What::Wire { peer, socket, wire: Wire::Pair, amount: other.0.into() });
    }

    /// Something has arrived.
    #[inline(never)]
    pub(super) fn arrived(&mut self, packet: PacketId) {
        let Packet { to, what } = self.world.net.network.deliver(packet);
        match what {
            Parcel::Client(peer) => return self.client(peer),
            Parcel::Syn => self.syn(to),
            Parcel::SynAck => self.connected(to),
            Parcel::Refusal => self.fails(to, State::Refused, Wire::Refused),
            Parcel::Bytes(bytes) => self.bytes(to, bytes),
            Parcel::Credit { confirmed, room } => self.credited(to, confirmed, room),
            Parcel::Fin => self.fin(to),
            Parcel::Reset => self.fails(to, State::Reset, Wire::Reset),
            Parcel::Answer => self.answer(to),
        }
        self.bury(to);
    }

    /// A client outside connects, and the next one is on its way.
    fn client(&mut self, peer: PeerId) {
        let Some(source) = &mut self.world.net.clients[peer.index()] else { return };
        if source.admit().is_some() {
            let config = *self.config(peer);
            let (client, server) = self.world.net.network.open(peer, &config, Owner::Outside);
            self.note(What::Wire { peer, socket: client, wire: Wire::Client, amount: 0 });
            self.note_pair(server, client);
            self.post(client, Parcel::Syn, 0);
        }
        self.next_client(peer);
    }

    fn syn(&mut self, to: SocketId) {
        let state = &mut self.world.net.network.sockets[to];
        let peer = state.peer;
        state.state = State::Open;
        if state.owner == Owner::Outside {
            self.note(What::Wire { peer, socket: to, wire: Wire::Meet, amount: 0 });
            return self.post(to, Parcel::SynAck, 0);
        }
        if self.world.net.network.listeners[peer.index()].offer(to) == Queued::Refused {
            let state = &mut self.world.net.network.sockets[to];
            (state.state, state.owner) = (State::Refused, Owner::Nobody);
            self.note(What::Wire { peer, socket: to, wire: Wire::Refuse, amount: 0 });
            return self.post(to, Parcel::Refusal, 0);
        }
        self.note(What::Wire { peer, socket: to, wire: Wire::Queue, amount: 0 });
        self.post(to, Parcel::SynAck, 0);
        let wake = match self.config(peer).kind {
            Kind::Listener { wake, .. } => wake,
            Kind::Host { .. } => None,
        };
        let mut woken = std::mem::take(&mut self.world.net.woken);
        self.world.net.network.listeners[peer.index()].wake(wake, &mut woken);
        for context in woken.drain(..) {
            self.rouse(context);
        }
        self.world.net.woken = woken;
    }

    fn connected(&mut self, to: SocketId) {
        let state = &mut self.world.net.network.sockets[to];
        if state.state == State::Connecting {
            state.state = State::Open;
        }
        let (owner, peer) = (state.owner, state.peer);
        self.note(What::Wire { peer, socket: to, wire: Wire::Open, amount: 0 });
        match (owner, self.config(peer).kind) {
            (Owner::Outside, Kind::Listener { request, .. }) => self.say(to, request),
            _ => self.tell_waiter(to),
        }
    }

    /// Somebody outside sends so many bytes.
    fn say(&mut self, from: SocketId, bytes: u64) {
        let copied = self.world.net.network.sockets[from].end.copy(bytes);
        debug_assert!(copied == bytes, "outside there is room for everything");
        self.pump(from);
    }

    /// The other side refuses the connection, or breaks it off: whoever waits for it hears so.
    fn fails(&mut self, to: SocketId, becomes: State, wire: Wire) {
        let state = &mut self.world.net.network.sockets[to];
        state.state = becomes;
        let (peer, owner) = (state.peer, state.owner);
        self.note(What::Wire { peer, socket: to, wire, amount: 0 });
        match owner {
            Owner::Outside => self.shut(to),
            _ => self.tell_waiter(to),
        }
    }

    fn bytes(&mut self, to: SocketId, bytes: u64) {
        let state = &mut self.world.net.network.sockets[to];
        let (peer, owner) = (state.peer, state.owner);
        if owner == Owner::Nobody {
            self.note(What::Wire { peer, socket: to, wire: Wire::Lose, amount: bytes });
            return self.post(to, Parcel::Reset, 0);
        }
        state.end.arrive(bytes);
        state.came += bytes;
        self.note(What::Wire { peer, socket: to, wire: Wire::Arrive, amount: bytes });
        if owner != Owner::Outside {
            self.credit(to, bytes, 0);
            return self.tell_waiter(to);
        }
        self.credit(to, bytes, bytes);
        let state = &mut self.world.net.network.sockets[to];
        let _: Read = state.end.read(bytes);
        let came = state.came;
        while self.world.net.network.sockets[to].asked.pop_complete(came) {
            self.prepare_answer(to, peer);
        }
    }

    fn prepare_answer(&mut self, host: SocketId, peer: PeerId) {
        let Kind::Host { reply, .. } = self.config(peer).kind else { return };
        let time = match &self.model.dists[reply.index()] {
            Dist::Const(time) => *time,
            random => random.sample(self.world.net.replies[peer.index()].draw()),
        };
        self.schedule_packet(self.world.now + time, host, Parcel::Answer);
    }

    fn answer(&mut self, host: SocketId) {
        let state = &self.world.net.network.sockets[host];
        if let (Owner::Outside, Kind::Host { size, .. }) = (state.owner, self.config(state.peer).kind) {
            self.say(host, size);
        }
    }

    fn credited(&mut self, to: SocketId, confirmed: u64, room: u64) {
        let state = &mut self.world.net.network.sockets[to];
        let (peer, owner) = (state.peer, state.owner);
        state.end.credit(confirmed, room);
        if confirmed > 0 && owner != Owner::Outside {
            self.note(What::Wire { peer, socket: to, wire: Wire::Confirm, amount: confirmed });
        }
        self.pump(to);
        if confirmed > 0 {
            self.tell_waiter(to);
        }
    }

    fn fin(&mut self, to: SocketId) {
        let state = &mut self.world.net.network.sockets[to];
        state.end.end();
        let (peer, owner) = (state.peer, state.owner);
        self.note(What::Wire { peer, socket: to, wire: Wire::End, amount: 0 });
        match owner {
            Owner::Outside => self.shut(to),
            _ => self.tell_waiter(to),
        }
    }
}
