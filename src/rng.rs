//! Random streams: one named ChaCha stream for each entity and purpose, so that adding, removing or reordering entities
//! cannot move another entity's draws.

use std::hash::{Hash, Hasher};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// FNV-1a of a stream's name, such as `tasks/fetch#service`.
pub fn stream_id(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The id of the `index`-th of many streams of one name (splitmix64's finalizer).
pub fn numbered(id: u64, index: u64) -> u64 {
    let mut z = id ^ index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn generator(seed: u64, id: u64) -> ChaCha8Rng {
    let mut key = *b"gilsim: one key from one seed...";
    key[24..].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(id);
    generator
}

/// Draws of one page.
const PAGE: usize = 32;

/// A stream that is read in order.
///
/// It keeps a page of draws and no generator, which is made again for every page: a draw then reads one line of memory
/// beside the owner's own, which is what a hundred thousand sleepers wait for.
#[derive(Clone, Debug)]
pub struct Stream {
    next: u64,
    page: Box<Page>,
}

/// What a stream needs seldom, and its draws.
#[derive(Clone, Debug)]
struct Page {
    draws: [u64; PAGE],
    seed: u64,
    id: u64,
}

impl Stream {
    /// The stream `id` under the seed.
    pub fn new(seed: u64, id: u64) -> Stream {
        Stream { next: 0, page: Box::new(Page { draws: [0; PAGE], seed, id }) }
    }

    /// The next 64 uniform bits.
    #[inline]
    pub fn draw(&mut self) -> u64 {
        let place = self.next as usize % PAGE;
        if place == 0 {
            self.turn();
        }
        self.next += 1;
        self.page.draws[place]
    }

    #[cold]
    fn turn(&mut self) {
        let mut generator = generator(self.page.seed, self.page.id);
        // A draw is two words of 32 bits.
        generator.set_word_pos(u128::from(self.next) * 2);
        fill(&mut generator, &mut self.page.draws);
    }
}

impl Hash for Stream {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.page.id, self.next).hash(state);
    }
}

fn fill(generator: &mut ChaCha8Rng, draws: &mut [u64; PAGE]) {
    let mut bytes = [0; 8 * PAGE];
    generator.fill_bytes(&mut bytes);
    for (draw, bytes) in draws.iter_mut().zip(bytes.as_chunks().0) {
        *draw = u64::from_le_bytes(*bytes);
    }
}

/// A stream that is read at any position: draw `k` of job `i` is a pure function of seed, stream and position, so that a
/// job draws the same under every execution model, in whatever order jobs run, and needs no generator of its own.
#[derive(Clone, Debug)]
pub struct Pages {
    generator: ChaCha8Rng,
    page: u64,
    draws: [u64; PAGE],
}

impl Pages {
    /// The stream `id` under the seed.
    pub fn new(seed: u64, id: u64) -> Pages {
        let mut pages = Pages { generator: generator(seed, id), page: u64::MAX, draws: [0; PAGE] };
        pages.turn_to(0);
        pages
    }

    /// The 64 bits at a position.
    #[inline]
    pub fn at(&mut self, position: u64) -> u64 {
        let page = position / PAGE as u64;
        if page != self.page {
            self.turn_to(page);
        }
        self.draws[(position % PAGE as u64) as usize]
    }

    #[cold]
    fn turn_to(&mut self, page: u64) {
        // A page is 64 words of 32 bits.
        if page != self.page.wrapping_add(1) {
            self.generator.set_word_pos(u128::from(page) * 2 * PAGE as u128);
        }
        self.page = page;
        fill(&mut self.generator, &mut self.draws);
    }
}

impl Hash for Pages {
    /// The page in memory is a cache: it is not part of the state.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.generator.get_stream().hash(state);
    }
}

/// The streams of many entities, each of which keeps only its place: an entity that waits costs nothing here.
///
/// A shelf has pages for a thousand streams at most: of more than that some share a page, and if they draw in turn they pay
/// for a new page with each draw, about as much as for a miss of the cache.
#[derive(Clone, Debug)]
pub struct Shelf {
    seed: u64,
    /// How many streams may be read.
    streams: usize,
    /// A power of two of them, or none.
    leaves: Vec<Leaf>,
}

