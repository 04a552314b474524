//! States as short strings of bytes: a million of them fit into memory, and equal states are equal bytes.

use super::machine::Machine;
use super::packed_task::{pack_task, unpack_task};
use super::state::{Deadline, Life, NOBODY, Origin, Owner, Pause, State, Task, Thing, Thread, Wrong};
use crate::id::{ProgramId, TaskId};

/// Different states in the order in which they were put in.
#[derive(Default)]
pub struct Packed {
    bytes: Vec<u8>,
    /// By state: where it begins; one more for the end.
    first: Vec<usize>,
    /// Numbers of states by hash, in open addressing; `EMPTY` where there is none.
    table: Vec<u32>,
}

const EMPTY: u32 = u32::MAX;

impl Packed {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.first.len().saturating_sub(1)
    }

    /// What all of them take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of a state.
    pub fn get(&self, number: usize) -> &[u8] {
        &self.bytes[self.first[number]..self.first[number + 1]]
    }

    /// The number of the state, if it is there.
    pub fn find(&self, state: &[u8]) -> Option<u32> {
        let mask = self.table.len().checked_sub(1)?;
        let mut place = hash(state) as usize & mask;
        loop {
            match self.table[place] {
                EMPTY => return None,
                number if self.get(number as usize) == state => return Some(number),
                _ => place = (place + 1) & mask,
            }
        }
    }

    /// The number of the state, which is put in if it is not there.
    pub fn number(&mut self, state: &[u8]) -> u32 {
        if self.first.is_empty() {
            self.first.push(0);
        }
        if (self.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut place = hash(state) as usize & mask;
        loop {
            match self.table[place] {
                EMPTY => break,
                number if self.get(number as usize) == state => return number,
                _ => place = (place + 1) & mask,
            }
        }
        let number = self.len() as u32;
        self.table[place] = number;
        self.bytes.extend_from_slice(state);
        self.first.push(self.bytes.len());
        number
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(64);
        let mut table = vec![EMPTY; size];
        for number in 0..self.len() {
            let mut place = hash(self.get(number)) as usize & (size - 1);
            while table[place] != EMPTY {
                place = (place + 1) & (size - 1);
            }
            table[place] = number as u32;
        }
        self.table = table;
    }
}

/// Multiply and fold, eight bytes at a time.
fn hash(bytes: &[u8]) -> u64 {
    let mut sum = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        sum = fold(sum ^ u64::from_le_bytes(word));
    }
    sum
}

/// One round of it.
pub(super) fn fold(word: u64) -> u64 {
    let product = u128::from(word ^ 0x9e37_79b9_7f4a_7c15) * 0xd134_2543_de82_ef95_u128;
    (product as u64) ^ (product >> 64) as u64
}

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, ((number << 1) ^ (number >> 63)) as u64);
}

/// Reads what was put.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    #[inline]
    pub fn get(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.bytes[self.at];
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    fn signed(&mut self) -> i64 {
        let number = self.get();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }
}

