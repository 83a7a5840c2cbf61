//! Does the program say what is wrong, which, and what to do, when models or pictures are not as they should be?

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, helpers included")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn each_wrong_input_has_one_sentence_and_something_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("cut.tgz"), [0x1f, 0x8b, 8, 0]).unwrap();
    fs::write(at("model.onnx"), b"not a model").unwrap();
    fs::write(at("unknown-key.toml"), "name = \"x\"\ncolour = 1\n").unwrap();
    fs::write(at("other-hash.toml"), manifest("mine", &"0".repeat(64))).unwrap();
    fs::write(at("no-columns.csv"), "a,b\n").unwrap();
    for (arguments, part) in [
        (vec!["classify", &at("none.png")], "there is no model MobileNetV2"),
        (vec!["classify", "--model", "../up", &at("none.png")], "there is no model ../up"),
        (vec!["classify", "--accept-sha256", "xyz", &at("none.png")], "is not a SHA-256"),
        (vec!["model", "import", &at("cut.tgz")], "cut off"),
        (vec!["model", "import", &at("none.tgz")], "cannot read"),
        (vec!["model", "fetch", "something"], "there is no package for something"),
        (vec!["model", "show", "nothing"], "there is no model nothing"),
        (vec!["model", "add", &at("model.onnx"), "--manifest", &at("unknown-key.toml")], "colour"),
        (vec!["model", "add", &at("model.onnx"), "--manifest", &at("other-hash.toml")], "is pinned"),
        (vec!["evaluate", &at("no-columns.csv")], "no columns file and label"),
    ] {
        let output = run(folder.path(), &arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(text.contains(part) && text.contains("\n  to do: "), "{arguments:?}: {text}");
    }
}

#[test]
fn a_model_that_is_no_model_is_not_added() {
    let folder = tempfile::tempdir().unwrap();
    let (model, description) = (folder.path().join("model.onnx"), folder.path().join("m.toml"));
    fs::write(&model, b"not a model").unwrap();
    // The SHA-256 of these eleven bytes.
    let hash = "708811ccb1510c6d6c6e6379ef09be39bdbb0e7edcf44fefcca21c6228ee6d89";
    fs::write(&description, manifest("mine", hash)).unwrap();
    let arguments = ["model", "add", model.to_str().unwrap(), "--manifest", description.to_str().unwrap()];
    assert_eq!(run(folder.path(), &arguments).status.code(), Some(2));
    assert!(!folder.path().join("models/mine").exists());
}

#[test]
fn every_shipped_model_is_listed_and_has_a_card() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["model", "list", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert_eq!(row["here"], false);
        let card = run(folder.path(), &["model", "show", row["name"].as_str().unwrap()]);
        assert!(String::from_utf8(card.stdout).unwrap().contains("## What it cannot do"));
    }
}

fn manifest(name: &str, hash: &str) -> String {
    format!(
        "name = \"{name}\"\nversion = \"1\"\nsha256 = \"{hash}\"\nsource = \"a test\"\nlicence = \"none\"\n\
         classes = [\"a\", \"b\"]\nscores = \"probabilities\"\n[input]\nwidth = 8\nheight = 8\nlayout = \"NCHW\"\n\
         channels = \"RGB\"\nwhite = 1.0\nresize = {{ kind = \"align-corners\" }}\n"
    )
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_streamward"))
        .args(arguments)
        .env("STREAMWARD_MODELS", folder.join("models"))
        .env_remove("STREAMWARD_ONNXRUNTIME")
        .env_remove("ORT_DYLIB_PATH")
        .output()
        .unwrap()
}
