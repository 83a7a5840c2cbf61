//! `streamward-guard file`: a video in, its guarded copy out.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Choices;
use crate::Error;
use crate::file::{Encoder, Job, Progress};
use crate::panel::Hired;
use crate::report::Report;
use crate::stream::Pace;

/// Guards a video file.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The video to read.
    input: PathBuf,
    /// The guarded copy. Its ending chooses the container: .mp4, .mkv, .webm, or .y4m for raw frames without sound.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    choices: Choices,
    /// Play at the video's own speed, as a live stream: frames that are not judged in time are not shown.
    #[arg(long)]
    realtime: bool,
    /// Which encoder writes the video; x264 is under the GPL.
    #[arg(long, value_enum, default_value_t = EncoderName::Auto)]
    encoder: EncoderName,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum EncoderName {
    Auto,
    Openh264,
    Vp8,
    X264,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let policy = arguments.choices.policy()?;
    let judges = Hired::new(&policy)?;
    let models = judges.models().facts();
    let interrupt = Arc::new(AtomicBool::new(false));
    super::listen(&interrupt);
    let job = Job {
        input: arguments.input.clone(),
        output: arguments.out.clone(),
        policy,
        maker: judges.into_maker(),
        pace: if arguments.realtime { Pace::Live } else { Pace::Exact },
        n_threads: arguments.choices.threads.max(1),
        encoder: match arguments.encoder {
            EncoderName::Auto => Encoder::Auto,
            EncoderName::Openh264 => Encoder::Openh264,
            EncoderName::Vp8 => Encoder::Vp8,
            EncoderName::X264 => Encoder::X264,
        },
        interrupt,
    };
    let bar = bar();
    let outcome = crate::file::run(&job, |progress| show(&bar, progress));
    bar.finish_and_clear();
    let report = Report { model: models.into_iter().next(), ..outcome? };
    tell(&report, arguments.choices.json);
    Ok(report.exit_code())
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:32} {msg}").expect("the template is fixed");
    bar.set_style(style.progress_chars("━━─"));
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    let seconds = progress.position.as_secs();
    let counts = progress.counts;
    if let Some(length) = progress.length {
        bar.set_length(length.as_millis().max(1) as u64);
    }
    bar.set_position(progress.position.as_millis() as u64);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    bar.set_message(format!("{minutes}:{seconds:02}  {} frames judged, {} covered", counts.judged, counts.covered));
}

/// The result: one object for programs, a few lines for people.
pub(super) fn tell(report: &Report, is_json: bool) {
    if is_json {
        match serde_json::to_string(report) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("the report cannot be written: {error}"),
        }
        return;
    }
    eprintln!("{}", summary(report));
}

fn summary(report: &Report) -> String {
    let mut text = format!(
        "{} frames, {} judged, {} shown, {} covered, {} repeated; {} shown unjudged; policy {}; {:.1} s",
        report.frames,
        report.judged + report.reused,
        report.released,
        report.covered,
        report.repeated,
        report.released_unjudged,
        report.policy,
        report.elapsed_s
    );
    for incident in &report.incidents {
        let seconds = |ms: u64| format!("{:.2} s", ms as f64 / 1000.0);
        let what = match (&incident.entry, &incident.list, &incident.class) {
            (Some(entry), Some(list), _) => {
                format!("entry {entry} of the list {list}, {} bits away", incident.distance_bits.unwrap_or_default())
            }
            (_, _, Some(class)) => format!("{class} {:.2}", incident.score.unwrap_or_default()),
            _ => "something".into(),
        };
        let to = incident.to_ms.map_or("the end".into(), seconds);
        text += &format!("\n  covered from {} to {to}: {what}", seconds(incident.from_ms));
    }
    if report.stalled + report.repeated > 0 {
        text += "\n  judging was late or failed: what was not judged was not shown";
    }
    if report.unread_ms > 0 {
        let seconds = report.unread_ms as f64 / 1000.0;
        text += &format!("\n  the video ends {seconds:.1} s before the file says: that part could not be read");
    }
    if report.interrupted {
        text += "\n  interrupted: the copy ends there";
    }
    text
}
