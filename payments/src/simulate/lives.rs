//! How does each kind of remitter send money?
//!
//! Each life draws its own parameters from ranges. Sums are in units of the sender's currency.

use super::dice::Dice;
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
    receiver: Option<Receiver>,
}

/// The recipient of a published case whom several pay.
#[derive(Clone, Debug)]
struct Receiver {
    /// Payers who are still to come.
    n_seats: u64,
    /// Known from the first payer on.
    at: Option<(PartyId, Corridor)>,
}

const CASES: [Life; 3] = [Life::CaseOneToMany, Life::CaseEscalating, Life::CaseShared];

impl Maker {
    /// Makes one remitter and its transfers.
    pub(super) fn live(&mut self) {
        let life = self.life();
        let night_percent = match life {
            Life::GamingTips | Life::AdultServices => self.dice.between(10, self.customs.night_percent_max),
            Life::DistantPartner => self.dice.between(5, 50),
            life if life.is_case() => self.dice.between(15, self.customs.case_night_percent_max),
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
            Life::DistantPartner => self.distant_partner(&home),
            Life::CaseOneToMany => self.case_one_to_many(&home),
            Life::CaseEscalating => self.case_escalating(&home),
            Life::CaseShared => self.case_shared(&home),
        }
        if self.dice.percent(self.customs.travel_percent) {
            self.travel(&home);
        }
        let pays_strangers = life.is_case() || matches!(life, Life::GamingTips | Life::AdultServices);
        if pays_strangers && self.dice.percent(self.customs.also_family_percent) {
            self.family(&home);
        }
    }

    /// What the next remitter does. The payers of one shared recipient come one after the other: at 20 cases in 100,000
    /// a region has three of them on average, and drawn singly they would hardly ever meet.
    fn life(&mut self) -> Life {
        if self.pools.receiver.as_ref().is_some_and(|receiver| receiver.n_seats > 0) {
            return Life::CaseShared;
        }
        if self.dice.between(0, 99_999) >= u64::from(self.settings.n_cases_per_100_000) {
            return self.customs.innocent(&mut self.dice);
        }
        match self.dice.pick(&CASES) {
            Life::CaseShared => {
                let n_seats =
                    self.dice.spread(self.customs.audience.of_receiver.0, self.customs.audience.of_receiver.1);
                // As many payers as if each had been drawn by itself.
                if self.dice.between(1, n_seats) > 1 {
                    return self.customs.innocent(&mut self.dice);
                }
                self.pools.receiver = Some(Receiver { n_seats, at: None });
                Life::CaseShared
            }
            life => life,
        }
    }

    /// People fly home, whoever they are.
    fn travel(&mut self, home: &Home) {
        let (day, fare) = (self.start(99), self.dice.between(300, 1500));
        let airline = Shape {
            to: self.party(),
            payee: Payee::Travel,
            channel: Channel::Card,
            relation: Relation::Unknown,
            is_round: false,
            ..self.relative()
        };
        self.pay(home, day, fare, airline);
    }

