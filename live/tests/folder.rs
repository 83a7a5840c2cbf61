//! Can a flagged file in a guarded folder be opened, by any way, whoever dies?
//!
//! On a small file system of its own, in a mount namespace of its own: the guard asks about every open on a file system,
//! and a mistake in it would stop the machine. Without the guard every way succeeds, so that each test can fail.
//!
//! `STREAMWARD_TEST_ALL=1` kills 50 times each.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]
#![allow(dead_code, reason = "the clip is shared with leak.rs, which uses more of it")]

#[path = "leak/clip.rs"]
mod clip;
#[path = "folder/stage.rs"]
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clip::{Content, Recipe, wants_all};
use stage::{Folder, Way, benign, card, on_a_mount_of_its_own};

#[test]
fn a_flagged_file_opens_by_no_way_and_others_do() {
    let Some(place) = on_a_mount_of_its_own("a_flagged_file_opens_by_no_way_and_others_do") else { return };
    let (inside, outside) = (place.join("in"), place.join("out"));
    [&inside, &outside, &inside.join("sub")].iter().for_each(|folder| fs::create_dir(folder).unwrap());
    let flagged = inside.join("flagged.png");
    card(&flagged);
    card(&inside.join("sub/flagged.jpg"));
    card(&inside.join("flagged.gif"));
    card(&inside.join("moves.png"));
    card(&outside.join("comes.png"));
    benign(&inside.join("benign.png"), 1);
    benign(&inside.join("benign.jpg"), 2);
    benign(&inside.join("becomes.png"), 3);
    benign(&inside.join("replaced.png"), 4);
    fs::write(inside.join("letter.txt"), "words").unwrap();
    fs::write(inside.join("half.png"), &fs::read(inside.join("benign.png")).unwrap()[..200]).unwrap();
    let films = ["mp4", "mkv", "avi", "ts"];
    let recipe = Recipe::new(Content::Pattern, (320, 180), 25, 50);
    film(&recipe.clone().planted(&[30..31, 40..42]), &inside, "flagged", &films);
    film(&recipe, &inside, "benign", &films);
    let ways = [Way::Cat, Way::Cp, Way::Mmap, Way::Handle];
    assert!(ways.iter().all(|way| way.opens(&flagged)), "without the guard every way succeeds");

    let folder = Folder::guard(&place, &inside);
    for way in ways {
        assert!(!way.opens(&flagged), "{way:?}:\n{}", folder.words());
        assert!(way.opens(&inside.join("benign.png")), "{way:?}:\n{}", folder.words());
    }
    let cat = |path: PathBuf| Way::Cat.opens(&path);
    for name in ["sub/flagged.jpg", "flagged.gif", "half.png"] {
        assert!(!cat(inside.join(name)), "{name}: {}", folder.words());
    }
    for name in ["benign.jpg", "letter.txt"] {
        assert!(cat(inside.join(name)), "{name}: {}", folder.words());
    }
    for film in films {
        let began = Instant::now();
        assert!(!cat(inside.join(format!("flagged.{film}"))), "{film}: {}", folder.words());
        assert!(cat(inside.join(format!("benign.{film}"))), "{film}: {}", folder.words());
        eprintln!("{film}: two films of 50 frames judged in {} ms", began.elapsed().as_millis());
    }
    // Other names, other places.
    fs::hard_link(&flagged, outside.join("link.png")).unwrap();
    assert!(!cat(outside.join("link.png")), "a hard link outside");
    std::os::unix::fs::symlink(&flagged, outside.join("symlink.png")).unwrap();
    assert!(!cat(outside.join("symlink.png")), "a symbolic link");
    fs::rename(inside.join("moves.png"), outside.join("moved.png")).unwrap();
    assert!(!cat(outside.join("moved.png")), "moved out of the folder");
    assert!(cat(outside.join("comes.png")), "it is not of the folder");
    fs::rename(outside.join("comes.png"), inside.join("replaced.png")).unwrap();
    assert!(!cat(inside.join("replaced.png")), "moved over a benign one");
    fs::rename(&flagged, inside.join("letter")).unwrap();
    assert!(!cat(inside.join("letter")), "under another name");
    // What becomes flagged is shut from close on.
    let becomes = inside.join("becomes.png");
    assert!(cat(becomes.clone()));
    let picture = place.join("out/card.png");
    card(&picture);
    fs::write(&becomes, fs::read(&picture).unwrap()).unwrap();
    assert!(!cat(becomes.clone()), "written over");
    assert!(cat(picture), "outside nothing is judged");
    let tally = folder.finish();
    eprintln!("{tally}");
    assert!(cat(becomes), "without the guard it opens");
    assert_eq!(tally["checkers_lost"], 0, "{tally}");
}

