//! A listening socket: connections that wait to be accepted, and those who wait for one.
//!
//! The kernel completes handshakes by itself and keeps the connections in a queue, one more than the backlog says
//! (`sk_acceptq_is_full` compares with `>`). Where the queue is full, a connection is refused (as with `tcp_abort_on_overflow`, and in Windows; Linux by default lets the client try again).

use std::collections::VecDeque;

use serde::Deserialize;

use crate::id::{ContextId, SocketId};

/// Whom a new connection wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Wake {
    /// One of those who wait: of threads that block in `accept` the longest waiter, of those who poll (event loops with
    /// `EPOLLEXCLUSIVE`) the latest.
    One,
    /// Everybody: one gets the connection, all others find nothing.
    All,
}

/// The queue of a listening socket.
#[derive(Clone, Debug, Hash)]
pub struct Listener {
    backlog: u32,
    queue: VecDeque<SocketId>,
    /// Who waits in `accept`, longest first.
    blocked: VecDeque<ContextId>,
    /// Who waits in `poll` or a selector, longest first.
    polling: VecDeque<ContextId>,
}

/// What becomes of a connection.
#[must_use = "a client that is refused has to hear of it"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It waits to be accepted.
    Waits,
    /// There is no room.
    Refused,
}

impl Listener {
    /// With room for so many connections that wait, and one more.
    pub fn new(backlog: u32) -> Listener {
        Listener { backlog, queue: VecDeque::new(), blocked: VecDeque::new(), polling: VecDeque::new() }
    }

    /// A connection comes.
    pub fn offer(&mut self, socket: SocketId) -> Queued {
        if self.queue.len() > self.backlog as usize {
            return Queued::Refused;
        }
        self.queue.push_back(socket);
        Queued::Waits
    }

    /// Takes the oldest connection.
    pub fn accept(&mut self) -> Option<SocketId> {
        self.queue.pop_front()
    }

    /// Whether a call that accepts returns at once.
    pub fn is_readable(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The context waits for a connection, in `poll` or a selector, or in `accept` itself.
    pub fn wait(&mut self, context: ContextId, polls: bool) {
        if polls { &mut self.polling } else { &mut self.blocked }.push_back(context);
    }

    /// The context waits no more.
    pub fn leave(&mut self, context: ContextId) {
        self.blocked.retain(|waiter| *waiter != context);
        self.polling.retain(|waiter| *waiter != context);
    }

    /// A connection has come: who is woken for it stops waiting. `wake` is `None` for what is usual in Linux: one of the
    /// threads that block in `accept`, and everybody who polls.
    pub fn wake(&mut self, wake: Option<Wake>, woken: &mut Vec<ContextId>) {
        match wake {
            None => {
                woken.extend(self.blocked.pop_front());
                woken.extend(self.polling.drain(..));
            }
            Some(Wake::One) => woken.extend(self.blocked.pop_front().or_else(|| self.polling.pop_back())),
            Some(Wake::All) => woken.extend(self.blocked.drain(..).chain(self.polling.drain(..))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn woken(listener: &mut Listener, wake: Option<Wake>) -> Vec<u32> {
        let mut woken = Vec::new();
        listener.wake(wake, &mut woken);
        woken.into_iter().map(|context| context.0).collect()
    }

    fn listener(polls: bool) -> Listener {
        let mut listener = Listener::new(2);
        (0..3).for_each(|n| listener.wait(ContextId(n), polls));
        listener
    }

    #[test]
    fn a_full_queue_refuses() {
        let mut listener = Listener::new(0);
        assert_eq!(listener.offer(SocketId(1)), Queued::Waits, "listen(0) lets one through");
        assert_eq!(listener.offer(SocketId(2)), Queued::Refused);
        assert_eq!(listener.accept(), Some(SocketId(1)));
        assert_eq!(listener.offer(SocketId(3)), Queued::Waits);
    }

    #[test]
    fn of_blocked_threads_the_longest_waiter_is_woken() {
        let mut listener = listener(false);
        assert_eq!(woken(&mut listener, None), [0]);
        assert_eq!(woken(&mut listener, Some(Wake::One)), [1]);
        assert_eq!(woken(&mut listener, None), [2]);
        assert_eq!(woken(&mut listener, None), [] as [u32; 0]);
    }

    #[test]
    fn all_event_loops_are_woken_unless_they_said_exclusive() {
        assert_eq!(woken(&mut listener(true), None), [0, 1, 2]);
        assert_eq!(woken(&mut listener(false), Some(Wake::All)), [0, 1, 2]);
        let mut exclusive = listener(true);
        assert_eq!(woken(&mut exclusive, Some(Wake::One)), [2], "the latest, which is the busiest");
        assert_eq!(woken(&mut exclusive, Some(Wake::One)), [1]);
    }
}
