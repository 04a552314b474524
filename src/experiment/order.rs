//! In which order that happens which happens at one instant.

use crate::choice::{Choice, Chooser};
use crate::rng::Stream;

/// The order of the events of one kind at one instant. What the model itself orders (who waits for longest gets the lock)
/// stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they were caused.
    #[default]
    First,
    /// The last caused first.
    Last,
    /// At random, under this seed.
    Shuffled(u64),
}

/// Chooses so.
pub struct Reorder {
    shuffle: Option<Stream>,
}

impl Reorder {
    /// The chooser for an order; `None` for that of a plain run.
    pub fn of(order: Order) -> Option<Reorder> {
        match order {
            Order::First => None,
            Order::Last => Some(Reorder { shuffle: None }),
            Order::Shuffled(seed) => Some(Reorder { shuffle: Some(Stream::new(seed, 0)) }),
        }
    }
}

impl Chooser for Reorder {
    fn choose(&mut self, choice: Choice, options: usize) -> usize {
        match (choice, &mut self.shuffle) {
            (Choice::Event, None) => options - 1,
            (Choice::Event, Some(stream)) => (stream.draw() % options as u64) as usize,
            _ => 0,
        }
    }
}
