//! Does this document follow the authority's schema?
//!
//! The schema is the authority's (`GET /xsd` of the CyberTipline) and is fetched by the operator, never shipped.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;
use uppsala::XsdValidator;

/// The longest schema or document that is read, in bytes; the CyberTipline's schema has 149 kB.
const LEN_MAX: u64 = 16 << 20;

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
    let schema = schema(&arguments.schema)?;
    let mut code = ExitCode::SUCCESS;
    for file in &arguments.files {
        let reasons = reasons(&schema, &text(file)?);
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

fn schema(path: &Path) -> Result<XsdValidator> {
    let text = text(path)?;
    let to_do = "  to do: fetch the schema from the authority again; nothing has been checked";
    let document = uppsala::parse(&text);
    let schema = document.and_then(|document| XsdValidator::from_schema(&document));
    schema.map_err(|error| anyhow::anyhow!("{} is not an XSD schema: {error}\n{to_do}", path.display()))
}

/// Why the document is not valid; empty when it is.
fn reasons(schema: &XsdValidator, text: &str) -> Vec<String> {
    // A document type can define entities that grow without end; no report has one.
    if text.contains("<!DOCTYPE") {
        return vec!["it declares a document type, which no report does".to_owned()];
    }
    match uppsala::parse(text) {
        Ok(document) => schema.validate(&document).iter().map(ToString::to_string).collect(),
        Err(error) => vec![format!("it is not well-formed XML: {error}")],
    }
}

fn text(path: &Path) -> Result<String> {
    let what = || format!("cannot read {}\n  to do: check that the file is there and is text in UTF-8", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(what)?;
    file.take(LEN_MAX + 1).read_to_string(&mut text).with_context(what)?;
    if text.len() as u64 > LEN_MAX {
        bail!("{} has more than 16 MiB\n  to do: check that this is the right file", path.display());
    }
    Ok(text)
}
