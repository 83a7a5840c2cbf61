//! Who is at the other end?
//!
//! Scheduler, executors and clients all show a certificate of one authority, and take nothing from whoever has none.
//! Scheduler and executors are asked for by name or address, which must stand in their certificate.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ballista_core::extension::EndpointOverrideFn;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, ServerTlsConfig};

/// Which certificate this program shows; all programs of a cluster have one, or none has.
#[derive(Clone, Debug, clap::Args)]
pub struct Choices {
    /// Folder with ca.pem, NAME.pem and NAME.key; see `streamward-cluster certificates --server NAME=ADDRESS`. Without it
    /// everybody who can reach the machines can read what travels and ask for more.
    #[arg(long, value_name = "FOLDER", requires = "name")]
    certificates: Option<PathBuf>,
    /// Whose certificate in the folder is this program's.
    #[arg(long, value_name = "NAME", requires = "certificates")]
    name: Option<String>,
}

impl Choices {
    /// The certificate, if one was named.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn load(&self) -> anyhow::Result<Option<Mutual>> {
        match (&self.certificates, &self.name) {
            (Some(folder), Some(name)) => Ok(Some(Mutual::in_folder(folder, name)?)),
            _ => Ok(None),
        }
    }
}

/// Mutual TLS.
#[derive(Clone, Debug)]
pub struct Mutual {
    authority: Certificate,
    own: Identity,
}

impl Mutual {
    fn in_folder(folder: &Path, name: &str) -> anyhow::Result<Mutual> {
        let read = |file: &str| {
            let path = folder.join(file);
            std::fs::read(&path).with_context(|| {
                format!(
                    "cannot read {}\n  to do: make certificates with streamward-cluster certificates, and give each machine its own",
                    path.display()
                )
            })
        };
        let own = Identity::from_pem(read(&format!("{name}.pem"))?, read(&format!("{name}.key"))?);
        Ok(Mutual { authority: Certificate::from_pem(read("ca.pem")?), own })
    }

    /// For a port that only holders of a certificate may use.
    pub fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new().identity(self.own.clone()).client_ca_root(self.authority.clone())
    }

    fn client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().identity(self.own.clone()).ca_certificate(self.authority.clone())
    }

    /// For every connection that Ballista opens.
    pub fn endpoints(&self) -> EndpointOverrideFn {
        let client = self.client();
        Arc::new(move |endpoint| over(endpoint, client.clone()))
    }
}

/// The same endpoint over TLS: Ballista names some of them http whatever is asked.
fn over(endpoint: Endpoint, client: ClientTlsConfig) -> Result<Endpoint, Box<dyn Error + Send + Sync>> {
    let address = endpoint.uri().to_string().replacen("http://", "https://", 1);
    let endpoint = Endpoint::from_shared(address)?
        .tls_config(client)?
        .connect_timeout(Duration::from_secs(20))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(300))
        .keep_alive_while_idle(true)
        .initial_connection_window_size(Some(64 << 20))
        .initial_stream_window_size(Some(16 << 20));
    Ok(endpoint)
}
