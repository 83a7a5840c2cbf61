//! How do batches become features?
//!
//! One function for each part of the kernel. The first takes the batches of a piece, the others those of a partition;
//! each puts their rows in the book's order, calls the kernel and hands on what the next part needs. Features travel as bytes ([`crate::packed`]); each
//! part adds its own, so that nothing is taken apart on the way.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{
    Array, AsArray, BinaryArray, BinaryBuilder, RecordBatch, UInt8Array, UInt16Array, UInt32Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt8Type, UInt16Type, UInt32Type};
use datafusion::error::{DataFusionError, Result};
use payments::Features;
use payments::features::BeneficiaryFeatures;
use payments::features::parts::{self, OfSender, Standing};

use crate::job::{Job, Wanted};
use crate::packed::Packed;
use crate::rows::{N_BATCH, NUMBER, Rows, SCHEMA, values};

/// Name of the column of packed features.
pub const FEATURES: &str = "features";

/// A column beside a row's: how many senders its beneficiary has (`BeneficiaryFeatures::n_senders`).
const N_SENDERS: &str = "n_senders";

/// What part 1 gives: rows, with features of the beneficiary.
pub static OF_BENEFICIARIES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let mut fields: Vec<Field> = SCHEMA.fields().iter().map(|field| Field::clone(field)).collect();
    fields.push(Field::new(N_SENDERS, DataType::UInt32, false));
    fields.push(Field::new(FEATURES, DataType::Binary, false));
    Arc::new(Schema::new(fields))
});

/// What part 2 gives: where the sender stands, with all features but those of the peers; only rows that count. No
/// features where none can be wanted, whatever the peers do.
pub static OF_SENDERS: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(NUMBER, DataType::UInt32, false),
        Field::new("corridor", DataType::UInt16, false),
        Field::new("channel", DataType::UInt8, false),
        Field::new("previous", DataType::UInt32, false),
        Field::new("now", DataType::UInt32, false),
        Field::new(FEATURES, DataType::Binary, false),
    ]))
});

/// What part 3 gives, and so the answer: of each transfer that counts and is wanted, its number and its features.
pub static FOUND: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields = vec![Field::new(NUMBER, DataType::UInt32, false), Field::new(FEATURES, DataType::Binary, false)];
    Arc::new(Schema::new(fields))
});

/// One transfer in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// When, as in [`payments::Row::at_s`]; 0 where [`Wanted::Features`] is asked, whose reader knows the rows.
    pub at_s: i64,
    /// Who paid; 0 likewise.
    pub sender: u32,
    /// Who was paid; 0 likewise.
    pub beneficiary: u32,
    /// Its features.
    pub features: Features,
}

impl Found {
    /// Reads what [`of_peers`] writes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn read(bytes: &[u8], wanted: Wanted) -> Result<Found> {
        let mut rest = bytes;
        let found = Found::take(&mut rest, wanted).filter(|_| rest.is_empty());
        found.ok_or_else(|| DataFusionError::Execution("features that came back are cut short".to_owned()))
    }

    fn take(bytes: &mut &[u8], wanted: Wanted) -> Option<Found> {
        let (at_s, sender, beneficiary) = match wanted {
            Wanted::Features => (0, 0, 0),
            Wanted::Levels => (Packed::unpack(bytes)?, Packed::unpack(bytes)?, Packed::unpack(bytes)?),
        };
        Some(Found { at_s, sender, beneficiary, features: Packed::unpack(bytes)? })
    }
}

/// Whether rows follow that are not of the piece read so far: in each, numbers ascend.
///
/// # Errors
/// When a batch is not of [`SCHEMA`], or holds the end of a piece and the beginning of another.
pub fn is_of_another_piece(piece: &[RecordBatch], next: &RecordBatch) -> Result<bool> {
    let next = values::<UInt32Type>(next, NUMBER)?;
    if !next.is_sorted() {
        return Err(DataFusionError::Internal("a batch of rows of two pieces; report this as a bug".to_owned()));
    }
    let before = piece.last().map(|before| values::<UInt32Type>(before, NUMBER)).transpose()?;
    Ok(before.is_some_and(|before| next.first() < before.last()))
}

/// Part 1, on all rows of some beneficiaries.
///
/// # Errors
/// When a batch is not of [`SCHEMA`], or a row is there twice.
pub fn of_beneficiaries(batches: &[RecordBatch], job: &Job) -> Result<Vec<RecordBatch>> {
    let (rows, places) = Rows::gather(batches)?;
    once(places.len(), batches)?;
    let features = parts::of_beneficiaries(&rows.rows, job.pack.spans);
    let whole = rows.batch()?;
    in_batches(rows.rows.len(), |places| {
        let own = &features[places.clone()];
        let mut columns = whole.slice(places.start, places.len()).columns().to_vec();
        columns.push(Arc::new(UInt32Array::from_iter_values(own.iter().map(|of| of.n_senders))));
        columns.push(packed(own.len(), |place, out| own[place].pack(out)));
        Ok(RecordBatch::try_new(Arc::clone(&OF_BENEFICIARIES), columns)?)
    })
}

