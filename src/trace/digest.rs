//! A running 64-bit digest of the trace: equal traces have equal digests on every platform.

use std::fmt;

use super::words::words;
use super::{Record, Sink};

/// The behaviour level: it rises when the same scenario and seed give other records, or the same schedule other steps. The
/// changelog says for each level which scenarios it moves. Until the first release it stays 1.
pub const BEHAVIOUR: u32 = 1;

/// Records between two checkpoints.
const STRIDE: u64 = 4_096;
/// Checkpoints kept at most; beyond, every other one is dropped and the stride doubles.
const KEPT: usize = 1_024;

/// Folds records into 64 bits, with checkpoints that let two runs be bisected to their first difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    value: u64,
    stride: u64,
    /// Records still to come before the next checkpoint. A countdown, as a remainder costs a division for each record.
    until_checkpoint: u64,
    checkpoints: Vec<u64>,
}

impl Default for Digest {
    fn default() -> Digest {
        Digest { value: 0x6769_6c73_696d_0001, stride: STRIDE, until_checkpoint: STRIDE, checkpoints: Vec::new() }
    }
}

impl Digest {
    /// The digest of all records so far.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// How many records were folded.
    pub fn records(&self) -> u64 {
        // Dropping every other checkpoint while the stride doubles keeps this count.
        (self.checkpoints.len() as u64 + 1) * self.stride - self.until_checkpoint
    }

    /// The digest after every so many records: `(stride, values)`.
    pub fn checkpoints(&self) -> (u64, &[u64]) {
        (self.stride, &self.checkpoints)
    }

    #[cold]
    fn checkpoint(&mut self) {
        self.checkpoints.push(self.value);
        if self.checkpoints.len() == KEPT {
            let mut index = 0;
            self.checkpoints.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            self.stride *= 2;
        }
        self.until_checkpoint = self.stride;
    }
}

impl Sink for Digest {
    #[inline(always)]
    fn record(&mut self, record: &Record) {
        // As wyhash does it: two words a multiplication, and what came before takes part in it.
        let (what, rest) = words(&record.what);
        self.value = fold(record.time.0 ^ 0x2d35_8dcc_aa6c_78a5, what ^ self.value);
        if let Some([ids, amount]) = rest {
            self.value = fold(ids ^ 0x4b33_a62e_d433_d4a3, amount ^ self.value);
        }
        self.until_checkpoint -= 1;
        if self.until_checkpoint == 0 {
            self.checkpoint();
        }
    }
}

/// Both halves of the product: every bit of the factors reaches every bit.
#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{CoreId, ThreadId};
    use crate::time::Time;
    use crate::trace::What;

    fn digest(times: &[u64]) -> Digest {
        let mut digest = Digest::default();
        for &time in times {
            let what = What::Run { core: CoreId(0), thread: ThreadId(1) };
            digest.record(&Record { time: Time(time), what });
        }
        digest
    }

    #[test]
    fn the_digest_depends_on_content_and_order() {
        assert_eq!(digest(&[1, 2]), digest(&[1, 2]));
        assert_ne!(digest(&[1, 2]).value(), digest(&[2, 1]).value());
        assert_ne!(digest(&[1]).value(), digest(&[1, 1]).value());
    }

    #[test]
    fn the_digest_is_the_same_everywhere() {
        assert_eq!(digest(&[1, 2, 3]).to_string(), "dfcfdec3e63e4634");
    }

    /// Records that differ little must not have the same digest: two thousand of them give two million pairs.
    #[test]
    fn small_differences_show() {
        let mut seen = std::collections::BTreeSet::new();
        for (core, thread) in (0..40).flat_map(|core| (0..50).map(move |thread| (core, thread))) {
            let mut digest = Digest::default();
            let what = What::Run { core: CoreId(core), thread: ThreadId(thread) };
            digest.record(&Record { time: Time(5), what });
            assert!(seen.insert(digest.value()), "core {core}, thread {thread}");
        }
    }

    #[test]
    fn checkpoints_stay_few_in_a_long_run() {
        let count = 3 * KEPT * STRIDE as usize / 2 + 5;
        let digest = digest(&vec![7; count]);
        let (stride, values) = digest.checkpoints();
        assert_eq!((stride, values.len() < KEPT, digest.records()), (2 * STRIDE, true, count as u64));
    }
}
