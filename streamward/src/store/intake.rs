//! How are incidents taken in when many come at once?
//!
//! Each asks alone and is answered alone. Those that come while a transaction runs share the next one, so that what a
//! commit costs is paid once for all of them; the first who gets the turn does it for everybody.

use std::sync::{Mutex, PoisonError};

use casework::{Person, Referral};
use jiff::Timestamp;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::bulk::{Coming, take_in_all};
use super::cases::Referred;
use super::{Error, Store};

/// So many share a transaction, at most.
const SHARED_MAX: usize = 64;

/// Who waits to be taken in.
#[derive(Default)]
pub(super) struct Intake {
    turn: tokio::sync::Mutex<()>,
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    who: Option<Person>,
    referral: Referral,
    at: Timestamp,
    answer: oneshot::Sender<Result<Referred, Error>>,
}

impl Intake {
    fn join(
        &self,
        who: Option<&Person>,
        referral: &Referral,
        at: Timestamp,
    ) -> oneshot::Receiver<Result<Referred, Error>> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { who: who.cloned(), referral: referral.clone(), at, answer };
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waiting);
        answered
    }

    /// Those who have waited longest.
    fn first(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let n_shared = waiting.len().min(SHARED_MAX);
        waiting.drain(..n_shared).collect()
    }
}

impl Store {
    /// Takes something in, once: the same thing again leads to the same case, whether or not the first answer arrived.
    ///
    /// What is referred of the same place while nobody has decided joins that case: one look, not many.
    ///
    /// # Errors
    /// [`Error::Database`]; then nothing was taken in.
    pub(crate) async fn refer(
        &self,
        who: Option<&Person>,
        referral: Referral,
        at: Timestamp,
    ) -> Result<Referred, Error> {
        loop {
            let mut answered = self.intake.join(who, &referral, at);
            let turn = tokio::select! {
                biased;
                said = &mut answered => match said {
                    Ok(said) => return said,
                    // Who did it for everybody was stopped in the middle, and nothing was changed.
                    Err(_) => continue,
                },
                turn = self.intake.turn.lock() => turn,
            };
            loop {
                match answered.try_recv() {
                    Ok(said) => return said,
                    Err(TryRecvError::Closed) => break,
                    Err(TryRecvError::Empty) => self.take_in_together(self.intake.first()).await,
                }
            }
            drop(turn);
        }
    }

    /// All in one transaction; where that fails each in one of its own, so that nobody bears another's fault.
    async fn take_in_together(&self, all: Vec<Waiting>) {
        let referrals: Vec<&Waiting> = all.iter().collect();
        let together = self.in_one(&referrals).await;
        let mut together = together.ok().map(Vec::into_iter);
        for waiting in all {
            let said = match together.as_mut().and_then(Iterator::next) {
                Some(referred) => Ok(referred),
                None => self.in_one(&[&waiting]).await.map(|mut one| one.remove(0)),
            };
            // Who asked may be gone; what was taken in stays.
            let _ = waiting.answer.send(said);
        }
    }

    async fn in_one(&self, all: &[&Waiting]) -> Result<Vec<Referred>, Error> {
        let at = all.iter().map(|waiting| waiting.at).max().unwrap_or(Timestamp::UNIX_EPOCH);
        let mut write = self.write(at).await?;
        let coming: Vec<Coming<'_>> =
            all.iter().map(|w| Coming { who: w.who.as_ref(), referral: &w.referral, at: w.at }).collect();
        let referred = take_in_all(&mut write, &coming).await?;
        write.commit().await?;
        Ok(referred)
    }
}
