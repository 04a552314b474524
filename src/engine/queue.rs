//! A priority queue of packed keys, for ten pending events and for a million.
//!
//! Few keys stand in a binary heap. When there are many, only the nearest do; those further off lie unsorted in buckets, by
//! the highest digit in which their time differs from the present (a timing wheel of six-bit digits, as in Varghese and
//! Lauck, with contiguous buckets). A bucket is sorted into smaller ones, and the last into the heap, when its time comes:
//! a key moves a few times, through memory that is read in a row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Keys in the heap beyond which those further off go to buckets.
const MANY: usize = 1_024;
/// A bucket with at most so many keys goes to the heap as it is.
const FEW: usize = 64;
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
const LEVELS: usize = 64usize.div_ceil(DIGIT as usize);

/// Keys in ascending order. The upper 64 bits of a key are its time; it never lies before that of the last key popped.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    /// Keys below `limit`. Invariant: not empty unless the queue is.
    near: BinaryHeap<Reverse<u128>>,
    /// `None`: everything is near.
    limit: Option<u128>,
    far: Far,
}

/// Keys from `limit` on, by level and slot.
#[derive(Clone, Debug, Default)]
struct Far {
    /// Made when first needed.
    buckets: Vec<Vec<u128>>,
    /// By level: which slots are not empty.
    filled: [u64; LEVELS],
    /// What times are compared with. No key lies before it.
    base: u64,
    /// Empty, kept to save allocations.
    spare: Vec<u128>,
}

impl Queue {
    /// Adds a key.
    #[inline]
    pub fn push(&mut self, key: u128) {
        if self.limit.is_none() && self.near.len() < MANY {
            self.near.push(Reverse(key));
        } else {
            self.push_to_many(key);
        }
    }

    #[inline(never)]
    fn push_to_many(&mut self, key: u128) {
        match self.limit {
            Some(limit) if key < limit => self.near.push(Reverse(key)),
            Some(_) => self.far.push(key),
            None => {
                self.near.push(Reverse(key));
                self.spread();
            }
        }
    }

    /// There are many keys now: all but the nearest go to buckets.
    #[cold]
    fn spread(&mut self) {
        let first = self.near.peek().map_or(0, |key| time(key.0));
        self.far.base = first;
        self.far.buckets.resize_with(LEVELS * SLOTS, Vec::new);
        for Reverse(key) in self.near.drain() {
            self.far.push(key);
        }
        self.approach();
    }

    /// The near keys are used up: the next bucket becomes near.
    #[cold]
    fn approach(&mut self) {
        self.limit = self.far.next_bucket(|key| self.near.push(Reverse(key)));
    }

    /// The least key.
    #[inline]
    pub fn peek(&self) -> Option<u128> {
        self.near.peek().map(|key| key.0)
    }

    /// The least key leaves the queue.
    #[inline]
    pub fn pop(&mut self) -> Option<u128> {
        let key = self.near.pop()?.0;
        if self.limit.is_some() && self.near.is_empty() {
            self.approach();
        }
        Some(key)
    }

    /// All keys, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u128> {
        self.near.iter().map(|key| key.0).chain(self.far.buckets.iter().flatten().copied())
    }

    /// The keys of the same time as the least one, and perhaps more, in no order.
    pub fn nearest(&self) -> impl Iterator<Item = u128> {
        self.near.iter().map(|key| key.0)
    }
}

impl Far {
    fn push(&mut self, key: u128) {
        let time = time(key);
        let level = (63 - (time ^ self.base | 1).leading_zeros()) / DIGIT;
        let slot = (time >> (level * DIGIT)) as usize % SLOTS;
        self.filled[level as usize] |= 1 << slot;
        self.buckets[level as usize * SLOTS + slot].push(key);
    }

    /// Hands out the keys that come next, and says below which key these are all there are. `None` if there are no more.
    fn next_bucket(&mut self, mut near: impl FnMut(u128)) -> Option<u128> {
        loop {
            let level = self.filled.iter().position(|slots| *slots != 0)?;
            let slot = self.filled[level].trailing_zeros() as usize;
            self.filled[level] &= !(1 << slot);
            let shift = level as u32 * DIGIT;
            // The first time of the bucket: the digits above are those of the base, the digits below are 0.
            let above = self.base.checked_shr(shift + DIGIT).map_or(0, |digits| digits << (shift + DIGIT));
            let start = above | (slot as u64) << shift;
            let place = level * SLOTS + slot;
            if level == 0 || self.buckets[place].len() <= FEW {
                self.buckets[place].drain(..).for_each(&mut near);
                self.base = start;
                let next = u128::from(start) + (1 << shift);
                return Some(next.saturating_mul(1 << 64));
            }
            self.base = start;
            let mut keys = std::mem::replace(&mut self.buckets[place], std::mem::take(&mut self.spare));
            for key in keys.drain(..) {
                self.push(key);
            }
            self.spare = keys;
        }
    }
}

#[inline]
fn time(key: u128) -> u64 {
    (key >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same pushes and pops as a plain heap, with `pending` keys and increments that `gap` makes of random bits.
    fn hold(pending: usize, holds: usize, gap: impl Fn(u64) -> u64) {
        let mut stream = crate::rng::Stream::new(pending as u64, 1);
        let (mut queue, mut plain) = (Queue::default(), BinaryHeap::new());
        let mut count = 0u128;
        let mut push = |queue: &mut Queue, plain: &mut BinaryHeap<Reverse<u128>>, time: u64| {
            // Not in order of insertion, so that keys of one time must be compared.
            count += 1;
            let key = u128::from(time) << 64 | (count.wrapping_mul(0x9e37_79b9) & 0xffff) << 32 | count;
            queue.push(key);
            plain.push(Reverse(key));
        };
        for _ in 0..pending {
            push(&mut queue, &mut plain, gap(stream.draw()));
        }
        for n in 0..holds {
            let key = queue.pop().expect("there are keys");
            assert_eq!(Some(Reverse(key)), plain.pop(), "{pending} keys, pop {n}");
            push(&mut queue, &mut plain, time(key).saturating_add(gap(stream.draw())));
            assert_eq!(queue.peek(), plain.peek().map(|key| key.0));
            if n % 512 == 0 {
                assert_eq!(queue.iter().count(), pending);
            }
        }
        while let Some(Reverse(key)) = plain.pop() {
            assert_eq!(queue.pop(), Some(key));
        }
        assert_eq!((queue.pop(), queue.limit), (None, None), "an empty queue is as good as new");
    }

    #[test]
    fn keys_come_out_as_of_a_plain_heap() {
        for pending in [1, 10, MANY - 1, MANY, MANY + 1, 5_000] {
            hold(pending, 6_000, |bits| bits >> 44);
            hold(pending, 6_000, |bits| if bits % 5 == 0 { bits >> 40 } else { 1_000_000 });
            hold(pending, 6_000, |bits| bits >> 8 >> (bits % 56));
            hold(pending, 3_000, |bits| bits % 3);
        }
    }

    #[test]
    fn a_crowd_at_one_instant_is_no_worse_than_any_other() {
        hold(20_000, 20_000, |_| 0);
    }

    #[test]
    fn the_end_of_the_clock_is_a_time_like_any_other() {
        hold(3_000, 4_000, |bits| if bits % 2 == 0 { u64::MAX - bits % 100 } else { bits >> 20 });
    }
}
