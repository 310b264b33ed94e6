use super::*;

/// A microcontroller with weights in flash, or a device that has them in its RAM: in both the limits are
/// 1000 bytes of flash and 300 of RAM.
fn profile(weights_in_flash: bool) -> Profile {
    let text = include_str!("../../profile/built_in/esp32.toml");
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some(("model_size", _)) => "model_size = \"1000 B\"\n".to_owned(),
        Some(("ram", _)) => "ram = \"300 B\"\n".to_owned(),
        Some(("device_ram", _)) => "device_ram = \"1200 B\"\n".to_owned(),
        Some((share @ ("os_overhead" | "safety_margin"), _)) => format!("{share} = 0.0\n"),
        Some(("weights_in_flash", _)) => format!("weights_in_flash = {weights_in_flash}\n"),
        _ => format!("{line}\n"),
    });
    Profile::parse(&lines.collect::<String>()).unwrap()
}

fn footprint(flash: usize, ram: usize) -> Footprint {
    Footprint {
        matrices: flash - 7,
        tables: 7,
        kv_cache: ram - 5,
        activations: 5,
    }
}

/// What is exactly as much as the limit fits, and one byte more does not.
#[test]
fn a_limit_is_the_most_that_fits() {
    for (in_flash, flash, ram, expected) in [
        (true, 1000, 300, [false, false, false]),
        (true, 1001, 300, [true, false, false]),
        (true, 1000, 301, [false, true, false]),
        (true, 1001, 301, [true, true, false]),
        (false, 900, 300, [false, false, false]),
        (false, 901, 300, [false, false, true]),
        (false, 1000, 200, [false, false, false]),
        (false, 1000, 201, [false, false, true]),
        (false, 1001, 301, [true, true, true]),
    ] {
        let excess = Excess::of(&footprint(flash, ram), &profile(in_flash));
        let found = [excess.flash, excess.ram, excess.device];
        assert_eq!(found, expected, "{flash} and {ram}");
        assert_eq!(excess.none(), expected == [false; 3]);
        assert_eq!(excess.in_ram(), expected[1] || expected[2]);
    }
}
