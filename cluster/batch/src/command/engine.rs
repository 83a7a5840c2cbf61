//! Where do rows come from, and who reckons?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use payments::Row;
use tempfile::TempDir;

use crate::cluster::{Split, here, there};
use crate::folder::Folder;
use crate::input::{Input, Loaded};
use crate::job::{Asked, Job, Wanted};
use crate::run::Answer;
use crate::tls::Choices;

/// Who reckons.
#[derive(Args)]
pub(super) struct Engine {
    /// The scheduler of a cluster, df://HOST:PORT; without it this process reckons, with DataFusion on all cores.
    #[arg(long, value_name = "URL")]
    cluster: Option<String>,
    /// Let the plain kernel reckon, on one thread.
    #[arg(long, conflicts_with = "cluster")]
    plain: bool,
    /// Pieces of each part of the reckoning; a few for each core of all machines. Eight times the cores of this one
    /// when not given.
    #[arg(long, value_name = "N")]
    pieces: Option<usize>,
    /// Folder that all machines see under this name, for rows of a file that was not prepared; a temporary folder of
    /// this machine when not given.
    #[arg(long, value_name = "FOLDER")]
    shared: Option<PathBuf>,
    /// A setting of DataFusion or Ballista, such as ballista.shuffle.compression.codec=lz4, which spares a slow
    /// network a quarter of the bytes. Can be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    #[command(flatten)]
    tls: Choices,
}

/// Transfers, and what came back about them.
pub(super) struct Reckoned {
    /// What was asked.
    pub(super) job: Arc<Job>,
    /// The transfers, unless a folder of rows was given.
    pub(super) loaded: Option<Loaded>,
    /// What came back.
    pub(super) answer: Answer,
}

impl Engine {
    /// Reads what is needed of a file of transfers or a folder of rows, and reckons.
    pub(super) async fn reckon(&self, input: &Input, wanted: Wanted) -> anyhow::Result<Reckoned> {
        let is_folder = input.path().is_dir();
        let loaded = if is_folder { None } else { Some(input.load()?) };
        let files = Folder::of(input.path());
        let (pack, overlay) = if is_folder { files.pack()? } else { input.pack.texts()? };
        let (folder, _kept) = match &loaded {
            None => (absolute(input.path())?, None),
            Some(loaded) if !self.plain => self.lay_out(loaded, &pack, overlay.as_deref())?,
            Some(_) => (PathBuf::new(), None),
        };
        let job = Job::new(Asked { folder, pack, overlay, wanted })?;
        let answer = match (&self.cluster, self.plain) {
            (_, true) => {
                let rows: Vec<Row> = match &loaded {
                    Some(loaded) => loaded.book.rows().to_vec(),
                    None => files.read()?,
                };
                Answer::plain(&rows, &job)?
            }
            (Some(url), false) => {
                let tls = self.tls.load()?;
                Answer::of(&there(url, &self.split(), tls.as_ref()).await?, &job).await?
            }
            (None, false) => Answer::of(&here(&self.split())?, &job).await?,
        };
        Ok(Reckoned { job, loaded, answer })
    }

    fn split(&self) -> Split {
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let n_partitions = self.pieces.unwrap_or(8 * n_cores).max(1);
        Split { n_partitions, settings: self.settings.clone() }
    }

    /// Writes a folder of rows that lasts as long as what is given back.
    fn lay_out(
        &self,
        loaded: &Loaded,
        pack: &str,
        overlay: Option<&str>,
    ) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
        let unwritable = "cannot make a folder for rows\n  to do: check --shared, its permissions and the free space";
        let folder = match &self.shared {
            Some(shared) => TempDir::with_prefix_in("rows-", shared),
            None => TempDir::with_prefix("rows-"),
        };
        let folder = folder.context(unwritable)?;
        Folder::of(folder.path()).write(loaded.book.rows(), pack, overlay)?;
        Ok((absolute(folder.path())?, Some(folder)))
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let setting = text.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    setting.ok_or_else(|| "give it as NAME=VALUE".to_owned())
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot find {}\n  to do: check the path", path.display()))
}
