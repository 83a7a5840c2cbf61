//! Which process judges?
//!
//! Decoding and judging are in `streamward-guard judge`, one process for each stream, apart from this one: what reads
//! a stranger's pictures holds no certificate and no connection, and when it dies one stream is covered.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use guard::{Colour, Format, Policy, Size};
use live::picture::Packed;
use live::wire;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::{Error, link};

/// How judges are seated.
#[derive(Clone, Debug)]
pub struct Seats {
    /// The program `streamward-guard`.
    pub program: PathBuf,
    /// A shipped policy or the path of one.
    pub policy: String,
    /// Further lists.
    pub lists: Vec<String>,
}

/// One process that judges. It ends when this is dropped.
#[derive(Debug)]
pub struct Checker {
    _child: Child,
    /// Looks go in here.
    pub looks: ChildStdin,
    /// Answers come out here.
    pub answers: ChildStdout,
}

/// Models take seconds to load; on a loaded machine a minute.
const START_MAX: Duration = Duration::from_secs(60);

impl Seats {
    /// Looks for `streamward-guard` beside this program, then on PATH.
    pub fn find_program() -> PathBuf {
        let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("streamward-guard")));
        beside.filter(|path| path.is_file()).unwrap_or_else(|| "streamward-guard".into())
    }

    /// The policy with its lists.
    ///
    /// # Errors
    /// As [`live::policies::load`].
    pub fn policy(&self) -> Result<Policy, Error> {
        let mut policy = live::policies::load(&self.policy)?;
        policy.judges.lists.extend(self.lists.iter().cloned());
        Ok(policy)
    }

    /// Starts a process and waits until its judges are seated.
    ///
    /// # Errors
    /// [`Error::Checker`] says what it said.
    pub async fn start(&self) -> Result<Checker, Error> {
        let mut command = Command::new(&self.program);
        command.args(["judge", "--threads", "1", "--policy", &self.policy]);
        command.args(self.lists.iter().flat_map(|list| ["--list", list]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let failed = |why: String| Error::Checker(why);
        let mut child = command.spawn().map_err(|why| failed(format!("{}: {why}", self.program.display())))?;
        let (Some(looks), Some(mut answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("its pipes are missing".into()));
        };
        let ready = tokio::time::timeout(START_MAX, link::read(&mut answers, wire::READY.len())).await;
        match ready {
            Ok(Ok(Some(said))) if said == wire::READY => Ok(Checker { _child: child, looks, answers }),
            Ok(_) => Err(failed("streamward-guard judge ended or speaks another version".into())),
            Err(_) => Err(failed("streamward-guard judge said nothing for a minute".into())),
        }
    }

    /// How many pixels a second all cores can carry, with three tenths to spare: measured, on a picture that is no
    /// plain one.
    ///
    /// # Errors
    /// As [`Seats::start`].
    pub async fn measure(&self) -> Result<u64, Error> {
        const N_FRAMES: u64 = 20;
        const SIZE: Size = Size { width: 640, height: 360 };
        let policy = self.policy()?;
        let mut checker = self.start().await?;
        let data: Vec<u8> = (0..SIZE.width * SIZE.height * 3 / 2).map(|i| (i / 7 + i / SIZE.width * 3) as u8).collect();
        let picture = Packed::new(Format::I420, Colour::Bt601, SIZE, data).expect("it has its size");
        let regions = picture.clone().arrive(&policy).regions;
        let looks = guard::region::looks(&policy, &regions);
        let lost = |why: std::io::Error| Error::Checker(why.to_string());
        let mut began = Instant::now();
        for number in 0..=N_FRAMES {
            // The first one warms up what is warmed up once.
            if number == 1 {
                began = Instant::now();
            }
            let body = wire::look(guard::finding::FrameId(number), START_MAX, &regions, &looks, &picture);
            checker.looks.write_all(&wire::framed(&body)).await.map_err(lost)?;
            checker.looks.flush().await.map_err(lost)?;
            let answer = link::read(&mut checker.answers, wire::BYTES_MAX).await.map_err(lost)?;
            answer.ok_or_else(|| Error::Checker("it ended while it was measured".into()))?;
        }
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let pixels = (N_FRAMES as usize * SIZE.width * SIZE.height) as f64;
        Ok((pixels / began.elapsed().as_secs_f64() * n_cores * 0.7) as u64)
    }
}
