//! Is there another way to the pixels of a frame than a verdict? The compiler says no.

#[test]
fn held_frames_have_no_pixels_and_nobody_else_releases_them() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/no_other_way/*.rs");
}
