//! `streamward list pull`: what has an exchange now that it had not when we last asked?
//!
//! Two files: the list, and beside it `LIST.pull`, the lines of `known::exchange::sync`. A page is written down, and is
//! on the disk, before the next is asked for; so whatever ends this program, the next start goes on where it was. The
//! list takes its name only when it is whole: a reader finds the old one or the new one.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use known::exchange::sync::{Event, Mirror};
use known::list::Header;
use serde_json::json;

use super::build::{UNFINISHED, now, unfinished, write};
use super::trust::load;
use crate::exchange::{Account, Client, Patience, secret};

/// Which exchange.
#[derive(Subcommand)]
pub(super) enum Exchange {
    /// NCMEC's hash sharing, version 2. The password comes from STREAMWARD_NCMEC_PASSWORD.
    Ncmec(Ncmec),
    /// StopNCII. Keys come from STREAMWARD_STOPNCII_SUBSCRIPTION_KEY and STREAMWARD_STOPNCII_FETCH_KEY.
    Stopncii(StopNcii),
}

#[derive(Args)]
pub(super) struct Ncmec {
    /// The environment's address, without /v2, such as https://hashsharing.ncmec.org/npo.
    #[arg(long)]
    url: String,
    /// The account's name.
    #[arg(long)]
    user: String,
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
pub(super) struct StopNcii {
    /// The address.
    #[arg(long, default_value = "https://api.stopncii.org/v1")]
    url: String,
    #[command(flatten)]
    what: What,
}

#[derive(Args)]
struct What {
    /// The list to bring up to date, or to make. How far it is stands beside it, in LIST.pull.
    #[arg(long)]
    out: PathBuf,
    /// What a new list is called; the exchange's name, when not given.
    #[arg(long)]
    name: Option<String>,
    /// One JSON object at the end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    patience: Patience,
}

/// 0 the list is up to date.
pub(super) fn run(exchange: &Exchange) -> Result<ExitCode> {
    let (kind, url, what, account) = match exchange {
        Exchange::Ncmec(Ncmec { url, user, what }) => {
            let account = Account::Ncmec { user: user.clone(), password: secret("STREAMWARD_NCMEC_PASSWORD")? };
            ("ncmec", url, what, account)
        }
        Exchange::Stopncii(StopNcii { url, what }) => {
            let account = Account::StopNcii {
                subscription_key: secret("STREAMWARD_STOPNCII_SUBSCRIPTION_KEY")?,
                function_key: secret("STREAMWARD_STOPNCII_FETCH_KEY")?,
            };
            ("stopncii", url, what, account)
        }
    };
    let client = Client::new(url, account, what.patience)?;
    let mut journal = Journal::open(&what.out, &format!("streamward pull 1 {kind} {url}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let n_before = journal.mirror.n_entries();
    let bar = ProgressBar::new_spinner();
    let mut n_pages = 0_u64;
    loop {
        let (begin, ask) = journal.mirror.ask(now());
        if ask.from > now() {
            bar.suspend(|| {
                eprintln!("the clock of this machine is before the last pull, {}; it may be wrong", ask.from)
            });
        }
        begin.into_iter().try_for_each(|event| journal.add(event).map(|_| ()))?;
        let page = runtime
            .block_on(client.page(&ask))
            .map_err(|error| anyhow!("cannot bring {} up to date: {error:#}", what.out.display()))?;
        n_pages += 1;
        let is_whole = journal.add(Event::Page(page))?;
        bar.set_message(format!("{n_pages} pages, {} entries wait for the last", journal.mirror.n_waiting()));
        bar.tick();
        if is_whole {
            break;
        }
    }
    bar.finish_and_clear();
    let (version, n_entries) = publish(&journal.mirror, kind, url, what)?;
    journal.shorten()?;
    let (n_now, checkpoint) = (journal.mirror.n_entries(), journal.mirror.checkpoint());
    match what.json {
        true => println!(
            "{}",
            json!({
                "pages": n_pages, "records_before": n_before, "records": n_now, "entries": n_entries,
                "version": version, "checkpoint": checkpoint.to_string(),
            })
        ),
        false => println!(
            "{}: version {version}, {n_entries} entries of {n_now} records ({n_before} before), up to {checkpoint}",
            what.out.display()
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes away what a pull that was killed had not finished; nobody else writes here while this one does.
fn sweep(out: &Path) {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begins = unfinished(out);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&begins) && name.ends_with(UNFINISHED) {
            // What cannot be taken away takes room and does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Writes the list if it is not as it was; its version and how many entries it has.
fn publish(mirror: &Mirror, kind: &str, url: &str, what: &What) -> Result<(u64, usize)> {
    let old = what.out.exists().then(|| load(&what.out)).transpose()?;
    let created = now();
    let header = match &old {
        Some(old) => Header { version: old.version() + 1, created, ..old.header() },
        None => {
            let name = what.name.clone().unwrap_or_else(|| kind.to_owned());
            Header { name, version: 1, source: url.to_owned(), created }
        }
    };
    let list = mirror.to_list(kind, header)?;
    match old {
        Some(old) if old.entries() == list.entries() => Ok((old.version(), list.entries().len())),
        _ => {
            write(&what.out, &list.to_string())?;
            Ok((list.version(), list.entries().len()))
        }
    }
}

/// The file of lines, and the copy that they make.
struct Journal {
    path: PathBuf,
    heading: String,
    file: File,
    mirror: Mirror,
    n_lines: usize,
}

/// A line holds at most a page, and a page's text grows little when it is written down.
const LINE_BYTES_MAX: u64 = 600 << 20;

impl Journal {
    /// Reads what is there. A last line that was cut short is dropped.
    fn open(list: &Path, heading: &str) -> Result<Journal> {
        let mut name = list.as_os_str().to_owned();
        name.push(".pull");
        let path = PathBuf::from(name);
        let trouble = |what: String| {
            anyhow!(
                "cannot use {}: {what}\n  to do: give another list with --out, or put that file away to begin anew",
                path.display()
            )
        };
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let file = open.map_err(|error| trouble(error.to_string()))?;
        if file.try_lock().is_err() {
            return Err(trouble("another pull is at work on it".into()));
        }
        for out in [list, &path] {
            sweep(out);
        }
        let (mut mirror, mut n_lines, mut n_whole) = (Mirror::default(), 0, 0_u64);
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let n_read = std::io::Read::take(&mut reader, LINE_BYTES_MAX).read_until(b'\n', &mut line);
            let n_read = n_read.map_err(|error| trouble(error.to_string()))?;
            if line.pop() != Some(b'\n') {
                break;
            }
            let wrong = |what: String| trouble(format!("line {}: {what}", n_lines + 1));
            let text = str::from_utf8(&line).map_err(|error| wrong(error.to_string()))?;
            match n_lines {
                0 if text != heading => return Err(wrong(format!("it is not \"{heading}\""))),
                0 => {}
                _ => {
                    mirror.apply(Event::parse(text).map_err(|error| wrong(error.to_string()))?);
                }
            }
            n_lines += 1;
            n_whole += n_read as u64;
        }
        let mut journal = Journal { path: path.clone(), heading: heading.to_owned(), file, mirror, n_lines };
        let end = journal.file.set_len(n_whole).and_then(|()| journal.file.seek(SeekFrom::End(0)));
        end.map_err(|error| trouble(error.to_string()))?;
        if n_lines == 0 {
            journal.line(&format!("{heading}\n"))?;
        }
        Ok(journal)
    }

    /// Writes an event down, and then takes it in; true when a range is whole.
    fn add(&mut self, event: Event) -> Result<bool> {
        self.line(&format!("{}\n", event.to_line()))?;
        Ok(self.mirror.apply(event))
    }

    fn line(&mut self, line: &str) -> Result<()> {
        self.n_lines += 1;
        self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()).map_err(|error| {
            anyhow!(
                "cannot write {}: {error}\n  to do: make room and start again; it goes on from here",
                self.path.display()
            )
        })
    }

    /// Writes the lines anew, as few as there can be, under another name first.
    fn shorten(&mut self) -> Result<()> {
        let n_needed = self.mirror.n_entries() / 1000 + 3;
        if self.n_lines <= n_needed * 4 + 16 {
            return Ok(());
        }
        let mut text = format!("{}\n", self.heading);
        for event in self.mirror.events() {
            text += &event.to_line();
            text.push('\n');
        }
        write(&self.path, &text)
    }
}
