//! One trace that is right and one that is not, for every rule.
