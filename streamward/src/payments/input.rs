//! Where do transfers, pack, rates and key come from?

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use payments::read::csv::CsvReader;
use payments::read::iso20022::IsoReader;
use payments::read::jsonl::JsonReader;
use payments::read::mapping::Mapping;
use payments::read::mt103::Mt103Reader;
use payments::read::{Door, Entry};
use payments::{Book, Error, Pack, PartyKey, Rates, Reject, Transfer};

use super::columns::ColumnReader;
use crate::parquet::ParquetFile;

/// A file of transfers and all that is needed to read it.
#[derive(Args)]
pub(super) struct Input {
    /// File of transfers; `-` reads standard input.
    input: PathBuf,
    /// Form of the file; told by its extension when not given (.csv, .jsonl, .parquet, .xml, .mt103).
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Mapping of the file's columns (TOML); columns with our own names need none.
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Exchange rates: lines `currency,day,rate` into the pack's currency.
    #[arg(long)]
    rates: Option<PathBuf>,
    /// File with the institution's secret, 16 bytes or more, that hides accounts.
    #[arg(long)]
    key: Option<PathBuf>,
    /// Where to write rows that could not be used; standard error when not given.
    #[arg(long)]
    reject: Option<PathBuf>,
    #[command(flatten)]
    pub(super) pack: PackFiles,
}

/// A pack and its overlay.
#[derive(Args)]
pub(super) struct PackFiles {
    /// Pack of indicators (TOML); the public pack livestream-exploitation when not given.
    #[arg(long)]
    pack: Option<PathBuf>,
    /// The institution's own values (TOML).
    #[arg(long)]
    overlay: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Comma-separated values, with a mapping.
    Csv,
    /// JSON lines.
    Jsonl,
    /// Parquet, with a mapping as for CSV.
    Parquet,
    /// ISO 20022: pacs.008, pain.001 or camt.053.
    Iso20022,
    /// SWIFT MT103.
    Mt103,
}

/// Transfers in order, priced, with what could not be used.
pub(super) struct Loaded {
    pub(super) book: Book,
    pub(super) pack: Pack,
    pub(super) rates: Rates,
    pub(super) n_rejected: usize,
}

/// A transfer and its line, from 1.
type Numbered = (u64, Transfer);

impl PackFiles {
    /// Reads and checks the pack.
    pub(super) fn load(&self) -> anyhow::Result<Pack> {
        let (text, overlay) = self.texts()?;
        Ok(Pack::parse(&text, overlay.as_deref()).map_err(PackFault)?)
    }

    /// The texts of the pack and of the overlay.
    pub(super) fn texts(&self) -> anyhow::Result<(String, Option<String>)> {
        let text = self.pack.as_deref().map(text_of).transpose()?;
        let overlay = self.overlay.as_deref().map(text_of).transpose()?;
        Ok((text.unwrap_or_else(|| payments::pack::LIVESTREAM_EXPLOITATION.to_owned()), overlay))
    }
}

/// A pack that cannot be used, which has an exit code of its own.
#[derive(Debug, thiserror::Error)]
#[error("{0}\n  to do: mend what is named, or leave --pack and --overlay out")]
pub(super) struct PackFault(pub(super) Error);

/// An error in three parts: what and which, why, and what to do now.
pub(super) fn told(what: &str, path: &Path, why: impl std::fmt::Display, cure: &str) -> anyhow::Error {
    anyhow::anyhow!("{what} {}: {why}\n  to do: {cure}", path.display())
}

impl Input {
    /// Reads everything.
    pub(super) fn load(&self) -> anyhow::Result<Loaded> {
        let pack = self.pack.load()?;
        let rates = self.rates(&pack)?;
        let (transfers, mut rejects) = self.transfers()?;
        let lines: Vec<u64> = transfers.iter().map(|(line, _)| *line).collect();
        let (book, unusable) =
            Book::new(transfers.into_iter().map(|(_, transfer)| transfer).collect(), &rates, &pack.scope)?;
        rejects.extend(unusable.into_iter().map(|reject| Reject { line: lines[reject.line as usize - 1], ..reject }));
        rejects.sort_by_key(|reject| reject.line);
        self.tell(&rejects)?;
        Ok(Loaded { book, pack, rates, n_rejected: rejects.len() })
    }

    /// Where the transfers come from.
    pub(super) fn path(&self) -> &Path {
        &self.input
    }

    /// The table of rates into the pack's currency.
    pub(super) fn rates(&self, pack: &Pack) -> anyhow::Result<Rates> {
        match &self.rates {
            None => Ok(Rates::none(pack.currency)),
            Some(path) => Rates::parse(&text_of(path)?, pack.currency)
                .map_err(|why| told("cannot use", path, why, "write lines such as GBP,2026-01-31,1.1834")),
        }
    }

