//! Who scores payments that are too many for one machine?
//!
//! The program streamward-batch, which brings the same kernel to a cluster and takes the same words. It is a program of
//! its own so that nobody who has one machine builds or installs a cluster's.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::sibling;

/// Which cluster reckons.
#[derive(Args)]
pub(crate) struct Cluster {
    /// Let a cluster reckon: its scheduler, df://HOST:PORT. The program streamward-batch must be beside this one or on PATH.
    #[arg(long, value_name = "URL")]
    cluster: Option<String>,
    /// Pieces of each part of the reckoning; a few for each core of all machines.
    #[arg(long, value_name = "N", requires = "cluster")]
    pieces: Option<usize>,
    /// Folder that all machines of the cluster see under this name, for rows on their way.
    #[arg(long, value_name = "FOLDER", requires = "cluster")]
    shared: Option<PathBuf>,
    /// Folder with ca.pem, NAME.pem and NAME.key, for mutual TLS.
    #[arg(long, value_name = "FOLDER", requires = "cluster")]
    certificates: Option<PathBuf>,
    /// Whose certificate in the folder is this program's.
    #[arg(long, value_name = "NAME", requires = "certificates")]
    name: Option<String>,
}

impl Cluster {
    /// Whether a cluster was asked for.
    pub(crate) fn are_given(&self) -> bool {
        self.cluster.is_some()
    }
}

/// Becomes streamward-batch with the words that this program was given.
pub(crate) fn become_it() -> anyhow::Result<ExitCode> {
    let words: Vec<_> = std::env::args_os().skip_while(|word| word != "score").collect();
    sibling::BATCH.become_it(&words)
}
