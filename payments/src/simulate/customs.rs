//! What is usual in one made-up region?
//!
//! Every figure is drawn from a range, once for a region: how many tip strangers, how large audiences are, how often
//! a relation is on record, how many people travel. No value is known to be right, so no pack may rest on one.
//! The ranges are our judgement; where a figure is published, it stands beside its range.

use super::Life;
use super::dice::Dice;

/// The figures of one region.
#[derive(Clone, Debug)]
pub(super) struct Customs {
    /// Innocent lives in parts of the whole, which is their sum.
    pub(super) shares: [(Life, u64); 12],
    /// How many remitters share one streamer, performer, collector, seller, agent.
    pub(super) audience: Audience,
    /// Of 100 streamers and performers, so many are paid as a verified business.
    pub(super) business_percent: u64,
    /// Of 100 sellers and collectors, so many are verified.
    pub(super) verified_payee_percent: u64,
    /// Of 100 strangers, so many have no declared relation where it was asked; of the others nothing is known.
    pub(super) stranger_undeclared_percent: u64,
    /// Of 100 relatives, so many have none either.
    pub(super) kin_undeclared_percent: u64,
    /// Of 100 remitters of any life, so many buy a journey within the year.
    pub(super) travel_percent: u64,
    /// Of 100 who pay strangers, innocent or not, so many support a family as well.
    pub(super) also_family_percent: u64,
    /// Most nights of 100 on which those who tip or pay performers are awake.
    pub(super) night_percent_max: u64,
    /// The same for published cases: "late night or early morning", without a figure.
    pub(super) case_night_percent_max: u64,
    /// Amounts of published cases in euro: FATF by way of financialcrime.lu 10 to 200, AUSTRAC A$10 to 100.
    pub(super) case_units: (u64, u64),
    /// Days between the first and last payment of a published case, at most; AIC 634 has gaps under 20 days.
    pub(super) case_days_max: u64,
}

/// How many remitters share one recipient, on average.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audience {
    pub(super) of_streamer: u64,
    pub(super) of_performer: u64,
    pub(super) of_collector: u64,
    pub(super) of_seller: u64,
    pub(super) of_agent: u64,
    /// Of a published case: fewest and most.
    pub(super) of_receiver: (u64, u64),
}

impl Customs {
    /// Draws the figures of a region.
    pub(super) fn draw(dice: &mut Dice) -> Customs {
        let mut share = |life, low, high| (life, dice.between(low, high));
        let shares = [
            (Life::Family, 5500),
            share(Life::DomesticWorker, 800, 1600),
            share(Life::Student, 300, 900),
            share(Life::Siblings, 300, 900),
            share(Life::Seafarer, 200, 800),
            share(Life::MedicalEmergency, 200, 600),
            share(Life::ChurchGiver, 150, 500),
            share(Life::MarketBuyer, 150, 500),
            share(Life::GamingTips, 100, 300),
            share(Life::AdultServices, 50, 150),
            share(Life::AgentUser, 150, 500),
            share(Life::DistantPartner, 50, 200),
        ];
        Customs {
            shares,
            audience: Audience {
                of_streamer: dice.spread(8, 200),
                of_performer: dice.spread(6, 120),
                of_collector: dice.spread(10, 80),
                of_seller: dice.spread(5, 60),
                of_agent: dice.spread(20, 150),
                of_receiver: (3, dice.between(8, 20)),
            },
            business_percent: dice.between(10, 70),
            verified_payee_percent: dice.between(30, 80),
            stranger_undeclared_percent: dice.between(50, 95),
            kin_undeclared_percent: dice.between(5, 25),
            travel_percent: dice.between(5, 40),
            also_family_percent: dice.between(0, 60),
            night_percent_max: dice.between(40, 80),
            case_night_percent_max: dice.between(40, 85),
            case_units: (dice.between(10, 25), dice.between(80, 200)),
            case_days_max: dice.between(60, 180),
        }
    }

    /// The innocent life that a throw stands for.
    pub(super) fn innocent(&self, dice: &mut Dice) -> Life {
        let whole: u64 = self.shares.iter().map(|(_, share)| share).sum();
        let mut throw = dice.between(0, whole - 1);
        for (life, share) in self.shares {
            if throw < share {
                return life;
            }
            throw -= share;
        }
        Life::Family
    }
}