/// A page of some stream.
#[derive(Clone, Debug)]
struct Leaf {
    id: u64,
    page: u64,
    draws: [u64; PAGE],
}

impl Leaf {
    #[cold]
    fn turn_to(&mut self, seed: u64, id: u64, page: u64) {
        (self.id, self.page) = (id, page);
        let mut generator = generator(seed, id);
        generator.set_word_pos(u128::from(page) * 2 * PAGE as u128);
        fill(&mut generator, &mut self.draws);
    }
}

impl Shelf {
    /// No more than so many pages: a quarter of a megabyte.
    const MOST: usize = 1_024;

    /// The streams under the seed.
    pub fn new(seed: u64) -> Shelf {
        Shelf { seed, streams: 0, leaves: Vec::new() }
    }

    /// One more stream will be read. Pages are made here, not while streams are read.
    pub fn make_room(&mut self) {
        self.streams += 1;
        if self.streams > self.leaves.len() && self.leaves.len() < Shelf::MOST {
            let leaf = Leaf { id: 0, page: u64::MAX, draws: [0; PAGE] };
            self.leaves = vec![leaf; (2 * self.streams).next_power_of_two().min(Shelf::MOST)];
        }
    }

    /// The 64 bits at a position of the stream `id`, whose reader has this number: those with small numbers share no pages.
    #[inline]
    pub fn at(&mut self, reader: usize, id: u64, position: u64) -> u64 {
        let place = reader & (self.leaves.len() - 1);
        let leaf = &mut self.leaves[place];
        let page = position / PAGE as u64;
        if (leaf.id, leaf.page) != (id, page) {
            leaf.turn_to(self.seed, id, page);
        }
        leaf.draws[(position % PAGE as u64) as usize]
    }
}

impl Hash for Shelf {
    /// Pages are a cache: they are no part of the state.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.seed.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More streams than pages, read in turn.
    #[test]
    fn a_shelf_gives_each_stream_its_own_draws() {
        let mut shelf = Shelf::new(7);
        let mut streams: Vec<Stream> = (0..2_000).map(|n| Stream::new(7, numbered(9, n))).collect();
        streams.iter().for_each(|_| shelf.make_room());
        assert_eq!(shelf.leaves.len(), Shelf::MOST);
        for position in 0..40 {
            for (n, stream) in streams.iter_mut().enumerate() {
                assert_eq!(shelf.at(n, numbered(9, n as u64), position), stream.draw(), "{n} {position}");
            }
        }
    }

    #[test]
    fn the_first_draws_are_the_same_for_ever() {
        let mut stream = Stream::new(1, stream_id("tasks/fetch#service"));
        let draws: Vec<u64> = (0..3).map(|_| stream.draw()).collect();
        assert_eq!(draws, GOLDEN);
    }

    const GOLDEN: [u64; 3] = [16_564_254_911_797_157_971, 4_325_573_519_360_935_571, 8_134_600_071_497_388_311];

    #[test]
    fn pages_are_the_stream_in_any_order() {
        let mut stream = Stream::new(7, 9);
        let all: Vec<u64> = (0..200).map(|_| stream.draw()).collect();
        let mut pages = Pages::new(7, 9);
        for position in [0, 1, 199, 5, 64, 63, 65, 31, 32, 150] {
            assert_eq!(pages.at(position), all[position as usize], "{position}");
        }
    }

    #[test]
    fn streams_differ_by_name_number_and_seed() {
        let first = |seed, id| Stream::new(seed, id).draw();
        let a = stream_id("a#x");
        assert_ne!(first(1, a), first(1, stream_id("b#x")));
        assert_ne!(first(1, a), first(2, a));
        assert_ne!(first(1, numbered(a, 0)), first(1, numbered(a, 1)));
    }
}
