//! How does one make certificates for a trial?
//!
//! An authority and a certificate for each gate, worker and server. A platform has an authority of its own; what its
//! certificates must bear is in [`crate::tls`].

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::Error;
use crate::tls::{GATE, WORKER};

/// What certificates are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Names of gates.
    pub gates: Vec<lease::Name>,
    /// Names of workers.
    pub workers: Vec<lease::Name>,
    /// Names of readers of incidents and alerts.
    pub readers: Vec<lease::Name>,
    /// Names of those who put transfers on the bus.
    pub publishers: Vec<lease::Name>,
    /// Names of those who score them.
    pub consumers: Vec<lease::Name>,
    /// Names of nats-servers, each with the address it is reached at.
    pub servers: Vec<(lease::Name, IpAddr)>,
}

/// Writes `ca.pem`, and `NAME.pem` and `NAME.key` for each name, into `folder`, which must not hold them yet.
///
/// # Errors
/// [`Error::File`] when a file is there or cannot be written.
pub fn make(folder: &Path, wanted: &Wanted) -> Result<(), Error> {
    let failed = |why: rcgen::Error| Error::Certificate(why.to_string());
    let make_folder = |source| Error::File { what: "make", path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(make_folder)?;
    let authority_key = KeyPair::generate().map_err(failed)?;
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "streamward trial authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = authority.self_signed(&authority_key).map_err(failed)?;
    write(&folder.join("ca.pem"), &certificate.pem(), 0o644)?;
    let issuer = Issuer::new(authority, authority_key);
    let gates = wanted.gates.iter().map(|name| (name, vec![format!("{name}.{GATE}"), GATE.to_owned()], None));
    let workers = wanted.workers.iter().map(|name| (name, vec![format!("{name}.{WORKER}")], None));
    let others = [("reader", &wanted.readers), ("publisher", &wanted.publishers), ("consumer", &wanted.consumers)];
    let others = others.into_iter().flat_map(|(role, names)| {
        names.iter().map(move |name| (name, vec![format!("{name}.{role}.streamward")], None))
    });
    let servers = wanted.servers.iter().map(|(name, ip)| (name, vec![format!("{name}.nats.streamward")], Some(*ip)));
    for (name, dns_names, ip) in gates.chain(workers).chain(others).chain(servers) {
        let mut params = CertificateParams::new(dns_names.clone()).map_err(failed)?;
        params.subject_alt_names.extend(ip.map(SanType::IpAddress));
        params.distinguished_name.push(DnType::CommonName, dns_names[0].as_str());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        write(&folder.join(format!("{name}.pem")), &certificate.pem(), 0o644)?;
        write(&folder.join(format!("{name}.key")), &key.serialize_pem(), 0o600)?;
    }
    Ok(())
}

fn write(path: &PathBuf, text: &str, mode: u32) -> Result<(), Error> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|source| Error::File { what: "write", path: path.clone(), source })
}
