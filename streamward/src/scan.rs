//! `streamward scan`: which files under this folder are on a list?
//!
//! Each finished file is a JSON line in the report, written at once. A scan that was interrupted reads its report,
//! drops a last line that was cut short, and goes on with the files that are not in it, or have changed since.
//! Links are not followed, so a folder that links to itself is no trap.

mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::r#match::{Lists, Rule};
use report::{Report, Stamp};

/// Compares every file under a folder with lists.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The folder.
    folder: PathBuf,
    #[command(flatten)]
    rule: Rule,
    /// The report, a JSON object for each file; if it is there, the scan goes on where it ended.
    #[arg(long)]
    out: PathBuf,
    /// Files that are compared at a time; as many as there are processors, when not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// A summary as one JSON object on standard output.
    #[arg(long)]
    json: bool,
}

/// 0 nothing matches, 1 something does, 3 nothing does but some files could not be read.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let lists = Lists::load(&arguments.rule)?;
    if lists.has_videos() && arguments.rule.of_videos().is_none() {
        return Err(anyhow!(
            "cannot scan with a list of videos: it is not said how much two videos must have in common\n  \
             to do: add --query-percent and --compared-percent; 80 and 0 find parts of listed videos"
        ));
    }
    let report = Report::open(&arguments.out)?;
    let mut walk = Walk::default();
    walk.folder(&arguments.folder);
    if let [(path, why)] = &walk.unread[..]
        && path == &arguments.folder
    {
        return Err(anyhow!(
            "cannot scan {}: {why}\n  to do: give a folder that exists and that you may read",
            path.display()
        ));
    }
    let own_report = std::fs::canonicalize(&arguments.out).ok();
    walk.files.retain(|(file, _)| std::fs::canonicalize(file).ok() != own_report);
    let n_before = walk.files.len();
    walk.files.retain(|(file, stamp)| !report.has(file, stamp));
    let scan = Scan {
        lists: &lists,
        rule: &arguments.rule,
        files: &walk.files,
        next: AtomicUsize::new(0),
        report: Mutex::new(report),
        unread: Mutex::new(walk.unread),
        progress: progress(walk.files.len() as u64),
    };
    let n_jobs =
        arguments.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..n_jobs).map(|_| scope.spawn(|| scan.work())).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a worker catches every error"))
    })?;
    scan.progress.finish_and_clear();
    summary(scan, n_before - walk.files.len(), arguments.json)
}

struct Scan<'a> {
    lists: &'a Lists,
    rule: &'a Rule,
    files: &'a [(PathBuf, Stamp)],
    next: AtomicUsize,
    report: Mutex<Report>,
    unread: Mutex<Vec<(PathBuf, String)>>,
    progress: ProgressBar,
}

impl Scan<'_> {
    fn work(&self) -> Result<()> {
        while let Some((file, stamp)) = self.files.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match self.lists.verdict(file, self.rule) {
                Ok(verdict) => {
                    if verdict.is_match() {
                        self.progress.suspend(|| eprintln!("on a list: {}", file.display()));
                    }
                    self.report.lock().expect("no worker panics").add(file, stamp, &verdict)?;
                }
                Err(error) => {
                    let why = format!("{error:#}");
                    let why = why.lines().next().unwrap_or_default().to_owned();
                    self.unread.lock().expect("no worker panics").push((file.clone(), why));
                }
            }
            self.progress.inc(1);
        }
        Ok(())
    }
}

fn summary(scan: Scan<'_>, n_known_before: usize, is_json: bool) -> Result<ExitCode> {
    let report = scan.report.into_inner().expect("no worker panics");
    let mut unread = scan.unread.into_inner().expect("no worker panics");
    unread.sort();
    for (_, why) in &unread {
        eprintln!("not compared: {why}");
    }
    let (n_files, n_matched) = (report.n_files(), report.n_matched());
    match is_json {
        true => println!(
            "{}",
            serde_json::json!({
                "files": n_files, "matched": n_matched, "from_before": n_known_before, "unread": unread.len(),
            })
        ),
        false => println!("{n_files} files compared, {n_matched} on a list, {} could not be read", unread.len()),
    }
    Ok(match (n_matched, unread.len()) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(3),
        _ => ExitCode::from(1),
    })
}

fn progress(n_files: u64) -> ProgressBar {
    // Hidden by itself when standard error is no terminal.
    let bar = ProgressBar::new(n_files);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Every ordinary file under a folder, in one order.
#[derive(Default)]
struct Walk {
    files: Vec<(PathBuf, Stamp)>,
    unread: Vec<(PathBuf, String)>,
}

impl Walk {
    fn folder(&mut self, top: &Path) {
        // A list of what is left to do, not recursion: a deep tree does not overflow the stack.
        let mut folders = vec![top.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unread.push((folder.clone(), format!("cannot open the folder {}: {error}", folder.display())));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                match entry.metadata() {
                    Ok(metadata) if metadata.is_dir() => folders.push(path),
                    Ok(metadata) if metadata.is_file() => self.files.push((path, Stamp::of(&metadata))),
                    // Links, sockets, devices and pipes are no files of this folder.
                    Ok(_) => {}
                    Err(error) => {
                        let why = format!("cannot look at {}: {error}", path.display());
                        self.unread.push((path, why));
                    }
                }
            }
        }
        self.files.sort_by(|a, b| a.0.cmp(&b.0));
    }
}
