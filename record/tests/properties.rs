//! What holds for every record, and what is found in every altered one?

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use record::{Checkpoint, Hash, Key, Note, Tree, proof};

proptest! {
    #[test]
    fn every_entry_of_every_size_is_proved(n in 1u64..300, index: prop::sample::Index) {
        let tree = tree(n);
        let index = index.index(n as usize) as u64;
        let path = tree.inclusion_proof(index, n).unwrap();
        prop_assert_eq!(proof::verify_inclusion(index, n, tree.entry(index).unwrap(), &path, tree.root()), Ok(()));
    }

    #[test]
    fn every_earlier_record_is_a_beginning_of_the_later(after in 1u64..300, before: prop::sample::Index) {
        let tree = tree(after);
        let before = before.index(after as usize) as u64 + 1;
        let path = tree.consistency_proof(before, after).unwrap();
        let root_before = tree.root_at(before).unwrap();
        prop_assert_eq!(proof::verify_consistency(before, after, &path, root_before, tree.root()), Ok(()));
    }

    #[test]
    fn one_flipped_moved_doubled_or_cut_entry_changes_the_root(n in 2usize..100, at: prop::sample::Index, bit in 0u8..8) {
        let entries: Vec<Vec<u8>> = (0..n).map(entry).collect();
        let at = at.index(n);
        let mut flipped = entries.clone();
        flipped[at][0] ^= 1 << bit;
        let mut moved = entries.clone();
        moved.swap(at, (at + 1) % n);
        let mut doubled = entries.clone();
        doubled.insert(at, entries[at].clone());
        let mut cut = entries.clone();
        cut.remove(at);
        for altered in [flipped, moved, doubled, cut] {
            prop_assert_ne!(root_of(&altered), root_of(&entries));
        }
    }

    #[test]
    fn one_flipped_bit_of_a_proof_is_found(n in 2u64..200, at: prop::sample::Index, node: prop::sample::Index, bit in 0usize..256) {
        let tree = tree(n);
        let index = at.index(n as usize) as u64;
        let mut path = tree.inclusion_proof(index, n).unwrap();
        let node = node.index(path.len());
        path[node].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(proof::verify_inclusion(index, n, tree.entry(index).unwrap(), &path, tree.root()).is_err());
    }

    #[test]
    fn no_proof_at_all_is_too_strange_to_be_judged(
        index: u64, size: u64, start: u64, n_hashes in 0usize..70, byte: u8,
    ) {
        let path = vec![Hash([byte; 32]); n_hashes];
        let (leaf, root) = (Hash([1; 32]), Hash([2; 32]));
        prop_assert!(proof::verify_inclusion(index, size, leaf, &path, root).is_err());
        prop_assert!(proof::verify_subtree_inclusion(index, start..size, leaf, &path, root).is_err());
        prop_assert!(proof::verify_consistency(index, size, &path, leaf, root).is_err());
    }

    #[test]
    fn no_text_is_too_strange_to_be_read(bytes: Vec<u8>, text in "\\PC{0,80}", lines in "([a+ —=/0-9\n]{0,12}\n){0,6}") {
        for bytes in [bytes.as_slice(), text.as_bytes(), lines.as_bytes()] {
            if let Ok(note) = Note::parse(bytes) {
                prop_assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note.clone()));
            }
        }
        for text in [&text, &lines] {
            let _ = Key::parse(text);
            if let Ok(checkpoint) = Checkpoint::parse(text) {
                let note = checkpoint.to_note().unwrap();
                prop_assert_eq!(note.text(), text.as_str());
            }
        }
    }
}

fn entry(index: usize) -> Vec<u8> {
    index.to_be_bytes().repeat(2)
}

fn tree(n: u64) -> Tree {
    let mut tree = Tree::new();
    (0..n as usize).for_each(|index| {
        tree.append(&entry(index));
    });
    tree
}

fn root_of(entries: &[Vec<u8>]) -> Hash {
    let mut tree = Tree::new();
    entries.iter().for_each(|entry| {
        tree.append(entry);
    });
    tree.root()
}