impl Machine<'_> {
    /// The bytes of a state.
    pub(super) fn pack(&self, state: &State, out: &mut Vec<u8>) {
        out.clear();
        put(out, u64::from(state.processes));
        state.vars.iter().for_each(|var| put_signed(out, *var));
        for owner in &state.owners {
            put(out, u64::from(owner.thread.wrapping_add(1)));
            if !owner.is_none() {
                put(out, u64::from(owner.again));
            }
        }
        state.things.iter().for_each(|thing| pack_thing(thing, out));
        for (references, freed) in &state.objects {
            put_signed(out, i64::from(*references) << 1 | i64::from(*freed));
        }
        for taken in state.taken.chunks(7) {
            out.push(taken.iter().enumerate().map(|(n, taken)| u8::from(*taken) << n).sum());
        }
        state.ended.iter().chain(&state.spawned).for_each(|count| put(out, u64::from(*count)));
        state.busy.iter().for_each(|thread| put(out, u64::from(thread.wrapping_add(1))));
        put(
            out,
            match state.wrong {
                None => 0,
                Some(Wrong::Op(op)) => u64::from(op) << 1 | 1,
                Some(Wrong::Moment(moment)) => (u64::from(moment) + 1) << 1,
                Some(Wrong::Passed(thread)) => (u64::from(thread) + 1) << 1 | 1 << 32,
            },
        );
        put(out, state.seen);
        for (number, thread) in state.threads.iter().enumerate() {
            pack_thread(thread, out);
            state.locals[number * self.locals..][..self.locals].iter().for_each(|local| put_signed(out, *local));
            if self.bypass.is_some() {
                put(out, u64::from(state.passed.get(number).copied().unwrap_or(0)));
            }
        }
    }

    /// The state of the bytes.
    pub(super) fn unpack(&self, bytes: &[u8], state: &mut State) {
        let mut from = Reader { bytes, at: 0 };
        let of = &mut from;
        state.processes = of.get() as u16;
        let processes = state.processes as usize;
        state.vars.clear();
        state.vars.extend((0..self.model.vars.len() * processes).map(|_| of.signed()));
        state.owners.clear();
        state.owners.extend((0..self.model.locks.len() * processes).map(|_| {
            let thread = (of.get() as u16).wrapping_sub(1);
            Owner { thread, again: if thread == NOBODY { 0 } else { of.get() as u16 } }
        }));
        // Those of the last state are of the same kinds, and their memory can be used.
        let things = self.model.syncs.len() * processes;
        state.things.truncate(things);
        while state.things.len() < things {
            state.things.extend(self.things());
        }
        state.things.iter_mut().for_each(|thing| unpack_thing(thing, of));
        state.objects.clear();
        state.objects.extend((0..self.model.objects.len() * processes).map(|_| {
            let number = of.signed();
            ((number >> 1) as i32, number & 1 == 1)
        }));
        let jobs = self.jobs.len();
        state.taken.clear();
        while state.taken.len() < jobs {
            let bits = of.get();
            let most = (jobs - state.taken.len()).min(7);
            state.taken.extend((0..most).map(|n| bits >> n & 1 == 1));
        }
        state.ended.iter_mut().chain(&mut state.spawned).for_each(|count| *count = of.get() as u32);
        state.busy.clear();
        let loops = if self.loops { processes } else { 0 };
        state.busy.extend((0..loops).map(|_| (of.get() as u16).wrapping_sub(1)));
        state.wrong = match of.get() {
            0 => None,
            op if op & 1 == 1 => Some(Wrong::Op((op >> 1) as u32)),
            thread if thread >> 32 == 1 => Some(Wrong::Passed((thread as u32 >> 1) as u16 - 1)),
            moment => Some(Wrong::Moment((moment >> 1) as u16 - 1)),
        };
        state.seen = of.get();
        let mut threads = 0;
        state.locals.clear();
        state.passed.clear();
        while from.at < bytes.len() {
            if state.threads.len() == threads {
                state.threads.push(self.thread(Origin::Worker { number: 0, job: None }, 0));
            }
            unpack_thread(&mut state.threads[threads], self.tracks, &mut from);
            state.locals.extend((0..self.locals).map(|_| from.signed()));
            if self.bypass.is_some() {
                state.passed.push(from.get() as u32);
            }
            threads += 1;
        }
        state.threads.truncate(threads);
    }
}

fn pack_thing(thing: &Thing, out: &mut Vec<u8>) {
    let list = |list: &[u16], out: &mut Vec<u8>| {
        put(out, list.len() as u64);
        list.iter().for_each(|thread| put(out, u64::from(*thread)));
    };
    match thing {
        Thing::Permits(permits) => put(out, u64::from(*permits)),
        Thing::Flag(set) => put(out, u64::from(*set)),
        Thing::Waiting(waiting) => list(waiting, out),
        Thing::Meeting { come, leaving } => {
            list(come, out);
            list(leaving, out);
        }
        Thing::Items(items) => {
            put(out, items.len() as u64);
            items.iter().for_each(|item| put_signed(out, *item));
        }
        Thing::Holders { readers, writer } => {
            list(readers, out);
            put(out, u64::from(writer.wrapping_add(1)));
        }
    }
}

fn unpack_thing(thing: &mut Thing, of: &mut Reader<'_>) {
    let list = |list: &mut Vec<u16>, of: &mut Reader<'_>| {
        list.clear();
        let length = of.get();
        list.extend((0..length).map(|_| of.get() as u16));
    };
    match thing {
        Thing::Permits(permits) => *permits = of.get() as u32,
        Thing::Flag(set) => *set = of.get() == 1,
        Thing::Waiting(waiting) => list(waiting, of),
        Thing::Meeting { come, leaving } => {
            list(come, of);
            list(leaving, of);
        }
        Thing::Items(items) => {
            items.clear();
            let length = of.get();
            items.extend((0..length).map(|_| of.signed()));
        }
        Thing::Holders { readers, writer } => {
            list(readers, of);
            *writer = (of.get() as u16).wrapping_sub(1);
        }
    }
}

