//! Sets of cores, one bit for each.

use crate::id::CoreId;

/// Some of the cores of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CoreSet {
    words: Vec<u64>,
}

impl CoreSet {
    /// None of so many cores.
    pub fn none(cores: u32) -> CoreSet {
        CoreSet { words: vec![0; cores.div_ceil(64) as usize] }
    }

    /// All of so many cores.
    pub fn all(cores: u32) -> CoreSet {
        let mut set = CoreSet { words: vec![u64::MAX; cores.div_ceil(64) as usize] };
        if !cores.is_multiple_of(64)
            && let Some(last) = set.words.last_mut()
        {
            *last = (1 << (cores % 64)) - 1;
        }
        set
    }

    /// These of so many cores.
    pub fn of(cores: u32, members: &[u32]) -> CoreSet {
        let mut set = CoreSet::none(cores);
        for member in members.iter().filter(|member| **member < cores) {
            set.insert(CoreId(*member));
        }
        set
    }

    /// The core belongs to it from now on.
    #[inline]
    pub fn insert(&mut self, core: CoreId) {
        self.words[core.index() / 64] |= 1 << (core.0 % 64);
    }

    /// The core does not belong to it any more.
    #[inline]
    pub fn remove(&mut self, core: CoreId) {
        self.words[core.index() / 64] &= !(1 << (core.0 % 64));
    }

    /// Whether the core belongs to it.
    #[inline]
    pub fn contains(&self, core: CoreId) -> bool {
        self.words[core.index() / 64] & (1 << (core.0 % 64)) != 0
    }

    /// The lowest member.
    #[inline]
    pub fn first(&self) -> Option<CoreId> {
        first(self.words.iter().copied())
    }

    /// The lowest core that belongs to both.
    pub fn first_of_both(&self, other: &CoreSet) -> Option<CoreId> {
        first(self.words.iter().zip(&other.words).map(|(a, b)| a & b))
    }

    /// The lowest core that belongs to this, not to `without`, and to `within` if that is given.
    pub fn first_besides(&self, without: &CoreSet, within: Option<&CoreSet>) -> Option<CoreId> {
        let words = self.words.iter().zip(&without.words).enumerate();
        first(words.map(|(word, (this, other))| this & !other & within.map_or(u64::MAX, |within| within.words[word])))
    }

    /// The lowest core for which `may` holds and whose siblings, so many that follow each other, all belong to this and not
    /// to `without`.
    pub fn first_whole(
        &self,
        siblings: u32,
        without: Option<&CoreSet>,
        may: impl Fn(CoreId) -> bool,
    ) -> Option<CoreId> {
        let free = |core: CoreId| self.contains(core) && without.is_none_or(|without| !without.contains(core));
        self.iter().find(|core| {
            let first = core.0 / siblings * siblings;
            may(*core) && (first..first + siblings).map(CoreId).all(free)
        })
    }

    /// The members in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = CoreId> + '_ {
        self.words.iter().enumerate().flat_map(|(word, bits)| {
            let mut bits = *bits;
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros())?;
                bits &= bits - 1;
                Some(CoreId(word as u32 * 64 + bit))
            })
        })
    }
}

#[inline]
fn first(words: impl Iterator<Item = u64>) -> Option<CoreId> {
    let (word, bits) = words.enumerate().find(|(_, bits)| *bits != 0)?;
    Some(CoreId(word as u32 * 64 + bits.trailing_zeros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_order() {
        let mut set = CoreSet::of(130, &[129, 3, 64]);
        assert_eq!(set.iter().map(|core| core.0).collect::<Vec<_>>(), [3, 64, 129]);
        assert_eq!(set.first_of_both(&CoreSet::of(130, &[4, 64, 129])), Some(CoreId(64)));
        assert_eq!(set.first_besides(&CoreSet::of(130, &[3]), None), Some(CoreId(64)));
        assert_eq!(set.first_besides(&CoreSet::of(130, &[3]), Some(&CoreSet::of(130, &[3, 129]))), Some(CoreId(129)));
        set.remove(CoreId(3));
        assert!(!set.contains(CoreId(3)) && set.contains(CoreId(64)));
        assert_eq!(CoreSet::all(130).iter().count(), 130);
    }
}
