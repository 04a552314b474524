//! Where the time of all threads goes: one stacked bar per model.

use super::frame::{self, Key, MARGIN, RIGHT, WIDTH};
use super::{Drawn, Subject, axis};
use crate::metrics::figures::StateTimes;
use crate::report::scene::{Canvas, Label, Token, Weight, font};
use crate::report::timeline::{STATES, State};

const BAR: f64 = 26.0;
const GAP: f64 = 10.0;

struct Bar<'a> {
    model: &'a str,
    label: &'a str,
    whose: &'static str,
    token: Token,
    times: [u64; STATES],
}

impl Bar<'_> {
    fn total(&self) -> u64 {
        self.times.iter().sum()
    }

    fn share(&self, state: State) -> f64 {
        self.times[state as usize] as f64 / self.total().max(1) as f64
    }
}

/// One picture, or none if no thread lived.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    let bars = bars(subject);
    if bars.is_empty() {
        return Vec::new();
    }
    let has_gil = subject.models.iter().any(|model| model.timeline.has_gil);
    let title = title(&bars);
    let present = |state: &State| bars.iter().any(|bar| bar.times[*state as usize] > 0);
    let key = |state: State| Key {
        token: state.token(),
        second: None,
        height: 1.0,
        width: 1.0,
        words: if state == State::Run && has_gil { "running (holds the GIL, if any)" } else { state.words(has_gil) },
        mark: None,
    };
    let keys: Vec<Key> = State::ALL.into_iter().filter(present).map(key).collect();
    let top = 92.0 + frame::LEGEND_ROW * f64::from(frame::legend_rows(&keys));
    let bottom = top + bars.len() as f64 * (BAR + GAP);
    let canvas = Canvas::new(WIDTH, (bottom + 50.0) as u32, &title);
    let subtitle = format!(
        "{}: share of the life of all threads together (coroutines: of all coroutines){}; {}",
        subject.title,
        if subject.models.iter().any(|model| model.series.warm_up.0 > 0) { ", after warm-up" } else { "" },
        subject.seed_words()
    );
    frame::heading(&canvas, &title, &subtitle);
    frame::legend(&canvas, &keys);
    plot(&canvas, &bars, (top, bottom));
    vec![Drawn { stem: "states".to_owned(), scene: canvas.finish() }]
}

fn bars<'a>(subject: &Subject<'a>) -> Vec<Bar<'a>> {
    let mut bars = Vec::new();
    for (index, model) in subject.models.iter().enumerate() {
        let token = Token::series(index).1;
        let name = model.name.as_str();
        let bar = |label, whose, times| Bar { model: name, label, whose, token, times };
        bars.push(bar(name, "threads'", times(&model.figures.threads)));
        bars.push(bar("its coroutines", "coroutines'", times(&model.figures.coroutines)));
    }
    bars.retain(|bar| bar.total() > 0);
    bars
}

/// The nanoseconds by state, in the order of `State::ALL`.
fn times(t: &StateTimes) -> [u64; STATES] {
    t.parts().map(|time| time.0)
}

fn plot(canvas: &Canvas, bars: &[Bar<'_>], (top, bottom): (f64, f64)) {
    let widest = bars.iter().map(|bar| font::width(bar.label, 12.0, Weight::SemiBold)).fold(60.0, f64::max);
    let left = MARGIN + widest.min(280.0) + 12.0;
    let right = RIGHT - 92.0;
    let across = |share: f64| left + (right - left) * share;
    canvas.text((RIGHT, top - 8.0), &Label::new("in total").size(11.0).token(Token::Muted).end());
    let mut labels = Vec::new();
    for (index, bar) in bars.iter().enumerate() {
        let y = top + index as f64 * (BAR + GAP);
        let name = font::fit(bar.label, 280.0, 12.0, Weight::SemiBold);
        canvas.text((left - 12.0, y + BAR / 2.0 + 4.3), &Label::new(&name).size(12.0).bold().token(bar.token).end());
        let total = axis::duration(bar.total() as f64);
        canvas.text((RIGHT, y + BAR / 2.0 + 4.3), &Label::new(&total).size(12.0).token(Token::Muted).end());
        let mut sum = 0.0;
        for state in State::ALL {
            let share = bar.share(state);
            let (from, to) = (across(sum), across(sum + share));
            canvas.rect(state.token(), (from, y), (to, y + BAR));
            let words = axis::percent(share);
            if to - from > font::width(&words, 11.0, Weight::Regular) + 8.0 {
                labels.push((((from + to) / 2.0, y + BAR / 2.0 + 4.0), words, state.text_token()));
            }
            sum += share;
        }
    }
    for (at, words, token) in labels {
        canvas.text(at, &Label::new(&words).size(11.0).token(token).middle());
    }
    canvas.rect(Token::Axis, (left, bottom), (right, bottom + 1.0));
    for percent in [0, 25, 50, 75, 100] {
        let x = across(f64::from(percent) / 100.0);
        canvas.rect(Token::Axis, (x - 0.5, bottom), (x + 0.5, bottom + 5.0));
        let words = format!("{percent} %");
        canvas.text((x, bottom + 19.0), &Label::new(&words).size(12.0).token(Token::Muted).middle());
    }
}

/// The greatest share of waiting for the GIL, a core or a lock, if there is one worth a title.
fn title(bars: &[Bar<'_>]) -> String {
    let waits = [(State::Gil, "waiting for the GIL"), (State::Lock, "waiting for locks")];
    let all = bars.iter().flat_map(|bar| waits.map(|(state, words)| (bar.share(state), bar, words)));
    match all.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((share, bar, words)) if share >= 0.05 => {
            format!("{}: {} of the {} time is spent {words}", bar.model, axis::percent(share), bar.whose)
        }
        _ => most(bars),
    }
}

/// Where most time goes, if it is not waiting: the greatest share of all threads.
fn most(bars: &[Bar<'_>]) -> String {
    let threads = bars.iter().filter(|bar| bar.whose == "threads'");
    let all = threads.flat_map(|bar| State::ALL.map(|state| (bar.share(state), bar, state)));
    let Some((share, bar, state)) = all.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return "Where the threads' time goes".to_owned();
    };
    let words = match state {
        State::Run => "running",
        State::Native => "running with the GIL released",
        State::Switching => "in context switches",
        State::Ready => "ready, waiting to run",
        State::Gil => "waiting for the GIL",
        State::Lock => "waiting for locks",
        State::Signal => "waiting for signals",
        State::Io => "blocked on IO",
        State::Sleep => "sleeping",
        State::Join => "waiting for children",
        State::Idle => "without work",
    };
    format!("{}: {} of the {} time is spent {words}", bar.model, axis::percent(share), bar.whose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_names_a_wait_or_else_what_takes_most_time() {
        let bar = |model, state: State, share: u64| {
            let mut times = [0; STATES];
            times[State::Run as usize] = 100 - share;
            times[state as usize] += share;
            Bar { model, label: model, whose: "threads'", token: Token::Ink, times }
        };
        let bars = [bar("A", State::Io, 55), bar("B", State::Idle, 72)];
        assert_eq!(title(&bars), "B: 72 % of the threads' time is spent without work");
        let bars = [bar("A", State::Gil, 6), bar("B", State::Idle, 72)];
        assert_eq!(title(&bars), "A: 6 % of the threads' time is spent waiting for the GIL");
    }
}
