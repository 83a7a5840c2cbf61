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

/// The hashes of a video's frames, as a file that `--features` reads; `from` numbers decide which frames it has.
fn features(folder: &Path, name: &str, frames: std::ops::Range<u32>) -> PathBuf {
    let line = |i: u32| {
        let word = i.wrapping_mul(2_654_435_761);
        format!("{i},100,{},{}.000\n", format!("{word:08x}{:08x}", word.rotate_left(9) ^ 0x5bd1_e995).repeat(4), i)
    };
    let path = folder.join(name);
    std::fs::write(&path, frames.map(line).collect::<String>()).unwrap();
    path
}

#[test]
fn videos_match_by_both_percentages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (listed, part, other) =
        (features(folder, "a.txt", 0..40), features(folder, "b.txt", 10..20), features(folder, "c.txt", 100..140));
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
        &"us",
        &"--features",
        &listed,
    ]);
    assert_eq!(build.status.code(), Some(0), "{}", err(&build));
    assert_eq!(std::fs::read_to_string(&list).unwrap().matches("\tvpdq\t").count(), 40);
    let ask = |file: &PathBuf, query: &str, compared: &str| {
        run(&[
            &"match",
            &"--json",
            &"--features",
            &"--list",
            &list,
            &"--query-percent",
            &query,
            &"--compared-percent",
            &compared,
            file,
        ])
    };
    for (file, query, compared, code) in [
        (&part, "80", "0", 1),
        (&part, "80", "50", 0),
        (&part, "0", "25", 1),
        (&listed, "100", "100", 1),
        (&other, "0", "0", 0),
    ] {
        let output = ask(file, query, compared);
        assert_eq!(output.status.code(), Some(code), "{query} {compared}: {} {}", out(&output), err(&output));
    }
    let json: serde_json::Value = serde_json::from_str(&out(&ask(&part, "80", "0"))).unwrap();
    assert_eq!((json["query_percent"].as_f64(), json["compared_percent"].as_f64()), (Some(100.0), Some(25.0)));
    let unsaid = run(&[&"match", &"--features", &"--list", &list, &part]);
    assert_eq!(unsaid.status.code(), Some(2));
    assert!(err(&unsaid).contains("--query-percent and --compared-percent"), "{}", err(&unsaid));
}

#[test]
fn a_signed_list_is_used_and_a_changed_or_older_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let picture = picture(folder, "a.png", 1);
    let list = list_of(folder, &picture);
    let mut keys = String::new();
    let secret = |name: &str| folder.join(format!("{name}.key"));
    for name in ["ada", "bo", "cy"] {
        let key = run(&[&"list", &"key", &"--name", &name, &"--out", &secret(name)]);
        assert_eq!(key.status.code(), Some(0), "{}", err(&key));
        keys += &out(&key);
    }
    let (keys_file, seen, signatures) = (folder.join("keys"), folder.join("seen"), folder.join("list.txt.sig"));
    std::fs::write(&keys_file, &keys).unwrap();
    let verify = || run(&[&"list", &"verify", &"--keys", &keys_file, &"--need", &"2", &"--seen", &seen, &list]);
    let refused = |rule: &str| {
        let output = verify();
        assert_eq!(output.status.code(), Some(4), "{} {}", out(&output), err(&output));
        assert!(err(&output).contains(rule) && err(&output).contains("to do:"), "{rule}: {}", err(&output));
    };
    refused("it is not signed");
    let sign = |names: &[&str]| {
        for name in names {
            let sign = run(&[&"list", &"sign", &"--key", &secret(name), &list]);
            assert_eq!(sign.status.code(), Some(0), "{}", err(&sign));
        }
    };
    sign(&["ada"]);
    refused("1 of the 2 signatures");
    sign(&["cy"]);
    let verified = verify();
    assert_eq!(verified.status.code(), Some(0), "{}", err(&verified));
    assert!(out(&verified).contains("signed by ada, cy"), "{}", out(&verified));
    let (first, first_signatures) = (std::fs::read(&list).unwrap(), std::fs::read(&signatures).unwrap());
    let ask = run(&[&"match", &"--list", &list, &"--keys", &keys_file, &"--need", &"2", &picture]);
    assert_eq!(ask.status.code(), Some(1), "{}", err(&ask));

    std::fs::write(&list, String::from_utf8(first.clone()).unwrap().replace("J. Doe", "J. Dow")).unwrap();
    refused("it was altered after it was signed");
    let ask = run(&[&"match", &"--list", &list, &"--keys", &keys_file, &"--need", &"2", &picture]);
    assert_eq!(ask.status.code(), Some(4), "{}", err(&ask));

    std::fs::write(&list, &first).unwrap();
    let build =
        run(&[&"list", &"build", &"--out", &list, &"--added-by", &"J. Doe", &self::picture(folder, "b.png", 3)]);
    assert_eq!(build.status.code(), Some(0), "{}", err(&build));
    refused("its signatures are of version 1");
    sign(&["bo", "ada"]);
    assert_eq!(verify().status.code(), Some(0));
    std::fs::write(&list, &first).unwrap();
    std::fs::write(&signatures, &first_signatures).unwrap();
    refused("it is older than what was seen before: version 1 after version 2");
    the_guard_refuses_too(folder, &list, &keys);
}

