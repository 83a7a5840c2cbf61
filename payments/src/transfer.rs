//! What happened: who sent how much to whom, when, and by which way?
//!
//! A [`Transfer`] holds what indicators may read and nothing else: no name, sex, nationality, religion, age or postcode
//! has a place in it, so none can reach a score.

use crate::{Amount, Corridor, Moment, PartyId};

/// One movement of money, checked at the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The institution's own reference, at most 256 bytes, unique in a book.
    pub id: Box<str>,
    /// When it was sent.
    pub at: Moment,
    /// Pseudonym of the account that paid.
    pub sender: PartyId,
    /// Pseudonym of the account that was paid.
    pub beneficiary: PartyId,
    /// What was sent, in the sender's currency.
    pub amount: Amount,
    /// From where to where.
    pub corridor: Corridor,
    /// By which way.
    pub channel: Channel,
    /// What kind of party was paid, as the institution knows it.
    pub payee: Payee,
    /// What the institution knows of the relation between the two.
    pub relation: Relation,
    /// The purpose the sender stated, by kind; shown to the investigator, never scored.
    pub purpose: Purpose,
    /// Whether money moved.
    pub status: Status,
    /// Pseudonym of the place where it was paid out.
    pub payout: Option<PartyId>,
    /// Set when this is not a payment but takes back an earlier one.
    pub reverses: Option<Box<str>>,
}

/// Declares an enum whose words are the ones files use, so that reading and writing cannot drift apart.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Reads the word that [`Self::as_str`] gives, in any case.
            pub fn parse(text: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|value| value.as_str().eq_ignore_ascii_case(text.trim()))
            }

            /// The word in files.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// By which way money was sent.
    Channel {
        /// Not recorded.
        #[default]
        Unknown = "unknown",
        /// Bank account to bank account.
        Bank = "bank",
        /// A remitter's counter, paid out in cash.
        Cash = "cash",
        /// A remitter's application or site.
        Online = "online",
        /// A card.
        Card = "card",
        /// A mobile wallet.
        Wallet = "wallet",
        /// A virtual asset.
        Crypto = "crypto",
        /// A gift card or voucher.
        GiftCard = "gift-card",
    }
}

words! {
    /// What kind of party was paid, as the institution has verified it; a sender's word is not enough.
    Payee {
        /// Not recorded.
        #[default]
        Unknown = "unknown",
        /// A natural person.
        Person = "person",
        /// A school or university.
        School = "school",
        /// A utility, hospital, insurer or landlord.
        Biller = "biller",
        /// A registered business.
        Business = "business",
        /// A registered charity or religious body.
        Charity = "charity",
        /// A remittance agent who is only nominally the beneficiary.
        Agent = "agent",
        /// An airline or travel agency.
        Travel = "travel",
    }
}

words! {
    /// What is known of the relation between sender and beneficiary.
    Relation {
        /// The institution does not record it.
        #[default]
        Unknown = "unknown",
        /// It was asked and none was declared.
        Undeclared = "undeclared",
        /// Declared by the sender.
        Declared = "declared",
        /// Declared, and checked by the institution.
        Verified = "verified",
    }
}

words! {
    /// The stated purpose, by kind. The same words hide the crime and describe honest help, so they give no points.
    Purpose {
        /// None stated.
        #[default]
        Unstated = "unstated",
        /// Family support.
        Family = "family",
        /// Medical costs.
        Medical = "medical",
        /// School or study.
        Education = "education",
        /// A gift.
        Gift = "gift",
        /// Goods or services.
        Goods = "goods",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// Whether money moved.
    Status {
        /// It was paid, or will be.
        #[default]
        Sent = "sent",
        /// It was refused or cancelled before it moved; it is counted in no window.
        Refused = "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for &channel in Channel::ALL {
            assert_eq!(Channel::parse(&channel.as_str().to_uppercase()), Some(channel));
        }
        for &payee in Payee::ALL {
            assert_eq!(Payee::parse(payee.as_str()), Some(payee));
        }
        assert_eq!(Relation::parse("cousin"), None);
    }
}
