//! Inputs that are the same everywhere: integers only until the last step.

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub struct Rng(pub u64);

/// What kind of floats a case feeds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Within ±4, as activations mostly are.
    Plain,
    /// Zeros of both signs, subnormal numbers, and magnitudes from 1e-38 to 1e15.
    Extreme,
    /// Nothing but zeros of both signs.
    Zero,
}

pub const KINDS: [Kind; 3] = [Kind::Plain, Kind::Extreme, Kind::Zero];

impl Rng {
    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    pub fn float(&mut self, kind: Kind) -> f32 {
        let bits = self.bits();
        let sign = bits & 0x8000_0000;
        let plain = (bits as i32 >> 7) as f32 / (1 << 22) as f32;
        match kind {
            Kind::Plain => plain,
            Kind::Zero => f32::from_bits(sign),
            Kind::Extreme => match bits % 7 {
                0 => f32::from_bits(sign),
                1 => f32::from_bits(sign | self.bits() >> 9),
                2 => f32::from_bits(sign | (self.bits() % 178) << 23 | self.bits() >> 9),
                3 => f32::from_bits(sign | 0x0080_0000),
                4 => f32::from_bits(sign | 0x3f80_0000),
                _ => plain,
            },
        }
    }

    pub fn floats(&mut self, n: usize, kind: Kind) -> Vec<f32> {
        (0..n).map(|_| self.float(kind)).collect()
    }

    /// Little-endian f32.
    pub fn float_bytes(&mut self, n: usize, kind: Kind) -> Box<[u8]> {
        let floats = self.floats(n, kind).into_iter();
        floats.flat_map(f32::to_le_bytes).collect()
    }

    /// The bits of a finite f16: any, or with few exponents as scales have.
    pub fn half(&mut self, kind: Kind) -> u16 {
        let bits = self.bits();
        match kind {
            Kind::Plain => (bits & 0x83ff) as u16 | 0x2000,
            Kind::Extreme if (bits >> 10) & 31 == 31 => (bits & 0x83ff) as u16,
            Kind::Extreme => bits as u16,
            Kind::Zero => (bits & 0x8000) as u16,
        }
    }
}
