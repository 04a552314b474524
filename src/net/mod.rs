//! Connections: bytes between two ends with buffers, and listeners with a queue of those who want to be accepted.
//!
//! What is modelled is what a program sees of TCP: a connection takes a round trip, a call copies bytes into a send buffer or
//! out of a receive buffer, nobody sends more than the other end has room for, and a listener's queue can be full. Loss,
//! retransmission and congestion control are left out.

mod asked;
mod end;
mod link;
mod listener;

pub use asked::Asked;
pub use end::{End, Read};
pub use link::{Link, Path};
pub use listener::{Listener, Queued, Wake};

use crate::id::{ContextId, DistId, PacketId, PeerId, SocketId};
use crate::slab::Slab;
use crate::time::Duration;

/// What is declared of a peer and the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Config {
    /// The way between the two ends, the same in both directions.
    pub path: Path,
    /// Bytes that an end of the scenario's own keeps until the other end has confirmed them, at least 1.
    pub send_buffer: u64,
    /// Bytes that an end keeps until they are read, at least 1.
    pub recv_buffer: u64,
    /// How long a call may wait (`settimeout`); without end if `None`.
    pub timeout: Option<Duration>,
    /// Who is at the other end.
    pub kind: Kind,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Somebody outside, who answers every send with `size` bytes after `reply`.
    Host {
        /// From the arrival of the last byte to the answer.
        reply: DistId,
        /// Bytes of an answer.
        size: u64,
    },
    /// Tasks that accept, and tasks or somebody outside that connect.
    Listener {
        /// Connections that wait to be accepted at most; more are refused.
        backlog: u32,
        /// Whom a connection wakes; `None` for what is usual in Linux.
        wake: Option<Wake>,
        /// Bytes that clients outside send as soon as they are connected.
        request: u64,
    },
}

/// One end of a connection: two lines of a cache.
#[derive(Clone, Debug, Hash)]
#[repr(align(64))]
pub struct Socket {
    /// What was declared of it.
    pub peer: PeerId,
    /// The other end.
    pub other: SocketId,
    /// Whose it is.
    pub owner: Owner,
    /// How far the connection is.
    pub state: State,
    /// Its bytes.
    pub end: End,
    /// The way to the other end.
    pub link: Link,
    /// Who waits for what.
    pub waits: Option<(ContextId, Want)>,
    /// How much is on the way to it.
    pub flying: u32,
    /// Of a host: after how many bytes each request is complete, counted from the first, and how many have come.
    pub asked: Asked,
    /// Bytes that came, ever.
    pub came: u64,
    /// Bytes that calls have sent, ever.
    pub sent: u64,
}

/// Whose end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A thread's or a coroutine's.
    Context(ContextId),
    /// It waits to be accepted, or was refused.
    Listener,
    /// Somebody's outside, who reads whatever comes.
    Outside,
    /// It was closed.
    Nobody,
    /// The connection is forgotten.
    Gone,
}

/// How far a connection is, as one end sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// The other end has not answered yet.
    Connecting,
    /// Bytes can be sent.
    Open,
    /// The listener's queue was full.
    Refused,
    /// The other end was closed while bytes were on the way to it.
    Reset,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Want {
    /// Bytes, or the end of them.
    Read = 0,
    /// Room in the send buffer.
    Write = 1,
    /// The end of the handshake.
    Connect = 2,
}

/// Something on its way to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// The end it goes to.
    pub to: SocketId,
    /// What it is.
    pub what: Parcel,
}

/// What is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parcel {
    /// Wants to be connected.
    Syn,
    /// Is connected.
    SynAck,
    /// Is not.
    Refusal,
    /// So many bytes.
    Bytes(u64),
    /// Of the bytes sent, so many have arrived, and there is room for so many more.
    Credit { confirmed: u64, room: u64 },
    /// No more bytes come.
    Fin,
    /// Nobody is there any more.
    Reset,
    /// No packet: a host has its answer ready.
    Answer,
    /// No packet: the next client outside of a listener connects.
    Client(PeerId),
}

/// All connections of a run.
#[derive(Clone, Debug, Default, Hash)]
pub struct Network {
    /// Ends of connections.
    pub sockets: Slab<SocketId, Socket>,
    /// What is on its way.
    pub packets: Slab<PacketId, Packet>,
    /// By peer; hosts have an unused one.
    pub listeners: Vec<Listener>,
}

impl Network {
    /// Before anybody has connected.
    pub fn new(peers: impl Iterator<Item = Config>) -> Network {
        let listeners = peers.map(|config| match config.kind {
            Kind::Host { .. } => Listener::new(u32::MAX),
            Kind::Listener { backlog, .. } => Listener::new(backlog),
        });
        Network { listeners: listeners.collect(), ..Network::default() }
    }

