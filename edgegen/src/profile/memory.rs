//! What a device has in all: memory and speed.

/// A device's memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// RAM of the device, in bytes.
    pub device_ram: u64,
    /// Share of it that the operating system and other programs take, 0 to 1.
    pub os_overhead: f64,
    /// Share of it that stays free, 0 to 1.
    pub safety_margin: f64,
    /// Whether weights are read in place from flash, and so take no RAM.
    pub weights_in_flash: bool,
}

impl Memory {
    /// Bytes of RAM for the model: its KV cache, its activations and, unless they are read from
    /// flash, its weights.
    pub fn budget(&self) -> u64 {
        let kept = self.os_overhead + self.safety_margin;
        self.device_ram - (self.device_ram as f64 * kept).round() as u64
    }

    /// Bytes of RAM that a crate with so many bytes of flash and of session takes.
    pub fn taken(&self, flash: u64, session: u64) -> u64 {
        if self.weights_in_flash {
            session
        } else {
            flash + session
        }
    }
}

/// A device's speed with all the threads of its profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speed {
    /// Bytes per second at which weights are read, from RAM or flash.
    pub read_bandwidth: Option<u64>,
    /// Multiply-adds per second of the integer kernels on weights that are in the cache.
    pub int8_rate: Option<u64>,
}