    /// Every transfer with its line.
    fn transfers(&self) -> anyhow::Result<(Vec<Numbered>, Vec<Reject>)> {
        let (mut transfers, mut rejects) = (Vec::new(), Vec::new());
        let cure = "ask for the file again; nothing of it has been scored";
        for entry in self.entries()? {
            match entry.map_err(|why| told("cannot read to the end of", &self.input, why, cure))? {
                Entry::Transfer { line, transfer } => transfers.push((line, *transfer)),
                Entry::Reject(reject) => rejects.push(reject),
            }
        }
        Ok((transfers, rejects))
    }

    /// Every row, as it comes.
    pub(super) fn entries(&self) -> anyhow::Result<Box<dyn Iterator<Item = Result<Entry, Error>>>> {
        let key = self.key()?;
        let mapping = match &self.mapping {
            None => Mapping::own(),
            Some(path) => {
                Mapping::parse(&text_of(path)?).map_err(|why| told("cannot use", path, why, "mend the mapping"))?
            }
        };
        let door = || mapping.door(key.clone());
        let cure = "check --format and --mapping";
        let refused = |why: Error| told("cannot read", &self.input, why, cure);
        Ok(match self.format()? {
            Format::Csv => Box::new(CsvReader::new(self.source()?, &mapping, key).map_err(refused)?),
            Format::Jsonl => Box::new(JsonReader::new(self.source()?, Door::plain(key))),
            Format::Iso20022 => Box::new(IsoReader::new(self.source()?, door()?)),
            Format::Mt103 => Box::new(Mt103Reader::new(self.source()?, door()?)),
            Format::Parquet => {
                let ask = "ask for the file again, or check --format and --mapping; nothing of it has been read";
                let file = ParquetFile::open(&self.input).map_err(|why| told("cannot read", &self.input, why, ask))?;
                let bar = bar(file.n_rows(), "reading rows");
                let rows =
                    ColumnReader::new(file, &mapping, key).map_err(|why| told("cannot read", &self.input, why, ask))?;
                Box::new(bar.wrap_iter(rows))
            }
        })
    }

    fn source(&self) -> anyhow::Result<Box<dyn BufRead>> {
        if self.input == Path::new("-") {
            return Ok(Box::new(BufReader::new(std::io::stdin())));
        }
        let file = File::open(&self.input).map_err(|why| told("cannot open", &self.input, why, "check the path"))?;
        let n_bytes = file.metadata().map_or(0, |metadata| metadata.len());
        Ok(Box::new(BufReader::with_capacity(1 << 18, bar(n_bytes, "reading").wrap_read(file))))
    }

    fn format(&self) -> anyhow::Result<Format> {
        let extension = self.input.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        match (self.format, extension.as_str()) {
            (Some(format), _) => Ok(format),
            (None, "csv" | "tsv" | "txt") => Ok(Format::Csv),
            (None, "jsonl" | "ndjson" | "json") => Ok(Format::Jsonl),
            (None, "parquet" | "pq") => Ok(Format::Parquet),
            (None, "xml") => Ok(Format::Iso20022),
            (None, "mt103" | "mt" | "fin") => Ok(Format::Mt103),
            (None, _) => anyhow::bail!(
                "cannot tell the form of {}\n  to do: give --format csv, jsonl, parquet, iso20022 or mt103",
                self.input.display()
            ),
        }
    }

    fn key(&self) -> anyhow::Result<PartyKey> {
        let Some(path) = &self.key else {
            eprintln!(
                "warning: no --key was given; accounts are hidden with a public key that hides nothing from a determined reader"
            );
            return Ok(PartyKey::new(b"streamward: not a secret")?);
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|why| told("cannot open the key", path, why, "check the path"))?;
        file.take(4096).read_to_end(&mut bytes)?;
        PartyKey::new(&bytes)
            .map_err(|why| told("cannot use", path, why, "make one of 32 random bytes and keep it safe"))
    }

    fn tell(&self, rejects: &[Reject]) -> anyhow::Result<()> {
        let name = self.input.display();
        if let Some(path) = &self.reject {
            let mut file = std::io::BufWriter::new(File::create(path).map_err(|why| unwritable(path, why))?);
            for reject in rejects {
                writeln!(file, "{name}, {reject}")?;
            }
            file.flush()?;
        } else {
            for reject in rejects.iter().take(20) {
                eprintln!("{name}, {reject}");
            }
        }
        if !rejects.is_empty() {
            eprintln!(
                "{} rows of {name} could not be used\n  to do: mend them, or collect them all with --reject FILE",
                rejects.len()
            );
        }
        Ok(())
    }
}

/// A bar of bytes, on a terminal only.
fn bar(n_bytes: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() || n_bytes == 0 {
        return ProgressBar::hidden();
    }
    let template = match what {
        "reading" => "{msg} {wide_bar} {bytes}/{total_bytes} {eta}",
        _ => "{msg} {wide_bar} {human_pos}/{human_len} {eta}",
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(n_bytes).with_style(style).with_message(what)
}

/// What to say when a file cannot be written.
pub(super) fn unwritable(path: &Path, why: std::io::Error) -> anyhow::Error {
    told("cannot write", path, why, "check the folder, its permissions and the free space")
}

/// The whole of a small text file.
pub(super) fn text_of(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).map_err(|why| told("cannot read", path, why, "check the path"))
}
