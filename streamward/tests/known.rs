//! Do the commands about known material print and exit as promised?

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{Rgb, RgbImage};

const HEADER: &str = "streamward list 1\nname: Test\nversion: 1\nsource: us\ncreated: 2026-11-24\n";

/// Soft random spots: detail at every scale, as in a photo; different for each seed.
fn picture(folder: &Path, name: &str, seed: u32) -> PathBuf {
    let corner = |x: u32, y: u32| {
        let mixed = ((x * 73_856_093) ^ (y * 19_349_663) ^ (seed * 83_492_791)).wrapping_mul(2_654_435_761);
        f64::from(mixed >> 24)
    };
    let image = RgbImage::from_fn(320, 240, |x, y| {
        let (column, row) = (x / 16, y / 16);
        let (right, down) = (f64::from(x % 16) / 16.0, f64::from(y % 16) / 16.0);
        let along = |row| corner(column, row) * (1.0 - right) + corner(column + 1, row) * right;
        Rgb([(along(row) * (1.0 - down) + along(row + 1) * down) as u8; 3])
    });
    let path = folder.join(name);
    image.save(&path).unwrap();
    path
}

fn run(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamward"));
    arguments.iter().for_each(|argument| {
        command.arg(argument);
    });
    command.output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn list_of(folder: &Path, file: &Path) -> PathBuf {
    let list = folder.join("list.txt");
    let build = run(&[
        &"list",
        &"build",
        &"--out",
        &list,
        &"--name",
        &"Test",
        &"--source",
        &"us",
        &"--added-by",
        &"J. Doe",
        &"--kinds",
        &"pdq,sha256",
        &file,
    ]);
    assert_eq!(build.status.code(), Some(0), "{}", err(&build));
    list
}

#[test]
fn hash_prints_hash_quality_and_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = picture(folder.path(), "a.png", 1);
    let output = run(&[&"hash", &"pdq", &file]);
    let line = out(&output);
    let fields: Vec<&str> = line.trim().splitn(3, ' ').collect();
    assert_eq!((fields[0].len(), fields[2]), (64, file.to_str().unwrap()));
    assert!(fields[1].parse::<u8>().unwrap() <= 100);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn raw_pixels_of_another_size_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.rgb");
    std::fs::write(&file, vec![9; 30 * 20 * 3]).unwrap();
    assert_eq!(run(&[&"hash", &"pdq", &"--raw", &"30x20", &file]).status.code(), Some(0));
    let output = run(&[&"hash", &"pdq", &"--raw", &"31x20", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("1860 bytes") && err(&output).contains("to do:"), "{}", err(&output));
    assert_eq!(run(&[&"hash", &"pdq", &"--raw", &"99999x99999", &file]).status.code(), Some(2));
}

#[test]
fn a_file_that_cannot_be_hashed_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = picture(folder.path(), "a.png", 1);
    let missing = folder.path().join("none.png");
    let output = run(&[&"hash", &"pdq", &missing, &folder.path(), &good]);
    assert_eq!((output.status.code(), out(&output).lines().count()), (Some(2), 1));
    assert_eq!(err(&output).matches("to do:").count(), 2, "{}", err(&output));
}

#[test]
fn match_finds_a_recompressed_picture_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let known = picture(folder.path(), "a.png", 1);
    let list = list_of(folder.path(), &known);
    let recompressed = folder.path().join("b.jpg");
    image::open(&known).unwrap().resize_exact(200, 150, image::imageops::Triangle).save(&recompressed).unwrap();
    let other = picture(folder.path(), "c.png", 5);
    for (file, code) in [(&known, 1), (&recompressed, 1), (&other, 0)] {
        let output = run(&[&"match", &"--list", &list, &file]);
        assert_eq!(output.status.code(), Some(code), "{} {}", out(&output), err(&output));
    }
    let json: serde_json::Value =
        serde_json::from_str(&out(&run(&[&"match", &"--json", &"--list", &list, &recompressed]))).unwrap();
    assert_eq!((json["matched"].as_bool(), json["list"].as_str()), (Some(true), Some("Test")));
    assert!(json["distance_bits"].as_u64().unwrap() <= 31);
}

#[test]
fn a_broken_list_is_named_with_its_line_and_nothing_is_matched() {
    let folder = tempfile::tempdir().unwrap();
    let (file, list) = (picture(folder.path(), "a.png", 1), folder.path().join("list.txt"));
    std::fs::write(&list, format!("{HEADER}9f3g\tpdq\ta\tus\t2026-11-24\t-\t-\n")).unwrap();
    let output = run(&[&"match", &"--list", &list, &file]);
    assert_eq!(output.status.code(), Some(2));
    let message = err(&output);
    assert!(message.contains("line 6: \"9f3g\" is not 64 hexadecimal digits"), "{message}");
    assert!(message.contains("to do:") && message.contains("nothing from it has been loaded"), "{message}");
}

