//! The contract as a whole; what belongs to one file alone is tested there.

mod check;
mod data;
mod describe;
