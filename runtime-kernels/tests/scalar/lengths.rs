//! No kernel leaves out what its lengths do not allow: it refuses them.

use std::panic::{AssertUnwindSafe, catch_unwind};

use runtime_kernels::{
    AddAssign, AddBias, Const, Dim, ExpWeights, Gelu, GeluErf, GeluMul, HeadLayerNorm, Isa, Kernel,
    LayerNorm, LayerNormGain, Q8Block, Quantize, Relu2, Relu2Mul, RmsNorm, Rope, RoundI8, Scale,
    SiluMul, SoftCap,
};

use super::scalar;

fn takes(kernel: impl Kernel) -> bool {
    catch_unwind(AssertUnwindSafe(|| drop(scalar().run(kernel)))).is_ok()
}

fn floats(n: usize) -> &'static mut [f32] {
    vec![1.0; n].leak()
}

fn bytes(n: usize) -> &'static mut [u8] {
    vec![0; 4 * n].leak()
}

/// Lengths that fit each other, and every other length nearby in place of each.
fn only<const N: usize>(fitting: [usize; N], takes: impl Fn([usize; N]) -> bool) {
    assert!(takes(fitting), "{fitting:?}");
    for place in 0..N {
        for other in fitting[place].saturating_sub(9)..fitting[place] + 9 {
            let mut lengths = fitting;
            lengths[place] = other;
            assert_eq!(takes(lengths), lengths == fitting, "{lengths:?}");
        }
    }
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    // Panics are what is tested.
    std::panic::set_hook(Box::new(|_| {}));
    only([16, 16], |[x, y]| {
        takes(AddAssign {
            x: floats(x),
            y: floats(y),
        })
    });
    only([16, 16], |[x, bias]| {
        takes(AddBias {
            x: floats(x),
            bias: bytes(bias),
        })
    });
    only([16, 16, 16], |[gate, up, out]| {
        takes(SiluMul {
            gate: floats(gate),
            up: floats(up),
            out: floats(out),
        })
    });
    only([16, 16, 16], |[x, gain, out]| {
        takes(RmsNorm {
            x: floats(x),
            gain: bytes(gain),
            eps: 1e-5,
            size: 4,
            out: floats(out),
        })
    });
    only([16, 16, 16, 16], |[x, gain, bias, out]| {
        takes(LayerNorm {
            x: floats(x),
            gain: bytes(gain),
            bias: bytes(bias),
            eps: 1e-5,
            size: 4,
            out: floats(out),
        })
    });
    only([16, 16, 16], |[x, gain, out]| {
        takes(LayerNormGain {
            x: floats(x),
            gain: bytes(gain),
            eps: 1e-5,
            size: 4,
            out: floats(out),
        })
    });
    only([16, 16, 16], |[gate, up, out]| {
        let (gate, up, out) = (floats(gate), floats(up), floats(out));
        takes(GeluMul { gate, up, out })
    });
    only([16, 16, 16], |[gate, up, out]| {
        let (gate, up, out) = (floats(gate), floats(up), floats(out));
        takes(Relu2Mul { gate, up, out })
    });
    // Heads that are not there, or have no gain.
    for (heads, gains) in [(1, 2), (2, 1), (2, 2)] {
        let fits = takes(HeadLayerNorm {
            x: floats(12 * heads),
            gain: bytes(12 * gains),
            eps: 1e-5,
            heads: 2,
            head_dim: 12,
        });
        assert_eq!(fits, heads == 2 && gains == 2);
    }
    only([64, 2], |[x, blocks]| {
        takes(Quantize {
            x: floats(x),
            shared: 2,
            out: vec![Q8Block::ZERO; blocks].leak(),
        })
    });
    only([14], |[table]| {
        takes(Rope {
            x: floats(32),
            heads: 2,
            head_dim: 16,
            half: 7,
            table: bytes(table),
        })
    });
    for size in 0..40 {
        let whole = |n: usize| n.is_multiple_of(8);
        assert_eq!(
            takes(ExpWeights {
                x: floats(size),
                max: 1.0,
                factor: 1.0
            }),
            whole(size)
        );
        assert_eq!(
            takes(AddAssign {
                x: floats(size),
                y: floats(size)
            }),
            whole(size)
        );
        assert_eq!(
            takes(AddBias {
                x: floats(size),
                bias: bytes(size)
            }),
            whole(size)
        );
        assert_eq!(takes(Gelu { x: floats(size) }), whole(size));
        let (x, factor) = (floats(size), 2.0);
        assert_eq!(takes(Scale { x, factor }), whole(size));
        assert_eq!(takes(GeluErf { x: floats(size) }), whole(size));
        assert_eq!(takes(Relu2 { x: floats(size) }), whole(size));
        assert_eq!(takes(RoundI8 { x: floats(size) }), whole(size));
        let (x, cap) = (floats(size), 2.0);
        assert_eq!(takes(SoftCap { x, cap }), whole(size));
        let (gate, up) = (floats(size), floats(size));
        assert_eq!(
            takes(SiluMul {
                gate,
                up,
                out: floats(size)
            }),
            whole(size)
        );
        let (x, gain, out) = (floats(size), bytes(size), floats(size));
        assert_eq!(
            takes(RmsNorm {
                x,
                gain,
                eps: 1e-5,
                size,
                out
            }),
            whole(size)
        );
        // More elements than there are.
        let (x, gain, out) = (floats(8), bytes(8), floats(8));
        assert_eq!(
            takes(RmsNorm {
                x,
                gain,
                eps: 1e-5,
                size,
                out
            }),
            size <= 8
        );
    }
    assert!(catch_unwind(|| <Const<3>>::of(3)).is_ok());
    assert!(catch_unwind(|| <Const<3>>::of(4)).is_err());
}
