//! The natural logarithm of a uniform draw: the inner loop of every exponential sample.
//!
//! `libm::log` is as portable but takes any number and divides; this one knows that its argument is a draw. Table and
//! arguments are integers, the rest is IEEE additions and multiplications, so every platform gives the same bits.

const CELLS: usize = 128;
const LN_2: f64 = std::f64::consts::LN_2;

/// For each cell of [1/2, 1): a number near 1024 / (middle of the cell), and the logarithm of that over 1024.
static TABLE: [(u64, f64); CELLS] = table();

/// `-ln(u)` for the uniform number `u` in (0, 1) that is the middle of the cell of 2^-52 that the bits name. The relative
/// error is below 5e-16.
#[inline]
pub fn minus_ln(bits: u64) -> f64 {
    // u = x / 2^53 = (m / 2^53) / 2^shift, with m / 2^53 in [1/2, 1).
    let x = (bits >> 12) << 1 | 1;
    let shift = x.leading_zeros() - 11;
    let m = x << shift;
    let (q, ln_q) = TABLE[(m >> 45) as usize % CELLS];
    // m q = 2^63 (1 + r), exactly, and r is small: ln(u) = ln(1 + r) - ln(q / 1024) - shift ln(2).
    let r = m.wrapping_mul(q).wrapping_sub(1 << 63) as i64 as f64 * (1.0 / (1u64 << 63) as f64);
    let r2 = r * r;
    let tail = (1.0 / 4.0 - r * (1.0 / 5.0)) + r2 * (1.0 / 6.0 - r * (1.0 / 7.0));
    let curve = (1.0 / 2.0 - r * (1.0 / 3.0)) + r2 * tail;
    (f64::from(shift) * LN_2 + ln_q) - (r - r2 * curve)
}

const fn table() -> [(u64, f64); CELLS] {
    let mut table = [(1024, 0.0); CELLS];
    let mut cell = 0;
    // The last cell keeps 1024: its draws are near 1, and their logarithms must not be differences of larger numbers.
    while cell < CELLS - 1 {
        // The middle is (257 + 2 cell) / 512.
        let middle = 257 + 2 * cell as u64;
        let q = (2 * 1024 * 512 + middle) / (2 * middle);
        table[cell] = (q, ln_over_1024(q));
        cell += 1;
    }
    table
}

/// `ln(q / 1024)` for q from 1024 to 2048, in fixed point: `2 artanh(t)` with `t = (q - 1024) / (q + 1024) <= 1/3`.
const fn ln_over_1024(q: u64) -> f64 {
    const ONE: u128 = 1 << 62;
    let t = (q as u128 - 1024) * ONE / (q as u128 + 1024);
    let square = t * t / ONE;
    let (mut power, mut sum, mut n) = (t, 0, 1);
    while power > 0 {
        sum += power / n;
        power = power * square / ONE;
        n += 2;
    }
    sum as f64 * (2.0 / ONE as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(bits: u64) -> f64 {
        -libm::log(((bits >> 12) as f64 + 0.5) / 4_503_599_627_370_496.0)
    }

    #[test]
    fn it_is_the_logarithm() {
        let mut worst = 0.0f64;
        let mut check = |bits| {
            let (found, expected) = (minus_ln(bits), reference(bits));
            worst = worst.max(((found - expected) / expected).abs());
        };
        // The ends, around every border of a cell at several scales, and draws from everywhere.
        for bits in (0..100_000).map(|n| n << 12) {
            check(bits);
            check(u64::MAX - bits);
        }
        for scale in 0..12 {
            for cell in (CELLS as u64..2 * CELLS as u64).map(|cell| cell << 56 >> scale) {
                (0..4).for_each(|step| check((cell + (step << 12)).wrapping_sub(2 << 12)));
            }
        }
        let mut stream = crate::rng::Stream::new(1, 1);
        for n in 0..1_000_000 {
            check(stream.draw() >> (n % 40));
        }
        // One unit in the last place of the reference is up to 2.2e-16, and libm itself may err by most of one.
        assert!(worst < 5e-16, "{worst:e}");
    }

    #[test]
    fn the_bits_are_the_same_everywhere() {
        let found = [0, 1 << 63, u64::MAX, 0x0123_4567_89ab_cdef].map(|bits| minus_ln(bits).to_bits());
        assert_eq!(found, GOLDEN);
    }

    const GOLDEN: [u64; 4] =
        [4_630_367_062_351_886_329, 4_604_418_534_313_441_773, 4_368_491_638_549_381_120, 4_617_784_005_365_680_179];
}
