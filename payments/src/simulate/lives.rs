//! How does each kind of remitter send money?
//!
//! Each life draws its own parameters from ranges. Sums are in units of the sender's currency.

use super::{Home, Life, Maker, Shape};
use crate::transfer::{Channel, Payee, Purpose, Relation};
use crate::{Corridor, PartyId};

/// Recipients that many share.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools {
    collectors: Vec<(PartyId, Corridor)>,
    sellers: Vec<(PartyId, Corridor)>,
    streamers: Vec<(PartyId, Corridor)>,
    performers: Vec<(PartyId, Corridor)>,
    agents: Vec<(PartyId, Corridor)>,
    receivers: Vec<(PartyId, Corridor)>,
}

/// Shares of the innocent lives, in percent.
const SHARES: [(Life, u64); 11] = [
    (Life::Family, 55),
    (Life::DomesticWorker, 12),
    (Life::Student, 6),
    (Life::Siblings, 6),
    (Life::Seafarer, 5),
    (Life::MedicalEmergency, 4),
    (Life::ChurchGiver, 3),
    (Life::MarketBuyer, 3),
    (Life::GamingTips, 2),
    (Life::AdultServices, 1),
    (Life::AgentUser, 3),
];

const CASES: [Life; 3] = [Life::CaseOneToMany, Life::CaseEscalating, Life::CaseShared];

impl Maker {
    /// Makes one remitter and its transfers.
    pub(super) fn live(&mut self) {
        let is_case = self.dice.between(0, 99_999) < u64::from(self.settings.n_cases_per_100_000);
        let life = if is_case { self.dice.pick(&CASES) } else { self.innocent() };
        let night_percent = match life {
            Life::GamingTips | Life::AdultServices => self.dice.between(25, 70),
            life if life.is_case() => self.dice.between(30, 85),
            _ => self.dice.between(0, 25),
        };
        let home = self.home(None, night_percent);
        self.world.remitters.push((home.party, life));
        match life {
            Life::Family => self.family(&home),
            Life::DomesticWorker => self.domestic_worker(&home),
            Life::Student => self.student(&home),
            Life::Siblings => self.siblings(&home),
            Life::Seafarer => self.seafarer(&home),
            Life::MedicalEmergency => self.medical_emergency(&home),
            Life::ChurchGiver => self.church_giver(&home),
            Life::MarketBuyer => self.market_buyer(&home),
            Life::GamingTips => self.gaming_tips(&home),
            Life::AdultServices => self.adult_services(&home),
            Life::AgentUser => self.agent_user(&home),
            Life::CaseOneToMany => self.case_one_to_many(&home),
            Life::CaseEscalating => self.case_escalating(&home),
            Life::CaseShared => self.case_shared(&home),
        }
    }

    fn innocent(&mut self) -> Life {
        let mut throw = self.dice.between(0, 99);
        for (life, share) in SHARES {
            if throw < share {
                return life;
            }
            throw -= share;
        }
        Life::Family
    }

    /// How much of a relation an institution has on record for people who know each other.
    fn kin(&mut self) -> Relation {
        match self.dice.between(0, 99) {
            0..30 => Relation::Verified,
            30..75 => Relation::Declared,
            75..90 => Relation::Undeclared,
            _ => Relation::Unknown,
        }
    }

    fn relative(&mut self) -> Shape {
        Shape {
            to: self.party(),
            corridor: None,
            channel: self.dice.pick(&[Channel::Bank, Channel::Cash, Channel::Online, Channel::Wallet]),
            payee: Payee::Person,
            relation: self.kin(),
            purpose: Purpose::Family,
            is_round: self.dice.percent(60),
        }
    }

    fn stranger(&mut self, to: PartyId, corridor: Corridor) -> Shape {
        Shape {
            to,
            corridor: Some(corridor),
            channel: self.dice.pick(&[Channel::Cash, Channel::Online, Channel::Wallet]),
            payee: if self.dice.percent(50) { Payee::Person } else { Payee::Unknown },
            relation: if self.dice.percent(75) { Relation::Undeclared } else { Relation::Unknown },
            purpose: self.dice.pick(&[Purpose::Unstated, Purpose::Family, Purpose::Gift, Purpose::Goods]),
            is_round: self.dice.percent(50),
        }
    }

    /// Pays `shape` from `first` on, every `gap` days give or take `jitter`.
    fn regularly(&mut self, home: &Home, shape: Shape, plan: Plan) {
        let mut day = plan.first_day;
        while day < self.settings.n_days {
            let units = self.dice.between(plan.units.0, plan.units.1);
            self.pay(home, day, units, shape);
            day += (plan.gap_days + self.dice.between(0, 2 * plan.jitter_days) as u32)
                .saturating_sub(plan.jitter_days as u32)
                .max(1);
        }
    }

