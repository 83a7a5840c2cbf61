//! What does a record say about itself at one moment?
//!
//! Source: C2SP tlog-checkpoint (<https://c2sp.org/tlog-checkpoint>): the log's name, its size in decimal, its root in
//! base64, then lines of one's own; the text of a signed [`Note`].

use crate::{Error, Hash, Note};

/// The size and root of a record under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which record: a name without spaces, usually a host and a path.
    pub origin: String,
    /// How many entries it has.
    pub n_entries: u64,
    /// The root of all of them.
    pub root: Hash,
    /// Further lines, none of them empty; the moment of the checkpoint goes here.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint as a note that nobody has signed yet.
    ///
    /// # Errors
    /// [`Error::CheckpointShape`] when the origin or an extension is empty or holds a line feed;
    /// [`Error::NoteShape`] and [`Error::NoteTooLong`] as [`Note::new`].
    pub fn to_note(&self) -> Result<Note, Error> {
        let mut lines = std::iter::once(&self.origin).chain(&self.extensions);
        if lines.any(|line| line.is_empty() || line.contains('\n')) {
            return Err(Error::CheckpointShape { wrong: "its name or a further line is empty or more than one line" });
        }
        let extensions: String = self.extensions.iter().map(|line| format!("{line}\n")).collect();
        Note::new(format!("{}\n{}\n{}\n{extensions}", self.origin, self.n_entries, self.root))
    }

    /// Reads the text of a note. Ask [`Quorum::verify`](crate::Quorum::verify) first whether to believe it.
    ///
    /// # Errors
    /// [`Error::CheckpointShape`] when a line is missing, empty or not what it should be.
    pub fn parse(text: &str) -> Result<Checkpoint, Error> {
        let shape = |wrong| Error::CheckpointShape { wrong };
        let text = text.strip_suffix('\n').ok_or(shape("its last line does not end with a line feed"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(shape("it has fewer than three lines"));
        };
        let n_entries: u64 = size.parse().map_err(|_| shape("its second line is not a number of entries"))?;
        if n_entries.to_string() != size {
            return Err(shape("its number of entries begins with a zero or a sign"));
        }
        let root = Hash::parse(root).map_err(|_| shape("its third line is not a root"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(shape("a line is empty"));
        }
        Ok(Checkpoint { origin: origin.to_owned(), n_entries, root, extensions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "example.org/cases".into(),
            n_entries: 3,
            root: Hash::of_entry(b"x"),
            extensions: vec!["2026-11-24T00:00:00Z".into()],
        }
    }

    #[test]
    fn a_checkpoint_survives_the_way_there_and_back() {
        let text = checkpoint().to_note().unwrap().text().to_owned();
        assert!(text.starts_with("example.org/cases\n3\n"), "{text}");
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint()));
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        let root = Hash::of_nothing();
        for wrong in
            ["", "a", "a\n0\n", &format!("a\n03\n{root}\n"), &format!("a\n+3\n{root}\n"), &format!("\n3\n{root}\n")]
        {
            assert!(matches!(Checkpoint::parse(wrong), Err(Error::CheckpointShape { .. })), "{wrong:?}");
        }
        let two_lines = Checkpoint { origin: "a\n9".into(), ..checkpoint() };
        assert!(matches!(two_lines.to_note(), Err(Error::CheckpointShape { .. })));
    }
}
