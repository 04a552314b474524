//! The requests that somebody outside has not answered yet.

use std::collections::VecDeque;

/// After how many bytes each request is complete, counted from the first byte of the connection; nearly always there is
/// none or one, which takes no memory elsewhere.
#[derive(Clone, Debug, Default, Hash)]
pub struct Asked {
    first: Option<std::num::NonZeroU64>,
    #[expect(clippy::box_collection, reason = "8 bytes in each end instead of 32")]
    more: Option<Box<VecDeque<u64>>>,
}

impl Asked {
    /// One more request, complete after `bytes`, more than zero and than those before.
    pub fn push(&mut self, bytes: u64) {
        match self.first {
            None => self.first = bytes.try_into().ok(),
            Some(_) => self.more.get_or_insert_default().push_back(bytes),
        }
    }

    /// The first request leaves if it is complete now that so many bytes have come. Whether one did.
    pub fn pop_complete(&mut self, came: u64) -> bool {
        let complete = self.first.is_some_and(|first| first.get() <= came);
        if complete {
            let next = self.more.as_mut().and_then(|more| more.pop_front());
            self.first = next.and_then(|next| next.try_into().ok());
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a hundred thousand connections wait for is memory.
    #[test]
    fn an_end_takes_two_lines_of_a_cache() {
        assert_eq!(size_of::<crate::net::Socket>(), 128);
    }

    #[test]
    fn requests_are_complete_in_order() {
        let mut asked = Asked::default();
        assert!(!asked.pop_complete(9));
        [10, 20, 30].into_iter().for_each(|bytes| asked.push(bytes));
        assert_eq!(
            [5, 10, 19, 35, 35, 35].map(|came| asked.pop_complete(came)),
            [false, true, false, true, true, false]
        );
        asked.push(40);
        assert_eq!([39, 40, 40].map(|came| asked.pop_complete(came)), [false, true, false]);
    }
}
