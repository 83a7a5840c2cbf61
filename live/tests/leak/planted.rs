//! Is the planted card covered in every kind of video?

use live::stream::Pace;

use crate::clip::{Content, Recipe, Timing, wants_all};
use crate::observer::{Observer, Sight};
use crate::run::{assert_exactly_guarded, assert_nothing_leaks, guarded, test_policy, turn, turn_alone};

/// A burst, a second one that renews the cover of the first, and flashes of one frame, at any rate of frames.
fn bursts(fps: u32) -> [std::ops::Range<usize>; 4] {
    let at = |tenths: u32| (fps * tenths / 10) as usize;
    [at(4)..at(4) + 1, at(20)..at(24), at(30)..at(30) + 1, at(47)..at(47) + 1]
}

fn recipe(content: Content, size: (usize, usize), fps: u32) -> Recipe {
    Recipe::new(content, size, fps, (fps * 6) as usize).planted(&bursts(fps))
}

fn assert_covered_in_a_file(recipe: &Recipe, output: &str) {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let Some(clip) = recipe.make(folder.path()) else { return };
    let policy = test_policy();
    let observer = Observer::new(recipe, &clip, &policy);
    let outcome = guarded(&clip, output, &policy, Pace::Exact, &observer);
    assert_exactly_guarded(recipe, &observer, &outcome, 1.0);
    let name = format!("{:?} {}×{} at {}", recipe.content, recipe.size.width, recipe.size.height, recipe.fps);
    eprintln!("{name}: {} planted, 0 seen, {} covered", recipe.planted_frames().len(), outcome.n_covered());
}

#[test]
fn a_film_at_25_is_covered_where_the_card_is() {
    assert_covered_in_a_file(&recipe(Content::Film, (640, 360), 25), "out.mp4");
}

#[test]
fn a_moving_camera_at_30_is_covered_where_the_card_is() {
    assert_covered_in_a_file(&recipe(Content::Camera, (480, 360), 30), "out.mkv");
}

#[test]
fn people_in_a_street_are_covered_where_the_card_is() {
    assert_covered_in_a_file(&recipe(Content::Street, (384, 288), 25), "out.webm");
}

#[test]
fn drawn_content_at_60_is_covered_where_the_card_is() {
    assert_covered_in_a_file(&recipe(Content::Pattern, (320, 180), 60), "out.mp4");
}

#[test]
fn an_odd_size_is_covered_where_the_card_is() {
    assert_covered_in_a_file(&recipe(Content::Zoom, (641, 359), 25), "out.mkv");
}

#[test]
fn a_variable_frame_rate_is_covered_where_the_card_is() {
    let recipe = Recipe { timing: Timing::Uneven, ..recipe(Content::Film, (320, 180), 25) };
    assert_covered_in_a_file(&recipe, "out.mkv");
}

#[test]
fn raw_frames_are_covered_where_the_card_is() {
    assert_covered_in_a_file(&recipe(Content::Zoom, (320, 180), 30), "out.y4m");
}

#[test]
fn a_card_on_the_first_and_last_frame_is_covered() {
    let recipe = Recipe::new(Content::Pattern, (320, 180), 30, 90).planted(&[0..1, 89..90]);
    assert_covered_in_a_file(&recipe, "out.mp4");
}

#[test]
fn every_content_at_every_rate() {
    if !wants_all() {
        eprintln!("left out: every content at every rate and pace (STREAMWARD_TEST_ALL=1)");
        return;
    }
    let contents = [Content::Film, Content::Camera, Content::Street, Content::Pattern, Content::Zoom];
    for content in contents {
        for fps in [25, 30, 60] {
            for size in [(640, 360), (641, 359)] {
                assert_covered_in_a_file(&recipe(content, size, fps), "out.mkv");
                assert_covered_by_the_clock(&recipe(content, size, fps));
            }
        }
    }
}

#[test]
fn film_by_the_clock_is_covered_where_the_card_is() {
    assert_covered_by_the_clock(&recipe(Content::Film, (320, 180), 25));
}

#[test]
fn drawn_content_by_the_clock_is_covered_where_the_card_is() {
    assert_covered_by_the_clock(&recipe(Content::Pattern, (320, 180), 60));
}

#[test]
fn a_variable_frame_rate_by_the_clock_is_covered_where_the_card_is() {
    let recipe = Recipe { timing: Timing::Uneven, ..recipe(Content::Camera, (320, 240), 30) };
    assert_covered_by_the_clock(&recipe);
}

/// By the clock a loaded machine may judge too late: then fewer frames are shown, and none that is planted.
fn assert_covered_by_the_clock(recipe: &Recipe) {
    let _turn = turn_alone();
    let folder = tempfile::tempdir().unwrap();
    let Some(clip) = recipe.make(folder.path()) else { return };
    let policy = test_policy();
    let observer = Observer::new(recipe, &clip, &policy);
    let outcome = guarded(&clip, "out.y4m", &policy, Pace::Live, &observer);
    let what = format!("{:?} at {}", recipe.content, recipe.fps);
    assert_nothing_leaks(recipe, &outcome, &what);
    let is_expected = observer.expected_covered(1.0);
    let n_expected = is_expected.iter().filter(|covered| **covered).count();
    let (n_covered, n_shown) = (outcome.n_covered(), outcome.n(|sight| matches!(sight, Sight::Source(_))));
    let n_benign = recipe.n_frames - n_expected;
    eprintln!(
        "{what} by the clock: 0 seen, {n_covered} covered of {n_expected} expected, {n_shown} shown of {n_benign}, \
         {} fresh; {:?}",
        outcome.n_fresh(),
        outcome.report
    );
    let slack = 2 * recipe.bursts.len();
    assert!(
        n_covered + slack >= n_expected,
        "{what}: {n_covered} covered, {n_expected} expected: {:?}",
        outcome.report
    );
    assert!(outcome.n_fresh() * 2 >= n_benign, "{what}: half of {n_benign} benign frames: {:?}", outcome.report);
    let length_s = observer.times_s.last().copied().unwrap_or_default();
    let elapsed_s = outcome.report.elapsed_s;
    assert!((length_s..length_s + 10.0).contains(&elapsed_s), "{what}: {length_s} s took {elapsed_s} s");
}