    fn start(&mut self, share_percent: u64) -> u32 {
        self.dice.between(0, u64::from(self.settings.n_days) * share_percent / 100) as u32
    }

    fn family(&mut self, home: &Home) {
        let shape = self.relative();
        let usual = self.dice.between(80, 500);
        let plan = Plan {
            first_day: self.start(30),
            gap_days: self.dice.pick(&[14, 15, 30, 30, 30]),
            jitter_days: self.dice.between(0, 4),
            units: (usual * 4 / 5, usual * 6 / 5),
        };
        self.regularly(home, shape, plan);
    }

    fn domestic_worker(&mut self, home: &Home) {
        for _ in 0..self.dice.between(1, 2) {
            let shape = self.relative();
            let usual = self.dice.between(30, 180);
            let plan = Plan {
                first_day: self.start(20),
                gap_days: self.dice.between(5, 15) as u32,
                jitter_days: self.dice.between(0, 3),
                units: (usual * 3 / 4, usual * 5 / 4),
            };
            self.regularly(home, shape, plan);
        }
    }

    fn student(&mut self, home: &Home) {
        let shape = Shape { purpose: Purpose::Education, ..self.relative() };
        let usual = self.dice.between(30, 120);
        let first_day = self.start(20);
        let plan = Plan { first_day, gap_days: 7, jitter_days: self.dice_jitter(), units: (usual, usual) };
        self.regularly(home, shape, plan);
        let school = Shape { to: self.party(), payee: Payee::School, relation: Relation::Unknown, ..shape };
        let plan = Plan { first_day, gap_days: 120, jitter_days: 10, units: (400, 2000) };
        self.regularly(home, school, plan);
    }

    fn dice_jitter(&mut self) -> u64 {
        self.dice.between(0, 2)
    }

    fn siblings(&mut self, home: &Home) {
        for _ in 0..self.dice.between(2, 4) {
            let shape = self.relative();
            let usual = self.dice.between(15, 80);
            let plan = Plan {
                first_day: self.start(20),
                gap_days: 7,
                jitter_days: self.dice_jitter(),
                units: (usual, usual * 5 / 4),
            };
            self.regularly(home, shape, plan);
        }
    }

    fn seafarer(&mut self, home: &Home) {
        let shape = self.relative();
        let usual = self.dice.between(600, 2000);
        let plan = Plan { first_day: self.start(10), gap_days: 30, jitter_days: 1, units: (usual, usual) };
        self.regularly(home, shape, plan);
    }

    fn medical_emergency(&mut self, home: &Home) {
        self.family(home);
        let shape = Shape { purpose: Purpose::Medical, ..self.relative() };
        let day = self.start(90);
        for _ in 0..self.dice.between(3, 10) {
            let (after, units) = (self.dice.between(0, 14) as u32, self.dice.between(50, 900));
            self.pay(home, day + after, units, shape);
        }
    }

    fn church_giver(&mut self, home: &Home) {
        self.family(home);
        let (to, corridor) = self.shared(home, |pools| &mut pools.collectors, 25, Reach::Community);
        let payee = if self.dice.percent(60) { Payee::Charity } else { Payee::Person };
        let shape = Shape { payee, purpose: Purpose::Gift, ..self.stranger(to, corridor) };
        let plan = Plan { first_day: self.start(30), gap_days: 30, jitter_days: 3, units: (10, 60) };
        self.regularly(home, shape, plan);
    }

    fn market_buyer(&mut self, home: &Home) {
        for _ in 0..self.dice.between(1, 4) {
            let (to, corridor) = self.shared(home, |pools| &mut pools.sellers, 12, Reach::Community);
            let payee = if self.dice.percent(50) { Payee::Business } else { Payee::Person };
            let shape = Shape { payee, purpose: Purpose::Goods, is_round: false, ..self.stranger(to, corridor) };
            for _ in 0..self.dice.between(1, 4) {
                let (day, units) = (self.start(99), self.dice.between(8, 150));
                self.pay(home, day, units, shape);
            }
        }
    }

    fn gaming_tips(&mut self, home: &Home) {
        for _ in 0..self.dice.between(1, 4) {
            let (to, corridor) = self.shared(home, |pools| &mut pools.streamers, 30, Reach::World);
            let shape = Shape { channel: Channel::Wallet, is_round: true, ..self.stranger(to, corridor) };
            for _ in 0..self.dice.between(1, 8) {
                let (day, units) = (self.start(99), self.dice.pick(&[5, 10, 10, 20, 50]));
                self.pay(home, day, units, shape);
            }
        }
    }

