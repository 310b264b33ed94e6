use super::*;
use proptest::prelude::*;

fn refusal() -> Error {
    let remedy = Remedy::from(Setting::text("quant", "t2"))
        .say(" makes it 3 MB")
        .or(Remedy::from("give a shorter ").set(Setting::named("context")))
        .or(Setting::on("allow_oversize"))
        .or("take a smaller model");
    Error::option("kv_cache", "too large").remedy(remedy)
}

#[test]
fn the_command_line_writes_options_with_dashes() {
    assert_eq!(
        refusal().to_string(),
        "--kv-cache: too large\n  help: `--quant t2` makes it 3 MB; give a shorter `--context`; \
         `--allow-oversize`; take a smaller model"
    );
}

#[test]
fn another_front_end_writes_options_its_own_way_and_leaves_out_what_it_has_not() {
    let told = refusal().told(|setting| match setting.value() {
        Value::None => Some(setting.option().to_owned()),
        Value::On => None,
        Value::Bare(value) => Some(format!("{}: {value}", setting.option())),
        Value::Text(value) => Some(format!("{}: {value:?}", setting.option())),
    });
    assert_eq!(
        told,
        "kv_cache: too large\n  help: `quant: \"t2\"` makes it 3 MB; give a shorter `context`; \
         take a smaller model"
    );
}

#[test]
fn the_deepest_stage_names_file_place_and_remedy() {
    let error = Error::unsupported("no")
        .in_file(Path::new("deep"))
        .at(Place::Offset(12))
        .remedy("this")
        .in_file(Path::new("shallow"))
        .at("field")
        .remedy("that");
    assert_eq!(error.to_string(), "deep: offset 12: no\n  help: this");
    assert_eq!(error.kind(), Kind::Unsupported);
    assert_eq!(error.place(), Some(&Place::Offset(12)));
    assert_eq!(error.problem(), "no");
}

#[test]
fn a_misspelling_is_answered_with_what_was_meant() {
    let names = [
        "android",
        "ios",
        "raspberry_pi",
        "esp32",
        "host",
        "q4m",
        "quant",
    ];
    for (word, meant) in [
        ("hosst", Some("host")),
        ("HOST", Some("host")),
        ("raspberrypi", Some("raspberry_pi")),
        ("rasp", Some("raspberry_pi")),
        ("pi", Some("raspberry_pi")),
        ("esp-32", Some("esp32")),
        ("qant", Some("quant")),
        ("toaster", None),
        ("", None),
    ] {
        let message = Error::unknown("name", word, &names).to_string();
        match meant {
            Some(name) => assert!(
                message.contains(&format!(
                    "help: a similar name is `{name}`; there are android, "
                )),
                "{message}"
            ),
            None => assert!(message.contains("help: there are android, "), "{message}"),
        }
    }
}

/// What the system says, and what to do about it.
#[test]
fn a_failure_of_the_system_has_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (path, way) in [
        (folder.path().join("missing"), "nothing is there"),
        (file.join("below"), "a part of the path is a file"),
        (folder.path().to_owned(), "it is a folder"),
    ] {
        let error = std::fs::read(&path).unwrap_err();
        let message = Error::io("read", &path, &error).to_string();
        let (problem, help) = message.split_once("\n  help: ").expect("a remedy");
        assert!(problem.contains("cannot read: "), "{problem}");
        assert!(help.contains(way), "{help}");
    }
}

proptest! {
    #[test]
    fn a_message_has_its_own_line_break_alone_and_a_bounded_length(
        texts in prop::array::uniform5("(?s).{0,30}"),
        times in 1usize..2000,
    ) {
        let [file, place, problem, remedy, value] = &texts.map(|text| text.repeat(times));
        let error = Error::new(problem)
            .in_file(Path::new(file))
            .at(place)
            .remedy(Remedy::from(remedy.as_str()).set(Setting::text("quant", value)));
        let message = error.to_string();
        let lines: Vec<&str> = message.split('\n').collect();
        prop_assert_eq!(lines.len(), 2);
        prop_assert!(!lines.concat().chars().any(char::is_control));
        prop_assert!(message.len() < 50_000);
    }
}
