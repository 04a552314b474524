//! Threads in the order of their virtual deadlines, and the first of them that is eligible, in logarithmic time.
//!
//! Linux keeps a red-black tree by deadline in which every node knows the least virtual time below it (`__pick_eevdf`). This
//! is the same on a treap: a search tree by deadline that is a heap by a number computed from the thread. Its shape depends
//! on its contents alone, so that equal queues are equal values.

use crate::id::ThreadId;

const NONE: u32 = u32::MAX;

/// What a node is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Virtual deadline, and the order of joining.
    pub key: (i64, u64),
    /// Virtual time.
    pub time: i64,
    /// Nanoseconds.
    pub slice: u64,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Node {
    place: Place,
    /// Of this node and all below it.
    least_time: i64,
    least_slice: u64,
    left: u32,
    right: u32,
}

const EMPTY: Node = Node {
    place: Place { key: (0, 0), time: 0, slice: 0 },
    least_time: i64::MAX,
    least_slice: u64::MAX,
    left: NONE,
    right: NONE,
};

/// Threads by deadline. A thread is in it at most once.
#[derive(Clone, Debug, Hash)]
pub struct Deadlines {
    /// By thread number; `EMPTY` for those that are not in it.
    nodes: Vec<Node>,
    root: u32,
}

impl Deadlines {
    /// Nobody.
    pub fn new() -> Deadlines {
        Deadlines { nodes: Vec::new(), root: NONE }
    }

    /// The thread, which is not in it, joins.
    pub fn insert(&mut self, thread: ThreadId, place: Place) {
        if self.nodes.len() <= thread.index() {
            self.nodes.resize(thread.index() + 1, EMPTY);
        }
        self.nodes[thread.index()] =
            Node { place, least_time: place.time, least_slice: place.slice, left: NONE, right: NONE };
        self.root = self.insert_below(self.root, thread.0);
    }

    /// The thread, which is in it, leaves.
    pub fn remove(&mut self, thread: ThreadId) {
        self.root = self.remove_below(self.root, thread.0);
        self.nodes[thread.index()] = EMPTY;
    }

    /// The earliest deadline of those whose virtual time is not beyond `bound`.
    pub fn first_within(&self, bound: i64) -> Option<ThreadId> {
        let within = |at: u32| at != NONE && self.nodes[at as usize].least_time <= bound;
        let mut at = self.root;
        while within(at) {
            let node = &self.nodes[at as usize];
            if within(node.left) {
                at = node.left;
            } else if node.place.time <= bound {
                return Some(ThreadId(at));
            } else {
                at = node.right;
            }
        }
        None
    }

    /// The first thread in order of deadlines for which `is` holds.
    pub fn find(&self, is: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        self.find_below(self.root, is)
    }

    /// The shortest slice of all; `u64::MAX` if there is nobody.
    pub fn least_slice(&self) -> u64 {
        self.nodes.get(self.root as usize).map_or(u64::MAX, |node| node.least_slice)
    }

    fn find_below(&self, at: u32, is: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let node = self.nodes.get(at as usize)?;
        let here = |is: &mut dyn FnMut(ThreadId) -> bool| is(ThreadId(at)).then_some(ThreadId(at));
        self.find_below(node.left, is).or_else(|| here(is)).or_else(|| self.find_below(node.right, is))
    }

    fn insert_below(&mut self, root: u32, new: u32) -> u32 {
        if root == NONE {
            return new;
        }
        let key = self.nodes[new as usize].place.key;
        if height(new) > height(root) {
            let (left, right) = self.split(root, key);
            (self.nodes[new as usize].left, self.nodes[new as usize].right) = (left, right);
            self.update(new);
            return new;
        }
        let Node { place, left, right, .. } = self.nodes[root as usize];
        if key < place.key {
            self.nodes[root as usize].left = self.insert_below(left, new);
        } else {
            self.nodes[root as usize].right = self.insert_below(right, new);
        }
        self.update(root);
        root
    }

