//! Storage for entities that come and go: numbers are used again, and what an entity allocated is kept for the next.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// Values of type `T` under ids of type `K`.
#[derive(Clone, Debug, Hash)]
pub struct Slab<K, T> {
    values: Vec<T>,
    free: Vec<u32>,
    key: PhantomData<K>,
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Slab<K, T> {
        Slab { values: Vec::new(), free: Vec::new(), key: PhantomData }
    }
}

impl<K: From<usize> + Into<u32> + Copy, T> Slab<K, T> {
    /// A free id. Its value is what the last user left, or a new one.
    pub fn claim(&mut self, new: impl FnOnce() -> T) -> K {
        match self.free.pop() {
            Some(index) => K::from(index as usize),
            None => {
                self.values.push(new());
                K::from(self.values.len() - 1)
            }
        }
    }

    /// The id may be used again.
    pub fn release(&mut self, id: K) {
        let id: u32 = id.into();
        debug_assert!(self.free.len() < 64 && !self.free.contains(&id) || self.free.len() >= 64, "freed twice");
        self.free.push(id);
    }

    /// How many are in use.
    pub fn live(&self) -> usize {
        self.values.len() - self.free.len()
    }

    /// All values ever claimed, free ones included.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.values.iter().enumerate().map(|(index, value)| (K::from(index), value))
    }

    /// All values ever claimed, free ones included, to change them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.values.iter_mut()
    }
}

impl<K: Into<u32>, T> Index<K> for Slab<K, T> {
    type Output = T;
    fn index(&self, id: K) -> &T {
        &self.values[id.into() as usize]
    }
}

impl<K: Into<u32>, T> IndexMut<K> for Slab<K, T> {
    fn index_mut(&mut self, id: K) -> &mut T {
        &mut self.values[id.into() as usize]
    }
}