/// Part 2, on all rows of some senders, and on those rows of [`parts::two_way`] in which they are paid.
///
/// # Errors
/// When a batch is not of [`OF_BENEFICIARIES`], or not of [`SCHEMA`], or a row that was paid is there twice.
pub fn of_senders(paid: Vec<RecordBatch>, received: Vec<RecordBatch>, job: &Job) -> Result<Vec<RecordBatch>> {
    let n_paid = paid.len() as u32;
    // A row that is in both stays as it was paid: it comes first.
    let batches: Vec<RecordBatch> = paid.into_iter().chain(received).collect();
    let (Rows { numbers, rows }, places) = Rows::gather(&batches)?;
    once(places.iter().filter(|(batch, _)| *batch < n_paid).count(), &batches[..n_paid as usize])?;
    let mut n_senders: Vec<&[u32]> = Vec::new();
    let mut before: Vec<&BinaryArray> = Vec::new();
    for batch in &batches[..n_paid as usize] {
        n_senders.push(values::<UInt32Type>(batch, N_SENDERS)?);
        before.push(bytes(batch)?);
    }
    let n_senders = |index: usize| {
        let (batch, place) = places[index];
        n_senders.get(batch as usize).map_or(0, |of| of[place as usize])
    };
    let features = parts::of_senders(&rows, n_senders, job.pack.spans);
    let is_own = |index: &usize| places[*index].0 < n_paid && rows[*index].counts();
    let own: Vec<usize> = (0..rows.len()).filter(is_own).collect();
    in_batches(own.len(), |range| {
        let own = &own[range];
        let row = |index: &usize| &rows[*index];
        let columns: Vec<Arc<dyn Array>> = vec![
            Arc::new(UInt32Array::from_iter_values(own.iter().map(|&index| numbers[index]))),
            Arc::new(UInt16Array::from_iter_values(own.iter().map(|index| row(index).corridor))),
            Arc::new(UInt8Array::from_iter_values(own.iter().map(|index| row(index).channel))),
            Arc::new(UInt32Array::from_iter_values(own.iter().map(|&index| features[index].previous))),
            Arc::new(UInt32Array::from_iter_values(own.iter().map(|&index| features[index].sender.n_transfers))),
            packed(own.len(), |place, out| {
                let index = own[place];
                let (batch, place) = places[index];
                let beneficiary = before[batch as usize].value(place as usize);
                let OfSender { sender, pair, .. } = features[index];
                if job.asked.wanted == Wanted::Levels {
                    // What cannot be read goes on: whoever takes all of it apart will say so.
                    let could_be = BeneficiaryFeatures::unpack(&mut &*beneficiary).is_none_or(|beneficiary| {
                        job.could_want(&Features { sender, pair, beneficiary, peers: Default::default() })
                    });
                    if !could_be {
                        return;
                    }
                    let row = &rows[index];
                    row.at_s.pack(out);
                    row.sender.pack(out);
                    row.beneficiary.pack(out);
                }
                out.extend_from_slice(beneficiary);
                sender.pack(out);
                pair.pack(out);
            }),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&OF_SENDERS), columns)?)
    })
}

/// Part 3, on all rows of some corridors and channels.
///
/// # Errors
/// When a batch is not of [`OF_SENDERS`].
pub fn of_peers(batches: &[RecordBatch], job: &Job) -> Result<Vec<RecordBatch>> {
    let mut order: Vec<(u32, u32, u32)> = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    let mut standings: Vec<[&[u32]; 2]> = Vec::new();
    let mut groups: Vec<(&[u16], &[u8])> = Vec::new();
    for (batch, own) in (0..).zip(batches) {
        order.extend((0..).zip(values::<UInt32Type>(own, NUMBER)?).map(|(place, &number)| (number, batch, place)));
        standings.push([values::<UInt32Type>(own, "previous")?, values::<UInt32Type>(own, "now")?]);
        groups.push((values::<UInt16Type>(own, "corridor")?, values::<UInt8Type>(own, "channel")?));
    }
    order.sort();
    let standing = |&(_, batch, place): &(u32, u32, u32)| {
        let ([previous, now], (corridor, channel)) = (&standings[batch as usize], &groups[batch as usize]);
        let place = place as usize;
        Standing { corridor: corridor[place], channel: channel[place], previous: previous[place], now: now[place] }
    };
    let mut peers: Vec<Vec<_>> = batches.iter().map(|own| vec![Default::default(); own.num_rows()]).collect();
    for (&(_, batch, place), got) in order.iter().zip(parts::of_peers(order.iter().map(standing))) {
        peers[batch as usize][place as usize] = got;
    }
    let mut found = Vec::with_capacity(batches.len());
    for (own, peers) in batches.iter().zip(&peers) {
        let (numbers, before) = (values::<UInt32Type>(own, NUMBER)?, bytes(own)?);
        let mut kept = Vec::with_capacity(numbers.len());
        let mut features = BinaryBuilder::with_capacity(numbers.len(), before.values().len() + 4 * numbers.len());
        let mut whole = Vec::new();
        for (place, peers) in peers.iter().enumerate() {
            let before = before.value(place);
            if before.is_empty() {
                continue;
            }
            whole.clear();
            whole.extend_from_slice(before);
            peers.pack(&mut whole);
            let is_wanted = match job.asked.wanted {
                Wanted::Features => true,
                Wanted::Levels => job.wants(&Found::read(&whole, Wanted::Levels)?.features),
            };
            if is_wanted {
                kept.push(numbers[place]);
                features.append_value(&whole);
            }
        }
        let columns: Vec<Arc<dyn Array>> = vec![Arc::new(UInt32Array::from(kept)), Arc::new(features.finish())];
        found.push(RecordBatch::try_new(Arc::clone(&FOUND), columns)?);
    }
    Ok(found)
}