    fn remove_below(&mut self, root: u32, old: u32) -> u32 {
        let Node { place, left, right, .. } = self.nodes[root as usize];
        if root == old {
            return self.merge(left, right);
        }
        if self.nodes[old as usize].place.key < place.key {
            self.nodes[root as usize].left = self.remove_below(left, old);
        } else {
            self.nodes[root as usize].right = self.remove_below(right, old);
        }
        self.update(root);
        root
    }

    /// Those before the key, and those after it.
    fn split(&mut self, root: u32, key: (i64, u64)) -> (u32, u32) {
        if root == NONE {
            return (NONE, NONE);
        }
        let Node { place, left, right, .. } = self.nodes[root as usize];
        let parts = if place.key < key {
            let (before, after) = self.split(right, key);
            self.nodes[root as usize].right = before;
            (root, after)
        } else {
            let (before, after) = self.split(left, key);
            self.nodes[root as usize].left = after;
            (before, root)
        };
        self.update(root);
        parts
    }

    /// All of `left` come before all of `right`.
    fn merge(&mut self, left: u32, right: u32) -> u32 {
        if left == NONE || right == NONE {
            return if left == NONE { right } else { left };
        }
        let root = if height(left) > height(right) {
            self.nodes[left as usize].right = self.merge(self.nodes[left as usize].right, right);
            left
        } else {
            self.nodes[right as usize].left = self.merge(left, self.nodes[right as usize].left);
            right
        };
        self.update(root);
        root
    }

    fn update(&mut self, at: u32) {
        let Node { place, left, right, .. } = self.nodes[at as usize];
        let (mut time, mut slice) = (place.time, place.slice);
        for child in [left, right].into_iter().filter_map(|child| self.nodes.get(child as usize)) {
            (time, slice) = (time.min(child.least_time), slice.min(child.least_slice));
        }
        let node = &mut self.nodes[at as usize];
        (node.least_time, node.least_slice) = (time, slice);
    }
}

/// How high up a thread stands, as good as random (`splitmix64`). No two are equal: every step can be undone.
fn height(thread: u32) -> u64 {
    let mut bits = u64::from(thread).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn depth(of: &Deadlines, at: u32) -> usize {
        let deeper = |child| 1 + depth(of, child);
        of.nodes.get(at as usize).map_or(0, |node| deeper(node.left).max(deeper(node.right)))
    }

    #[test]
    fn it_finds_what_a_search_from_the_front_finds() {
        let mut stream = crate::rng::Stream::new(1, 1);
        let (mut tree, mut list) = (Deadlines::new(), BTreeMap::<u32, Place>::new());
        for round in 0..20_000 {
            let bits = stream.draw();
            let thread = (bits >> 50) as u32 % 300;
            if list.remove(&thread).is_some() {
                tree.remove(ThreadId(thread));
            } else {
                let place =
                    Place { key: ((bits & 63) as i64, round), time: (bits >> 8 & 63) as i64, slice: bits >> 20 & 63 };
                list.insert(thread, place);
                tree.insert(ThreadId(thread), place);
            }
            let bound = (bits >> 30 & 63) as i64;
            let within = list.iter().filter(|(_, place)| place.time <= bound);
            let expected = within.min_by_key(|(_, place)| place.key).map(|(thread, _)| ThreadId(*thread));
            assert_eq!(tree.first_within(bound), expected);
            assert_eq!(tree.least_slice(), list.values().map(|place| place.slice).min().unwrap_or(u64::MAX));
        }
        let mut order = Vec::new();
        tree.find(&mut |thread| {
            order.push(list[&thread.0].key);
            false
        });
        assert!(order.is_sorted() && order.len() == list.len());
    }

    #[test]
    fn it_stays_flat_even_if_all_come_in_order() {
        let mut tree = Deadlines::new();
        for thread in 0..10_000 {
            tree.insert(ThreadId(thread), Place { key: (i64::from(thread), 0), time: 0, slice: 1 });
        }
        assert!(depth(&tree, tree.root) < 50);
    }
}
