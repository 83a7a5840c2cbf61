//! Does a file of any size pass through a few hundred kilobytes?
//!
//! A file that is never on a disk: rows are made as they are read. 200 MB, and 50 GB when `$STREAMWARD_TEST_ALL` is set
//! to `50GB` (an hour of one processor). The most memory the process ever had is read from the system; where the system
//! does not tell, only the count is checked.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test is an edge")]

use std::io::{BufReader, Read};

use payments::PartyKey;
use payments::read::Entry;
use payments::read::csv::CsvReader;
use payments::read::mapping::Mapping;

/// A CSV file made row by row.
struct Endless {
    n_rows: u64,
    next: u64,
    row: Vec<u8>,
    at: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.row.len() {
            if self.next == self.n_rows {
                return Ok(0);
            }
            let i = self.next;
            self.next += 1;
            self.at = 0;
            // Every thousandth row is bad: it is named, and reading goes on.
            let amount = if i % 1000 == 999 { "many" } else { "15.00" };
            let (sender, beneficiary) = (i % 7919, i % 104_729);
            self.row = format!(
                "T{i},2026-03-01T12:00:00Z,sender {sender},beneficiary {beneficiary},{amount},GBP,GB,PH,online\n"
            )
            .into_bytes();
        }
        let n = buffer.len().min(self.row.len() - self.at);
        buffer[..n].copy_from_slice(&self.row[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

#[test]
fn a_file_larger_than_memory_is_read_row_by_row() {
    let n_bytes: u64 = match std::env::var("STREAMWARD_TEST_ALL").as_deref() {
        Ok("50GB") => 50_000_000_000,
        Ok(_) => 2_000_000_000,
        Err(_) => 200_000_000,
    };
    let n_rows = n_bytes / 80;
    let header = b"id,time,sender,beneficiary,amount,currency,from,to,channel\n".to_vec();
    let file = Endless { n_rows, next: 0, row: header, at: 0 };
    let key = PartyKey::new(&[7; 32]).unwrap();
    let before_kib = peak_kib();
    let (mut n_good, mut n_bad) = (0, 0);
    for entry in CsvReader::new(BufReader::new(file), &Mapping::own(), key).unwrap() {
        match entry.unwrap() {
            Entry::Transfer { .. } => n_good += 1,
            Entry::Reject(reject) => n_bad += u64::from(reject.field.0 == "amount"),
        }
    }
    assert_eq!((n_good, n_bad), (n_rows - n_rows / 1000, n_rows / 1000));
    if let (Some(before), Some(after)) = (before_kib, peak_kib()) {
        println!("{n_rows} rows; {} KiB more than before at most", after - before);
        assert!(after - before < 4096, "{before} KiB before, {after} KiB after");
    }
}

/// The most memory this process has had (`VmHWM` of proc_pid_status(5)).
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().split(' ').next()?.parse().ok()
}
