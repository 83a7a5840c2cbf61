//! How can any two of three people open a month, and none alone?
//!
//! The month's key is encrypted to one holder, and that again to another: for each pair once. So two people with the plain
//! `age` program are enough, and no arithmetic of ours stands between them and what they keep.

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use casework::vault::{Digits, Holder, MonthKey};
use sha2::{Digest, Sha256};

use super::files::{Error, Files, PAIRS};

/// Makes a key named after `month` with its escrow, and puts both in the vault.
pub(super) fn make(files: &Files, month: &str, holders: &[Holder; 3]) -> Result<MonthKey, Error> {
    let recipients = recipients(holders)?;
    let own = Identity::generate();
    let name = format!("{month}-{}", crate::chance::code(1));
    let secret = format!("{}\n", own.to_string().expose_secret());
    let mut escrow = [Digits([0; 32]); 3];
    for ((first, second), digits) in PAIRS.into_iter().zip(&mut escrow) {
        let bytes = nested(&recipients[first], &recipients[second], secret.as_bytes())?;
        *digits = Digits(Sha256::digest(&bytes).into());
        files.put_escrow(&name, (first, second), &bytes)?;
    }
    files.put_month_key(&name, &own)?;
    files.put_readme()?;
    let holders = holders.each_ref().map(|holder| holder.recipient.clone());
    Ok(MonthKey { name, recipient: own.to_public().to_string(), holders, escrow })
}

/// Whether each holder's public part is one.
pub(super) fn recipients(holders: &[Holder; 3]) -> Result<Vec<Recipient>, Error> {
    let parse = |holder: &Holder| {
        holder
            .recipient
            .parse()
            .map_err(|_| Error::BadKey { what: format!("the key of holder {}", holder.name.name()) })
    };
    holders.iter().map(parse).collect()
}

/// The month's key, from the keys of two holders; none when no pair of theirs opens it.
pub(super) fn recover(files: &Files, key: &MonthKey, given: &[Identity]) -> Result<Option<Identity>, Error> {
    for index in 0..PAIRS.len() {
        let bytes = files.escrow(key, index)?;
        for first in given {
            let Ok(inner) = age::decrypt(first, &bytes) else { continue };
            for second in given {
                let Ok(secret) = age::decrypt(second, &inner) else { continue };
                let month = super::files::identity(&String::from_utf8_lossy(&secret));
                match month.filter(|month| month.to_public().to_string() == key.recipient) {
                    Some(month) => return Ok(Some(month)),
                    None => return Err(Error::Altered { what: format!("the escrow of {}", key.name) }),
                }
            }
        }
    }
    Ok(None)
}

fn nested(first: &Recipient, second: &Recipient, secret: &[u8]) -> Result<Vec<u8>, Error> {
    let bad = |_| Error::BadKey { what: "a holder's key".into() };
    let inner = age::encrypt(second, secret).map_err(bad)?;
    age::encrypt(first, &inner).map_err(bad)
}
