//! Do our proofs agree with those of another implementation?
//!
//! Vectors: `merkle/testdata` of transparency-dev/merkle (Apache-2.0), sound and broken proofs. They lie outside the
//! project, at `../shared/conformance` or where `$STREAMWARD_CONFORMANCE` says; without them the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use record::{Hash, proof};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    leaf_idx: u64,
    tree_size: Option<u64>,
    start: Option<u64>,
    end: Option<u64>,
    root: Option<String>,
    leaf_hash: Option<String>,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[test]
fn inclusion_proofs_are_judged_as_the_vectors_say() {
    let n = each("inclusion", |vector: Inclusion, name| {
        let size = vector.tree_size.expect("an inclusion vector has a tree size");
        let verified = hashes(&vector).is_some_and(|(leaf, path, root)| {
            proof::verify_inclusion(vector.leaf_idx, size, leaf, &path, root).is_ok()
        });
        assert_eq!(verified, !vector.want_err, "{name:?}");
    });
    assert!(n.is_none_or(|n| n >= 73), "{n:?}");
}

#[test]
fn subtree_inclusion_proofs_are_judged_as_the_vectors_say() {
    let n = each("subtreeinclusion", |vector: Inclusion, name| {
        // Half of the vectors are about whole trees, with a tree size in place of a start and an end.
        let range = vector.start.unwrap_or(0)..vector.end.or(vector.tree_size).expect("a vector has an end or a size");
        let verified = hashes(&vector).is_some_and(|(leaf, path, root)| {
            proof::verify_subtree_inclusion(vector.leaf_idx, range, leaf, &path, root).is_ok()
        });
        assert_eq!(verified, !vector.want_err, "{name:?}");
    });
    assert!(n.is_none_or(|n| n >= 153), "{n:?}");
}

#[test]
fn consistency_proofs_are_judged_as_the_vectors_say() {
    let n = each("consistency", |vector: Consistency, name| {
        let roots = hash(&vector.root1).zip(hash(&vector.root2)).zip(path(&vector.proof));
        let verified = roots.is_some_and(|((before, after), path)| {
            proof::verify_consistency(vector.size1, vector.size2, &path, before, after).is_ok()
        });
        assert_eq!(verified, !vector.want_err, "{name:?}");
    });
    assert!(n.is_none_or(|n| n >= 74), "{n:?}");
}

fn hashes(vector: &Inclusion) -> Option<(Hash, Vec<Hash>, Hash)> {
    Some((hash(&vector.leaf_hash)?, path(&vector.proof)?, hash(&vector.root)?))
}

/// A hash of another length than 32 bytes cannot even be written down here: the vector counts as refused.
fn hash(text: &Option<String>) -> Option<Hash> {
    STANDARD.decode(text.as_deref()?).ok()?.try_into().ok().map(Hash)
}

fn path(texts: &Option<Vec<String>>) -> Option<Vec<Hash>> {
    texts.iter().flatten().map(|text| hash(&Some(text.clone()))).collect()
}

/// Runs `check` on every vector of `kind`; returns how many there were, or none when there are no vectors here.
fn each<V: for<'v> Deserialize<'v>>(kind: &str, check: impl Fn(V, &Path)) -> Option<usize> {
    let root = std::env::var_os("STREAMWARD_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"), PathBuf::from);
    let folder = root.join("merkle/testdata").join(kind);
    if !folder.exists() {
        eprintln!("not run: there are no vectors at {}", folder.display());
        return None;
    }
    let files = files_below(&folder);
    for file in &files {
        let text = std::fs::read(file).unwrap();
        check(serde_json::from_slice(&text).unwrap(), file);
    }
    Some(files.len())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
