//! The network in f32, over windows of a text's tokens: what calibration and pruning look at. The
//! same on every machine.

mod dense;
mod moments;
mod network;
mod parts;
mod permutation;
pub(crate) mod rope;
mod stream;
mod windows;

pub(crate) use dense::Dense;
pub(crate) use moments::moments;
pub(crate) use network::Network;
pub(crate) use permutation::RopePermutation;
pub(crate) use stream::Stream;
pub(crate) use windows::Windows;
