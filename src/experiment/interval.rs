//! Means over replications with confidence intervals.

use crate::metrics::figures::Interval;

/// The 0.975 quantiles of Student's t for 1 to 30 degrees of freedom.
const T: [f64; 30] = [
    12.706_205, 4.302_653, 3.182_446, 2.776_445, 2.570_582, 2.446_912, 2.364_624, 2.306_004, 2.262_157, 2.228_139,
    2.200_985, 2.178_813, 2.160_369, 2.144_787, 2.131_450, 2.119_905, 2.109_816, 2.100_922, 2.093_024, 2.085_963,
    2.079_614, 2.073_873, 2.068_658, 2.063_899, 2.059_539, 2.055_529, 2.051_831, 2.048_407, 2.045_230, 2.042_272,
];

/// The 0.975 quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The factor of a 95 % confidence interval with so many degrees of freedom, at least one.
fn t(freedom: usize) -> f64 {
    if let Some(&t) = T.get(freedom - 1) {
        return t;
    }
    // The expansion of Cornish and Fisher (Abramowitz and Stegun 26.7.5), good to six digits from here on.
    let (n, z2) = (freedom as f64, Z * Z);
    let first = Z * (z2 + 1.0) / 4.0;
    let second = Z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let third = Z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    Z + (first + (second + third / n) / n) / n
}

/// The mean of independent values and its 95 % confidence interval; a half width of 0 for a single value.
pub fn interval(values: &[f64]) -> Interval {
    let n = values.len() as f64;
    if values.is_empty() {
        return Interval::default();
    }
    let mean = values.iter().sum::<f64>() / n;
    if values.len() == 1 {
        return Interval { mean, half_width: 0.0 };
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    Interval { mean, half_width: t(values.len() - 1) * deviation / n.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factors_are_those_of_the_tables() {
        for (freedom, expected) in
            [(1, 12.706), (2, 4.303), (9, 2.262), (30, 2.042), (31, 2.040), (40, 2.021), (60, 2.000), (120, 1.980)]
        {
            assert!((t(freedom) - expected).abs() < 6e-4, "{freedom}: {}", t(freedom));
        }
    }

    #[test]
    fn table_and_expansion_meet() {
        assert!(t(30) > t(31) && t(30) - t(31) < 0.003 && t(100_000) > Z);
    }

    #[test]
    fn an_interval_is_that_of_the_textbook() {
        // Mean 5, standard deviation 1, n = 4: 3.182 / 2.
        let Interval { mean, half_width } = interval(&[4.0, 5.0, 5.0, 6.0]);
        let deviation = (2.0f64 / 3.0).sqrt();
        assert_eq!(mean, 5.0);
        assert!((half_width - 3.182_446 * deviation / 2.0).abs() < 1e-9);
        assert_eq!(interval(&[7.0]), Interval { mean: 7.0, half_width: 0.0 });
        assert_eq!(interval(&[]), Interval::default());
    }
}
