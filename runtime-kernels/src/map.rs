//! Arrays, element by element.

/// The results of a pure function. The method of arrays does the same, in ten functions that are
/// compiled anew for each use: with it, kernels take a quarter longer to compile.
#[inline(always)]
pub fn map<T: Copy, U: Copy, const N: usize>(array: [T; N], f: impl Fn(T) -> U) -> [U; N] {
    let mut results = [f(array[0]); N];
    for i in 1..N {
        results[i] = f(array[i]);
    }
    results
}
