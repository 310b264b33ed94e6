//! What the macro refuses, as a user sees it.

#[test]
fn refusals_point_at_the_option() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
