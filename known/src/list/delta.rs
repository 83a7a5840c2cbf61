//! How does a copy of a list become its next version without all of it being sent?
//!
//! A delta is made of the lines of two texts. Whoever applies it to the older one gets the newer, to the byte, or
//! something whose SHA-256 is not the one that was signed: a delta itself needs no belief.
//!
//! ```text
//! streamward list delta 1
//! =120                 the next 120 lines stay
//! -2                   the next two go
//! +version: 8          this line comes
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, Write};

use sha2::{Digest, Sha256};

use crate::Error;
use crate::error::DeltaError;

const FORMAT: &str = "streamward list delta 1";
/// The longest line of a list or delta that is taken, its end included; see [`super::LINE_BYTES_MAX`].
const LINE_BYTES_MAX: u64 = super::LINE_BYTES_MAX as u64 + 3;

/// The delta that makes `new` of `old`; none when one of them does not end with a line feed.
///
/// Short where lines were added, taken away or changed in place, as lists are; right for any two texts.
pub fn delta(old: &str, new: &str) -> Option<String> {
    if !old.ends_with('\n') || !new.ends_with('\n') {
        return None;
    }
    let mut to_come = counts(new);
    let mut delta = Writing { text: format!("{FORMAT}\n"), run: None };
    let (mut old, mut new) = (old.split_inclusive('\n').peekable(), new.split_inclusive('\n').peekable());
    loop {
        match (old.peek().copied(), new.peek().copied()) {
            (None, None) => return Some(delta.end()),
            (Some(same), Some(line)) if same == line => {
                delta.count('=');
                take(&mut to_come, line);
                old.next();
                new.next();
            }
            // It is not to come any more.
            (Some(gone), _) if to_come.get(gone).is_none_or(|n| *n == 0) => {
                delta.count('-');
                old.next();
            }
            (_, Some(line)) => {
                delta.add(line);
                take(&mut to_come, line);
                new.next();
            }
            (Some(_), None) => unreachable!("what is still to come is in the rest of the newer text"),
        }
    }
}

fn counts(text: &str) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    text.split_inclusive('\n').for_each(|line| *counts.entry(line).or_default() += 1);
    counts
}

fn take(to_come: &mut BTreeMap<&str, u32>, line: &str) {
    if let Some(n) = to_come.get_mut(line) {
        *n -= 1;
    }
}

struct Writing {
    text: String,
    run: Option<(char, u64)>,
}

impl Writing {
    fn count(&mut self, what: char) {
        match &mut self.run {
            Some((kind, n)) if *kind == what => *n += 1,
            _ => {
                self.flush();
                self.run = Some((what, 1));
            }
        }
    }

    fn add(&mut self, line: &str) {
        self.flush();
        self.text.push('+');
        self.text.push_str(line);
    }

    fn flush(&mut self) {
        if let Some((kind, n)) = self.run.take() {
            let _ = writeln!(self.text, "{kind}{n}");
        }
    }

    fn end(mut self) -> String {
        self.flush();
        self.text
    }
}

/// Writes what `delta` makes of `old` to `out`; gives its SHA-256, which the caller compares with what was signed.
///
/// Keeps no more than one line of each, and writes no more than both have together.
///
/// # Errors
/// [`Error::Delta`] when the delta cannot be read, or is not of this text; what was written then is of no use.
pub fn apply_delta(mut old: impl BufRead, mut delta: impl BufRead, out: &mut impl Write) -> Result<[u8; 32], Error> {
    let mut digest = Sha256::new();
    let (mut instruction, mut line) = (Vec::new(), Vec::new());
    let mut n_lines = 0;
    loop {
        n_lines += 1;
        let wrong = |wrong| Error::Delta { line: n_lines, wrong };
        let is_there = next_line(&mut delta, &mut instruction).map_err(wrong)?;
        if n_lines == 1 {
            match is_there && instruction == format!("{FORMAT}\n").as_bytes() {
                true => continue,
                false => return Err(wrong(DeltaError::Format)),
            }
        }
        if !is_there {
            break;
        }
        match instruction.split_first() {
            Some((b'+', added)) if added.ends_with(b"\n") => {
                digest.update(added);
                out.write_all(added).map_err(|why| wrong(DeltaError::Io(why)))?;
            }
            Some((kind @ (b'=' | b'-'), count)) => {
                let n = number(count).ok_or(wrong(DeltaError::Instruction))?;
                for _ in 0..n {
                    if !next_line(&mut old, &mut line).map_err(wrong)? {
                        return Err(wrong(DeltaError::OtherText));
                    }
                    if *kind == b'=' {
                        digest.update(&line);
                        out.write_all(&line).map_err(|why| wrong(DeltaError::Io(why)))?;
                    }
                }
            }
            _ => return Err(wrong(DeltaError::Instruction)),
        }
    }
    let wrong = |wrong| Error::Delta { line: n_lines, wrong };
    match next_line(&mut old, &mut line).map_err(wrong)? {
        true => Err(wrong(DeltaError::OtherText)),
        false => Ok(digest.finalize().into()),
    }
}

