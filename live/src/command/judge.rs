//! `streamward-guard judge`: frames in on standard input, what the judges see on standard output.

use super::Choices;
use crate::Error;
use crate::panel::Hired;

/// Says what the judges see in frames that another program holds and decides about; see the documentation of `wire`.
#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    choices: Choices,
}

pub(super) fn run(arguments: &Arguments) -> Result<u8, Error> {
    let policy = arguments.choices.policy()?;
    let maker = Hired::new(&policy)?.into_maker();
    let mut input = std::io::BufReader::with_capacity(1 << 20, std::io::stdin());
    let mut output = std::io::stdout();
    let judged = crate::judge::run(&mut input, &mut output, &maker, arguments.choices.threads)?;
    if arguments.choices.json {
        let counts = serde_json::json!({ "looks": judged.looks, "answers": judged.answers });
        eprintln!("{counts}");
    }
    Ok(0)
}
