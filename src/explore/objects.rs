//! Objects with reference counts: whether they are freed, and when they should be.

use super::machine::Machine;
use super::state::State;
use crate::id::ObjectId;

impl Machine<'_> {
    /// Objects that nobody has used, of one process.
    pub(super) fn objects(&self) -> Vec<(i32, bool)> {
        self.model.objects.iter().map(|object| (object.references as i32, false)).collect()
    }

    /// The count of the object was changed, or it is used. Whether it is still there.
    pub(super) fn refer(&self, state: &mut State, number: usize, object: ObjectId, by: i8) -> bool {
        let count = self.model.objects[object.index()].count;
        let count = self.var(state, number, count);
        let process = count / self.model.vars.len();
        let (references, freed) = &mut state.objects[process * self.model.objects.len() + object.index()];
        if *freed {
            return false;
        }
        *references += i32::from(by);
        *freed = by < 0 && state.vars[count] == 0;
        true
    }

    /// Objects that nobody refers to any more and that are not freed.
    pub(super) fn leaked(&self, state: &State) -> impl Iterator<Item = ObjectId> {
        let leaked = |(references, freed): &(i32, bool)| *references == 0 && !freed;
        let objects = self.model.objects.len();
        state
            .objects
            .iter()
            .enumerate()
            .filter(move |(_, object)| leaked(object))
            .map(move |(at, _)| ObjectId::from(at % objects))
    }

    /// What the object is called.
    pub(super) fn object_name(&self, object: ObjectId) -> &str {
        &self.model.vars[self.model.objects[object.index()].count.index()].name
    }
}
