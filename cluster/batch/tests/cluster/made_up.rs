//! Rows of nobody, from a seed: what a book of many customers looks like to the kernel.

use std::io::Write;
use std::path::Path;

use batch::folder::Folder;
use payments::Row;
use payments::book::mark;
use payments::pack::LIVESTREAM_EXPLOITATION;

/// A folder of `n` rows, and their ids beside it; ids come in another order than rows.
///
/// Senders are busy by a power law and pay a few beneficiaries each; some rows take back an earlier one, some buy a
/// journey, one party in forty pays and is paid, a third share their second with the one before.
pub fn write(folder: &Path, ids: &Path, n: u32) -> Vec<Row> {
    let rows = rows(n);
    Folder::of(folder).write(&rows, LIVESTREAM_EXPLOITATION, None).expect("a folder of the test");
    let mut out = std::io::BufWriter::new(std::fs::File::create(ids).expect("a file of the test"));
    for number in 0..n {
        // An odd factor names each number once.
        writeln!(out, "\"T{:08x}\"", number.wrapping_mul(0x9e37_79b1)).expect("the disk has room");
    }
    out.flush().expect("the disk has room");
    rows
}

fn rows(n: u32) -> Vec<Row> {
    let mut chance = Chance(0x5eed_0000_0000_0001 ^ u64::from(n));
    let (n_senders, n_beneficiaries) = ((n / 20).max(50), (n / 12).max(80));
    let step_s = (365 * 86_400 / i64::from(n)).max(1);
    let mut at_s = 1_735_689_600;
    let mut rows: Vec<Row> = Vec::with_capacity(n as usize);
    for number in 0..n {
        let busy = (f64::from(n_senders) / 20.0 * chance.unit().powf(-1.0 / 1.3)) as u64;
        let sender = (busy % u64::from(n_senders)) as u32;
        let mut beneficiary = (sender.wrapping_mul(7919).wrapping_add(chance.below(6) * 104_729)) % n_beneficiaries;
        if chance.below(500) == 0 {
            beneficiary = chance.below(2000.min(n_beneficiaries));
        }
        // Beneficiaries are numbered behind senders, but for one in forty that is a sender too.
        let beneficiary =
            if beneficiary.is_multiple_of(40) { beneficiary % n_senders } else { n_senders + beneficiary };
        if chance.below(3) > 0 {
            at_s += i64::from(chance.below(2 * step_s as u32 + 1));
        }
        let country = (sender % 8) as u16;
        let undeclared = chance.below(3) == 0 || sender.is_multiple_of(97);
        let value_minor = match chance.below(3) {
            0 => i64::from(1500 + 500 * chance.below(4)),
            _ => i64::from(100 + chance.below(60_000)),
        };
        let marks = [
            (mark::IN_SCOPE, sender != beneficiary && chance.below(50) > 0),
            (mark::SMALL, value_minor < 20_000),
            (mark::ROUND, value_minor % 500 == 0),
            (mark::HOUR_KNOWN, chance.below(10) > 0),
            (mark::NIGHT, chance.below(4) == 0 || sender.is_multiple_of(97)),
            (mark::UNDECLARED, undeclared),
            (mark::DECLARED, !undeclared && chance.below(2) == 0),
            (mark::SERVICE, beneficiary.is_multiple_of(53)),
        ];
        let mut row = Row {
            at_s,
            value_minor,
            sender,
            beneficiary,
            reverses: Row::NO_ROW,
            corridor: country * 10 + (beneficiary % 10) as u16,
            country,
            marks: marks.iter().filter(|(_, is_set)| *is_set).fold(0, |marks, (bit, _)| marks | bit),
            channel: chance.below(4) as u8,
        };
        match chance.below(200) {
            0 if number > 0 => {
                let original = number.saturating_sub(1 + chance.below(2000));
                let Row { sender, beneficiary, reverses, .. } = rows[original as usize];
                if reverses == Row::NO_ROW {
                    row = Row { sender, beneficiary, reverses: original, ..row };
                }
            }
            1 => row.marks = row.marks & !mark::IN_SCOPE | mark::TRAVEL,
            _ => {}
        }
        rows.push(row);
    }
    rows
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, n: u32) -> u32 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u32
    }

    /// Above 0, up to 1.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}
