//! Errors in connections.

use gilsim::dist::Dist;
use gilsim::id::{ContextId, PeerId};
use gilsim::model::{Arrivals, Builder, Execution, Model, SocketAct, Stmt};
use gilsim::net::{Config, Kind, Path};
use gilsim::time::Duration;
use gilsim::trace::{Call, Record, What, Wire};

use crate::real_runs::{audit, run};

use super::{Edit, Lie, Mutation, again, change, cpu, next, without};
use gilsim::audit::Rule;

/// Threads that serve clients outside, ask a host, and wait for it with a timeout; buffers are small.
fn talkers() -> Model {
    talk(Execution::ThreadPerTask)
}

/// The same in one event loop.
fn talking_coroutines() -> Model {
    talk(Execution::Asyncio)
}

fn talk(execution: Execution) -> Model {
    let mut builder = Builder::new(2, execution).costs(super::costs());
    let reply = builder.dist(Dist::Const(Duration::ms(3)));
    let config = |kind| Config {
        path: Path { latency: Duration::ms(1), bandwidth: Some(1_000_000) },
        send_buffer: 500,
        recv_buffer: 800,
        timeout: None,
        kind,
    };
    let host = builder.peer("host", config(Kind::Host { reply, size: 2_000 }), None);
    let hasty = Config { timeout: Some(Duration::ms(4)), ..config(Kind::Host { reply, size: 10 }) };
    let hasty = builder.peer("hasty", hasty, None);
    let clients = Some((Arrivals::Every(Duration::us(700)), Some(12)));
    let web = builder.peer("web", config(Kind::Listener { backlog: 3, wake: None, request: 100 }), clients);
    let call = |peer: PeerId, act| Stmt::Socket(peer, act, None);
    let ask = |peer, bytes, failed| {
        vec![
            call(peer, SocketAct::Connect),
            call(peer, SocketAct::Send(900)),
            Stmt::Socket(peer, SocketAct::Recv(bytes), failed),
        ]
    };
    builder.batch("fetch", 2, ask(host, 2_000, None));
    builder.batch("give up", 1, ask(hasty, 10, Some(vec![cpu(Duration::us(10))])));
    let serve = vec![
        call(web, SocketAct::Accept),
        call(web, SocketAct::Recv(100)),
        cpu(Duration::ms(1)),
        call(web, SocketAct::Send(1_000)),
        call(web, SocketAct::Close),
    ];
    builder.batch("server", 2, vec![Stmt::Forever(serve)]);
    builder.until(Duration::ms(60)).build()
}

fn wired(what: &What, wanted: Wire) -> bool {
    matches!(what, What::Wire { wire, .. } if *wire == wanted)
}

fn called(what: &What, wanted: Call) -> bool {
    matches!(what, What::Socket { call, .. } if *call == wanted)
}

