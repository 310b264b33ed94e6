//! The sizes that all kernels share; shapes and windows that are constants or values.

/// Columns of a block: the unit that has one scale.
#[allow(dead_code, reason = "a generated crate counts in blocks already")]
pub const BLOCK: usize = 32;

/// Rows that are interleaved in memory: one for each SIMD lane.
pub const GROUP: usize = 8;

/// A shape: a constant in generated code, so that loops unroll, or a value in the interpreter.
pub trait Dim: Copy {
    /// The number.
    fn get(self) -> usize;

    /// The shape of this number, which a constant must equal.
    #[allow(dead_code, reason = "only threads hand shapes over as numbers")]
    fn of(number: usize) -> Self;
}

impl Dim for usize {
    #[inline(always)]
    fn get(self) -> usize {
        self
    }

    #[inline(always)]
    fn of(number: usize) -> Self {
        number
    }
}

/// A shape that is known at compile time.
#[derive(Clone, Copy, Debug, Default)]
#[allow(dead_code, reason = "the interpreter's shapes are values")]
pub struct Const<const N: usize>;

impl<const N: usize> Dim for Const<N> {
    #[inline(always)]
    fn get(self) -> usize {
        N
    }

    #[inline(always)]
    fn of(number: usize) -> Self {
        assert!(number == N, "another shape than the constant");
        Self
    }
}

/// How many positions a token sees, itself and those before it: a constant in generated code, so
/// that nothing is left of windows where there are none, or a value in the interpreter.
pub trait Window: Copy {
    /// The number; all, if `None`.
    fn get(self) -> Option<usize>;

    /// The window of this number, which a constant must equal.
    #[allow(dead_code, reason = "only threads hand windows over as numbers")]
    fn of(number: Option<usize>) -> Self;
}

impl Window for Option<usize> {
    #[inline(always)]
    fn get(self) -> Option<usize> {
        self
    }

    #[inline(always)]
    fn of(number: Option<usize>) -> Self {
        number
    }
}

/// Every position.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "the interpreter's windows are values")]
pub struct All;

impl Window for All {
    #[inline(always)]
    fn get(self) -> Option<usize> {
        None
    }

    #[inline(always)]
    fn of(number: Option<usize>) -> Self {
        assert!(number.is_none(), "a window where there is none");
        Self
    }
}

impl<const N: usize> Window for Const<N> {
    #[inline(always)]
    fn get(self) -> Option<usize> {
        Some(N)
    }

    #[inline(always)]
    fn of(number: Option<usize>) -> Self {
        assert!(number == Some(N), "another window than the constant");
        Self
    }
}
