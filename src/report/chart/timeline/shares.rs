//! Many segments: per column the share of time in each state, stacked.

use super::layout::Layout;
use super::row::Row;
use crate::report::scene::{Canvas, Token};
use crate::report::timeline::{STATES, State, kind_of};

/// A column holds so many segments of the busiest lane, so that it shows a share and not the beat of its own width
/// against that of the segments.
const IN_COLUMN: f64 = 8.0;
/// Widest column in pixels: wider ones show too little of what changes over time.
const WIDEST: f64 = 12.0;

/// Width of the columns in whole pixels for a plot of this width. Each kind of lane has a say by the busiest of its
/// kind, except where segments are so long that a column seldom holds the ends of two.
pub fn column_width(rows: &[Row<'_>], plot: f64) -> f64 {
    let busiest = |kind| rows.iter().filter(|row| kind_of(row.lane.group) == kind).map(|row| row.lane.rhythm()).max();
    let kinds = (0..4).filter_map(busiest).map(|segments| segments as f64);
    let beats = kinds.filter(|segments| *segments > plot / WIDEST / 2.0);
    beats.map(|segments| (IN_COLUMN * plot / segments).ceil().clamp(1.0, WIDEST)).fold(1.0, f64::max)
}

/// Painted from the top state down, each from the floor of the lane, so that no paper shines through between two.
pub fn draw(canvas: &Canvas, layout: &Layout<'_>, width: f64) {
    let columns = ((layout.axis.x.1 - layout.axis.x.0) / width).round() as usize;
    let of = |row: &Row<'_>| row.lane.shares(columns, layout.axis.length as u64);
    let all: Vec<Vec<[f64; STATES]>> = layout.rows.iter().map(of).collect();
    for state in State::ALL.into_iter().rev() {
        for (row, shares) in layout.rows.iter().zip(&all) {
            if row.totals[state as usize] > 0 {
                let token = if kind_of(row.lane.group) == 1 { Token::S1 } else { state.token() };
                let tops = shares.iter().map(|all| all[..=state as usize].iter().sum());
                area(canvas, row, token, (layout.axis.x.0, width), tops);
            }
        }
    }
}

/// A stepped area from the floor of the lane.
fn area(canvas: &Canvas, row: &Row<'_>, token: Token, (left, width): (f64, f64), tops: impl Iterator<Item = f64>) {
    let floor = row.top + row.height;
    let mut ring: Vec<(f64, f64)> = Vec::new();
    let close = |ring: &mut Vec<(f64, f64)>, x: f64| {
        if let Some(last) = ring.last().copied() {
            ring.extend([(x, last.1), (x, floor)]);
            canvas.polygon(token, ring);
            ring.clear();
        }
    };
    let mut end = left;
    for (index, top) in tops.enumerate() {
        let x = left + width * index as f64;
        let height = (top.clamp(0.0, 1.0) * row.height * 10.0).round() / 10.0;
        if height == 0.0 {
            close(&mut ring, x);
        } else if let Some(last) = ring.last().copied() {
            if last.1 != floor - height {
                ring.extend([(x, last.1), (x, floor - height)]);
            }
        } else {
            ring.extend([(x, floor), (x, floor - height)]);
        }
        end = x + width;
    }
    close(&mut ring, end);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ProcessId;
    use crate::report::timeline::{Group, Lane};

    /// Two threads hand the GIL to and fro every 5 ms for 5 s: neither ever has more or less than half of the time.
    #[test]
    fn columns_do_not_beat_with_the_switch_interval() {
        let mut lane = Lane::new(Group::Thread(ProcessId(0)), String::new(), false);
        for round in 0..500 {
            lane.set(round * 10_000_000, Some(State::Run), 0);
            lane.set(round * 10_000_000 + 5_000_000, Some(State::Gil), 0);
        }
        lane.close(5_000_000_000);
        let (label, totals) = (String::new(), lane.totals);
        let rows =
            [Row { lane: &lane, segments: None, totals, switches: 0, label, stuck: None, top: 0.0, height: 20.0 }];
        let width = column_width(&rows, 930.0);
        let spread = |width: f64| {
            let shares = lane.shares((930.0 / width) as usize, 5_000_000_000);
            shares.iter().map(|all| (all[State::Run as usize] - 0.5).abs()).fold(0.0, f64::max)
        };
        assert!(spread(1.0) > 0.4 && spread(width) < 0.05, "{width}: {}", spread(width));
    }
}
