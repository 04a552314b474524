//! Any work on any kind of cores: queues of single cores, threads bound to some of them, cores of different speed.

use gilsim::kernel::Queues;
use gilsim::kernel::pace::{Caches, Paces, Smt};
use gilsim::time::Duration;
use proptest::prelude::*;

use crate::properties::{PLAIN, Spec, spec};
use crate::real_runs::{audit, run};

/// What cores are like.
#[derive(Clone, Debug)]
struct Cores {
    queues: Option<Queues>,
    /// One set of cores for each of the first tasks, as bits.
    affinities: Vec<u32>,
    paces: Paces,
}

fn cores() -> impl Strategy<Value = Cores> {
    let time = || proptest::option::of((1_u64..4_000).prop_map(Duration::us));
    let per_core = (any::<bool>(), time(), proptest::option::of((0_u64..2_000).prop_map(Duration::us)));
    let queues = prop_oneof![
        1 => Just(None),
        1 => Just(Some(Queues::Global)),
        4 => per_core.prop_map(|(steal, balance, hot)| Some(Queues::PerCore { steal, balance, hot })),
    ];
    let affinities = prop_oneof![1 => Just(vec![]), 2 => proptest::collection::vec(0_u32..16, 1..4)];
    let speeds = prop_oneof![1 => Just(vec![]), 1 => proptest::collection::vec(1_u32..2_500, 4..5)];
    let smt = proptest::option::weighted(0.4, (100_u32..1_000).prop_map(|factor| Smt { siblings: 2, factor }));
    let caches = (0_u64..200, 500_u32..3_000, 500_u32..1_500, 1_u64..3_000);
    let caches = proptest::option::weighted(
        0.4,
        caches.prop_map(|(size, warm, cold, warm_up)| Caches {
            size,
            warm,
            cold,
            warm_up: Duration::us(warm_up),
            tick: None,
        }),
    );
    let paces = (any::<bool>(), speeds, smt, caches).prop_map(|(even, speeds, smt, caches)| match even {
        true => Paces::default(),
        false => Paces { speeds, smt, caches },
    });
    (queues, affinities, paces).prop_map(|(queues, affinities, paces)| Cores { queues, affinities, paces })
}

impl Cores {
    fn model(&self, spec: &Spec) -> gilsim::model::Model {
        let mut model = spec.build(PLAIN);
        let cores = model.machine.cores;
        // Some policies decide for all cores at once, and are refused with other queues.
        model.machine.queues = if model.machine.policy.promises().idles { None } else { self.queues };
        model.machine.paces = self.paces.clone();
        if !model.machine.paces.speeds.is_empty() {
            model.machine.paces.speeds.resize(cores as usize, 1_000);
        }
        if !cores.is_multiple_of(2) {
            model.machine.paces.smt = None;
        }
        for (task, bits) in model.tasks.iter_mut().zip(&self.affinities) {
            task.affinity = (0..cores).filter(|core| bits & 1 << core != 0).collect();
            task.working_set = bits * 7;
        }
        model
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_auditor_is_silent_whatever_cores_are_like(spec in spec(true), cores in cores()) {
        let model = cores.model(&spec);
        let (records, ended) = run(&model, spec.seed);
        let found = audit(&model, &records, &ended);
        prop_assert!(found.is_empty(), "{} {found:#?}", ended.outcome.word());
    }
}
