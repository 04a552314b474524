//! Whom socket calls talk to, as a scenario writes it.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::{Arrive, When};
use crate::net::Wake;
use crate::time::Duration;

/// Somebody to be connected with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Peer {
    /// Somebody outside, who answers.
    Host {
        /// One way; half of a round trip.
        latency: Duration,
        /// Of one connection, each way; no limit if left out.
        #[serde(default)]
        bandwidth: Option<Bandwidth>,
        /// From the arrival of what was sent to the answer.
        #[serde(default = "at_once")]
        reply: When,
        /// How much the answer to one `Send` is.
        #[serde(default = "some_bytes")]
        size: Size,
        /// What a call copies into, at the scenario's end.
        #[serde(default = "send_buffer")]
        send_buffer: Size,
        /// What each end keeps until it is read.
        #[serde(default = "recv_buffer")]
        recv_buffer: Size,
        /// How long a blocking call may wait.
        #[serde(default)]
        timeout: Option<Duration>,
    },
    /// A socket that tasks accept connections from.
    Listener {
        /// One way; half of a round trip.
        #[serde(default)]
        latency: Duration,
        /// Of one connection, each way; no limit if left out.
        #[serde(default)]
        bandwidth: Option<Bandwidth>,
        /// How many connections wait to be accepted, and one more; others are refused.
        #[serde(default = "backlog")]
        backlog: u32,
        /// Whom a connection wakes.
        #[serde(default)]
        wake: Option<Wake>,
        /// Clients that are no tasks of the scenario.
        #[serde(default)]
        clients: Option<Clients>,
        /// What a call copies into, at both ends.
        #[serde(default = "send_buffer")]
        send_buffer: Size,
        /// What each end keeps until it is read.
        #[serde(default = "recv_buffer")]
        recv_buffer: Size,
        /// How long a blocking call may wait.
        #[serde(default)]
        timeout: Option<Duration>,
    },
}

/// Clients outside: each connects, sends a request, reads what comes until the other end closes, and closes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// When they connect.
    pub arrive: Arrive,
    /// How many; 1 for those that are there at once, unlimited for others.
    #[serde(default)]
    pub count: Option<u32>,
    /// What each sends.
    pub request: Size,
}

fn at_once() -> When {
    When::Fixed(Duration::ZERO)
}

fn some_bytes() -> Size {
    Size(1_000)
}

/// `SOMAXCONN` of Linux before 5.4, and what `socket.listen()` of Python asks for at most.
fn backlog() -> u32 {
    128
}

/// `net.ipv4.tcp_wmem` and `tcp_rmem`, before any tuning.
fn send_buffer() -> Size {
    Size(16_384)
}

fn recv_buffer() -> Size {
    Size(131_072)
}

/// A number of bytes: `"100kB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

/// Bytes per second: `"10MB/s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth(pub u64);

/// Units of bytes, as the SI has them, and powers of two.
const UNITS: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("KiB", 1_024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TB", 1e12),
    ("TiB", 1_099_511_627_776.0),
];

/// The largest size: what a float counts exactly.
const LARGEST: f64 = 1e15;

impl Size {
    /// Reads `"100kB"`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Size, String> {
        let text = text.trim();
        let unit = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = (text[..unit].trim(), text[unit..].trim());
        let number: f64 = number.parse().map_err(|_| "a size starts with a number, such as \"100kB\"".to_owned())?;
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err("a size needs a unit: B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, such as \"100kB\"".to_owned());
        };
        if number < 0.0 {
            return Err("a size cannot be negative".to_owned());
        }
        let bytes = number * factor + 0.5;
        if !(0.0..LARGEST).contains(&bytes) {
            return Err("a size is less than 1000 TB".to_owned());
        }
        if unit == "B" && number.fract() != 0.0 {
            return Err(format!("a byte is not divided: write \"{}B\"", bytes as u64));
        }
        Ok(Size(bytes as u64))
    }
}

impl Bandwidth {
    /// Reads `"10MB/s"`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Bandwidth, String> {
        let example = "a bandwidth is a size per second, such as \"10MB/s\"";
        let size = text.trim().strip_suffix("/s").ok_or(example)?;
        match Size::parse(size) {
            Ok(Size(0)) => {
                Err("a bandwidth is greater than zero, such as \"10MB/s\"; without a limit it is left out".to_owned())
            }
            Ok(Size(bytes)) => Ok(Bandwidth(bytes)),
            Err(_) => Err(example.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        Size::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Bandwidth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bandwidth, D::Error> {
        Bandwidth::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("80B", 80),
            ("100kB", 100_000),
            ("1.5MB", 1_500_000),
            ("16 KiB", 16_384),
            ("0B", 0),
            ("1TB", 1_000_000_000_000),
        ] {
            assert_eq!(Size::parse(text), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "100", "kB", "-1B", "1.5B", "1000TB", "1e99GB", "nanB"] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bandwidths_are_sizes_per_second() {
        assert_eq!(Bandwidth::parse("2MB/s"), Ok(Bandwidth(2_000_000)));
        for text in ["2MB", "2MB/min", "0B/s", "/s", "2/s"] {
            assert!(Bandwidth::parse(text).is_err(), "{text}");
        }
    }
}
