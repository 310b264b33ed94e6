//! The kernels of a generated crate.
#![no_std]
