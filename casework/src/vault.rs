//! May media be kept here, under which law, and who lets it go?
//!
//! To hold such media without a basis in law is an offence in many countries, so the vault is shut until one person asks for
//! a [`Plan`] that names its basis and another allows it. What is kept is erased only when one person asks and another
//! allows, and never under a hold ([`Dossier::is_held`](crate::Dossier::is_held)). Files and keys are somebody else's
//! business: here is what may be done. As with a dossier, the same deeds in the same order give the same vault.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::jurisdiction::Fact;
use crate::{Error, Person};

/// What the log calls the vault, beside cases.
pub const SUBJECT: &str = "vault";

/// Under which law media is kept, for how long at least, and who could open it without us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Two letters of ISO 3166-1.
    pub country: String,
    /// What allows it there.
    pub basis: Fact<String>,
    /// Three people, any two of whom can open what is kept without this program.
    pub holders: [Holder; 3],
    /// How long a file is kept after somebody decided that there is nothing to report, for an appeal, days.
    pub appeal_days: u32,
    /// How long backups of the folder are kept, days; none where that is not known, and then no erasure is ever complete.
    pub backup_days: Option<u32>,
}

/// Somebody who keeps a key of their own, away from here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Who.
    pub name: Person,
    /// The public part of their key, as `age-keygen -y` prints it: `age1…`.
    pub recipient: String,
}

/// A month's key: what is added in that month can be opened with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthKey {
    /// Its name: the month, and some letters, as in `2026-11-k7q2`.
    pub name: String,
    /// Its public part.
    pub recipient: String,
    /// The holders' public parts, in the order in which the pairs are made: 1 and 2, 1 and 3, 2 and 3.
    pub holders: [String; 3],
    /// SHA-256 of what each pair can open, in that order.
    pub escrow: [Digits; 3],
}

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digits(#[serde(with = "crate::entry::digits")] pub [u8; 32]);

/// Something that is to be erased.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Its case.
    pub case: String,
    /// Its name in the vault.
    pub item: String,
}

/// A list of what is to be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// Who asked.
    pub asked_by: Person,
    /// What for.
    pub items: Vec<Item>,
    /// Who allowed it.
    pub allowed_by: Option<Person>,
}

/// One thing that was done to the vault as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Somebody asked that media be kept; the plan before goes on until this one is allowed.
    Asked {
        /// Who.
        by: Person,
        /// How.
        plan: Plan,
    },
    /// A second person allowed it.
    Allowed {
        /// Who.
        by: Person,
    },
    /// Somebody shut the vault: nothing comes in and nothing is shown. One person is enough.
    Shut {
        /// Who.
        by: Person,
    },
    /// A month's key was made.
    KeyMade(MonthKey),
    /// Two holders gave a month's key back.
    KeyRecovered {
        /// Its name.
        name: String,
    },
    /// Somebody asked that these be erased; a list that nobody has allowed is replaced.
    SweepAsked {
        /// Who.
        by: Person,
        /// What.
        items: Vec<Item>,
    },
    /// A second person allowed it.
    SweepAllowed {
        /// Who.
        by: Person,
    },
}

/// The vault, as its deeds make it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    open: Option<Open>,
    asked: Option<(Person, Plan)>,
    keys: Vec<MonthKey>,
    sweep: Option<Sweep>,
}

/// The plan that is in force, and who put it there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The plan.
    pub plan: Plan,
    /// Who asked.
    pub asked_by: Person,
    /// Who allowed it.
    pub allowed_by: Person,
}

impl Plan {
    /// Checks the plan itself.
    ///
    /// # Errors
    /// [`Error::Basis`] without a named basis; [`Error::Holders`] when the three are not three.
    pub fn check(&self) -> Result<(), Error> {
        let is_country = self.country.len() == 2 && self.country.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_country || self.basis.value.trim().is_empty() || self.basis.source.trim().is_empty() {
            return Err(Error::Basis { country: self.country.clone() });
        }
        let [a, b, c] = &self.holders;
        for (one, other) in [(a, b), (a, c), (b, c)] {
            if one.name == other.name || one.recipient == other.recipient {
                return Err(Error::Holders);
            }
        }
        Ok(())
    }

    /// The day on which something erased at `at` is nowhere any more: when the last backup that holds it is gone.
    pub fn complete_on(&self, at: Timestamp) -> Option<Date> {
        TimeZone::UTC.to_datetime(at).date().checked_add(days(self.backup_days?)?).ok()
    }

    /// When the time for an appeal against a decision of `decided_at` is over.
    pub fn appeal_until(&self, decided_at: Timestamp) -> Option<Timestamp> {
        decided_at.checked_add(jiff::SignedDuration::from_hours(i64::from(self.appeal_days) * 24)).ok()
    }
}

