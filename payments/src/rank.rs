//! In which order should people look at alerts, going by what they found before?
//!
//! Off unless somebody asks for it, and only an order: it raises nothing, hides nothing and changes no score. A logistic
//! regression on the points of each family, fitted to an institution's own reviewed alerts and to nothing else: outcomes
//! on made-up customers say nothing about real ones. Monotone: more points never lower a rank, more that speaks for an
//! innocent explanation never raises it, so a pack's meaning cannot be turned around by a few odd outcomes.
//! No chance and no order of input: the same outcomes give the same weights.

use std::collections::BTreeMap;

use crate::Alert;

/// Fewest reviewed alerts of each kind, worth a look and innocent; with fewer the order would be noise. Our judgement.
pub const N_EACH_MIN: usize = 30;

/// Points that stand for one unit, so that all inputs are of one size.
const UNIT: f64 = 10.0;
/// Weight of the penalty on large weights, in reviewed alerts.
const RIDGE: f64 = 1.0;
const N_STEPS: usize = 4000;

/// What reviewed alerts taught.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranker {
    /// By family, 0 or more for each [`UNIT`] of points.
    weights: BTreeMap<String, f64>,
    /// For protections, 0 or less.
    protection: f64,
    intercept: f64,
}

/// Too little has been reviewed to rank by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{n_worth} reviewed alerts were worth a look and {n_innocent} innocent; {N_EACH_MIN} of each are needed")]
pub struct TooFew {
    /// Reported or useful.
    pub n_worth: usize,
    /// Innocent.
    pub n_innocent: usize,
}

impl Ranker {
    /// Learns from reviewed alerts, each with whether it was worth a person's look.
    ///
    /// # Errors
    /// [`TooFew`].
    pub fn fit(reviewed: &[(&Alert, bool)]) -> Result<Ranker, TooFew> {
        let n_worth = reviewed.iter().filter(|(_, is_worth)| *is_worth).count();
        let n_innocent = reviewed.len() - n_worth;
        if n_worth.min(n_innocent) < N_EACH_MIN {
            return Err(TooFew { n_worth, n_innocent });
        }
        // In order of id, so that sums do not depend on the order of review.
        let mut reviewed = reviewed.to_vec();
        reviewed.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let names: Vec<String> = {
            let all = reviewed.iter().flat_map(|(alert, _)| &alert.families).map(|family| family.family.clone());
            all.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
        };
        let inputs: Vec<(Vec<f64>, f64)> =
            reviewed.iter().map(|(alert, is_worth)| (input(alert, &names), f64::from(u8::from(*is_worth)))).collect();
        // Steps no longer than one over the steepest curve of the loss: it falls at each.
        let steepest: f64 =
            inputs.iter().map(|(x, _)| 0.25 * x.iter().map(|v| v * v).sum::<f64>()).sum::<f64>() + RIDGE;
        let mut weights = vec![0.0; names.len() + 2];
        for _ in 0..N_STEPS {
            let mut slope: Vec<f64> = weights.iter().map(|w| RIDGE * w).collect();
            slope[names.len() + 1] = 0.0;
            for (x, y) in &inputs {
                let miss = chance(&weights, x) - y;
                slope.iter_mut().zip(x).for_each(|(s, v)| *s += miss * v);
            }
            weights.iter_mut().zip(&slope).for_each(|(w, s)| *w -= s / steepest);
            weights[..names.len()].iter_mut().for_each(|w| *w = w.max(0.0));
            weights[names.len()] = weights[names.len()].min(0.0);
        }
        Ok(Ranker {
            protection: weights[names.len()],
            intercept: weights[names.len() + 1],
            weights: names.into_iter().zip(weights).collect(),
        })
    }

    /// How likely an alert is to be worth a look, `0.0..=1.0`, among those that were reviewed; for an order, no finding.
    pub fn chance(&self, alert: &Alert) -> f64 {
        let points = alert.families.iter().map(|f| self.weight(&f.family) * f.counted as f64 / UNIT);
        let sum = self.intercept + points.sum::<f64>() + self.protection * protection(alert) / UNIT;
        1.0 / (1.0 + (-sum).exp())
    }

    /// What ten points of a family count for; 0 for one that no reviewed alert had.
    pub fn weight(&self, family: &str) -> f64 {
        self.weights.get(family).copied().unwrap_or(0.0)
    }
}