/// A row that a machine reckoned twice would be counted twice by the next.
fn once(n_rows: usize, batches: &[RecordBatch]) -> Result<()> {
    let n_came: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if n_came == n_rows {
        return Ok(());
    }
    Err(DataFusionError::Internal(format!("{n_came} rows came, {n_rows} of them others; report this as a bug")))
}

/// The packed features of a batch.
///
/// # Errors
/// When there are none.
pub fn bytes(batch: &RecordBatch) -> Result<&BinaryArray> {
    let column = batch.column_by_name(FEATURES).and_then(|column| column.as_binary_opt::<i32>());
    column.ok_or_else(|| DataFusionError::Execution(format!("column {FEATURES} is missing, or is not bytes")))
}

fn packed(n: usize, mut pack: impl FnMut(usize, &mut Vec<u8>)) -> Arc<dyn Array> {
    let mut column = BinaryBuilder::with_capacity(n, n * 64);
    let mut one = Vec::new();
    for place in 0..n {
        one.clear();
        pack(place, &mut one);
        column.append_value(&one);
    }
    Arc::new(column.finish())
}

fn in_batches(
    n_rows: usize,
    batch: impl Fn(std::ops::Range<usize>) -> Result<RecordBatch>,
) -> Result<Vec<RecordBatch>> {
    (0..n_rows).step_by(N_BATCH).map(|start| batch(start..n_rows.min(start + N_BATCH))).collect()
}

#[cfg(test)]
mod tests {
    use payments::Row;
    use payments::pack::LIVESTREAM_EXPLOITATION;

    use super::*;
    use crate::job::Asked;
    use crate::rows;

    fn batch(numbers: std::ops::Range<u32>) -> RecordBatch {
        let row = |number| Row { at_s: i64::from(number), ..rows::row(number % 3, 3 + number % 2) };
        Rows { numbers: numbers.clone().collect(), rows: numbers.map(row).collect() }.batch().unwrap()
    }

    #[test]
    fn rows_that_come_twice_are_an_error() {
        let (pack, wanted) = (LIVESTREAM_EXPLOITATION.to_owned(), Wanted::Features);
        let job = Job::new(Asked { folder: Default::default(), pack, overlay: None, wanted }).unwrap();
        let paid = of_beneficiaries(&[batch(0..10), batch(10..20)], &job).unwrap();
        assert!(of_beneficiaries(&[batch(0..10), batch(9..20)], &job).unwrap_err().to_string().contains("came"));
        // What a sender received is among what was paid.
        let known = of_senders(paid.clone(), vec![batch(4..6)], &job).unwrap();
        assert_eq!(known.iter().map(RecordBatch::num_rows).sum::<usize>(), 20);
        let twice = [paid.clone(), paid].concat();
        assert!(of_senders(twice, Vec::new(), &job).unwrap_err().to_string().contains("came"));
    }

    #[test]
    fn a_piece_ends_where_numbers_begin_anew() {
        let is_another = |piece: &[RecordBatch], next| is_of_another_piece(piece, &next).unwrap();
        assert!(!is_another(&[], batch(5..9)));
        assert!(!is_another(&[batch(5..9)], batch(9..12)));
        assert!(is_another(&[batch(5..9)], batch(6..12)));
        let schema = batch(0..1).schema();
        let both = datafusion::arrow::compute::concat_batches(&schema, &[batch(5..9), batch(6..12)]).unwrap();
        assert!(is_of_another_piece(&[], &both).is_err());
    }
}
