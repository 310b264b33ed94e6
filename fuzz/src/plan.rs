//! Files of plans.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use edgegen::import;
use edgegen::model::Model;
use edgegen::plan::{PlanFile, Request, plan as make_plan};
use edgegen::profile::Profile;
use edgegen::text::CALIBRATION;
use serde_json::{Value, json};

use crate::common::Tiny;
use crate::common::gguf::Gguf;
use crate::faults::spoil_json;
use crate::import::small;
use crate::input::{Input, assert_printable, with_folder};

/// A tiny model.
pub static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let mut model = None;
    with_folder(|folder| {
        let path = folder.join("tiny.gguf");
        std::fs::write(&path, Gguf::new(&Tiny::new(small(), 1)).bytes()).unwrap();
        model = Some(import::import(&path).expect("a model"));
    });
    model.expect("the folder was there")
});

/// A plan is refused; or it is written as it was read, and carried out or refused.
pub fn plan(data: &[u8]) {
    let text = match Input::new(data) {
        Input::File(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Input::Recipe(kind, u) => recipe(kind, u).unwrap_or_default(),
    };
    let file = match PlanFile::parse(&text) {
        Err(error) => return assert_printable(&error.to_string()),
        Ok(file) => file,
    };
    assert_eq!(PlanFile::parse(&file.write()), Ok(file.clone()));
    match file.formats(&MODEL, CALIBRATION) {
        Err(error) => assert_printable(&error.to_string()),
        Ok(formats) => {
            let request = Request {
                formats: Some(formats.clone()),
                calibrate: file.calibrated(),
                ..Request::default()
            };
            let profile = Profile::load("host").expect("a built-in one");
            let plan = make_plan(&MODEL, &profile, &request).expect("it has no limits");
            assert_eq!(*plan.formats(), formats);
        }
    }
}

pub fn files() -> Vec<Vec<u8>> {
    let recipe = |kind| recipe(kind, Unstructured::new(&[])).expect("it needs no choices");
    [0, 1].map(|kind| recipe(kind).into_bytes()).into()
}

fn recipe(kind: u8, mut u: Unstructured<'_>) -> Result<String> {
    static CALIBRATED: LazyLock<String> =
        LazyLock::new(|| PlanFile::new(&MODEL, None, [].into(), Some(CALIBRATION)).write());
    let mut file = json!({
        "version": 1,
        "model": MODEL.digest(),
        "formats": {
            "embedding": "q8", "query": ["q8"], "key": ["q4"], "value": ["f32"],
            "attention_output": ["f16"], "gate": ["q4m"], "up": ["q4"], "down": ["q8"],
        },
    });
    if kind % 2 == 1 {
        let written: Value = toml::from_str(&CALIBRATED).expect("TOML");
        file["calibration"] = written["calibration"].clone();
        file["vocab_size"] = json!(260);
        file["formats"]["output_mix"] = json!("q8");
        file["formats"]["gate"] = json!(["t3"]);
    }
    if kind > 1 {
        spoil_json(&mut u, &mut file)?;
    }
    Ok(toml::to_string(&file).unwrap_or_default())
}