    fn adult_services(&mut self, home: &Home) {
        for _ in 0..self.dice.between(1, 5) {
            let (to, corridor) = self.shared(home, |pools| &mut pools.performers, 20, Reach::World);
            let shape = self.stranger(to, corridor);
            for _ in 0..self.dice.between(1, 10) {
                let (day, units) = (self.start(99), self.dice.between(10, 150));
                self.pay(home, day, units, shape);
            }
        }
    }

    fn agent_user(&mut self, home: &Home) {
        let (to, corridor) = self.shared(home, |pools| &mut pools.agents, 60, Reach::Community);
        let payee = if self.dice.percent(80) { Payee::Agent } else { Payee::Person };
        let shape = Shape { payee, relation: Relation::Unknown, channel: Channel::Cash, ..self.stranger(to, corridor) };
        let usual = self.dice.between(50, 300);
        let plan = Plan { first_day: self.start(30), gap_days: 20, jitter_days: 6, units: (usual * 3 / 4, usual) };
        self.regularly(home, shape, plan);
    }

    fn case_one_to_many(&mut self, home: &Home) {
        let first_day = self.start(60);
        let n_days = self.dice.between(40, 150) as u32;
        for _ in 0..self.dice.between(2, 7) {
            let to = self.party();
            let shape = Shape { is_round: self.dice.percent(80), ..self.stranger(to, home.corridor) };
            for _ in 0..self.dice.between(2, 9) {
                let day = first_day + self.dice.between(0, u64::from(n_days)) as u32;
                let units = self.dice.pick(&[15, 20, 25, 30, 50, 50, 80, 100, 150]);
                self.pay(home, day, units, shape);
            }
        }
    }

    fn case_escalating(&mut self, home: &Home) {
        let to = self.party();
        let shape = Shape { is_round: true, ..self.stranger(to, home.corridor) };
        let mut day = self.start(50);
        let mut units = self.dice.between(15, 40);
        let n_payments = self.dice.between(8, 20);
        for _ in 0..n_payments {
            self.pay(home, day, units / 5 * 5, shape);
            day += self.dice.between(2, 12) as u32;
            units = units * self.dice.between(100, 125) / 100;
        }
        if self.dice.percent(60) {
            let fare = self.dice.between(400, 1500);
            let airline =
                Shape { to: self.party(), payee: Payee::Travel, channel: Channel::Card, is_round: false, ..shape };
            self.pay(home, day, fare, airline);
            self.pay(home, day + 2, units, shape);
        }
    }

    fn case_shared(&mut self, home: &Home) {
        let (to, corridor) = self.shared(home, |pools| &mut pools.receivers, 8, Reach::World);
        let shape = Shape { is_round: self.dice.percent(80), ..self.stranger(to, corridor) };
        let first_day = self.start(70);
        for _ in 0..self.dice.between(2, 12) {
            let day = first_day + self.dice.between(0, 90) as u32;
            let units = self.dice.pick(&[15, 20, 25, 30, 50, 50, 80, 100, 150]);
            self.pay(home, day, units, shape);
        }
    }

    /// A recipient that about `n_each` remitters share. One with `reach` [`Reach::Community`] is known in one corridor
    /// only, as a parish collector or a village shop is.
    fn shared(
        &mut self,
        home: &Home,
        pool: fn(&mut Pools) -> &mut Vec<(PartyId, Corridor)>,
        n_each: u64,
        reach: Reach,
    ) -> (PartyId, Corridor) {
        let is_near = |theirs: &Corridor| match reach {
            Reach::Community => *theirs == home.corridor,
            Reach::World => true,
        };
        let known: Vec<(PartyId, Corridor)> =
            pool(&mut self.pools).iter().rev().filter(|(_, theirs)| is_near(theirs)).take(4).copied().collect();
        if known.is_empty() || self.dice.between(1, n_each) == 1 {
            let party = self.party();
            pool(&mut self.pools).push((party, home.corridor));
            if let Some(&(_, life)) = self.world.remitters.last() {
                self.world.recipients.push((party, life));
            }
            return (party, home.corridor);
        }
        let (party, theirs) = self.dice.pick(&known);
        (party, Corridor { from: home.corridor.from, to: theirs.to })
    }
}

/// Who knows a recipient.
#[derive(Clone, Copy, Debug)]
enum Reach {
    /// People of one corridor.
    Community,
    /// Anybody.
    World,
}

/// When and how much.
#[derive(Clone, Copy, Debug)]
struct Plan {
    first_day: u32,
    gap_days: u32,
    jitter_days: u64,
    units: (u64, u64),
}