pub(super) fn mutations() -> Vec<Mutation> {
    let planted = |rule, what, wrong| Mutation { rule, what, model: talkers, wrong };
    vec![
        planted(
            Rule::SocketOwner,
            "somebody reads from the connection of another",
            Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Socket { call: Call::Recv, context, .. } => {
                        *context = ContextId(context.0 ^ 1);
                        true
                    }
                    _ => false,
                })
            }),
        ),
        planted(
            Rule::SocketBytes,
            "bytes are lost on the way",
            Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Wire { wire: Wire::Arrive, amount, .. } => std::mem::replace(amount, *amount - 1) > 0,
                    _ => false,
                })
            }),
        ),
        planted(
            Rule::SocketBytes,
            "bytes come twice",
            Edit(|records, at| again(records, at, |what| wired(what, Wire::Arrive))),
        ),
        planted(
            Rule::SocketBytes,
            "more bytes are read than have come",
            Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Socket { call: Call::Recv, amount, .. } => std::mem::replace(amount, *amount + 1) > 0,
                    _ => false,
                })
            }),
        ),
        planted(
            Rule::SocketTime,
            "the way takes a nanosecond more",
            Lie(|model| model.peers[0].config.path.latency = Duration(Duration::ms(1).0 - 1)),
        ),
        planted(
            Rule::SocketTime,
            "bytes take no time to be sent",
            Lie(|model| model.peers[0].config.path.bandwidth = Some(999_999)),
        ),
        planted(
            Rule::SocketBuffers,
            "a send buffer takes too much",
            Lie(|model| model.peers[0].config.send_buffer = 499),
        ),
        planted(
            Rule::SocketBuffers,
            "a receive buffer takes too much",
            Lie(|model| model.peers[0].config.recv_buffer = 799),
        ),
        planted(
            Rule::SocketBacklog,
            "more connections wait than the backlog and one",
            Lie(|model| {
                if let Kind::Listener { backlog, .. } = &mut model.peers[2].config.kind {
                    *backlog = 1;
                }
            }),
        ),
        planted(
            Rule::SocketBacklog,
            "a connection is refused although there is room",
            Lie(|model| {
                if let Kind::Listener { backlog, .. } = &mut model.peers[2].config.kind {
                    *backlog = 4;
                }
            }),
        ),
        planted(
            Rule::SocketReady,
            "bytes have come, and who waits for them is not woken",
            Edit(|records, at| {
                let come = wired(&records[at].what, Wire::Arrive);
                come && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        ),
        planted(
            Rule::SocketReady,
            "who waits for bytes goes on before they come",
            Edit(|records, at| {
                let come = wired(&records[at].what, Wire::Arrive);
                if come && matches!(records.get(at + 1).map(|next| next.what), Some(What::Wake { .. })) {
                    records.swap(at, at + 1);
                    return true;
                }
                false
            }),
        ),
        planted(
            Rule::SocketReady,
            "a timeout is over too early",
            Lie(|model| model.peers[1].config.timeout = Some(Duration::ms(5))),
        ),
    ]
}

/// Records that change nothing that anybody sees later.
fn says_nothing_new(records: &[Record], at: usize) -> bool {
    match records[at].what {
        // Numbers are used again, or not. Who gives up does something else next.
        What::Socket { call: Call::Again | Call::TimeOut, .. } | What::Wire { wire: Wire::Gone, .. } => true,
        // What was read matters to those who read more.
        What::Socket { call: Call::Recv, socket, .. } => next(
            records,
            at,
            |what| matches!(what, What::Socket { call: Call::Recv | Call::End, socket: of, .. } if *of == socket),
        )
        .is_none(),
        // What was confirmed makes room for those who send more.
        What::Wire { wire: Wire::Confirm, socket, .. } => {
            next(records, at, |what| matches!(what, What::Socket { call: Call::Send, socket: of, .. } if *of == socket))
                .is_none()
        }
        _ => false,
    }
}

/// A record about a connection is lost, or comes twice.
#[test]
fn a_lost_or_repeated_record_of_a_connection_is_noticed() {
    let mut missed = Vec::new();
    let mut kinds = std::collections::BTreeSet::new();
    for model in [talkers(), talking_coroutines()] {
        let (records, ended) = run(&model, 1);
        for (at, record) in records.iter().enumerate() {
            match record.what {
                What::Socket { call, .. } => kinds.insert(format!("{call:?}")),
                What::Wire { wire, .. } => kinds.insert(format!("{wire:?}")),
                _ => continue,
            };
            let mut lost = records.clone();
            lost.remove(at);
            if !says_nothing_new(&records, at) && audit(&model, &lost, &ended).is_empty() {
                missed.push(format!("lost {:?}", record.what));
            }
            let mut repeated = records.clone();
            repeated.insert(at, *record);
            let again = called(&record.what, Call::Poll) || called(&record.what, Call::Again);
            if !again && audit(&model, &repeated, &ended).is_empty() {
                missed.push(format!("repeated {:?}", record.what));
            }
        }
    }
    let few: Vec<_> = missed.iter().take(20).collect();
    assert!(missed.is_empty(), "{} not noticed: {few:#?}", missed.len());
    assert!(kinds.len() >= 22, "{kinds:?}");
}
