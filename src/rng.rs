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

#[cfg(test)]
mod tests {
    use super::*;

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
