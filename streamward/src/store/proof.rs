//! How is a record proved without reading the whole log?
//!
//! The hash of every complete subtree of 256 records is kept, and of every 256 of those, and so on: a proof reads a few
//! hundred rows, however long the log is. All of it follows from the log: what is not there is reckoned when it is
//! asked for and kept then, so a store of an older version needs no change. What was altered proves nothing, and
//! `verify` finds it.

use std::collections::HashMap;
use std::ops::Range;

use record::subtree::{self, Subtree};
use record::{Frontier, Hash};
use sqlx::Row;

use super::{Error, Findings, Store};

/// Of every so many levels one is kept: subtrees of 256 records, of 65,536, and so on.
const LEVELS: u32 = 8;
/// How many hashes a block has: those that make one of the next kept level.
pub(super) const BLOCK: u64 = 1 << LEVELS;

/// Proofs at one size of the log. What one has read serves the next.
pub(crate) struct Proofs<'s> {
    store: &'s Store,
    n_entries: u64,
    /// Hashes by kept level, 0 for the records themselves, and number of their block.
    blocks: HashMap<(u32, u64), Vec<Hash>>,
}

impl Store {
    /// Proofs that lead to the root of the first `n_entries` records, which are there.
    pub(crate) fn proofs(&self, n_entries: u64) -> Proofs<'_> {
        Proofs { store: self, n_entries, blocks: HashMap::new() }
    }

    /// Reckons whatever subtree is complete and not kept, so that no proof waits for it. The first time it reads the
    /// whole log, once.
    ///
    /// # Errors
    /// [`Error::Damaged`] when records are missing.
    pub(crate) async fn keep_subtrees(&self) -> Result<(), Error> {
        let n_entries = self.head().await?.n_entries;
        for kept in (1..u64::BITS / LEVELS).rev() {
            let proofs = self.proofs(n_entries);
            if proofs.n_complete(kept) > 0 {
                proofs.read(kept, proofs.n_complete(kept) / BLOCK).await?;
            }
        }
        Ok(())
    }

    /// Whether the subtrees that are kept are those of the log, whose subtrees of 256 records these are.
    pub(super) async fn verify_subtrees(&self, of_256: Vec<Hash>, findings: &mut Findings) -> Result<(), Error> {
        let mut made = vec![of_256];
        while let Some(below) = made.last().filter(|below| below.len() as u64 >= BLOCK) {
            made.push(below.chunks_exact(BLOCK as usize).map(root).collect());
        }
        let mut after = (i64::MIN, -1);
        loop {
            let rows = sqlx::query(
                "SELECT level, number, hash FROM subtrees WHERE level > $1 OR (level = $1 AND number > $2)
                 ORDER BY level, number LIMIT 5000",
            )
            .bind(after.0)
            .bind(after.1)
            .fetch_all(&self.pool)
            .await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = (last.get::<i64, _>(0), last.get::<i64, _>(1));
            for row in &rows {
                let (level, number): (i64, i64) = (row.get(0), row.get(1));
                let kept = (level as u32).checked_div(LEVELS).and_then(|kept| kept.checked_sub(1));
                let made = kept.and_then(|kept| made.get(kept as usize)?.get(number as usize));
                if !level.unsigned_abs().is_multiple_of(u64::from(LEVELS))
                    || made != Hash::parse(&row.get::<String, _>(2)).ok().as_ref()
                {
                    findings.faults.push(format!("subtree {number} of level {level} is not what the log makes of it"));
                }
            }
        }
    }
}

