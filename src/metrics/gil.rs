//! Who held a GIL how long, and who waited.

use super::clock::clipped;
use super::figures::GilFigures;
use super::sample::Sample;
use crate::id::{ProcessId, ThreadId};
use crate::time::{Duration, Time};
use crate::trace::On;

/// Accounts of the GILs of all processes.
#[derive(Clone, Debug)]
pub struct Gils {
    warm_up: u64,
    gils: Vec<Option<Box<Gil>>>,
    /// By thread: since when it has waited for its GIL.
    waits: Vec<Option<u64>>,
}

#[derive(Clone, Debug, Default)]
struct Gil {
    held: u64,
    holder: Option<ThreadId>,
    since: u64,
    last: Option<ThreadId>,
    switches: u64,
    requests: u64,
    forced: u64,
    hold: Sample,
    wait: Sample,
}

impl Gils {
    pub fn new(warm_up: Duration) -> Gils {
        Gils { warm_up: warm_up.0, gils: Vec::new(), waits: Vec::new() }
    }

    #[inline]
    pub fn block(&mut self, thread: ThreadId, on: On, now: Time) {
        if !matches!(on, On::Gil | On::GilSwitch) {
            return;
        }
        if self.waits.len() <= thread.index() {
            self.waits.resize(thread.index() + 1, None);
        }
        // A waiter that times out waits again: one wait, until it has the lock.
        self.waits[thread.index()].get_or_insert(now.0);
    }

    pub fn request(&mut self, process: ProcessId, now: Time) {
        let counted = now.0 >= self.warm_up;
        self.gil(process).requests += u64::from(counted);
    }

    #[inline]
    pub fn take(&mut self, process: ProcessId, thread: ThreadId, now: Time) {
        let warm_up = self.warm_up;
        let waited = self.waits.get_mut(thread.index()).and_then(Option::take);
        let gil = self.gil(process);
        gil.holder = Some(thread);
        gil.since = now.0;
        // The first take of all comes from nobody: nothing changed hands.
        let from_another = gil.last.replace(thread).is_some_and(|last| last != thread);
        gil.switches += u64::from(from_another && now.0 >= warm_up);
        if let Some(since) = waited
            && since >= warm_up
        {
            gil.wait.add(now.0 - since);
        }
    }

    #[inline]
    pub fn release(&mut self, process: ProcessId, forced: bool, now: Time) {
        let warm_up = self.warm_up;
        let gil = self.gil(process);
        gil.holder = None;
        gil.held += clipped(gil.since, now.0, warm_up);
        gil.forced += u64::from(forced && now.0 >= warm_up);
        if gil.since >= warm_up {
            gil.hold.add(now.0 - gil.since);
        }
    }

    pub fn finish(mut self, now: Time) -> Vec<GilFigures> {
        let window = now.0.saturating_sub(self.warm_up);
        let warm_up = self.warm_up;
        let gils = self.gils.iter_mut().enumerate();
        let figures = gils.filter_map(|(process, gil)| {
            let gil = gil.as_mut()?;
            if gil.holder.is_some() {
                gil.held += clipped(gil.since, now.0, warm_up);
            }
            Some(GilFigures {
                process: process as u32,
                held: if window == 0 { 0.0 } else { gil.held as f64 / window as f64 },
                switches: gil.switches,
                requests: gil.requests,
                forced: gil.forced,
                hold: gil.hold.summary(),
                wait: gil.wait.summary(),
            })
        });
        figures.collect()
    }

    fn gil(&mut self, process: ProcessId) -> &mut Gil {
        if self.gils.len() <= process.index() {
            self.gils.resize_with(process.index() + 1, || None);
        }
        self.gils[process.index()].get_or_insert_default()
    }
}
