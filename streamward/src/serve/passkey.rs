//! Did this person's own device just say that it is them?
//!
//! Source: W3C Web Authentication Level 2, §7.1 (registering) and §7.2 (showing). Keys on P-256 with SHA-256 (ES256), which
//! every authenticator has. We ask no attestation: which maker's device it is does not matter to us, and so the key
//! counts as given by whoever is signed in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::store::Passkey;

/// A P-256 key as SubjectPublicKeyInfo begins with these bytes (RFC 5480 §2); the point follows.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE,
    0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bits of the authenticator's flags: somebody was there, and it was made sure who (§6.1).
const WAS_THERE: u8 = 1;
const WAS_VERIFIED: u8 = 4;
/// The longest field that is read, in characters of base64url.
const LEN_MAX: usize = 4096;

/// What a browser gives after making a passkey; each field base64url.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Made {
    id: String,
    client_data: String,
    public_key: String,
}

/// What a browser gives after asking for one; each field base64url.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shown {
    id: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
}

/// What the browser signed over: what was asked of it, and by which site.
#[derive(Deserialize)]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
}

impl Made {
    /// The passkey, if it was made for this challenge at the site of this `host`.
    pub(crate) fn passkey(&self, host: &str, is_ours: impl FnOnce(&str) -> bool) -> Option<Passkey> {
        let client_data = decoded(&self.client_data)?;
        asked(&client_data, "webauthn.create", host, is_ours)?;
        let spki = decoded(&self.public_key)?;
        let point = spki.strip_prefix(&SPKI[..])?;
        let is_point = point.len() == 65 && point[0] == 4;
        let id = decoded(&self.id).filter(|id| (1..=1023).contains(&id.len()))?;
        is_point.then(|| Passkey { id: hex(&id), public: hex(point) })
    }
}

impl Shown {
    /// The identifier of the passkey, in hexadecimal.
    pub(crate) fn id(&self) -> Option<String> {
        decoded(&self.id).map(|id| hex(&id))
    }

    /// Whether the device that holds `passkey` answered this challenge at the site of this `host`, having made sure who
    /// was there.
    pub(crate) fn is_by(&self, passkey: &Passkey, host: &str, is_ours: impl FnOnce(&str) -> bool) -> bool {
        self.check(passkey, host, is_ours).is_some()
    }

    fn check(&self, passkey: &Passkey, host: &str, is_ours: impl FnOnce(&str) -> bool) -> Option<()> {
        let client_data = decoded(&self.client_data)?;
        asked(&client_data, "webauthn.get", host, is_ours)?;
        let data = decoded(&self.authenticator_data)?;
        let (site, rest) = data.split_first_chunk::<32>()?;
        let flags = rest.first()?;
        let own_site: [u8; 32] = Sha256::digest(site_of(host)).into();
        if *site != own_site || flags & WAS_THERE == 0 || flags & WAS_VERIFIED == 0 || self.id()? != passkey.id {
            return None;
        }
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, unhex(&passkey.public)?);
        key.verify(&signed, &decoded(&self.signature)?).ok()
    }
}

fn asked(client_data: &[u8], kind: &str, host: &str, is_ours: impl FnOnce(&str) -> bool) -> Option<()> {
    let data: ClientData = serde_json::from_slice(client_data).ok()?;
    let is_site = data.origin.split_once("://").is_some_and(|(_, origin)| origin == host);
    (data.r#type == kind && is_site && is_ours(&data.challenge)).then_some(())
}

/// The site's name without its port: what authenticators bind a key to.
fn site_of(host: &str) -> &str {
    host.rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |(site, _)| site)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    if text.len() > LEN_MAX {
        return None;
    }
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() % 2 == 1 {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    const HOST: &str = "localhost:8420";

    /// A device of our own: it makes a key and signs as an authenticator does.
    struct Device(EcdsaKeyPair);

    impl Device {
        fn new() -> Device {
            let random = SystemRandom::new();
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
            Device(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap())
        }

        fn made(&self, challenge: &str, origin: &str) -> Made {
            Made {
                id: URL_SAFE_NO_PAD.encode("key 1"),
                client_data: client_data("webauthn.create", challenge, origin),
                public_key: URL_SAFE_NO_PAD.encode([&SPKI[..], self.0.public_key().as_ref()].concat()),
            }
        }

        fn shown(&self, challenge: &str, origin: &str, site: &str, flags: u8) -> Shown {
            let client_data = client_data("webauthn.get", challenge, origin);
            let mut data = Sha256::digest(site).to_vec();
            data.extend([flags, 0, 0, 0, 1]);
            let digest = Sha256::digest(URL_SAFE_NO_PAD.decode(&client_data).unwrap());
            let signature = self.0.sign(&SystemRandom::new(), &[data.as_slice(), &digest].concat()).unwrap();
            Shown {
                id: URL_SAFE_NO_PAD.encode("key 1"),
                client_data,
                authenticator_data: URL_SAFE_NO_PAD.encode(&data),
                signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
            }
        }
    }

    #[test]
    fn a_device_shows_who_it_is_and_no_other_answer_does() {
        let device = Device::new();
        let is_ours = |challenge: &str| challenge == "c";
        let passkey = device.made("c", "http://localhost:8420").passkey(HOST, is_ours).unwrap();
        let right = || device.shown("c", "http://localhost:8420", "localhost", 5);
        assert!(right().is_by(&passkey, HOST, is_ours));
        for (what, wrong) in [
            ("another challenge", device.shown("d", "http://localhost:8420", "localhost", 5)),
            ("another site's page", device.shown("c", "https://attacker.example", "localhost", 5)),
            ("another site's key", device.shown("c", "http://localhost:8420", "attacker.example", 5)),
            ("nobody was there", device.shown("c", "http://localhost:8420", "localhost", 4)),
            ("not made sure who", device.shown("c", "http://localhost:8420", "localhost", 1)),
            ("another device", Device::new().shown("c", "http://localhost:8420", "localhost", 5)),
            ("another key", Shown { id: URL_SAFE_NO_PAD.encode("key 2"), ..right() }),
            ("no signature", Shown { signature: String::new(), ..right() }),
            ("nonsense", Shown { authenticator_data: "%%%".into(), ..right() }),
        ] {
            assert!(!wrong.is_by(&passkey, HOST, is_ours), "{what}");
        }
        assert!(device.made("d", "http://localhost:8420").passkey(HOST, is_ours).is_none());
        assert!(device.made("c", "https://attacker.example").passkey(HOST, is_ours).is_none());
        assert!(
            Made { public_key: URL_SAFE_NO_PAD.encode("x"), ..device.made("c", "http://localhost:8420") }
                .passkey(HOST, is_ours)
                .is_none()
        );
    }

    fn client_data(kind: &str, challenge: &str, origin: &str) -> String {
        URL_SAFE_NO_PAD
            .encode(serde_json::json!({ "type": kind, "challenge": challenge, "origin": origin }).to_string())
    }
}
