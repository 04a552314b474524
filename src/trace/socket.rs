//! What happens to connections. The numbers are part of the digest.

/// What a context does to its end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// It begins to connect: the end exists from now on.
    Connect = 0,
    /// It has a connection, or has learnt that it is refused.
    Connected = 1,
    /// It takes a connection out of the queue of a listener.
    Accept = 2,
    /// `amount` bytes go into its send buffer.
    Send = 3,
    /// `amount` bytes leave its receive buffer.
    Recv = 4,
    /// It sees that no more bytes come.
    End = 5,
    /// It closes its end.
    Close = 6,
    /// It finds nothing to do (`EAGAIN`).
    Again = 7,
    /// It begins to wait until it can read (`amount` 0), write (1), is connected (2), or can accept (3).
    Wait = 8,
    /// It has waited as long as it may.
    TimeOut = 9,
    /// Another context, whose number is `amount`, has the end from now on.
    Give = 10,
    /// It has a timeout, and begins to wait now at the earliest: `amount` nanoseconds are the most.
    Poll = 11,
}

/// What happens to an end of a connection by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// It exists, and is the other end of the socket with the number `amount`.
    Pair = 0,
    /// It stands in the queue of its listener.
    Queue = 1,
    /// There was no room in that queue.
    Refuse = 2,
    /// `amount` bytes leave, for the other end.
    Leave = 3,
    /// `amount` bytes come from the other end.
    Arrive = 4,
    /// `amount` bytes come and are lost: the end is closed.
    Lose = 5,
    /// It learns that no more bytes come.
    End = 6,
    /// It learns that nobody is at the other end any more.
    Reset = 7,
    /// It learns that `amount` bytes have arrived.
    Confirm = 8,
    /// Both ends are gone, this one and its other.
    Gone = 9,
    /// It exists, and is the end of a client outside, who begins to connect.
    Client = 10,
    /// It is a host's, and somebody connects with it.
    Meet = 11,
    /// It learns that it is connected.
    Open = 12,
    /// It learns that it is not.
    Refused = 13,
    /// It tells the other end that no more bytes come.
    Fin = 14,
}
