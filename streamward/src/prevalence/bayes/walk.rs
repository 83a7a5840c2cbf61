//! How does one walk through a posterior?
//!
//! The no-U-turn sampler of the crate nuts-rs, one walk a thread. Each walk's chance follows from the seed and its
//! number, so that results do not depend on how many threads there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, anyhow};
use nuts_rs::rand::SeedableRng;
use nuts_rs::rand::rngs::ChaCha8Rng;
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};
use prevalence::bayes::Density;
use prevalence::bayes::posterior::Walk;
use prevalence::chance::{Chance, Purpose};
use rayon::prelude::*;

/// How long to walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    /// Walks.
    pub chains: usize,
    /// Steps of each in which it learns how to walk; they are thrown away.
    pub warmup: usize,
    /// Draws of each after that.
    pub draws: usize,
    /// Seed of all chance.
    pub seed: u64,
}

/// Starts that may be tried before a walk is given up.
const STARTS: u64 = 20;
/// Share of proposals that is accepted, which sets the length of a step. Somewhat below the usual 0.8: on 150 areas and
/// 3,600 respondents it took 40 % fewer evaluations than 0.85 for walks that agree as well.
const TARGET_ACCEPT: f64 = 0.7;

/// Walks through `density`; `moved` is called with every step, from any thread.
pub(crate) fn walks(density: &dyn Density, length: Length, moved: &(dyn Fn() + Sync)) -> anyhow::Result<Vec<Walk>> {
    (0..length.chains as u64).into_par_iter().map(|number| walk(density, length, number, moved)).collect()
}

fn walk(density: &dyn Density, length: Length, number: u64, moved: &(dyn Fn() + Sync)) -> anyhow::Result<Walk> {
    let (num_tune, num_draws) = (length.warmup as u64, length.draws as u64);
    let mut settings = DiagNutsSettings { num_tune, num_draws, ..DiagNutsSettings::default() };
    settings.adapt_options.step_size_settings.target_accept = TARGET_ACCEPT;
    let n_evaluations = AtomicU64::new(0);
    let math = CpuMath::new(Ground { density, n_evaluations: &n_evaluations });
    let mut rng = ChaCha8Rng::seed_from_u64(Chance::new(length.seed, Purpose::Sample, number, 0).bits());
    let mut chain = settings.new_chain(number, math, &mut rng).context("the sampler refuses its settings")?;
    let is_ready = (0..STARTS).any(|attempt| {
        let mut chance = Chance::new(length.seed, Purpose::Sample, number, 1 + attempt);
        chain.set_position(&density.start(&mut chance)).is_ok()
    });
    if !is_ready {
        let what = format!("walk {} finds no place to start from", number + 1);
        return Err(anyhow!("{what}\n  to do: check the answers for impossible counts, or choose another --seed"));
    }
    let mut walk = Walk { n_draws: length.draws, ..Walk::default() };
    for step in 0..length.warmup + length.draws {
        let (position, info) = chain.draw().map_err(|error| anyhow!("walk {} ended early: {error}", number + 1))?;
        moved();
        if step >= length.warmup {
            walk.n_divergent += usize::from(info.diverging);
            walk.positions.extend_from_slice(&position[..density.n_kept()]);
            walk.values.extend(density.quantity_values(&position));
        }
    }
    walk.n_evaluations = n_evaluations.load(Ordering::Relaxed);
    Ok(walk)
}

/// A density as nuts-rs wants it.
struct Ground<'a> {
    density: &'a dyn Density,
    n_evaluations: &'a AtomicU64,
}

/// The density cannot be had here: the walk turns round.
#[derive(Debug, thiserror::Error)]
#[error("the density is not finite here")]
struct NoGround;

impl LogpError for NoGround {
    fn is_recoverable(&self) -> bool {
        true
    }
}

impl HasDims for Ground<'_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.density.dim() as u64)])
    }
}

impl CpuLogpFunc for Ground<'_> {
    type LogpError = NoGround;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.density.dim()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, NoGround> {
        self.n_evaluations.fetch_add(1, Ordering::Relaxed);
        let log = self.density.log_density(position, gradient);
        if log.is_finite() && gradient.iter().all(|slope| slope.is_finite()) { Ok(log) } else { Err(NoGround) }
    }

    fn expand_vector<R: nuts_rs::rand::Rng + ?Sized>(
        &mut self,
        _: &mut R,
        position: &[f64],
    ) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}
