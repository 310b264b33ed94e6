//! Platform profiles.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use edgegen::plan::{Request, plan};
use edgegen::profile::Profile;
use edgegen::size::{exact_size, parse_size};
use serde_json::Value;

use crate::faults::spoil_json;
use crate::input::{Input, assert_helpful, assert_printable};
use crate::plan::MODEL;

/// A profile is refused with a remedy, or has what every profile has, and models are planned for
/// it or refused.
pub fn profile(data: &[u8]) {
    let text = match Input::new(data) {
        Input::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Input::Recipe(kind, u) => recipe(kind, u).unwrap_or_default(),
    };
    let profile = match Profile::parse(&text) {
        Err(error) => return assert_helpful(&error),
        Ok(profile) => profile,
    };
    assert_printable(&format!(
        "{} {} {}",
        profile.name(),
        profile.description(),
        profile.target()
    ));
    assert_eq!(profile.instruction_sets()[0], profile.baseline());
    let memory = profile.memory().map(|memory| memory.device_ram);
    let speed = profile.speed().read_bandwidth;
    for size in [profile.model_size(), profile.ram(), memory, speed] {
        // What is printed is read as the same.
        let again = size.map(|size| parse_size(&exact_size(size)));
        assert_eq!(again.transpose().expect("a size"), size);
    }
    for allow_oversize in [false, true] {
        let request = Request {
            allow_oversize,
            ..Request::default()
        };
        if let Err(error) = plan(&MODEL, &profile, &request) {
            assert_printable(&error.to_string());
        }
    }
}

const FILES: [&str; 4] = [
    include_str!("../../edgegen/src/profile/built_in/esp32.toml"),
    include_str!("../../edgegen/src/profile/built_in/raspberry_pi.toml"),
    include_str!("../../edgegen/src/profile/built_in/host_x86_64.toml"),
    include_str!("../../edgegen/src/profile/built_in/browser.toml"),
];

pub fn files() -> Vec<Vec<u8>> {
    FILES.map(|text| text.as_bytes().to_vec()).into()
}

fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<String> {
    static PROFILES: LazyLock<[Value; 4]> =
        LazyLock::new(|| FILES.map(|text| toml::from_str(text).expect("TOML")));
    let mut profile = PROFILES[usize::from(kind) % PROFILES.len()].clone();
    spoil_json(&mut u, &mut profile)?;
    // Where TOML has no such value, nothing is left.
    Ok(toml::to_string(&profile).unwrap_or_default())
}
