//! Is a picture covered that no list knows, by the classifier alone?
//!
//! The policy covers a benign class: a gradient that the reference model calls a drawing (0.88) is planted into photos
//! that it calls neutral (0.96 and more). No list judges.

use guard::Policy;
use live::stream::Pace;

use crate::clip::{Content, Recipe, conformance};
use crate::observer::{Observer, Sight};
use crate::run::{assert_exactly_guarded, assert_nothing_leaks, guarded, turn, turn_alone};

const MODEL: &str = "MobileNetV2";

/// Covers drawings. Halfway between the firm scores: 0.88 against 0.04 and less.
const POLICY: &str = r#"
name = "drawings"
version = 1
description = "For a test: covers a benign class."
[timing]
hold_ms = 150
[reuse]
max_ms = 0
[judges]
models = ["MobileNetV2"]
regions = ["whole"]
[[score]]
name = "drawing"
classes = ["Drawing"]
block = 0.5
review = 0.5
"#;

/// A policy and a clip, or `None` when the model or the pictures are not here, which is said.
fn set_up(photo: &'static str) -> Option<(Policy, Recipe)> {
    let folder = std::env::var_os("STREAMWARD_MODELS").map(std::path::PathBuf::from);
    if !folder.is_some_and(|folder| folder.join(MODEL).join("model.onnx").is_file()) {
        eprintln!("left out: the model {MODEL} is not in STREAMWARD_MODELS (`streamward model fetch` brings it)");
        return None;
    }
    let picture = conformance("classifier/img/gen_gradient.png")?;
    conformance(&format!("classifier/img/{photo}"))?;
    let recipe = Recipe::new(Content::Photo(photo), (320, 240), 25, 175).planted(&[10..11, 60..61, 65..68, 120..121]);
    Some((Policy::parse(POLICY).unwrap(), Recipe { picture: Some(picture), ..recipe }))
}

#[test]
fn a_benign_class_is_covered_exactly_where_it_is() {
    let _turn = turn();
    for photo in ["coffee.png", "coins.png"] {
        let folder = tempfile::tempdir().unwrap();
        let Some((policy, recipe)) = set_up(photo) else { return };
        let clip = recipe.make(folder.path()).unwrap();
        let observer = Observer::new(&recipe, &clip, &policy);
        let outcome = guarded(&clip, "out.mkv", &policy, Pace::Exact, &observer);
        assert_exactly_guarded(&recipe, &observer, &outcome, 1.0);
        eprintln!("by class in {photo}: 0 of {} seen, {} covered", recipe.planted_frames().len(), outcome.n_covered());
        let incidents = &outcome.report.incidents;
        assert!(incidents.iter().all(|incident| incident.class.is_some() && incident.list.is_none()), "{incidents:?}");
    }
}

#[test]
fn a_benign_class_is_covered_by_the_clock() {
    let _turn = turn_alone();
    let folder = tempfile::tempdir().unwrap();
    let Some((policy, recipe)) = set_up("coffee.png") else { return };
    let clip = recipe.make(folder.path()).unwrap();
    let observer = Observer::new(&recipe, &clip, &policy);
    let outcome = guarded(&clip, "out.y4m", &policy, Pace::Live, &observer);
    assert_nothing_leaks(&recipe, &outcome, "by class");
    let n_shown = outcome.n(|sight| matches!(sight, Sight::Source(_)));
    eprintln!("by class and clock: 0 seen, {} covered, {n_shown} shown; {:?}", outcome.n_covered(), outcome.report);
    assert!(outcome.n_covered() >= 25 && n_shown >= 20, "{:?}", outcome.report);
}
