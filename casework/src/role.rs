//! Who may do what?
//!
//! One table, so that it can be read whole. What nobody is named for, nobody may do.

use serde::{Deserialize, Serialize};

/// What a person is here for. A person can have several roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes cases and decides them.
    Reviewer,
    /// As a reviewer, and approves what others decided.
    Lead,
    /// Drafts, approves and files reports.
    ReportingOfficer,
    /// Reads the log and the figures, and no case.
    Auditor,
    /// Lets people in and says what they may do; reads no case.
    Admin,
    /// A program that refers incidents; reads nothing.
    Service,
}

/// Something that one may or may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See one's own page.
    SignedIn,
    /// See queues and cases.
    ReadCases,
    /// Refer incidents and add evidence.
    Refer,
    /// Take, give back and decide cases.
    Decide,
    /// Draft and withdraw reports.
    Draft,
    /// Approve a report that somebody else decided.
    Approve,
    /// See and restart filings.
    Outbox,
    /// Ask for an export, and allow one that somebody else asked for.
    Export,
    /// Read the log and check it.
    ReadLog,
    /// Read the figures for the public.
    ReadFigures,
    /// Look at a file while a button is held.
    Reveal,
    /// Open and shut the vault, place and end holds, and erase: each with a second person.
    Vault,
    /// Let people in and change what they may do.
    People,
}

/// A part of a case with readers of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compartment {
    /// What was seen.
    Video,
    /// What was paid. Telling a customer or a platform's reviewers of it is an offence in many countries.
    Payments,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 6] =
        [Role::Reviewer, Role::Lead, Role::ReportingOfficer, Role::Auditor, Role::Admin, Role::Service];

    /// What the role may do.
    pub fn permissions(self) -> &'static [Permission] {
        use Permission::*;
        match self {
            Role::Reviewer => &[SignedIn, ReadCases, Refer, Decide, Draft, Reveal],
            Role::Lead => &[
                SignedIn,
                ReadCases,
                Refer,
                Decide,
                Draft,
                Reveal,
                Approve,
                Outbox,
                Export,
                Vault,
                ReadLog,
                ReadFigures,
            ],
            Role::ReportingOfficer => {
                &[SignedIn, ReadCases, Refer, Draft, Approve, Outbox, Export, Vault, ReadLog, ReadFigures]
            }
            Role::Auditor => &[SignedIn, ReadLog, ReadFigures],
            Role::Admin => &[SignedIn, ReadLog, People],
            Role::Service => &[Refer],
        }
    }

    /// Its name on pages and in commands.
    pub fn name(self) -> &'static str {
        match self {
            Role::Reviewer => "reviewer",
            Role::Lead => "lead",
            Role::ReportingOfficer => "reporting-officer",
            Role::Auditor => "auditor",
            Role::Admin => "admin",
            Role::Service => "service",
        }
    }

    /// The role of this name.
    pub fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl Permission {
    /// Every permission.
    pub const ALL: [Permission; 13] = [
        Permission::SignedIn,
        Permission::ReadCases,
        Permission::Refer,
        Permission::Decide,
        Permission::Draft,
        Permission::Approve,
        Permission::Outbox,
        Permission::Export,
        Permission::ReadLog,
        Permission::ReadFigures,
        Permission::Reveal,
        Permission::Vault,
        Permission::People,
    ];

    /// Whether somebody with these roles has it.
    pub fn is_given_to(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| role.permissions().contains(&self))
    }
}

impl Compartment {
    /// Every compartment.
    pub const ALL: [Compartment; 2] = [Compartment::Video, Compartment::Payments];

    /// Its name on pages and in commands.
    pub fn name(self) -> &'static str {
        match self {
            Compartment::Video => "video",
            Compartment::Payments => "payments",
        }
    }

    /// The compartment of this name.
    pub fn named(name: &str) -> Option<Compartment> {
        Compartment::ALL.into_iter().find(|compartment| compartment.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_watches_or_lets_in_reads_no_case_and_everything_is_somebodys() {
        for role in [Role::Auditor, Role::Admin, Role::Service] {
            for forbidden in [Permission::ReadCases, Permission::Approve, Permission::Export, Permission::Reveal] {
                assert!(!forbidden.is_given_to(&[role]), "{role:?} {forbidden:?}");
            }
        }
        for permission in Permission::ALL {
            assert!(permission.is_given_to(&Role::ALL), "{permission:?}");
            assert!(!permission.is_given_to(&[]));
        }
        assert!(!Permission::Approve.is_given_to(&[Role::Reviewer]));
        assert!(!Permission::Reveal.is_given_to(&[Role::ReportingOfficer]), "who only reports need not look");
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
        }
    }
}