/// Whether the place in its program matters: of steps also before a thread has begun them.
fn goes_on(thread: &Thread) -> bool {
    let waits = thread.life == Life::Waiting && matches!(thread.origin, Origin::Steps { .. });
    thread.life == Life::Going || waits
}

fn pack_thread(thread: &Thread, out: &mut Vec<u8>) {
    let (kind, first, second) = match thread.origin {
        Origin::Worker { number, job } => (0, number, job.map_or(0, |job| job + 1)),
        Origin::Job { task, index } => (1, task.0, index),
        Origin::Spawned { program, index } => (2, program.0, index),
        Origin::Steps { of, nth } => (3, u32::from(of), u32::from(nth)),
    };
    let life = match thread.life {
        Life::Waiting => 0,
        Life::Going => 1,
        Life::Over => 2,
    };
    let pause = match thread.pause {
        Pause::No => 0,
        Pause::Begin => 1,
        Pause::Until => 2,
        Pause::Together => 3,
        Pause::Steps => 4,
        Pause::Creates => 5,
        Pause::Resume => 6,
    };
    out.push(kind | life << 2 | pause << 4 | u8::from(thread.daemon) << 7);
    [u64::from(first), u64::from(second), u64::from(thread.process)].into_iter().for_each(|word| put(out, word));
    put(out, u64::from(thread.parent.wrapping_add(1)));
    put(out, u64::from(thread.blocking) << 1 | u64::from(thread.coroutine));
    if goes_on(thread) {
        put(out, u64::from(thread.pc));
        put(out, thread.stack.len() as u64);
        thread.stack.iter().for_each(|word| put(out, u64::from(*word)));
        put(out, thread.registers.len() as u64);
        thread.registers.iter().for_each(|register| put_signed(out, *register));
        put(out, thread.deadlines.len() as u64);
        thread.deadlines.iter().for_each(|one| put(out, u64::from(one.before) << 1 | u64::from(one.over)));
    }
    if thread.life == Life::Going
        && let Some(task) = &thread.task
    {
        pack_task(task, out);
    }
}

fn unpack_thread(thread: &mut Thread, tracks: bool, of: &mut Reader<'_>) {
    let head = of.bytes[of.at];
    of.at += 1;
    let (first, second) = (of.get() as u32, of.get() as u32);
    thread.origin = match head & 3 {
        0 => Origin::Worker { number: first, job: second.checked_sub(1) },
        1 => Origin::Job { task: TaskId(first), index: second },
        2 => Origin::Spawned { program: ProgramId(first), index: second },
        _ => Origin::Steps { of: first as u16, nth: second as u16 },
    };
    thread.life = match head >> 2 & 3 {
        0 => Life::Waiting,
        1 => Life::Going,
        _ => Life::Over,
    };
    thread.daemon = head >> 7 == 1;
    thread.pause = match head >> 4 & 7 {
        0 => Pause::No,
        1 => Pause::Begin,
        2 => Pause::Until,
        3 => Pause::Together,
        4 => Pause::Steps,
        5 => Pause::Creates,
        _ => Pause::Resume,
    };
    thread.process = of.get() as u16;
    thread.parent = (of.get() as u16).wrapping_sub(1);
    let blocking = of.get();
    (thread.blocking, thread.coroutine) = ((blocking >> 1) as u16, blocking & 1 == 1);
    thread.pc = 0;
    thread.stack.clear();
    thread.registers.clear();
    thread.deadlines.clear();
    if goes_on(thread) {
        thread.pc = of.get() as u32;
        let stack = of.get();
        thread.stack.extend((0..stack).map(|_| of.get() as u32));
        let registers = of.get();
        thread.registers.extend((0..registers).map(|_| of.signed()));
        let deadlines = of.get();
        thread.deadlines.extend((0..deadlines).map(|_| {
            let word = of.get();
            Deadline { over: word & 1 == 1, before: (word >> 1) as u16 }
        }));
    }
    if !(tracks && thread.coroutine) || thread.life == Life::Over {
        thread.task = None;
    } else {
        let task = thread.task.get_or_insert_default();
        match thread.life {
            Life::Going => unpack_task(task, of),
            _ => **task = Task::default(),
        }
    }
}
