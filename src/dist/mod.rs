//! Distributions of times. Own code over `libm`, one draw per sample, so that every platform gives the same bits.

mod ln;

use std::sync::Arc;

use crate::time::Duration;

/// A distribution of durations. Every sample takes exactly one uniform draw (inversion), so that two variants of a
/// scenario stay on common random numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Const(Duration),
    /// Exponential, by its mean.
    Exp { mean: Duration },
    /// Uniform between the two, both included.
    Uniform { low: Duration, high: Duration },
    /// Normal, cut at zero.
    Normal { mean: Duration, sd: Duration },
    /// Log-normal: `median * exp(sigma * z)`.
    LogNormal { median: Duration, sigma: f64 },
    /// Pareto (type I).
    Pareto { min: Duration, alpha: f64 },
    /// One of the recorded values, each equally likely.
    Empirical(Arc<[Duration]>),
}

/// The 99th percentile of the standard normal distribution.
const Z99: f64 = 2.326_347_874_040_841;

impl Dist {
    /// The kind and the parameters, bit by bit; `None` for recorded values, which are kept each for itself.
    pub(crate) fn bits(&self) -> Option<(u8, u64, u64)> {
        Some(match self {
            Dist::Const(value) => (0, value.0, 0),
            Dist::Exp { mean } => (1, mean.0, 0),
            Dist::Uniform { low, high } => (2, low.0, high.0),
            Dist::Normal { mean, sd } => (3, mean.0, sd.0),
            Dist::LogNormal { median, sigma } => (4, median.0, sigma.to_bits()),
            Dist::Pareto { min, alpha } => (5, min.0, alpha.to_bits()),
            Dist::Empirical(_) => return None,
        })
    }

    /// No time at all.
    pub const ZERO: Dist = Dist::Const(Duration::ZERO);

    /// Log-normal by its median and 99th percentile, which people know, rather than mu and sigma, which they do not.
    pub fn log_normal(median: Duration, p99: Duration) -> Dist {
        let ratio = p99.0 as f64 / median.0 as f64;
        Dist::LogNormal { median, sigma: libm::log(ratio) / Z99 }
    }

    /// Whether a sample consumes a draw.
    pub fn is_random(&self) -> bool {
        !matches!(self, Dist::Const(_))
    }

    /// The sample that belongs to 64 uniform bits.
    #[inline]
    pub fn sample(&self, bits: u64) -> Duration {
        match self {
            Dist::Const(value) => *value,
            Dist::Exp { mean } => scaled(*mean, ln::minus_ln(bits)),
            rarer => rarer.sample_otherwise(bits),
        }
    }

    fn sample_otherwise(&self, bits: u64) -> Duration {
        match self {
            Dist::Const(value) => *value,
            Dist::Exp { mean } => scaled(*mean, ln::minus_ln(bits)),
            Dist::Uniform { low, high } => {
                let span = u128::from(high.0 - low.0) + 1;
                Duration(low.0 + ((u128::from(bits) * span) >> 64) as u64)
            }
            Dist::Normal { mean, sd } => {
                let value = mean.0 as f64 + sd.0 as f64 * normal_quantile(open01(bits));
                // The cast takes what is below zero to zero.
                Duration((value + 0.5) as u64)
            }
            Dist::LogNormal { median, sigma } => scaled(*median, libm::exp(sigma * normal_quantile(open01(bits)))),
            Dist::Pareto { min, alpha } => scaled(*min, libm::exp(ln::minus_ln(bits) / alpha)),
            Dist::Empirical(values) => values[((u128::from(bits) * values.len() as u128) >> 64) as usize],
        }
    }

    /// The mean, for load arithmetic in checks and reports; `None` where it is infinite.
    pub fn mean(&self) -> Option<f64> {
        Some(match self {
            Dist::Const(value) => value.0 as f64,
            Dist::Exp { mean } => mean.0 as f64,
            Dist::Uniform { low, high } => (low.0 as f64 + high.0 as f64) / 2.0,
            // Simplification: the cut at zero is left out, which matters only for sd > mean / 2.
            Dist::Normal { mean, .. } => mean.0 as f64,
            Dist::LogNormal { median, sigma } => median.0 as f64 * libm::exp(sigma * sigma / 2.0),
            Dist::Pareto { min, alpha } if *alpha > 1.0 => min.0 as f64 * alpha / (alpha - 1.0),
            Dist::Pareto { .. } => return None,
            Dist::Empirical(values) => values.iter().map(|v| v.0 as f64).sum::<f64>() / values.len() as f64,
        })
    }
}

#[inline]
fn scaled(base: Duration, factor: f64) -> Duration {
    // The cast saturates: a Pareto tail ends after 292 years, and the sum with the time of day at the end of the clock.
    // Signed conversions are single instructions.
    Duration((base.0.min(i64::MAX as u64) as i64 as f64 * factor + 0.5) as i64 as u64)
}

/// A uniform number in the open interval (0, 1): the middle of one of 2^52 cells.
fn open01(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
}

/// The quantile of the standard normal distribution: Acklam's rational approximation, relative error below 1.2e-9.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    const LOW: f64 = 0.02425;
    let tail = |q: f64| {
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5])
            / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < LOW {
        tail(libm::sqrt(-2.0 * libm::log(p)))
    } else if p > 1.0 - LOW {
        -tail(libm::sqrt(-2.0 * libm::log(1.0 - p)))
    } else {
        let q = p - 0.5;
        let r = q * q;
        (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
            / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    }
}