    /// Both ends of a new connection: the one that connects, whose `owner` is given, and the other.
    pub fn open(&mut self, peer: PeerId, config: &Config, owner: Owner) -> (SocketId, SocketId) {
        let far = match config.kind {
            Kind::Host { .. } => Owner::Outside,
            Kind::Listener { .. } => Owner::Listener,
        };
        let client = self.end(peer, config, owner);
        let server = self.end(peer, config, far);
        self.sockets[client].other = server;
        self.sockets[server].other = client;
        (client, server)
    }

    fn end(&mut self, peer: PeerId, config: &Config, owner: Owner) -> SocketId {
        // Whoever is outside has as much memory as it needs.
        let room = if owner == Owner::Outside { u64::MAX } else { config.send_buffer };
        let new = Socket {
            peer,
            other: SocketId(u32::MAX),
            owner,
            state: State::Connecting,
            end: End::new(room, config.recv_buffer),
            link: Link::default(),
            waits: None,
            flying: 0,
            asked: Asked::default(),
            came: 0,
            sent: 0,
        };
        let socket = self.sockets.claim(|| new.clone());
        self.sockets[socket] = new;
        socket
    }

    /// Something is on its way to an end.
    pub fn post(&mut self, to: SocketId, what: Parcel) -> PacketId {
        if !matches!(what, Parcel::Client(_)) {
            self.sockets[to].flying += 1;
        }
        let packet = self.packets.claim(|| Packet { to, what });
        self.packets[packet] = Packet { to, what };
        packet
    }

    /// It has arrived.
    pub fn deliver(&mut self, packet: PacketId) -> Packet {
        let arrived = self.packets[packet];
        self.packets.release(packet);
        if !matches!(arrived.what, Parcel::Client(_)) {
            self.sockets[arrived.to].flying -= 1;
        }
        arrived
    }

    /// Forgets a connection that both ends have closed, if nothing is on the way any more. Whether it did.
    pub fn bury(&mut self, socket: SocketId) -> bool {
        let other = self.sockets[socket].other;
        let gone = |socket: SocketId| {
            let state = &self.sockets[socket];
            state.owner == Owner::Nobody && state.flying == 0
        };
        let both = gone(socket) && gone(other);
        if both {
            for end in [socket, other] {
                self.sockets[end].owner = Owner::Gone;
                self.sockets.release(end);
            }
        }
        both
    }
}

impl Socket {
    /// Whether a wait of this kind is over.
    pub fn is_ready(&self, want: Want) -> bool {
        match (want, self.state) {
            (Want::Connect, State::Connecting) => false,
            (Want::Connect, _) | (_, State::Refused | State::Reset) => true,
            (Want::Read, _) => self.end.is_readable(),
            (Want::Write, _) => self.end.room() > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            path: Path { latency: Duration(5), bandwidth: None },
            send_buffer: 10,
            recv_buffer: 4,
            timeout: None,
            kind: Kind::Listener { backlog: 1, wake: None, request: 0 },
        }
    }

    #[test]
    fn a_connection_is_forgotten_when_both_ends_are_closed_and_nothing_is_on_the_way() {
        let mut network = Network::new([config()].into_iter());
        let (client, server) = network.open(PeerId(0), &config(), Owner::Context(ContextId(1)));
        let fin = network.post(server, Parcel::Fin);
        network.sockets[client].owner = Owner::Nobody;
        network.sockets[server].owner = Owner::Nobody;
        assert!(!network.bury(client));
        assert_eq!(network.deliver(fin), Packet { to: server, what: Parcel::Fin });
        assert!(network.bury(server) && !network.bury(server), "once");
        assert_eq!(network.sockets.live(), 0);
    }

    #[test]
    fn what_a_wait_is_for() {
        let mut network = Network::new([config()].into_iter());
        let (client, _) = network.open(PeerId(0), &config(), Owner::Context(ContextId(1)));
        let socket = &mut network.sockets[client];
        assert!(!socket.is_ready(Want::Connect));
        socket.state = State::Open;
        assert!(socket.is_ready(Want::Connect) && !socket.is_ready(Want::Read) && socket.is_ready(Want::Write));
        assert_eq!(socket.end.copy(20), 10);
        assert!(!socket.is_ready(Want::Write));
        socket.end.arrive(1);
        assert!(socket.is_ready(Want::Read));
        socket.state = State::Reset;
        assert!(socket.is_ready(Want::Write));
    }
}