#[test]
fn a_list_grows_by_versions_and_shows_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (picture(folder.path(), "a.png", 1), picture(folder.path(), "b.png", 4));
    let list = list_of(folder.path(), &a);
    let before = folder.path().join("before.txt");
    std::fs::copy(&list, &before).unwrap();
    let build = run(&[&"list", &"build", &"--out", &list, &"--added-by", &"J. Doe", &a, &b]);
    assert_eq!(build.status.code(), Some(0), "{}", err(&build));
    let info: serde_json::Value = serde_json::from_str(&out(&run(&[&"list", &"info", &"--json", &list]))).unwrap();
    assert_eq!((info["version"].as_u64(), info["entries"].as_u64()), (Some(2), Some(3)));
    let diff = run(&[&"list", &"diff", &before, &list]);
    assert_eq!((diff.status.code(), out(&diff).lines().count()), (Some(1), 1));
    assert_eq!(run(&[&"list", &"diff", &list, &list]).status.code(), Some(0));
    assert_eq!(run(&[&"list", &"verify", &list]).status.code(), Some(0));
}

#[test]
fn a_flat_picture_is_not_put_on_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let (file, list) = (folder.path().join("a.png"), folder.path().join("list.txt"));
    RgbImage::from_pixel(300, 300, Rgb([7; 3])).save(&file).unwrap();
    let build =
        run(&[&"list", &"build", &"--out", &list, &"--name", &"Test", &"--source", &"us", &"--added-by", &"us", &file]);
    assert_eq!((build.status.code(), list.exists()), (Some(2), false));
    assert!(err(&build).contains("quality"), "{}", err(&build));
}

#[test]
fn a_scan_goes_on_where_it_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, report) = (folder.path().join("tree"), folder.path().join("report.jsonl"));
    std::fs::create_dir_all(tree.join("deep/er")).unwrap();
    let known = picture(&tree, "a.png", 1);
    picture(&tree.join("deep"), "b.png", 5);
    std::fs::write(tree.join("deep/er/note.txt"), "text").unwrap();
    std::fs::write(tree.join("deep/broken.png"), &std::fs::read(&known).unwrap()[..300]).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&tree, tree.join("deep/loop")).unwrap();
    let list = list_of(folder.path(), &known);
    let scan = || run(&[&"scan", &tree, &"--list", &list, &"--out", &report, &"--json"]);
    let first = scan();
    assert_eq!(first.status.code(), Some(1), "{}", err(&first));
    let expected = serde_json::json!({ "files": 3, "matched": 1, "from_before": 0, "unread": 1 });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out(&first)).unwrap(), expected);
    assert!(err(&first).contains("broken.png"), "{}", err(&first));
    let whole = std::fs::read(&report).unwrap();
    std::fs::write(&report, &whole[..whole.len() - 9]).unwrap();
    let second = scan();
    let expected = serde_json::json!({ "files": 3, "matched": 1, "from_before": 2, "unread": 1 });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out(&second)).unwrap(), expected);
    assert_eq!(std::fs::read_to_string(&report).unwrap().lines().count(), 3);
}

#[test]
fn a_scan_never_writes_over_a_file_that_is_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let list = list_of(folder.path(), &picture(folder.path(), "a.png", 1));
    let precious = folder.path().join("precious.txt");
    for content in ["not a report\n", "not a report", "{\"a\": 1}"] {
        std::fs::write(&precious, content).unwrap();
        let output = run(&[&"scan", &folder.path(), &"--list", &list, &"--out", &precious]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(std::fs::read_to_string(&precious).unwrap(), content);
    }
}

#[test]
fn reference_pixels_have_the_reference_hash_on_the_command_line() {
    let folder = std::env::var("STREAMWARD_CONFORMANCE")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    let Ok(table) = std::fs::read_to_string(folder.join("pdq/raw-vectors.csv")) else {
        eprintln!("not checked: the vectors {} are not there", folder.join("pdq").display());
        return;
    };
    for line in table.lines().skip(1) {
        let [file, width, height, hash, quality, ..] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let file = folder.join("pdq").join(file);
        let output = run(&[&"hash", &"pdq", &"--raw", &format!("{width}x{height}"), &file]);
        assert_eq!(out(&output), format!("{hash} {quality} {}\n", file.display()));
    }
}