    /// How much of a relation an institution has on record for people who know each other.
    fn kin(&mut self) -> Relation {
        let undeclared = self.customs.kin_undeclared_percent;
        match self.dice.between(0, 99) {
            throw if throw < undeclared => Relation::Undeclared,
            throw if throw < undeclared + 10 => Relation::Unknown,
            throw if throw < undeclared + 40 => Relation::Verified,
            _ => Relation::Declared,
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
            relation: match self.dice.percent(self.customs.stranger_undeclared_percent) {
                true => Relation::Undeclared,
                false => Relation::Unknown,
            },
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
        let (to, corridor) =
            self.shared(home, |pools| &mut pools.collectors, self.customs.audience.of_collector, Reach::Community);
        let shape =
            Shape { payee: self.payee_of(to, Payee::Charity), purpose: Purpose::Gift, ..self.stranger(to, corridor) };
        let plan = Plan { first_day: self.start(30), gap_days: 30, jitter_days: 3, units: (10, 60) };
        self.regularly(home, shape, plan);
    }

    fn market_buyer(&mut self, home: &Home) {
        for _ in 0..self.dice.between(1, 4) {
            let (to, corridor) =
                self.shared(home, |pools| &mut pools.sellers, self.customs.audience.of_seller, Reach::Community);
            let payee = self.payee_of(to, Payee::Business);
            let shape = Shape { payee, purpose: Purpose::Goods, is_round: false, ..self.stranger(to, corridor) };
            for _ in 0..self.dice.between(1, 4) {
                let (day, units) = (self.start(99), self.dice.between(8, 150));
                self.pay(home, day, units, shape);
            }
        }
    }

    fn gaming_tips(&mut self, home: &Home) {
        let spell = self.spell();
        for _ in 0..self.dice.between(1, 4) {
            let (to, corridor) =
                self.shared(home, |pools| &mut pools.streamers, self.customs.audience.of_streamer, Reach::World);
            let payee = self.payee_of(to, Payee::Business);
            let shape = Shape { channel: Channel::Wallet, is_round: true, payee, ..self.stranger(to, corridor) };
            for _ in 0..self.dice.between(1, 8) {
                let (day, units) = (self.day_in(spell), self.dice.pick(&[5, 10, 10, 20, 50]));
                self.pay(home, day, units, shape);
            }
        }
    }

    fn adult_services(&mut self, home: &Home) {
        let spell = self.spell();
        for _ in 0..self.dice.between(1, 5) {
            let (to, corridor) =
                self.shared(home, |pools| &mut pools.performers, self.customs.audience.of_performer, Reach::World);
            let shape = Shape { payee: self.payee_of(to, Payee::Business), ..self.stranger(to, corridor) };
            for _ in 0..self.dice.between(1, 10) {
                let (day, units) = (self.day_in(spell), self.dice.between(10, 150));
                self.pay(home, day, units, shape);
            }
        }
    }

    /// Days within which somebody tips: some do for a month, some all year.
    fn spell(&mut self) -> (u32, u32) {
        let n_days = self.dice.spread(20, 365) as u32;
        (self.start(70), n_days)
    }

    fn day_in(&mut self, (first_day, n_days): (u32, u32)) -> u32 {
        first_day + self.dice.between(0, u64::from(n_days)) as u32
    }

    /// What the institution has verified about a recipient that many share; the same for all who pay it.
    fn payee_of(&mut self, to: PartyId, verified: Payee) -> Payee {
        let percent = match verified {
            Payee::Charity => self.customs.verified_payee_percent,
            _ if self.pools.sellers.iter().any(|(party, _)| *party == to) => self.customs.verified_payee_percent,
            _ => self.customs.business_percent,
        };
        let mut own = Dice::new(u128::from_be_bytes(to.0) as u64 ^ self.settings.seed);
        if own.percent(percent) { verified } else { own.pick(&[Payee::Person, Payee::Unknown]) }
    }

    fn distant_partner(&mut self, home: &Home) {
        let to = self.party();
        let relation = match self.dice.percent(60) {
            true => Relation::Undeclared,
            false => Relation::Declared,
        };
        let shape = Shape { relation, ..self.stranger(to, home.corridor) };
        let mut day = self.start(60);
        let mut units = self.dice.between(20, 150);
        let (growth, gap) = (self.dice.between(100, 118), self.dice.between(4, 20));
        let n_payments = self.dice.between(6, 25);
        for _ in 0..n_payments {
            self.pay(home, day, units, shape);
            day += self.dice.between(gap / 2, gap * 3 / 2) as u32;
            units = (units * self.dice.between(95, growth) / 100).min(600);
        }
        if self.dice.percent(50) {
            let fare = self.dice.between(400, 1500);
            let airline =
                Shape { to: self.party(), payee: Payee::Travel, channel: Channel::Card, is_round: false, ..shape };
            self.pay(home, day, fare, airline);
            self.pay(home, day + 20, units, shape);
        }
    }

    fn agent_user(&mut self, home: &Home) {
        let (to, corridor) =
            self.shared(home, |pools| &mut pools.agents, self.customs.audience.of_agent, Reach::Community);
        let payee = if self.dice.percent(80) { Payee::Agent } else { Payee::Person };
        let shape = Shape { payee, relation: Relation::Unknown, channel: Channel::Cash, ..self.stranger(to, corridor) };
        let usual = self.dice.between(50, 300);
        let plan = Plan { first_day: self.start(30), gap_days: 20, jitter_days: 6, units: (usual * 3 / 4, usual) };
        self.regularly(home, shape, plan);
    }

    fn case_one_to_many(&mut self, home: &Home) {
        let first_day = self.start(60);
        let n_days = self.dice.between(30, self.customs.case_days_max) as u32;
        for _ in 0..self.dice.between(2, 7) {
            let to = self.party();
            self.world.recipients.push((to, Life::CaseOneToMany));
            let shape = Shape { is_round: self.dice.percent(80), ..self.stranger(to, home.corridor) };
            for _ in 0..self.dice.between(2, 9) {
                let (day, units) = (self.day_in((first_day, n_days)), self.case_units());
                self.pay(home, day, units, shape);
            }
        }
    }

    /// Mostly in fives, as "even-denominated amounts" may mean.
    fn case_units(&mut self) -> u64 {
        let (low, high) = self.customs.case_units;
        let units = self.dice.spread(low, high);
        if self.dice.percent(80) { units.div_ceil(5) * 5 } else { units }
    }

    fn case_escalating(&mut self, home: &Home) {
        let to = self.party();
        self.world.recipients.push((to, Life::CaseEscalating));
        let shape = Shape { is_round: true, ..self.stranger(to, home.corridor) };
        let mut day = self.start(50);
        let mut units = self.dice.between(15, 40);
        let (growth, gap_max) = (self.dice.between(105, 130), self.dice.between(5, 20));
        let n_payments = self.dice.between(6, 20);
        for _ in 0..n_payments {
            self.pay(home, day, units / 5 * 5, shape);
            day += self.dice.between(1, gap_max) as u32;
            units = (units * self.dice.between(100, growth) / 100).min(600);
        }
        if self.dice.percent(50) {
            let fare = self.dice.between(400, 1500);
            let airline =
                Shape { to: self.party(), payee: Payee::Travel, channel: Channel::Card, is_round: false, ..shape };
            self.pay(home, day, fare, airline);
            self.pay(home, day + 2, units, shape);
        }
    }

    fn case_shared(&mut self, home: &Home) {
        let known = self.pools.receiver.as_ref().and_then(|receiver| receiver.at);
        let (to, theirs) = known.unwrap_or_else(|| (self.party(), home.corridor));
        if known.is_none() {
            self.world.recipients.push((to, Life::CaseShared));
        }
        if let Some(receiver) = &mut self.pools.receiver {
            *receiver = Receiver { n_seats: receiver.n_seats.saturating_sub(1), at: Some((to, theirs)) };
        }
        let corridor = Corridor { from: home.corridor.from, to: theirs.to };
        let shape = Shape { is_round: self.dice.percent(80), ..self.stranger(to, corridor) };
        let n_days = self.dice.between(30, self.customs.case_days_max) as u32;
        let first_day = self.start(70);
        for _ in 0..self.dice.between(2, 12) {
            let (day, units) = (self.day_in((first_day, n_days)), self.case_units());
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
