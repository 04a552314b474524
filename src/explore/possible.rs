//! What must be possible: in at least one schedule.

use super::machine::Machine;
use super::property::{Failure, Property};
use super::state::{State, Wrong};
use super::step::Choice;
use crate::id::ObjectId;
use crate::model::Op;
use crate::scenario::expect::ObjectEnd;

impl Property {
    /// How many things must be possible.
    pub(super) fn possibilities(&self) -> usize {
        self.reached.len() + self.at_ends()
    }

    fn at_ends(&self) -> usize {
        self.possible.len() + self.possible_ends.len() + self.objects.len() + usize::from(self.deadlock)
    }

    /// One of them, in words.
    pub(super) fn possibility(&self, machine: &Machine<'_>, place: usize) -> String {
        match place.checked_sub(self.reached.len()) {
            None => self.reached[place].text.clone(),
            Some(place) => self.end_text(machine, place),
        }
    }

    fn end_text(&self, machine: &Machine<'_>, place: usize) -> String {
        let texts = self.possible.iter().map(|last| last.text.clone());
        let texts = texts.chain(self.possible_ends.iter().map(|end| end.text.clone()));
        let objects = self.objects.iter().map(|(object, end)| format!("{end:?}(\"{}\")", machine.object_name(*object)));
        texts.chain(objects).nth(place).unwrap_or_else(|| "Deadlock".to_owned())
    }

    /// Whether a state in which nobody can take a step is what must be possible.
    fn is_shown(&self, machine: &Machine<'_>, state: &State, place: usize) -> bool {
        let (lasts, ends, objects) = (self.possible.len(), self.possible_ends.len(), self.objects.len());
        if place < lasts {
            let last = &self.possible[place];
            last.bounds.contain(&state.vars[last.var.index()])
        } else if place < lasts + ends {
            self.possible_ends[place - lasts].holds(state)
        } else if place < lasts + ends + objects {
            ends_so(machine, state, self.objects[place - lasts - ends])
        } else {
            matches!(Property::default().at_end(machine, state), Some(Failure::Deadlock(_)))
        }
    }

    /// What must be possible at the end of some schedule and is so in none of these states, in words.
    pub(super) fn missing(&self, machine: &Machine<'_>, ends: &[State]) -> Option<String> {
        let missing = |place: &usize| !ends.iter().any(|state| self.is_shown(machine, state, *place));
        (0..self.at_ends()).find(missing).map(|place| self.end_text(machine, place))
    }

    /// Notes what happened in a schedule.
    pub(super) fn note_possibilities(&self, machine: &Machine<'_>, steps: &[Choice], shown: &mut [bool]) {
        let mut state = machine.start();
        let note = |state: &State, shown: &mut [bool]| {
            for (shown, asked) in shown.iter_mut().zip(&self.reached) {
                *shown = *shown || asked.holds(state);
            }
        };
        note(&state, shown);
        for step in steps {
            machine.step(&mut state, *step);
            note(&state, shown);
        }
        for place in 0..self.at_ends() {
            let at = self.reached.len() + place;
            shown[at] = shown[at] || self.is_shown(machine, &state, place);
        }
    }
}

/// Whether the object ends so in a state in which nobody can take a step.
fn ends_so(machine: &Machine<'_>, state: &State, (object, end): (ObjectId, ObjectEnd)) -> bool {
    match (end, state.wrong) {
        (ObjectEnd::Leaked, _) => machine.leaked(state).any(|leaked| leaked == object),
        (ObjectEnd::UsedAfterFree, Some(Wrong::Op(op))) => match machine.model.code[op as usize] {
            Op::Refer { object: of, .. } | Op::Mutate { object: of, .. } => of == object,
            _ => false,
        },
        (ObjectEnd::UsedAfterFree, _) => false,
    }
}
