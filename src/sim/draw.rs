//! Random numbers of contexts. A job draws the same numbers under every execution model.

use super::world::Draws;
use super::{Chooser, Sim};
use crate::dist::Dist;
use crate::id::{ContextId, DistId};
use crate::time::Duration;
use crate::trace::Sink;

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// A sample of the distribution for the context.
    #[inline(always)]
    pub(super) fn sample(&mut self, context: ContextId, dist: DistId) -> Duration {
        let model = self.model;
        match &model.dists[dist.index()] {
            Dist::Const(time) => *time,
            random => random.sample(self.draw(context)),
        }
    }

    /// The next 64 bits of the context.
    #[inline(always)]
    pub(super) fn draw(&mut self, context: ContextId) -> u64 {
        let state = &mut self.world.contexts[context];
        match &mut state.draws {
            Draws::None => unreachable!("draws are counted when a model is built"),
            Draws::Paged { task, next } => {
                *next += 1;
                self.world.work.tasks[task.index()].pages.at(*next - 1)
            }
            Draws::Own { next } => {
                *next += 1;
                self.world.shelf.at(context.index(), state.key, *next - 1)
            }
            Draws::User { task, user } => self.world.work.tasks[task.index()].source.users[*user as usize].draw(),
        }
    }

    /// The beginning of a stream of a context's own.
    pub(super) fn own_draws(&mut self) -> Draws {
        self.world.shelf.make_room();
        Draws::Own { next: 0 }
    }
}
