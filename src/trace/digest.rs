//! A running 64-bit digest of the trace: equal traces have equal digests on every platform.

use std::fmt;
use std::hash::{Hash, Hasher};

use super::{Record, Sink};

/// Records between two checkpoints.
const STRIDE: u64 = 4_096;
/// Checkpoints kept at most; beyond, every other one is dropped and the stride doubles.
const KEPT: usize = 1_024;

/// Folds records into 64 bits, with checkpoints that let two runs be bisected to their first difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    fold: Fold,
    records: u64,
    stride: u64,
    checkpoints: Vec<u64>,
}

impl Default for Digest {
    fn default() -> Digest {
        Digest { fold: Fold(0x6769_6c73_696d_0001), records: 0, stride: STRIDE, checkpoints: Vec::new() }
    }
}

impl Digest {
    /// The digest of all records so far.
    pub fn value(&self) -> u64 {
        self.fold.finish()
    }

    /// How many records were folded.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The digest after every so many records: `(stride, values)`.
    pub fn checkpoints(&self) -> (u64, &[u64]) {
        (self.stride, &self.checkpoints)
    }

    fn checkpoint(&mut self) {
        self.checkpoints.push(self.fold.finish());
        if self.checkpoints.len() == KEPT {
            let mut index = 0;
            self.checkpoints.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            self.stride *= 2;
        }
    }
}

impl Sink for Digest {
    fn record(&mut self, record: &Record) {
        record.hash(&mut self.fold);
        self.fold.mix();
        self.records += 1;
        if self.records.is_multiple_of(self.stride) {
            self.checkpoint();
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

/// A multiplying hasher with every write spelled out, so that the width of `usize` cannot matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold(pub(crate) u64);

impl Fold {
    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Brings the high bits, which multiplication favors, back to the low ones.
    fn mix(&mut self) {
        self.0 ^= self.0 >> 29;
    }
}

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.word(u64::from(byte));
        }
    }
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }
    fn write_u16(&mut self, value: u16) {
        self.word(u64::from(value));
    }
    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }
    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }
    fn write_u128(&mut self, value: u128) {
        self.word(value as u64);
        self.word((value >> 64) as u64);
    }
    fn write_i64(&mut self, value: i64) {
        self.word(value as u64);
    }
    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }
    fn write_isize(&mut self, value: isize) {
        self.word(value as i64 as u64);
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
    fn checkpoints_stay_few_in_a_long_run() {
        let digest = digest(&vec![7; 3 * KEPT * STRIDE as usize / 2]);
        let (stride, values) = digest.checkpoints();
        assert_eq!((stride, values.len() < KEPT), (2 * STRIDE, true));
    }
}
