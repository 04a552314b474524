//! Devices: every request is served once, in order, for exactly its latency, in a slot.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rule::{Reports, Rule};
use crate::id::{DeviceId, RequestId};
use crate::model::Model;
use crate::time::{Duration, Time};
use crate::trace::{Record, What};

#[derive(Debug)]
struct Device {
    slots: Option<u32>,
    serving: u32,
    queue: VecDeque<RequestId>,
    /// The integral of the number of requests over time, and the sum of the times of those that are done.
    area: u128,
    times: u128,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    device: DeviceId,
    submitted: Time,
    /// When it will be done, once it is started.
    end: Option<Time>,
}

/// All devices and the requests that are under way.
#[derive(Debug)]
pub(super) struct Devices {
    devices: Vec<Device>,
    requests: BTreeMap<RequestId, Request>,
    /// The ends of those that are served, the next one first.
    ends: BTreeSet<(Time, RequestId)>,
}

impl Devices {
    pub fn new(model: &Model) -> Devices {
        let device = |device: &crate::model::Device| Device {
            slots: device.slots,
            serving: 0,
            queue: VecDeque::new(),
            area: 0,
            times: 0,
        };
        Devices {
            devices: model.devices.iter().map(device).collect(),
            requests: BTreeMap::new(),
            ends: BTreeSet::new(),
        }
    }

    pub fn settle(&mut self, next: Time, reports: &mut Reports) {
        for (number, device) in self.devices.iter_mut().enumerate() {
            let there = u128::from(device.serving) + device.queue.len() as u128;
            device.area += there * u128::from(next.0.saturating_sub(reports.now.0));
            let free = device.slots.is_none_or(|slots| device.serving < slots);
            let idle = free && !device.queue.is_empty();
            reports.require(!idle, Rule::IoWorkConserving, || {
                format!("device {number} has a free slot and {:?} waits", device.queue[0])
            });
        }
        let overdue = self.ends.first().filter(|(end, _)| *end < next && *end >= reports.now);
        reports.require(overdue.is_none(), Rule::IoLatency, || format!("not done in time: {overdue:?}"));
    }

    pub fn record(&mut self, record: &Record, reports: &mut Reports) {
        let (What::IoSubmit { device, .. }
        | What::IoStart { device, .. }
        | What::IoDone { device, .. }
        | What::IoWithdraw { device, .. }) = record.what
        else {
            return;
        };
        if device.index() >= self.devices.len() {
            return reports.require(false, Rule::Existence, || format!("there is no {device:?}"));
        }
        match record.what {
            What::IoSubmit { device, request, .. } => self.submit(device, request, reports),
            What::IoStart { device, request, latency } => self.start(device, request, latency, reports),
            What::IoDone { device, request } => self.done(device, request, reports),
            What::IoWithdraw { device, request } => self.withdraw(device, request, reports),
            _ => {}
        }
    }

    fn submit(&mut self, device: DeviceId, request: RequestId, reports: &mut Reports) {
        let twice = self.requests.insert(request, Request { device, submitted: reports.now, end: None }).is_some();
        reports.require(!twice, Rule::IoOnce, || format!("{request:?} is submitted a second time"));
        self.devices[device.index()].queue.push_back(request);
    }

    fn start(&mut self, id: DeviceId, request: RequestId, latency: Duration, reports: &mut Reports) {
        let device = &mut self.devices[id.index()];
        let place = device.queue.iter().position(|queued| *queued == request);
        let Some(place) = place else {
            return reports.require(false, Rule::IoOnce, || format!("{request:?} starts on {id:?} without a queue"));
        };
        reports.require(place == 0, Rule::IoOrder, || format!("{request:?} starts before {:?}", device.queue[0]));
        device.queue.remove(place);
        device.serving += 1;
        let fits = device.slots.is_none_or(|slots| device.serving <= slots);
        reports.require(fits, Rule::IoSlots, || format!("{id:?} serves {} requests", device.serving));
        let end = reports.now + latency;
        self.ends.insert((end, request));
        if let Some(found) = self.requests.get_mut(&request) {
            found.end = Some(end);
        }
    }

    /// One that is served is served to its end.
    fn withdraw(&mut self, id: DeviceId, request: RequestId, reports: &mut Reports) {
        let found = self.requests.get(&request).copied().filter(|found| found.device == id);
        let Some(found) = found else {
            return reports.require(false, Rule::IoOnce, || format!("{request:?} is withdrawn but not on {id:?}"));
        };
        if found.end.is_none() {
            let device = &mut self.devices[id.index()];
            device.queue.retain(|queued| *queued != request);
            device.times += u128::from(reports.now.since(found.submitted).0);
            self.requests.remove(&request);
        }
    }

    fn done(&mut self, id: DeviceId, request: RequestId, reports: &mut Reports) {
        let found = self.requests.get(&request).copied().filter(|found| found.device == id);
        let Some(Request { end: Some(end), submitted, .. }) = found else {
            return reports
                .require(false, Rule::IoOnce, || format!("{request:?} is done but {id:?} does not serve it"));
        };
        let now = reports.now;
        reports.require(now == end, Rule::IoLatency, || {
            format!("{request:?} is done at {} ns instead of {} ns", now.0, end.0)
        });
        self.requests.remove(&request);
        self.ends.remove(&(end, request));
        let device = &mut self.devices[id.index()];
        device.serving -= 1;
        device.times += u128::from(now.since(submitted).0);
    }

    pub fn finish(&self, finished: bool, reports: &mut Reports) {
        let open = self.requests.keys().next().filter(|_| finished);
        reports.require(open.is_none(), Rule::Ending, || format!("{open:?} is under way"));
        for (number, device) in self.devices.iter().enumerate() {
            let open = self.requests.values().filter(|request| request.device.index() == number);
            let open: u128 = open.map(|request| u128::from(reports.now.0.saturating_sub(request.submitted.0))).sum();
            let (area, times) = (device.area, device.times + open);
            reports.require(area == times, Rule::LittlesLaw, || {
                format!("device {number}: {area} ns of requests, {times} ns of times")
            });
        }
    }
}