fn number(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.strip_suffix('\n')?.parse().ok()
}

/// Puts the next line into `line` with its end; false when there is none.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<bool, DeltaError> {
    line.clear();
    let n = std::io::Read::take(input, LINE_BYTES_MAX).read_until(b'\n', line).map_err(DeltaError::Io)?;
    match n as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
        true => Err(DeltaError::LongLine),
        false => Ok(n > 0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(old: &str, delta: &str) -> Result<String, Error> {
        let mut out = Vec::new();
        let sha256 = apply_delta(old.as_bytes(), delta.as_bytes(), &mut out)?;
        let digest: [u8; 32] = Sha256::digest(&out).into();
        assert_eq!(sha256, digest);
        Ok(String::from_utf8(out).unwrap())
    }

    proptest! {
        #[test]
        fn any_text_becomes_any_other(old in "([abc]{0,2}\n){1,12}", new in "([abc]{0,2}\n){1,12}") {
            prop_assert_eq!(applied(&old, &delta(&old, &new).unwrap()).unwrap(), new);
        }
    }

    #[test]
    fn a_version_with_one_entry_more_and_one_less_is_a_few_lines() {
        let entries: Vec<String> = (0..1000).map(|n| format!("entry {n}\n")).collect();
        let old = format!("version: 7\n{}", entries.concat());
        let new = format!("version: 8\n{}{}entry x\n", entries[..400].concat(), entries[401..].concat());
        let delta = delta(&old, &new).unwrap();
        assert_eq!(delta, format!("{FORMAT}\n-1\n+version: 8\n=400\n-1\n=599\n+entry x\n"));
        assert_eq!(applied(&old, &delta).unwrap(), new);
        assert!(super::delta("a\n", "a").is_none() && super::delta("a", "a\n").is_none());
    }

    #[test]
    fn what_is_no_delta_or_of_another_text_is_refused() {
        let old = "a\nb\nc\n";
        for wrong in ["", "=3\n", "streamward list delta 2\n=3\n"] {
            assert!(matches!(applied(old, wrong), Err(Error::Delta { line: 1, wrong: DeltaError::Format })), "{wrong}");
        }
        for (rest, line) in [("=4\n", 2), ("=2\n", 3), ("=3\n=18446744073709551615\n", 3)] {
            let found = applied(old, &format!("{FORMAT}\n{rest}"));
            assert!(
                matches!(found, Err(Error::Delta { line: l, wrong: DeltaError::OtherText }) if l == line),
                "{rest}"
            );
        }
        for rest in ["=x\n", "=-1\n", "a\n", "\n", "=3", "+no end"] {
            let found = applied(old, &format!("{FORMAT}\n{rest}"));
            assert!(
                matches!(found, Err(Error::Delta { line: 2, wrong: DeltaError::Instruction })),
                "{rest}: {found:?}"
            );
        }
        let long = format!("{FORMAT}\n+{}\n", "x".repeat(LINE_BYTES_MAX as usize));
        assert!(matches!(applied(old, &long), Err(Error::Delta { line: 2, wrong: DeltaError::LongLine })));
    }
}
