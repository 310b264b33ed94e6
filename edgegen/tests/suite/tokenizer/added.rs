//! Added tokens are found in the text as it is written, or as the model takes it.

use edgegen::import::tokenizer::hf::from_hf;
use serde_json::Value;

use super::ids;

/// The ids are those of the package `tokenizers` 0.23.3; `added.py` beside the data made them.
#[test]
fn ids_equal_golden() {
    let golden = include_str!("../../fixtures/tokenizer/added.json");
    let golden: Vec<Value> = serde_json::from_str(golden).unwrap();
    assert_eq!(golden.len(), 4);
    for golden in golden {
        let file = golden["file"].to_string();
        let tokenizer = from_hf(file.as_bytes(), None, &[]).unwrap();
        let what = &golden["file"]["normalizer"];
        let cases = golden["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 300);
        for case in cases {
            let text = case[0].as_str().unwrap();
            let found = tokenizer.tables().encode(text, true);
            assert_eq!(found, ids(&case[1]), "{text:?} with {what}");
        }
    }
}
