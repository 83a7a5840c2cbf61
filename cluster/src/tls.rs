//! Who is at the other end?
//!
//! Both ends of a link show a certificate of one authority. A gate asks for a worker by the name in the lease, and its
//! certificate must bear it; a worker takes frames from whoever has a gate's certificate.

use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, client, crypto};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Error;

/// Names of gates end so; what is before is the gate's own.
pub const GATE: &str = "gate.streamward";
/// Names of workers end so; what is before is the name in the lease.
pub const WORKER: &str = "worker.streamward";

/// The files that prove who this program is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The authority's certificate, PEM.
    pub ca: PathBuf,
    /// This program's, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

impl Identity {
    /// Both ends of a link.
    ///
    /// # Errors
    /// [`Error::Certificate`] when a file cannot be read or is none.
    pub fn load(&self) -> Result<(TlsConnector, TlsAcceptor), Error> {
        let failed = |why: &dyn std::fmt::Display| Error::Certificate(why.to_string());
        let in_file =
            |path: &PathBuf, why: &dyn std::fmt::Display| Error::Certificate(format!("{}: {why}", path.display()));
        let read = |path: &PathBuf| -> Result<Vec<CertificateDer<'static>>, Error> {
            let all = CertificateDer::pem_file_iter(path).map_err(|why| in_file(path, &why))?;
            all.collect::<Result<_, _>>().map_err(|why| in_file(path, &why))
        };
        let mut roots = RootCertStore::empty();
        for certificate in read(&self.ca)? {
            roots.add(certificate).map_err(|why| failed(&why))?;
        }
        let roots = Arc::new(roots);
        let chain = read(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|why| in_file(&self.key, &why))?;
        let provider = Arc::new(crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|why| failed(&why))?
            .with_root_certificates(Arc::clone(&roots))
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|why| failed(&why))?;
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| failed(&why))?
            .with_client_cert_verifier(verifier.build().map_err(|why| failed(&why))?)
            .with_single_cert(chain, key)
            .map_err(|why| failed(&why))?;
        Ok((TlsConnector::from(Arc::new(client)), TlsAcceptor::from(Arc::new(server))))
    }
}

/// The name that a worker's certificate must bear.
///
/// # Errors
/// [`Error::Certificate`] when it cannot stand in a certificate.
pub fn worker_name(worker: &lease::Name) -> Result<ServerName<'static>, Error> {
    ServerName::try_from(format!("{worker}.{WORKER}")).map_err(|why| Error::Certificate(why.to_string()))
}

/// Whether a certificate is a gate's.
pub fn is_gate(certificate: &CertificateDer<'_>) -> bool {
    let name = ServerName::try_from(GATE).expect("it is a name");
    ParsedCertificate::try_from(certificate).and_then(|parsed| client::verify_server_name(&parsed, &name)).is_ok()
}
