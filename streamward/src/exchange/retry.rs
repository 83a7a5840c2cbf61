//! How often is something tried again, and how long is waited in between?

use std::time::Duration;

use anyhow::{Result, anyhow};

use super::Failure;

/// How long to go on trying.
#[derive(Clone, Copy, clap::Args)]
pub(crate) struct Patience {
    /// How often a request is tried before this gives up; what was taken until then is kept.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// The first wait, milliseconds; each further one is up to twice as long, at random, at most two minutes.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    wait_ms: u64,
}

const WAIT_MAX: Duration = Duration::from_secs(120);

impl Patience {
    /// Does something until it goes well or can go no better.
    pub(super) async fn persist<T>(&self, work: impl AsyncFn() -> Result<T, Failure>) -> Result<T> {
        let mut n_tries = 0;
        loop {
            let (why, after) = match work().await {
                Ok(done) => return Ok(done),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing { why, after }) => (why, after),
            };
            n_tries += 1;
            if n_tries >= self.tries {
                return Err(anyhow!(
                    "given up after {n_tries} tries: {why}\n  to do: start again later; it goes on from here"
                ));
            }
            tokio::time::sleep(after.map_or_else(|| self.wait(n_tries), |after| after.min(WAIT_MAX))).await;
        }
    }

    /// Between nothing and the whole: many clients that failed together do not come back together.
    fn wait(&self, n_tries: u32) -> Duration {
        let longest = Duration::from_millis(self.wait_ms).saturating_mul(1 << (n_tries - 1).min(20)).min(WAIT_MAX);
        let mut random = [0; 4];
        // Without chance the wait is the longest, which is never wrong.
        let share = match getrandom::fill(&mut random) {
            Ok(()) => f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX),
            Err(_) => 1.0,
        };
        longest.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn passing() -> Failure {
        Failure::Passing { why: "busy".into(), after: Some(Duration::ZERO) }
    }

    #[tokio::test]
    async fn what_passes_is_tried_again_and_what_lasts_is_not() {
        let patience = Patience { tries: 4, wait_ms: 1 };
        let n_calls = AtomicU32::new(0);
        let call = || n_calls.fetch_add(1, Ordering::SeqCst) + 1;
        let third: Result<u32> = patience.persist(async || if call() < 3 { Err(passing()) } else { Ok(7) }).await;
        assert_eq!((third.unwrap(), n_calls.load(Ordering::SeqCst)), (7, 3));
        let lasting: Result<u32> = patience.persist(async || Err(Failure::Lasting(anyhow!("no {}", call())))).await;
        assert_eq!(lasting.unwrap_err().to_string(), "no 4");
        let never: Result<u32> = patience
            .persist(async || {
                call();
                Err(passing())
            })
            .await;
        assert!(never.unwrap_err().to_string().contains("given up after 4 tries: busy"));
        assert_eq!(n_calls.load(Ordering::SeqCst), 8);
    }

    #[test]
    fn waits_grow_and_are_never_longer_than_the_longest() {
        let patience = Patience { tries: 9, wait_ms: 100 };
        for n in 1..60 {
            assert!(patience.wait(n) <= Duration::from_millis(100).saturating_mul(1 << (n - 1).min(20)).min(WAIT_MAX));
        }
    }
}
