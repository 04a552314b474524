//! Devices: requests are served in order of submission, a limited or unlimited number at a time.

use std::collections::VecDeque;

use crate::id::RequestId;

/// One device: its free slots and its queue.
#[derive(Clone, Debug, Hash)]
pub struct Device {
    /// `None` for any number.
    free: Option<u32>,
    // Invariant: empty while a slot is free.
    queue: VecDeque<RequestId>,
}

impl Device {
    /// A device that serves `slots` requests at once.
    pub fn new(slots: Option<u32>) -> Device {
        Device { free: slots, queue: VecDeque::new() }
    }

    /// A request arrives. Whether its service begins now; else it waits in line.
    #[must_use = "a request that is served now needs a completion event"]
    pub fn submit(&mut self, request: RequestId) -> bool {
        match &mut self.free {
            None => true,
            Some(0) => {
                self.queue.push_back(request);
                false
            }
            Some(free) => {
                *free -= 1;
                true
            }
        }
    }

    /// The request leaves the queue. Whether it stood in it: one that is served goes on.
    pub fn withdraw(&mut self, request: RequestId) -> bool {
        let place = self.queue.iter().position(|queued| *queued == request);
        place.and_then(|place| self.queue.remove(place)).is_some()
    }

    /// A request is served. The one whose service begins in its place.
    #[must_use = "the next request needs a completion event"]
    pub fn finish(&mut self) -> Option<RequestId> {
        let next = self.queue.pop_front();
        if let (None, Some(free)) = (next, &mut self.free) {
            *free += 1;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_beyond_the_slots_wait_in_order() {
        let mut device = Device::new(Some(1));
        assert!(device.submit(RequestId(0)));
        assert!(!device.submit(RequestId(1)));
        assert!(!device.submit(RequestId(2)));
        assert_eq!([device.finish(), device.finish(), device.finish()], [Some(RequestId(1)), Some(RequestId(2)), None]);
        assert!(device.submit(RequestId(3)));
    }
}
