//! Whether a crate fits a profile, for people and for other programs.

use serde_json::Value;

use crate::plan::{Excess, Footprint};
use crate::profile::Profile;
use crate::size::format_size;

/// A crate's memory beside what the profile allows.
pub(super) struct Fit {
    excess: Excess,
    model_size: Option<u64>,
    ram: Option<u64>,
    /// Bytes taken of the device's RAM, and bytes that it has for them.
    device: Option<(u64, u64)>,
    /// Whether the weights are among the bytes taken.
    weights_in_ram: bool,
}

impl Fit {
    pub(super) fn of(footprint: &Footprint, profile: &Profile) -> Self {
        let (flash, ram) = (footprint.flash() as u64, footprint.ram() as u64);
        let device = profile
            .memory()
            .map(|memory| (memory.taken(flash, ram), memory.budget()));
        Self {
            excess: Excess::of(footprint, profile),
            model_size: profile.model_size(),
            ram: profile.ram(),
            device,
            weights_in_ram: profile.weights_in_ram(),
        }
    }

    /// Whether everything fits.
    pub(super) fn all(&self) -> bool {
        self.excess.none()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::json!({
            "model_size": !self.excess.flash,
            "ram": !self.excess.ram,
            "device": !self.excess.device,
            "all": self.all(),
        })
    }

    /// The model's size beside its limit, to follow the size; empty without a limit.
    pub(super) fn flash(&self) -> String {
        limit(self.model_size, self.excess.flash)
    }

    /// The session beside its limit.
    pub(super) fn ram(&self) -> String {
        limit(self.ram, self.excess.ram)
    }

    /// The session beside its limit, or beside what the device has for it, if that is less.
    pub(super) fn session(&self) -> String {
        let device = self.device.filter(|_| !self.weights_in_ram);
        let budgets = self.ram.into_iter().chain(device.map(|(_, budget)| budget));
        let exceeded = self.excess.ram || (!self.weights_in_ram && self.excess.device);
        limit(budgets.min(), exceeded)
    }

    /// That the weights and `what` share the device's RAM, and are too much for it.
    pub(super) fn beside(&self, what: &str) -> String {
        match self.device {
            Some((taken, budget)) if self.excess.device && self.weights_in_ram => format!(
                ", {} {what} of the device's {}: too much",
                format_size(taken),
                format_size(budget)
            ),
            _ => String::new(),
        }
    }

    /// Both beside what the device has, if that is known.
    pub(super) fn device(&self) -> Option<String> {
        let (taken, budget) = self.device?;
        Some(format!(
            "{} of its RAM, of {} for a model: {}",
            format_size(taken),
            format_size(budget),
            word(self.excess.device)
        ))
    }
}

fn limit(limit: Option<u64>, exceeded: bool) -> String {
    limit.map_or_else(String::new, |limit| {
        format!(", limit {}: {}", format_size(limit), word(exceeded))
    })
}

fn word(exceeded: bool) -> &'static str {
    if exceeded { "too much" } else { "fits" }
}
