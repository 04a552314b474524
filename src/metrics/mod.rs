//! Records to numbers.

pub mod figures;
