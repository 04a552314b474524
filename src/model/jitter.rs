//! The same model with times that vary.

use super::{Model, draws};
use crate::dist::Dist;
use crate::time::Duration;

impl Model {
    /// The same model; with a `jitter` of 0.2 every fixed time is drawn from 20 % around it, so that steps do not fall together
    /// for ever.
    pub fn jittered(&self, jitter: f64) -> Model {
        let mut model = self.clone();
        if jitter > 0.0 {
            model.dists.iter_mut().for_each(|dist| *dist = around(dist, jitter));
            draws::count(&mut model);
        }
        model
    }
}

fn around(dist: &Dist, jitter: f64) -> Dist {
    match dist {
        Dist::Const(time) if time.0 > 0 => {
            let part = ((time.0 as f64 * jitter) as u64).min(time.0);
            Dist::Uniform { low: Duration(time.0 - part), high: Duration(time.0.saturating_add(part)) }
        }
        dist => dist.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_around_what_they_were() {
        let found = |time| around(&Dist::Const(Duration(time)), 0.2);
        assert_eq!(found(1_000), Dist::Uniform { low: Duration(800), high: Duration(1_200) });
        assert_eq!(found(0), Dist::Const(Duration(0)));
    }
}
