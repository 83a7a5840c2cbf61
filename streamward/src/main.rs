//! The program streamward: one command for each question its users have.
//!
//! Each command lives in a file named after it: its arguments first, then `run`.

mod bundle;
mod case;
mod chance;
mod classify;
mod clock;
mod cybertip;
mod doctor;
mod evaluate;
mod exchange;
mod fake;
mod file;
mod film;
mod guard;
mod hash;
mod list;
mod r#match;
mod messages;
mod model;
mod pages;
mod parquet;
mod payments;
mod person;
mod picture;
mod policy;
mod prevalence;
mod refer;
mod report;
mod scan;
mod selftest;
mod serve;
mod settings;
mod sibling;
mod status;
mod store;
mod testcard;
mod vault;
mod video;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Protects children from livestreamed abuse: guards video, finds known material, estimates how many are harmed.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// The same for every command, and for streamward-guard.
const EXIT_CODES: &str = "\
Exit codes:
  0  nothing was found
  1  something was covered or matched
  2  the command was misused, or something could not be read or written
  3  degraded: part of the work could not be done
  4  a signature or a policy is invalid

To begin:
  streamward doctor                               what is missing here, and what mends it
  streamward guard file IN.mp4 --out OUT.mp4      a video without its harmful frames
  streamward match --list LIST FILE…              are these files known?";

#[derive(Subcommand)]
enum Command {
    /// Guards a video: no frame is shown before it has been judged.
    Guard(guard::Arguments),
    /// Shows the guards that run here, how they stand and by which policy.
    Status(status::Arguments),
    /// Checks, shows and signs policies: what is covered, how soon, for how long.
    Policy(policy::Arguments),
    /// Draws the safety test card, which every guard must cover.
    Testcard(testcard::Arguments),
    /// Checks that the test card is known and covered, here and now.
    Selftest(selftest::Arguments),
    /// Says what is there, what is missing, and what mends it.
    Doctor(doctor::Arguments),
    /// Prints the hashes of files.
    Hash(hash::Arguments),
    /// Compares files with lists of known material.
    Match(r#match::Arguments),
    /// Compares every file under a folder with lists, and can go on where it ended.
    Scan(scan::Arguments),
    /// Makes, shows and compares lists of known material.
    List(list::Arguments),
    /// Gives the scores that a model gives picture files.
    Classify(classify::Arguments),
    /// Fetches, imports, adds, lists and shows the models that judge pictures.
    Model(model::Arguments),
    /// Measures a model on pictures that somebody lawfully holds and has labelled.
    Evaluate(evaluate::Arguments),
    /// Looks for transfers that look like payment for livestreamed exploitation, and explains why.
    #[command(subcommand)]
    Payments(payments::Command),
    /// Estimates the size of hidden groups from household surveys.
    Prevalence(prevalence::Arguments),
    /// Turns what was seen into cases.
    Refer(refer::Arguments),
    /// Lists, shows and checks cases.
    Case(case::Arguments),
    /// Keeps media where a law allows it and two people say so, and lets it go again.
    Vault(vault::Arguments),
    /// Lets people and programs in, and says what they may do.
    Person(person::Arguments),
    /// Checks reports to authorities before they are sent.
    Report(report::Arguments),
    /// Stands in for an authority or an exchange, for tests and practice.
    Fake(fake::Arguments),
    /// Serves the console and the service.
    Serve(serve::Arguments),
    /// Prints what the console says, to be translated, or checks a translation.
    Messages(messages::Arguments),
    /// Prints completions for a shell.
    Completions(pages::Completions),
    /// Prints the manual page, or writes one for each command.
    Man(pages::Man),
}

fn main() -> ExitCode {
    end_with_the_reader();
    let outcome: anyhow::Result<ExitCode> = match Arguments::parse().command {
        Command::Guard(arguments) => guard::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::Testcard(arguments) => testcard::run(&arguments),
        Command::Selftest(arguments) => selftest::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Hash(arguments) => hash::run(&arguments),
        Command::Match(arguments) => r#match::run(&arguments),
        Command::Scan(arguments) => scan::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Classify(arguments) => classify::run(arguments),
        Command::Model(arguments) => model::run(arguments),
        Command::Evaluate(arguments) => evaluate::run(arguments),
        Command::Payments(command) => payments::run(command),
        Command::Prevalence(arguments) => prevalence::run(arguments),
        Command::Refer(arguments) => refer::run(&arguments),
        Command::Case(arguments) => case::run(&arguments),
        Command::Vault(arguments) => vault::run(&arguments),
        Command::Person(arguments) => person::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Fake(arguments) => fake::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Messages(arguments) => messages::run(&arguments),
        Command::Completions(arguments) => pages::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => pages::man(&arguments, Arguments::command()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        let is_untrusted = error.is::<list::trust::Untrusted>() || error.is::<policy::signed::Refused>();
        ExitCode::from(if is_untrusted { 4 } else { 2 })
    })
}

/// Lets `streamward … | head` end without a word, as other programs do: whoever reads has what they wanted.
fn end_with_the_reader() {
    /// What a shell reports of a program that wrote to nobody: 128 and SIGPIPE.
    const NOBODY_READS: i32 = 141;
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let words = panic.payload_as_str().unwrap_or_default();
        if words.starts_with("failed printing to stdout") && words.contains("Broken pipe") {
            std::process::exit(NOBODY_READS);
        }
        report(panic);
    }));
}
