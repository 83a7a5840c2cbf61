//! Are the few pictures of a film that a person is shown spread over all of it, and is what is broken said to be?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the part answers: for each picture width, height and milliseconds; its words; its exit code.
fn stills(file: &[u8]) -> (Vec<[usize; 3]>, String, Option<i32>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_streamward-guard"))
        .args(["part", "stills", "--count", "9", "--side", "320"])
        .env("ORC_CODE", "backup")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let file = file.to_vec();
    let giving = std::thread::spawn(move || to.write_all(&file));
    let output = child.wait_with_output().unwrap();
    // It may have ended before it took all.
    let _ = giving.join().unwrap();
    let mut pictures = Vec::new();
    let mut rest = &output.stdout[..];
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let head: Vec<usize> =
            std::str::from_utf8(&rest[..end]).unwrap().split(' ').map(|number| number.parse().unwrap()).collect();
        rest = &rest[end + 1 + head[0] * head[1] * 3..];
        pictures.push([head[0], head[1], head[2]]);
    }
    (pictures, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

/// Ten seconds of a moving pattern, 640x360, 25 a second, a key frame every four seconds.
fn film(place: &Path, name: &str, words: &[&str]) -> Vec<u8> {
    let file = place.join(name);
    let pattern = "testsrc2=size=640x360:rate=25:duration=10";
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", pattern, "-g", "100"]).args(words).arg(&file);
    assert!(ffmpeg.status().unwrap().success(), "ffmpeg {words:?}");
    std::fs::read(file).unwrap()
}

#[test]
fn nine_pictures_are_spread_over_the_film() {
    let place = tempfile::tempdir().unwrap();
    let h264 = ["-c:v", "libx264"];
    let mut films = vec![
        ("at its start", film(place.path(), "a.mp4", &[&h264[..], &["-movflags", "faststart"]].concat())),
        ("at its end", film(place.path(), "b.mp4", &h264)),
        ("matroska", film(place.path(), "c.mkv", &h264)),
        ("transport stream", film(place.path(), "d.ts", &h264)),
        ("avi", film(place.path(), "e.avi", &["-c:v", "mpeg4", "-q:v", "3"])),
        ("flv", film(place.path(), "f.flv", &h264)),
    ];
    // As a browser records: nobody went back to write how long it is.
    films.push(("written as it came", film(place.path(), "g.webm", &["-c:v", "libvpx", "-f", "webm", "-live", "1"])));
    for (what, bytes) in films {
        let (pictures, words, code) = stills(&bytes);
        eprintln!("{what}: {:?}", pictures.iter().map(|picture| picture[2]).collect::<Vec<_>>());
        assert_eq!((pictures.len(), code), (9, Some(0)), "{what}: {words}");
        assert!(pictures.iter().all(|[width, height, _]| (*width, *height) == (320, 180)), "{what}: {pictures:?}");
        for (part, [.., at]) in pictures.iter().enumerate() {
            // Its ninth of the film; a decoder may be some frames off.
            // Of one that does not know its length, what is known of it may be less; its end is shown.
            let early = if what == "written as it came" && part < 8 { part * 10_000 / 30 } else { 200 };
            // A transport stream counts from a time of its own.
            let late = if what == "transport stream" { 1400 } else { 200 };
            let (from, to) = ((part * 10_000 / 9).saturating_sub(early), (part + 1) * 10_000 / 9 + late);
            assert!((from..to).contains(at), "{what}: picture {part} is at {at} ms");
        }
    }
}

#[test]
fn a_short_one_gives_what_it_has_and_a_broken_one_gives_words() {
    let place = tempfile::tempdir().unwrap();
    let whole = film(place.path(), "a.mp4", &["-c:v", "libx264", "-movflags", "faststart"]);
    let (short, ..) = stills(&film(place.path(), "b.mp4", &["-c:v", "libx264", "-frames:v", "4"]));
    assert!((1..=9).contains(&short.len()), "{short:?}");
    let card = image::RgbImage::from_pixel(800, 400, image::Rgb([9, 90, 200]));
    card.save(place.path().join("a.png")).unwrap();
    assert_eq!(stills(&std::fs::read(place.path().join("a.png")).unwrap()).0, [[320, 160, 0]]);
    let (half, ..) = stills(&whole[..whole.len() / 2]);
    assert!(!half.is_empty(), "what is there of a film that was cut is shown");
    for broken in [&b""[..], b"a letter", &whole[..200], &[0xff, 0xd8, 0xff, 0xe0]] {
        let (pictures, words, code) = stills(broken);
        assert_eq!((pictures.len(), code), (0, Some(2)), "{} bytes: {words}", broken.len());
        assert!(words.contains("the file cannot be shown"), "{words}");
    }
}
