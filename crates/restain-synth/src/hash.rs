//! Chance without state: random numbers as a pure function of a seed and a place.

/// Mixes the bits of `x` (the finaliser of `SplitMix64`, Steele, Lea and Flood, OOPSLA 2014).
const fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The random 64 bits that belong to a place (x, y) in the random field `seed`.
pub(crate) const fn place(seed: u64, x: i64, y: i64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let hash = mix(seed.wrapping_add(STEP)).wrapping_add(x as u64);
    let hash = mix(hash.wrapping_mul(STEP)).wrapping_add(y as u64);
    mix(hash.wrapping_mul(STEP))
}

/// The top 24 bits of `hash` as a number in 0..1.
pub(crate) fn unit(hash: u64) -> f32 {
    (hash >> 40) as f32 / (1 << 24) as f32
}

/// A stream of random numbers that starts from a hash: for the many choices made about one cell.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// The stream that belongs to `hash`.
    pub(crate) const fn new(hash: u64) -> Self {
        Self(hash)
    }

    /// The next 64 random bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number, evenly spread over `low..high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * unit(self.bits())
    }

    /// True with probability `p`.
    pub(crate) fn chance(&mut self, p: f32) -> bool {
        unit(self.bits()) < p
    }
}
