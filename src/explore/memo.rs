//! States that random schedules have come through, and where their steps lead: whoever comes by again looks it up, which takes
//! a few nanoseconds instead of the execution of the step.
//!
//! There is no more to remember than pays: one more state for every few steps that were looked up.

use super::behaviours::Touched;
use super::packed::Packed;
use super::step::Choice;
use super::strategy::End;

/// Nobody has taken the step; no state.
pub(super) const UNKNOWN: u32 = u32::MAX;
/// States that are remembered in any case.
const FIRST: u64 = 64;
/// Steps that are looked up for one more state.
const PAYS: u64 = 4;
/// States that are remembered at most.
const MOST: usize = 1 << 18;

/// The states, by number; 0 is the first one.
#[derive(Default)]
pub(super) struct Memo {
    states: Packed,
    nodes: Vec<Option<Node>>,
    /// By step: which it is, what it touches, and the state that it leads to.
    pub choices: Vec<Choice>,
    pub touched: Vec<Touched>,
    pub next: Vec<u32>,
    /// Of states without steps.
    ends: Vec<End>,
    /// Steps that were looked up.
    pub hits: u64,
}

/// What is known of a state.
#[derive(Clone, Copy)]
pub(super) struct Node {
    /// Its first step, or its end if it has none.
    pub first: u32,
    /// How many steps it has.
    pub count: u32,
    /// How many threads there are.
    pub threads: u32,
}

impl Memo {
    /// The number of the state, if it is remembered.
    pub fn number(&mut self, bytes: &[u8]) -> Option<u32> {
        let known = self.nodes.len();
        if known as u64 >= FIRST + self.hits / PAYS || known >= MOST {
            return self.states.find(bytes);
        }
        let number = self.states.number(bytes);
        if number as usize == known {
            self.nodes.push(None);
        }
        Some(number)
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn bytes(&self, number: u32) -> &[u8] {
        self.states.get(number as usize)
    }

    pub fn node(&self, number: u32) -> Option<Node> {
        self.nodes[number as usize]
    }

    /// Remembers the steps of a state, or how schedules end in it.
    pub fn look(
        &mut self,
        number: u32,
        choices: &[Choice],
        threads: usize,
        end: Option<End>,
        touched: impl Fn(Choice) -> Touched,
    ) {
        let first = if choices.is_empty() { self.ends.len() } else { self.choices.len() };
        self.ends.extend(end);
        self.choices.extend_from_slice(choices);
        self.touched.extend(choices.iter().map(|choice| touched(*choice)));
        self.next.resize(self.choices.len(), UNKNOWN);
        let node = Node { first: first as u32, count: choices.len() as u32, threads: threads as u32 };
        self.nodes[number as usize] = Some(node);
    }

    pub fn end(&self, node: Node) -> End {
        self.ends[node.first as usize].clone()
    }
}
