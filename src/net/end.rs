//! The bytes at one end of a connection: what is to be sent, and what can be read.

/// Buffers of one end.
#[derive(Clone, Debug, Hash)]
pub struct End {
    /// Bytes that fit into the send buffer.
    capacity: u64,
    /// Bytes in the send buffer that have not left yet.
    unsent: u64,
    /// Bytes that have left and are kept until the other end confirms them.
    unconfirmed: u64,
    /// For how many more bytes the other end has room.
    window: u64,
    /// Bytes that came and were not read.
    received: u64,
    /// No more bytes come.
    over: bool,
    /// No more bytes are copied in; when the last has left, the other end is told.
    closed: bool,
    /// The other end has been told.
    told: bool,
}

/// What a call that reads gets.
#[must_use = "bytes read make room at the other end"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at least one.
    Bytes(u64),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Over,
}

impl End {
    /// With a send buffer of so many bytes, before an end that has room for `window`.
    pub fn new(capacity: u64, window: u64) -> End {
        End { capacity, unsent: 0, unconfirmed: 0, window, received: 0, over: false, closed: false, told: false }
    }

    /// How many bytes fit into the send buffer.
    pub fn room(&self) -> u64 {
        self.capacity - self.unsent - self.unconfirmed
    }

    /// A call copies as many of the bytes into the send buffer as fit.
    #[must_use = "what does not fit has to wait"]
    pub fn copy(&mut self, bytes: u64) -> u64 {
        let copied = bytes.min(self.room());
        self.unsent += copied;
        copied
    }

    /// As many bytes leave as the other end has room for.
    #[must_use = "bytes that leave arrive"]
    pub fn leave(&mut self) -> u64 {
        let leaving = self.unsent.min(self.window);
        self.unsent -= leaving;
        self.window -= leaving;
        self.unconfirmed += leaving;
        leaving
    }

    /// The other end has got so many bytes, and has room for so many more.
    pub fn credit(&mut self, confirmed: u64, room: u64) {
        debug_assert!(confirmed <= self.unconfirmed, "only what was sent is confirmed");
        self.unconfirmed -= confirmed;
        self.window += room;
    }

    /// No more bytes are copied in.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether the other end has to be told, once, that no more bytes come.
    #[must_use = "the other end waits for it"]
    pub fn tell(&mut self) -> bool {
        let tells = self.closed && self.unsent == 0 && !self.told;
        self.told |= tells;
        tells
    }

    /// So many bytes come.
    pub fn arrive(&mut self, bytes: u64) {
        self.received += bytes;
    }

    /// No more bytes come.
    pub fn end(&mut self) {
        self.over = true;
    }

    /// Whether a call that reads returns at once.
    pub fn is_readable(&self) -> bool {
        self.received > 0 || self.over
    }

    /// A call takes at most so many of the bytes.
    pub fn read(&mut self, most: u64) -> Read {
        match self.received.min(most) {
            0 if self.over => Read::Over,
            0 => Read::Nothing,
            bytes => {
                self.received -= bytes;
                Read::Bytes(bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_until_they_are_confirmed() {
        let mut end = End::new(10, 100);
        assert_eq!(end.copy(8), 8);
        assert_eq!(end.copy(8), 2);
        assert_eq!(end.leave(), 10);
        assert_eq!(end.copy(1), 0);
        end.credit(4, 0);
        assert_eq!(end.copy(8), 4);
    }

    #[test]
    fn nobody_sends_more_than_the_other_end_has_room_for() {
        let mut end = End::new(10, 3);
        assert_eq!(end.copy(10), 10);
        assert_eq!([end.leave(), end.leave()], [3, 0]);
        end.credit(3, 2);
        assert_eq!([end.leave(), end.leave()], [2, 0]);
    }

    #[test]
    fn a_read_takes_what_is_there_and_then_sees_the_end() {
        let mut end = End::new(10, 3);
        assert_eq!(end.read(5), Read::Nothing);
        end.arrive(7);
        assert_eq!(end.read(5), Read::Bytes(5));
        end.end();
        assert_eq!(end.read(5), Read::Bytes(2));
        assert_eq!(end.read(5), Read::Over);
    }

    #[test]
    fn the_end_of_the_bytes_comes_after_the_last_of_them() {
        let mut end = End::new(10, 3);
        assert_eq!(end.copy(4), 4);
        end.close();
        assert_eq!(end.leave(), 3);
        assert!(!end.tell());
        end.credit(3, 3);
        assert_eq!(end.leave(), 1);
        assert!(end.tell() && !end.tell(), "once");
    }
}
