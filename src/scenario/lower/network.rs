//! Peers with ids for names.

use super::{arrivals, dist};
use crate::model::{Arrivals, Builder};
use crate::net::{Config, Kind, Path};
use crate::scenario::ast::{Arrive, Clients, Peer};

/// Declares the peer.
pub(super) fn declare(builder: &mut Builder, name: &str, peer: &Peer) {
    match peer {
        Peer::Host { latency, bandwidth, reply, size, send_buffer, recv_buffer, timeout } => {
            let kind = Kind::Host { reply: builder.dist(dist(reply)), size: size.0 };
            let path = Path { latency: *latency, bandwidth: bandwidth.map(|bandwidth| bandwidth.0) };
            let (send_buffer, recv_buffer, timeout) = (send_buffer.0, recv_buffer.0, *timeout);
            builder.peer(name, Config { path, send_buffer, recv_buffer, timeout, kind }, None);
        }
        Peer::Listener { latency, bandwidth, backlog, wake, clients, send_buffer, recv_buffer, timeout } => {
            let request = clients.as_ref().map_or(0, |clients| clients.request.0);
            let kind = Kind::Listener { backlog: *backlog, wake: *wake, request };
            let path = Path { latency: *latency, bandwidth: bandwidth.map(|bandwidth| bandwidth.0) };
            let (send_buffer, recv_buffer, timeout) = (send_buffer.0, recv_buffer.0, *timeout);
            let clients = clients.as_ref().map(|clients| outside(builder, clients));
            builder.peer(name, Config { path, send_buffer, recv_buffer, timeout, kind }, clients);
        }
    }
}

fn outside(builder: &mut Builder, clients: &Clients) -> (Arrivals, Option<u32>) {
    let count = match &clients.arrive {
        Arrive::AtOnce => Some(clients.count.unwrap_or(1)),
        _ => clients.count,
    };
    (arrivals(builder, &clients.arrive), count)
}
