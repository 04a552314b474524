//! Peers: numbers that cannot be (E05), clients without end (E07).

use super::times::length;
use super::{Finding, Findings, Path, Subject, entry};
use crate::scenario::ast::{Arrive, Clients, Peer};
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
            if *backlog > MOST_WAITING {
                let title = format!("{backlog} waiting connections are too many");
                found.push(Finding::error("E05", title, path.name("backlog"), format!("at most {MOST_WAITING}")));
            }
            if let Some(clients) = clients {
                outside(subject, &path.name("clients"), clients, found);
            }
        }
    }
}

/// Clients outside that come at one instant: each is something on its way, of which a run holds 16 million.
const MOST_CLIENTS: u32 = 1_000_000;

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
        Arrive::AtOnce if clients.count.unwrap_or(1) > MOST_CLIENTS => {
            let title = format!("too many clients at once: at most {MOST_CLIENTS}");
            found.push(Finding::error("E05", title, path.name("count"), "too many"));
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
