//! Where does the next row begin, without trusting the file to ever end one?

use std::io::{self, BufRead};

/// Rows of bounded length from a source of any length.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    /// The number of the line last given, from 1.
    pub(crate) number: u64,
}

/// What [`Lines::next_into`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A whole line is in the buffer, with its line feed if it had one.
    Whole,
    /// A line above the limit was passed over.
    TooLong,
    /// There is no more.
    End,
}

impl<R: BufRead> Lines<R> {
    /// The longest row taken, in bytes.
    pub(crate) const BYTES_MAX: usize = 64 * 1024;

    pub(crate) fn new(source: R) -> Lines<R> {
        Lines { source, number: 0 }
    }

    /// Appends the next line to `line`, which together may not pass [`Lines::BYTES_MAX`].
    pub(crate) fn next_into(&mut self, line: &mut Vec<u8>) -> io::Result<Line> {
        let mut outcome = Line::End;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|&b| b == b'\n');
            let n_taken = end.map_or(available.len(), |at| at + 1);
            if outcome != Line::TooLong && line.len() + n_taken <= Self::BYTES_MAX {
                line.extend_from_slice(&available[..n_taken]);
                outcome = Line::Whole;
            } else {
                outcome = Line::TooLong;
            }
            self.source.consume(n_taken);
            if end.is_some() {
                break;
            }
        }
        self.number += u64::from(outcome != Line::End);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_passed_over_in_bounded_memory() {
        let source = [&b"one\n"[..], &vec![b'x'; 300_000], b"\ntwo"].concat();
        let mut lines = Lines::new(io::BufReader::with_capacity(4096, &source[..]));
        let mut line = Vec::new();
        assert_eq!(lines.next_into(&mut line).unwrap(), Line::Whole);
        assert_eq!(line, b"one\n");
        line.clear();
        assert_eq!(lines.next_into(&mut line).unwrap(), Line::TooLong);
        assert!(line.capacity() <= 2 * Lines::<&[u8]>::BYTES_MAX);
        line.clear();
        assert_eq!(lines.next_into(&mut line).unwrap(), Line::Whole);
        assert_eq!((&line[..], lines.number), (&b"two"[..], 3));
        assert_eq!(lines.next_into(&mut line).unwrap(), Line::End);
    }
}
