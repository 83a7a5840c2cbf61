//! `streamward-guard pipe`: raw video in on standard input, guarded video out on standard output.

use std::time::Instant;

use super::Choices;
use crate::Error;
use crate::panel::Hired;
use crate::report::Report;

/// Guards YUV4MPEG2 from standard input to standard output; the report goes to standard error.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let began = Instant::now();
    let policy = arguments.choices.policy()?;
    let judges = Hired::new(&policy)?;
    let model = judges.models().facts().into_iter().next();
    let mut input = std::io::BufReader::with_capacity(1 << 20, std::io::stdin());
    let mut output = std::io::BufWriter::with_capacity(1 << 20, std::io::stdout());
    let n_threads = arguments.choices.threads.max(1);
    let report = crate::pipe::run(&mut input, &mut output, &policy, &judges.into_maker(), n_threads)?;
    let report = Report { model, elapsed_s: began.elapsed().as_secs_f64(), ..report };
    if arguments.choices.json {
        eprintln!("{}", serde_json::to_string(&report).unwrap_or_default());
    } else {
        super::file::tell(&report, false);
    }
    Ok(report.exit_code())
}