fn days(n: u32) -> Option<jiff::Span> {
    jiff::Span::new().try_days(i64::from(n)).ok()
}

impl Vault {
    /// Lets something be done.
    ///
    /// # Errors
    /// [`Error::SamePerson`] when one person would be both; [`Error::Transition`] when nobody asked. The vault is then as
    /// it was.
    pub fn apply(&mut self, deed: &Deed) -> Result<(), Error> {
        let refused = |state, event| Error::Transition { what: "the vault", state, event };
        match deed {
            Deed::Asked { by, plan } => {
                plan.check()?;
                self.asked = Some((by.clone(), plan.clone()));
            }
            Deed::Allowed { by } => match &self.asked {
                None => return Err(refused("not asked for", "opened")),
                Some((asked_by, _)) if asked_by == by => return Err(Error::SamePerson),
                Some((asked_by, plan)) => {
                    let (asked_by, allowed_by) = (asked_by.clone(), by.clone());
                    self.open = Some(Open { plan: plan.clone(), asked_by, allowed_by });
                    self.asked = None;
                }
            },
            Deed::Shut { .. } => (self.open, self.asked) = (None, None),
            Deed::KeyMade(key) => {
                self.plan()?;
                if self.key(&key.name).is_some() {
                    return Err(refused("in possession of this key", "given it again"));
                }
                self.keys.push(key.clone());
            }
            Deed::KeyRecovered { name } => {
                self.key(name).ok_or(refused("without such a key", "given it back"))?;
            }
            Deed::SweepAsked { by, items } => {
                self.sweep = Some(Sweep { asked_by: by.clone(), items: items.clone(), allowed_by: None });
            }
            Deed::SweepAllowed { by } => match &mut self.sweep {
                Some(sweep) if sweep.asked_by == *by => return Err(Error::SamePerson),
                Some(sweep) if sweep.allowed_by.is_none() => sweep.allowed_by = Some(by.clone()),
                Some(_) | None => return Err(refused("not asked to erase anything", "swept")),
            },
        }
        Ok(())
    }

    /// The plan under which media is kept.
    ///
    /// # Errors
    /// [`Error::VaultShut`] while two people have not opened the vault.
    pub fn plan(&self) -> Result<&Plan, Error> {
        self.open.as_ref().map(|open| &open.plan).ok_or(Error::VaultShut)
    }

    /// Who opened it, where it is open.
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// Who asked for which plan that nobody has allowed yet.
    pub fn asked(&self) -> Option<&(Person, Plan)> {
        self.asked.as_ref()
    }

    /// Every key, the first first.
    pub fn keys(&self) -> &[MonthKey] {
        &self.keys
    }

    /// The key of this name.
    pub fn key(&self, name: &str) -> Option<&MonthKey> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The key for what is added in a month (`2026-11`) under the plan that is in force; none, and then one is made.
    pub fn key_for(&self, month: &str) -> Option<&MonthKey> {
        let plan = self.plan().ok()?;
        let holders = plan.holders.each_ref().map(|holder| holder.recipient.clone());
        let is_of_month = |key: &&MonthKey| key.name.strip_prefix(month).is_some_and(|rest| rest.starts_with('-'));
        self.keys.iter().rev().filter(is_of_month).find(|key| key.holders == holders)
    }

    /// What somebody asked to have erased last.
    pub fn sweep(&self) -> Option<&Sweep> {
        self.sweep.as_ref()
    }
}