/// The guard's program, with a policy that names keys; its own memory of what was seen.
fn the_guard_refuses_too(folder: &Path, list: &Path, keys: &str) {
    let guard = Path::new(env!("CARGO_BIN_EXE_streamward")).with_file_name("streamward-guard");
    if !guard.is_file() {
        eprintln!("not checked: {} is not there", guard.display());
        return;
    }
    let shipped = include_str!("../../guard/policies/test.toml");
    let quoted: Vec<String> = keys.lines().map(|key| format!("{key:?}")).collect();
    let named = format!("[judges]\nlist_keys = [{}]\nlist_keys_needed = 2\n", quoted.join(", "));
    let policy = folder.join("policy.toml");
    std::fs::write(&policy, shipped.replacen("[judges]\n", &named, 1)).unwrap();
    let video = format!("YUV4MPEG2 W64 H48 F25:1\nFRAME\n{}", "x".repeat(64 * 48 * 3 / 2));
    std::fs::write(folder.join("video.y4m"), video).unwrap();
    let run = || {
        let input = std::fs::File::open(folder.join("video.y4m")).unwrap();
        let mut command = Command::new(&guard);
        command.arg("pipe").arg("--policy").arg(&policy).arg("--list").arg(list);
        command.stdin(input).env("STREAMWARD_STATE", folder.join("state")).output().unwrap()
    };
    let first = run();
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert!(folder.join("state/lists-seen").is_file());
    let text = std::fs::read_to_string(list).unwrap();
    std::fs::write(list, text.replace("J. Doe", "J. Dow")).unwrap();
    let altered = run();
    assert_eq!(altered.status.code(), Some(4), "{}", err(&altered));
    assert!(err(&altered).contains("it was altered after it was signed") && altered.stdout.is_empty());
    std::fs::write(list, text).unwrap();
    std::fs::remove_file(format!("{}.sig", list.display())).unwrap();
    let unsigned = run();
    assert_eq!(unsigned.status.code(), Some(4), "{}", err(&unsigned));
    assert!(err(&unsigned).contains("it is not signed") && unsigned.stdout.is_empty());
}

/// Meta's own hashes of its test videos, and what we make of the same files: at most 10 bits apart in every frame.
#[test]
fn reference_videos_have_the_reference_hashes() {
    let folder = std::env::var("STREAMWARD_CONFORMANCE")
        .map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from)
        .join("vpdq");
    let guard = Path::new(env!("CARGO_BIN_EXE_streamward")).with_file_name("streamward-guard");
    if !folder.is_dir() || !guard.is_file() {
        eprintln!("not checked: {} or {} is not there", folder.display(), guard.display());
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    for name in ["pattern-hd-no-bar", "pattern-sd-grey-bar", "pattern-sd-with-small-logo-bar", "test-padded-dimensions"]
    {
        let video = folder.join(format!("videos/{name}.mp4"));
        let output = run(&[&"hash", &"vpdq", &video]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", err(&output));
        let ours = known::vpdq::parse_text(&out(&output)).unwrap();
        let reference = folder.join(format!("sample-hashes/{name}.txt"));
        let theirs = known::vpdq::parse_text(&std::fs::read_to_string(&reference).unwrap()).unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let distances = ours.iter().zip(&theirs).map(|(ours, theirs)| {
            assert_eq!((ours.frame, ours.timestamp_ms), (theirs.frame, theirs.timestamp_ms), "{name}");
            ours.hash.distance_bits(&theirs.hash)
        });
        let largest = distances.max().unwrap();
        eprintln!("{name}: {} frames, at most {largest} bits apart", ours.len());
        assert!(largest <= 10, "{name}: {largest}");
        let json = run(&[&"hash", &"vpdq", &"--json", &video]);
        assert_eq!(known::vpdq::parse_json(&out(&json)).unwrap(), ours);

        // The video is found on a list made of the reference's hashes, and one of its frames as a picture.
        let (videos, pictures) = (scratch.path().join("videos"), scratch.path().join("pictures"));
        let build = run(&[
            &"list",
            &"build",
            &"--out",
            &videos,
            &"--name",
            &"V",
            &"--source",
            &"us",
            &"--added-by",
            &"us",
            &"--features",
            &reference,
        ]);
        assert_eq!(build.status.code(), Some(0), "{}", err(&build));
        let entry = format!("{}\tpdq\tframe-20\tus\t2026-11-24\t-\t-\n", theirs[20].hash);
        std::fs::write(&pictures, format!("{HEADER}{entry}")).unwrap();
        let ask = run(&[
            &"match",
            &"--json",
            &"--list",
            &videos,
            &"--query-percent",
            &"90",
            &"--compared-percent",
            &"90",
            &video,
        ]);
        assert_eq!(ask.status.code(), Some(1), "{name}: {} {}", out(&ask), err(&ask));
        let ask = run(&[&"match", &"--json", &"--list", &pictures, &video]);
        let json: serde_json::Value = serde_json::from_str(&out(&ask)).unwrap();
        assert_eq!((json["matched"].as_bool(), json["kind"].as_str()), (Some(true), Some("pdq")), "{json}");
        assert!(json["frames_matched"].as_u64().unwrap() >= 1);
    }
    // A video that was cut off is compared as far as it goes, and that is said.
    let whole = std::fs::read(folder.join("videos/pattern-sd-grey-bar.mp4")).unwrap();
    let cut = scratch.path().join("cut.mp4");
    std::fs::write(&cut, &whole[..whole.len() / 3]).unwrap();
    let output = run(&[&"hash", &"vpdq", &cut]);
    assert!(matches!(output.status.code(), Some(2 | 3)) && !err(&output).is_empty(), "{}", err(&output));
}
