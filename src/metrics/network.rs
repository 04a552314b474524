//! What became of connections, by peer.

use super::figures::PeerFigures;
use super::sample::Sample;
use crate::id::{PeerId, SocketId};
use crate::model::Model;
use crate::time::{Duration, Time};
use crate::trace::{Call, Wire};

/// Counts by peer.
#[derive(Clone, Debug)]
pub(super) struct Network {
    peers: Vec<Counts>,
    /// By socket: since when a client outside wants to be served.
    clients: Vec<Option<Time>>,
    warm_up: Time,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    connected: u64,
    accepted: u64,
    refused: u64,
    in_vain: u64,
    timed_out: u64,
    sent: u64,
    received: u64,
    served: Sample,
}

impl Network {
    pub fn new(model: &Model) -> Network {
        let peers = vec![Counts::default(); model.peers.len()];
        Network { peers, clients: Vec::new(), warm_up: Time(model.warm_up.0) }
    }

    pub fn call(&mut self, peer: PeerId, call: Call, amount: u64, now: Time) {
        if now < self.warm_up {
            return;
        }
        let counts = &mut self.peers[peer.index()];
        match call {
            Call::Connected if amount == 1 => counts.connected += 1,
            Call::Accept => counts.accepted += 1,
            Call::Send => counts.sent += amount,
            Call::Recv => counts.received += amount,
            Call::Again => counts.in_vain += 1,
            Call::TimeOut => counts.timed_out += 1,
            Call::Connect | Call::Connected | Call::End | Call::Close | Call::Wait | Call::Give | Call::Poll => {}
        }
    }

    pub fn wire(&mut self, peer: PeerId, socket: SocketId, wire: Wire, now: Time) {
        match wire {
            Wire::Client => {
                if self.clients.len() <= socket.index() {
                    self.clients.resize(socket.index() + 1, None);
                }
                self.clients[socket.index()] = Some(now);
            }
            Wire::End => {
                let since = self.clients.get_mut(socket.index()).and_then(Option::take);
                if let Some(since) = since.filter(|since| *since >= self.warm_up) {
                    self.peers[peer.index()].served.add(now.since(since).0);
                }
            }
            Wire::Refuse if now >= self.warm_up => self.peers[peer.index()].refused += 1,
            Wire::Gone => {
                if let Some(client) = self.clients.get_mut(socket.index()) {
                    *client = None;
                }
            }
            _ => {}
        }
    }

    pub fn finish(self, model: &Model) -> Vec<PeerFigures> {
        let figures = |(peer, counts): (&crate::model::Peer, Counts)| PeerFigures {
            peer: peer.name.clone(),
            connected: counts.connected,
            accepted: counts.accepted,
            refused: counts.refused,
            in_vain: counts.in_vain,
            timed_out: counts.timed_out,
            sent: counts.sent,
            received: counts.received,
            served: peer.clients.is_some().then(|| counts.served.summary()),
        };
        model.peers.iter().zip(self.peers).map(figures).collect()
    }

    /// The time that a share `q` of the clients outside of the peer needed at most.
    pub fn served_quantile(&self, peer: usize, q: f64) -> Option<Duration> {
        self.peers.get(peer)?.served.quantile_of(q)
    }
}