/// The month of a moment, as keys are named: `2026-11`, UTC.
pub fn month(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_kept_only_when_two_people_say_so_under_a_named_basis() {
        let mut vault = Vault::default();
        assert_eq!(vault.plan(), Err(Error::VaultShut));
        assert!(vault.apply(&Deed::Allowed { by: person("bo") }).is_err(), "nobody asked");
        let unnamed = Plan { basis: Fact { source: " ".into(), ..plan().basis }, ..plan() };
        assert!(matches!(vault.apply(&asked("ada", unnamed)), Err(Error::Basis { .. })));
        vault.apply(&asked("ada", plan())).unwrap();
        assert_eq!(vault.apply(&Deed::Allowed { by: person("ada") }), Err(Error::SamePerson));
        assert_eq!(vault.plan(), Err(Error::VaultShut));
        assert!(vault.apply(&Deed::KeyMade(key("2026-11-AAAA"))).is_err(), "no key before");
        vault.apply(&Deed::Allowed { by: person("bo") }).unwrap();
        assert_eq!(vault.plan().unwrap().country, "US");
        vault.apply(&Deed::Shut { by: person("cy") }).unwrap();
        assert_eq!(vault.plan(), Err(Error::VaultShut));
        assert!(vault.apply(&Deed::Allowed { by: person("bo") }).is_err(), "shutting ends what was asked");
    }

    #[test]
    fn three_holders_are_three_people_with_three_keys() {
        let twice = |index: usize| {
            let mut plan = plan();
            plan.holders[index].recipient = plan.holders[0].recipient.clone();
            plan
        };
        assert_eq!(twice(1).check(), Err(Error::Holders));
        assert_eq!(twice(2).check(), Err(Error::Holders));
        let mut same = plan();
        same.holders[2].name = same.holders[1].name.clone();
        assert_eq!(same.check(), Err(Error::Holders));
    }

    #[test]
    fn a_month_has_a_key_of_its_own_and_new_holders_get_another() {
        let mut vault = Vault::default();
        for deed in [asked("ada", plan()), Deed::Allowed { by: person("bo") }, Deed::KeyMade(key("2026-11-AAAA"))] {
            vault.apply(&deed).unwrap();
        }
        assert!(vault.apply(&Deed::KeyMade(key("2026-11-AAAA"))).is_err());
        assert_eq!(vault.key_for("2026-11").unwrap().name, "2026-11-AAAA");
        assert_eq!(vault.key_for("2026-12"), None);
        assert_eq!(vault.key_for("2026-1"), None);
        let mut others = plan();
        others.holders[0].recipient = "age1other".into();
        vault.apply(&asked("ada", others)).unwrap();
        assert!(vault.key_for("2026-11").is_some(), "not before it is allowed");
        vault.apply(&Deed::Allowed { by: person("bo") }).unwrap();
        assert_eq!(vault.key_for("2026-11"), None);
        assert!(vault.key("2026-11-AAAA").is_some());
    }

    #[test]
    fn a_sweep_needs_a_second_person_and_happens_once() {
        let mut vault = Vault::default();
        let allowed = |name: &str| Deed::SweepAllowed { by: person(name) };
        assert!(vault.apply(&allowed("bo")).is_err());
        let items = vec![Item { case: "1".into(), item: "a".into() }];
        vault.apply(&Deed::SweepAsked { by: person("ada"), items }).unwrap();
        assert_eq!(vault.apply(&allowed("ada")), Err(Error::SamePerson));
        vault.apply(&allowed("bo")).unwrap();
        assert!(vault.apply(&allowed("cy")).is_err());
    }

    #[test]
    fn the_date_an_erasure_is_complete_is_known_only_with_the_backups_time() {
        let at: Timestamp = "2026-11-24T23:00:00Z".parse().unwrap();
        assert_eq!(plan().complete_on(at), Some("2027-02-22".parse().unwrap()));
        assert_eq!(Plan { backup_days: None, ..plan() }.complete_on(at), None);
        assert_eq!(plan().appeal_until(at), Some("2026-12-24T23:00:00Z".parse().unwrap()));
    }

    #[test]
    fn the_vault_survives_the_store() {
        let mut vault = Vault::default();
        for deed in [asked("ada", plan()), Deed::Allowed { by: person("bo") }, Deed::KeyMade(key("2026-11-AAAA"))] {
            let stored: Deed = serde_json::from_str(&serde_json::to_string(&deed).unwrap()).unwrap();
            assert_eq!(stored, deed);
            vault.apply(&stored).unwrap();
        }
        let text = serde_json::to_string(&vault).unwrap();
        assert_eq!(serde_json::from_str::<Vault>(&text).unwrap(), vault);
    }

    fn asked(by: &str, plan: Plan) -> Deed {
        Deed::Asked { by: person(by), plan }
    }

    fn plan() -> Plan {
        let holder = |name: &str| Holder { name: person(name), recipient: format!("age1{name}") };
        Plan {
            country: "US".into(),
            basis: Fact {
                value: "a provider preserves what it reported".into(),
                source: "18 U.S.C. 2258A(h)".into(),
                checked_on: "2026-11-22".parse().unwrap(),
                is_verified: false,
            },
            holders: [holder("hana"), holder("ivo"), holder("jun")],
            appeal_days: 30,
            backup_days: Some(90),
        }
    }

    fn key(name: &str) -> MonthKey {
        MonthKey {
            name: name.into(),
            recipient: "age1month".into(),
            holders: plan().holders.map(|holder| holder.recipient),
            escrow: [Digits([0; 32]); 3],
        }
    }

    fn person(name: &str) -> Person {
        Person::new(name).unwrap()
    }
}