fn protection(alert: &Alert) -> f64 {
    alert.protections.iter().map(|protection| protection.points as f64).sum()
}

/// Families in order of `names`, protections, and a constant.
fn input(alert: &Alert, names: &[String]) -> Vec<f64> {
    let points = |name: &String| alert.families.iter().find(|f| f.family == *name).map_or(0, |f| f.counted);
    let families = names.iter().map(|name| points(name) as f64 / UNIT);
    families.chain([protection(alert) / UNIT, 1.0]).collect()
}

fn chance(weights: &[f64], input: &[f64]) -> f64 {
    let sum: f64 = weights.iter().zip(input).map(|(w, x)| w * x).sum();
    1.0 / (1.0 + (-sum).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Entity;
    use crate::score::{FamilyPoints, Inputs, Level, Protection};

    fn alert(number: usize, points: &[(&str, i64)], protected: i64) -> Alert {
        let families = points.iter().map(|&(family, counted)| FamilyPoints {
            family: family.to_owned(),
            points: counted,
            counted,
        });
        let protection = Protection { protection: "p 1".to_owned(), points: protected, why: String::new() };
        Alert {
            id: format!("a-{number:04}"),
            level: Level::Review,
            looks_like: String::new(),
            typology: "payer 1".to_owned(),
            entity: Entity::Sender,
            party: String::new(),
            raised_by: String::new(),
            at: String::new(),
            score: 0,
            families: families.collect(),
            reasons: Vec::new(),
            protections: if protected > 0 { vec![protection] } else { Vec::new() },
            silent: Vec::new(),
            inputs: Inputs {
                transfers_sha256: String::new(),
                pack: String::new(),
                pack_sha256: String::new(),
                overlay: None,
                overlay_sha256: None,
                rates_sha256: String::new(),
            },
        }
    }

    /// Strangers were worth a look, hours at night were not, and protections were right.
    fn reviewed() -> Vec<(Alert, bool)> {
        (0..200)
            .map(|i| {
                let (strangers, night, protected) =
                    ((i % 4) as i64 * 8, (i / 4 % 3) as i64 * 6, (i % 5 == 0) as i64 * 10);
                let is_worth = strangers - protected >= 16 && i % 7 != 0;
                (alert(i, &[("strangers", strangers), ("timing", 12 - night)], protected), is_worth)
            })
            .collect()
    }

    fn fit(reviewed: &[(Alert, bool)]) -> Result<Ranker, TooFew> {
        Ranker::fit(&reviewed.iter().map(|(alert, is_worth)| (alert, *is_worth)).collect::<Vec<_>>())
    }

    #[test]
    fn it_learns_what_people_found_and_the_order_of_review_does_not_matter() {
        let mut reviewed = reviewed();
        let ranker = fit(&reviewed).unwrap();
        assert!(ranker.weight("strangers") > 1.0 && ranker.protection < 0.0, "{ranker:?}");
        assert!(ranker.chance(&alert(1, &[("strangers", 24)], 0)) > 0.7);
        assert!(ranker.chance(&alert(1, &[("strangers", 0)], 0)) < 0.3);
        reviewed.reverse();
        assert_eq!(fit(&reviewed).unwrap(), ranker);
    }

    #[test]
    fn more_points_never_lower_a_rank_and_protection_never_raises_one() {
        // Outcomes that say the reverse of what the pack means.
        let turned: Vec<(Alert, bool)> = reviewed().into_iter().map(|(alert, is_worth)| (alert, !is_worth)).collect();
        for reviewed in [reviewed(), turned] {
            let ranker = fit(&reviewed).unwrap();
            for family in ["strangers", "timing", "unheard"] {
                let chance = |points: i64, protected| ranker.chance(&alert(1, &[(family, points)], protected));
                assert!(chance(20, 0) >= chance(5, 0) && chance(5, 0) >= chance(5, 10), "{family}: {ranker:?}");
            }
        }
    }

    #[test]
    fn too_few_reviewed_alerts_teach_nothing() {
        let few: Vec<(Alert, bool)> = reviewed().into_iter().filter(|(_, is_worth)| !is_worth).take(50).collect();
        assert_eq!(fit(&few), Err(TooFew { n_worth: 0, n_innocent: 50 }));
    }
}
