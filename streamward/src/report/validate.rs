//! Does this document follow the authority's schema?
//!
//! The schema is the authority's (`GET /xsd` of the CyberTipline) and is fetched by the operator, never shipped.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cybertip::schema::Schema;

/// Checks documents against the authority's schema: 0 all valid, 4 one is not.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The authority's schema (XSD).
    #[arg(long, value_name = "XSD")]
    schema: PathBuf,
    /// Documents.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON object a line for each document.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let schema = Schema::open(&arguments.schema)?;
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        let reasons = schema.reasons(&super::text(file)?);
        let verdict = if reasons.is_empty() { "VALID" } else { "INVALID" };
        match arguments.json {
            true => println!("{}", json!({ "file": file.to_string_lossy(), "verdict": verdict, "reasons": reasons })),
            false => {
                println!("{verdict}  {}", file.display());
                reasons.iter().for_each(|reason| println!("  {reason}"));
            }
        }
        if !reasons.is_empty() {
            code = ExitCode::from(4);
        }
    }
    Ok(code)
}