fn film(recipe: &Recipe, folder: &Path, name: &str, kinds: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    let clip = recipe.make(place.path()).unwrap();
    for kind in kinds {
        let mut ffmpeg = std::process::Command::new("ffmpeg");
        ffmpeg.args(["-v", "error", "-y", "-i"]).arg(&clip);
        let codec = if *kind == "avi" { "mpeg4" } else { "libx264" };
        ffmpeg.args(["-an", "-c:v", codec, "-q:v", "3"]).arg(folder.join(format!("{name}.{kind}")));
        clip::run(&mut ffmpeg);
    }
}

#[test]
fn ten_thousand_benign_opens_pass() {
    let Some(place) = on_a_mount_of_its_own("ten_thousand_benign_opens_pass") else { return };
    let inside = place.join("in");
    fs::create_dir(&inside).unwrap();
    let paths: Vec<PathBuf> = (0..500).map(|n| inside.join(format!("{n}.png"))).collect();
    paths.iter().enumerate().for_each(|(n, path)| benign(path, n as u32));
    let open_all = |n_rounds: usize| {
        let began = Instant::now();
        let n_opened = (0..n_rounds).flat_map(|_| &paths).filter(|path| fs::File::open(path).is_ok()).count();
        (n_opened, began.elapsed().as_secs_f64() * 1e6 / (n_rounds * paths.len()) as f64)
    };
    let (_, without_us) = open_all(20);
    let folder = Folder::guard(&place, &inside);
    let (n_first, first_us) = open_all(1);
    let (n_again, again_us) = open_all(20);
    let tally = folder.finish();
    eprintln!(
        "10,000 opens: {without_us:.1} µs each without the guard, {again_us:.1} µs with it, {:.1} µs added; \
         the first open, judged: {first_us:.0} µs; {tally}",
        again_us - without_us
    );
    assert_eq!((n_first, n_again), (500, 10_000), "{tally}");
    assert_eq!((&tally["flagged"], &tally["unjudged"]), (&0.into(), &0.into()), "{tally}");
    assert!(tally["judged"].as_u64().unwrap() < 1000, "verdicts are remembered: {tally}");
}

