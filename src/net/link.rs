//! The way from one end to the other: a latency, and a bandwidth that the bytes of one connection share.

use crate::time::{Duration, Time};

/// What a way is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// From one end to the other: half of a round trip.
    pub latency: Duration,
    /// Bytes per second of one connection in one direction; no limit if `None`.
    pub bandwidth: Option<u64>,
}

/// One direction of one connection.
#[derive(Clone, Debug, Default, Hash)]
pub struct Link {
    /// Until when it is busy with what was sent before.
    free: Time,
}

impl Link {
    /// When what is sent now arrives. Things arrive in the order in which they were sent.
    pub fn send(&mut self, now: Time, bytes: u64, path: Path) -> Time {
        let transfer = path.bandwidth.map_or(Duration::ZERO, |bandwidth| transfer(bytes, bandwidth));
        self.free = self.free.max(now) + transfer;
        self.free + path.latency
    }
}

/// How long so many bytes take at so many bytes per second, rounded up.
fn transfer(bytes: u64, bandwidth: u64) -> Duration {
    let ns = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(bandwidth.max(1)));
    Duration(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_share_the_bandwidth_and_arrive_in_order() {
        let path = Path { latency: Duration::ms(1), bandwidth: Some(1_000_000) };
        let mut link = Link::default();
        assert_eq!(link.send(Time(0), 1_000, path), Time(2_000_000));
        assert_eq!(link.send(Time(0), 500, path), Time(2_500_000));
        assert_eq!(link.send(Time(9_000_000), 0, path), Time(10_000_000));
    }

    #[test]
    fn without_a_limit_only_the_latency_counts() {
        let path = Path { latency: Duration(7), bandwidth: None };
        assert_eq!(Link::default().send(Time(1), u64::MAX, path), Time(8));
    }
}