impl Proofs<'_> {
    /// The hash of a record.
    pub(crate) async fn record(&mut self, position: u64) -> Result<Hash, Error> {
        self.hash(Subtree { level: 0, number: position }).await
    }

    /// The hashes that lead from a record to the root, from the bottom up; none when there is no such record.
    ///
    /// # Errors
    /// [`Error::Damaged`] when records are missing.
    pub(crate) async fn inclusion(&mut self, position: u64) -> Result<Option<Vec<Hash>>, Error> {
        let Ok(ranges) = subtree::inclusion(position, self.n_entries) else { return Ok(None) };
        let mut proof = Vec::with_capacity(ranges.len());
        for range in ranges {
            proof.push(self.root(range).await?);
        }
        Ok(Some(proof))
    }

    /// The root of some records, which [`subtree`] names.
    pub(crate) async fn root(&mut self, range: Range<u64>) -> Result<Hash, Error> {
        let mut hashes = Vec::new();
        for subtree in subtree::subtrees(range) {
            hashes.push(self.hash(subtree).await?);
        }
        Ok(subtree::join(hashes))
    }

    async fn hash(&mut self, Subtree { level, number }: Subtree) -> Result<Hash, Error> {
        let (kept, above) = (level / LEVELS, level % LEVELS);
        let first = number << above;
        let key = (kept, first / BLOCK);
        if !self.blocks.contains_key(&key) {
            let block = self.read(key.0, key.1).await?;
            self.blocks.insert(key, block);
        }
        let from = (first % BLOCK) as usize;
        let hashes = self.blocks[&key].get(from..from + (1 << above));
        hashes.map(root).ok_or_else(|| Error::Damaged { what: "the log".into() })
    }

    /// How many subtrees of a kept level are complete.
    fn n_complete(&self, kept: u32) -> u64 {
        self.n_entries >> (kept * LEVELS)
    }

    /// A block of a kept level, as far as it is complete; what is not kept is reckoned from the level below, and kept.
    async fn read(&self, kept: u32, block: u64) -> Result<Vec<Hash>, Error> {
        let numbers = block * BLOCK..((block + 1) * BLOCK).min(self.n_complete(kept));
        let mut there = self.stored(kept, &numbers).await?;
        let mut hashes = Vec::new();
        let mut missing = Vec::new();
        for number in numbers {
            let hash = match there.remove(&number) {
                Some(hash) => hash,
                None if kept == 0 => return Err(Error::Damaged { what: format!("record {number} of the log") }),
                None => {
                    let hash = root(&Box::pin(self.read(kept - 1, number)).await?);
                    missing.push((number, hash));
                    hash
                }
            };
            hashes.push(hash);
        }
        // A copy that is only read keeps nothing, and reckons again.
        let _ = self.keep(kept, &missing).await;
        Ok(hashes)
    }

    async fn stored(&self, kept: u32, numbers: &Range<u64>) -> Result<HashMap<u64, Hash>, Error> {
        let statement = match kept {
            0 => "SELECT position, entry FROM log WHERE position >= $1 AND position < $2",
            _ => "SELECT number, hash FROM subtrees WHERE number >= $1 AND number < $2 AND level = $3",
        };
        let mut query = sqlx::query(statement).bind(numbers.start as i64).bind(numbers.end as i64);
        if kept > 0 {
            query = query.bind(i64::from(kept * LEVELS));
        }
        let rows = query.fetch_all(&self.store.pool).await?;
        let read = rows.iter().map(|row| {
            let (number, text) = (row.get::<i64, _>(0) as u64, row.get::<String, _>(1));
            let hash = match kept {
                0 => Hash::of_entry(text.as_bytes()),
                _ => Hash::parse(&text).map_err(|_| Error::Damaged { what: format!("subtree {number} of the log") })?,
            };
            Ok((number, hash))
        });
        read.collect()
    }

    async fn keep(&self, kept: u32, hashes: &[(u64, Hash)]) -> Result<(), Error> {
        if hashes.is_empty() {
            return Ok(());
        }
        let _turn = self.store.turn.lock().await;
        let mut tx = self.store.pool.begin().await?;
        for (number, hash) in hashes {
            sqlx::query("INSERT INTO subtrees (level, number, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(i64::from(kept * LEVELS))
                .bind(*number as i64)
                .bind(hash.to_string())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// The root over hashes that are all of one level.
fn root(hashes: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for hash in hashes {
        frontier.append_hash(*hash);
    }
    frontier.root()
}