#[test]
fn a_flagged_file_stays_shut_whoever_is_killed() {
    let Some(place) = on_a_mount_of_its_own("a_flagged_file_stays_shut_whoever_is_killed") else { return };
    let inside = place.join("in");
    fs::create_dir(&inside).unwrap();
    let flagged: Vec<PathBuf> = (0..4).map(|n| inside.join(format!("flagged{n}.png"))).collect();
    flagged.iter().for_each(|path| card(path));
    let folder = Folder::guard(&place, &inside);
    let (n_tries, n_opened, is_over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let (tries, opened, over) = (&n_tries, &n_opened, &is_over);
    std::thread::scope(|scope| {
        for path in &flagged {
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    tries.fetch_add(1, Ordering::SeqCst);
                    opened.fetch_add(usize::from(fs::File::open(path).is_ok()), Ordering::SeqCst);
                    // Its verdict is forgotten, so that the next open is judged anew.
                    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                    fs::set_permissions(path, mode).unwrap();
                    sleep(Duration::from_millis(3));
                }
            });
        }
        for n in 0..if wants_all() { 50 } else { 2 } {
            for (name, whom) in [
                ("KILL", "checker"),
                ("KILL", "keeper"),
                ("KILL", "both"),
                ("KILL", "stand-in"),
                ("STOP", "checker"),
                ("STOP", "keeper"),
            ] {
                sleep(Duration::from_millis((n * 2_654_435_761_u64 + 977) % 700));
                let struck = folder.strike(name, whom);
                let n_before = n_tries.load(Ordering::SeqCst);
                if name == "STOP" {
                    sleep(Duration::from_millis(900));
                    struck.iter().for_each(|pid| stage::signal(*pid, "CONT"));
                }
                let picture = inside.join(format!("{whom}{name}{n}.png"));
                benign(&picture, n as u32);
                let began = Instant::now();
                while fs::File::open(&picture).is_err() {
                    assert!(
                        began.elapsed() < Duration::from_secs(40),
                        "{name} {whom}: no way back\n{}",
                        folder.words()
                    );
                    sleep(Duration::from_millis(20));
                }
                let n_since = n_tries.load(Ordering::SeqCst) - n_before;
                eprintln!(
                    "{name} {whom}: benign files open again after {} ms; {n_since} tries, {} opened",
                    began.elapsed().as_millis(),
                    n_opened.load(Ordering::SeqCst)
                );
            }
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let (n_tries, n_opened) = (n_tries.into_inner(), n_opened.into_inner());
    eprintln!("{n_tries} tries to open a flagged file, {n_opened} succeeded");
    assert!(n_tries > 200 && n_opened == 0, "{n_opened} of {n_tries}\n{}", folder.words());
    folder.end();
    assert!(fs::File::open(&flagged[0]).is_ok(), "without the guard it opens");
}

#[test]
fn what_a_killed_checker_held_is_judged_by_the_next() {
    let Some(place) = on_a_mount_of_its_own("what_a_killed_checker_held_is_judged_by_the_next") else { return };
    let inside = place.join("in");
    fs::create_dir(&inside).unwrap();
    let pictures: Vec<PathBuf> = (0..9).map(|n| inside.join(format!("benign{n}.png"))).collect();
    (0..).zip(&pictures).for_each(|(n, path)| benign(path, n));
    sleep(Duration::from_millis(200));
    let folder = Folder::guard(&place, &inside);
    let mut n_refused = 0;
    for three in pictures.chunks(3) {
        // Stopped for a moment it counts as well, and takes files.
        let checker = folder.strike("STOP", "checker");
        n_refused += std::thread::scope(|scope| {
            let opens: Vec<_> = three.iter().map(|path| scope.spawn(move || fs::File::open(path).is_err())).collect();
            sleep(Duration::from_millis(150));
            checker.iter().for_each(|pid| stage::signal(*pid, "KILL"));
            opens.into_iter().map(|open| usize::from(open.join().unwrap())).sum::<usize>()
        });
        let began = Instant::now();
        for path in three {
            while fs::File::open(path).is_err() {
                assert!(began.elapsed() < Duration::from_secs(20), "{} stays shut\n{}", path.display(), folder.words());
                sleep(Duration::from_millis(20));
            }
        }
    }
    assert!(n_refused >= 3, "only {n_refused} were with a checker when it died");
    folder.end();
}

#[test]
fn without_the_privilege_a_flagged_file_is_shut_afterwards() {
    let place = tempfile::tempdir().unwrap();
    let inside = place.path().join("in");
    fs::create_dir(&inside).unwrap();
    card(&inside.join("before.png"));
    benign(&inside.join("benign.png"), 1);
    let folder = Folder::react(place.path(), &inside);
    fs::create_dir(inside.join("sub")).unwrap();
    sleep(Duration::from_millis(200));
    card(&inside.join("sub/after.png"));
    let mode = |name: &str| {
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(inside.join(name)).unwrap().permissions()) & 0o777
    };
    let give_up = Instant::now() + Duration::from_secs(20);
    while (mode("before.png"), mode("sub/after.png")) != (0, 0) {
        assert!(Instant::now() < give_up, "{}", folder.words());
        sleep(Duration::from_millis(20));
    }
    assert_ne!(mode("benign.png"), 0);
    assert!(folder.words().contains("it can only react"), "{}", folder.words());
    let tally = folder.finish();
    assert_eq!(tally["flagged"], 2, "{tally}");
}
