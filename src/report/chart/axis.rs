//! Ticks and numbers: 1-2-5 steps, one unit per axis, at most three significant digits.

/// A unit of time: its name and its length in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// As an axis label writes it.
    pub name: &'static str,
    /// Nanoseconds.
    pub ns: f64,
}

/// The unit in which a value of so many nanoseconds is written.
pub fn unit(largest_ns: f64) -> Unit {
    match largest_ns {
        ns if ns >= 36e12 => Unit { name: "h", ns: 3_600e9 },
        ns if ns >= 600e9 => Unit { name: "min", ns: 60e9 },
        ns if ns >= 1e9 => Unit { name: "s", ns: 1e9 },
        ns if ns >= 1e6 => Unit { name: "ms", ns: 1e6 },
        ns if ns >= 1e3 => Unit { name: "µs", ns: 1e3 },
        _ => Unit { name: "ns", ns: 1.0 },
    }
}

/// The greatest of 1, 2, 5 times a power of ten that gives at least `least` steps up to `max`.
pub fn step(max: f64, least: f64) -> f64 {
    if !(max.is_finite() && max > 0.0) {
        return 1.0;
    }
    let rough = max / least;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let digit = [5.0, 2.0, 1.0].into_iter().find(|digit| digit * power <= rough * 1.000_001).unwrap_or(1.0);
    digit * power
}

/// Ticks from 0 to at most `max`, four to eight of them.
pub fn ticks(max: f64) -> Vec<f64> {
    let step = step(max, 4.0);
    let count = if max.is_finite() && max > 0.0 { (max / step + 1e-6) as usize } else { 0 };
    (0..=count.min(20)).map(|index| index as f64 * step).collect()
}

/// Ticks 1-2-5 per decade from `low` to `high`, thinned to whole decades when there are more than nine.
pub fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let (from, to) = (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
    let all = |digits: &'static [f64]| -> Vec<f64> {
        let decade = |power: i32| digits.iter().map(move |digit| digit * libm::pow(10.0, f64::from(power)));
        let inside = |tick: &f64| *tick >= low * 0.999 && *tick <= high * 1.001;
        (from..=to).flat_map(decade).filter(inside).collect()
    };
    let dense = all(&[1.0, 2.0, 5.0]);
    if dense.len() <= 9 { dense } else { all(&[1.0]) }
}

/// At most three significant digits; fixed spaces between thousands from 10 000 on.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = libm::floor(libm::log10(value.abs())) as i32;
    if digits >= 9 {
        return format!("{:.*}e{digits}", 2, value / libm::pow(10.0, f64::from(digits)));
    }
    let scale = libm::pow(10.0, f64::from((digits - 2).max(0)));
    let rounded = if digits > 2 { libm::round(value / scale) * scale } else { value };
    decimal(rounded, 2 - digits)
}

/// So many decimals, without zeros at the end.
fn decimal(value: f64, decimals: i32) -> String {
    let decimals = decimals.clamp(0, 9) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    grouped(text)
}

/// A whole number with fixed spaces between thousands from 10 000 on.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// The end of a word for so many things.
pub fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let digits = whole.trim_start_matches('-').len();
    if digits < 5 {
        return text.to_owned();
    }
    let mut out = String::new();
    for (index, c) in whole.chars().enumerate() {
        let left = whole.len() - index;
        if index > 0 && left % 3 == 0 && !out.ends_with('-') {
            out.push('\u{a0}');
        }
        out.push(c);
    }
    out + rest
}

/// A length of time with its unit: `100 ms`.
pub fn duration(ns: f64) -> String {
    let unit = unit(ns.abs() * 1.000_5);
    format!("{} {}", number(ns / unit.ns), unit.name)
}

/// A moment with its unit, as exact as a picture of `length` nanoseconds can show it: `1.2346 s` for 50 ms.
pub fn moment(ns: f64, length: f64) -> String {
    let unit = unit(ns.abs().max(length));
    let decimals = -libm::floor(libm::log10((length / 100.0).max(1.0) / unit.ns));
    format!("{} {}", decimal(ns / unit.ns, decimals as i32), unit.name)
}

/// A share as `47 %`; what is more than nothing is never written as 0.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => "–".to_owned(),
        p if p > 0.0 && p < 0.5 => "<1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_four_to_eight_round_steps() {
        assert_eq!(ticks(100.0), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        for max in [1.0, 1.3, 2.1, 4.9, 7.7, 9.99, 140.0, 3_300.0] {
            let count = ticks(max).len();
            assert!((4..=11).contains(&count), "{max}: {count}");
        }
        assert_eq!((ticks(0.0), ticks(f64::NAN)), (vec![0.0], vec![0.0]));
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        let texts = [0.0, 0.012_34, 1.0, 5.31, 40.27, 999.6, 1_342.0, 74_466.0, f64::NAN].map(number);
        assert_eq!(texts, ["0", "0.0123", "1", "5.31", "40.3", "1000", "1340", "74\u{a0}500", "–"]);
        assert_eq!((count(1_074_466), count(4_321)), ("1\u{a0}074\u{a0}466".to_owned(), "4321".to_owned()));
        let moments = [moment(0.0, 5e6), moment(1_234_567_890.0, 50e6), moment(5_089_270.0, 66e6)];
        assert_eq!(moments, ["0 ms", "1.2346 s", "5.1 ms"]);
        assert_eq!([percent(0.001), percent(0.97), percent(0.0)], ["<1 %", "97 %", "0 %"]);
    }
}
