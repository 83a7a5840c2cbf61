//! What is known about each model?

use std::process::ExitCode;

use clap::Args;
use classifier::{Manifest, Store, shipped, shipped_names};
use serde_json::json;

use crate::classify::with_to_do;

/// Lists the models that are here and those that can be fetched.
#[derive(Args)]
pub(crate) struct List {
    /// Print one JSON object a line for each model.
    #[arg(long)]
    json: bool,
}

/// Shows the card of a model.
#[derive(Args)]
pub(crate) struct Show {
    /// Its name.
    name: String,
    /// Print the manifest alone, as TOML.
    #[arg(long, conflicts_with = "json")]
    manifest: bool,
    /// Print the manifest as JSON.
    #[arg(long)]
    json: bool,
}

/// The cards of the shipped manifests, by name.
const CARDS: [(&str, &str); 4] = [
    ("MobileNetV2", include_str!("../../../docs/models/MobileNetV2.md")),
    ("MobileNetV2Mid", include_str!("../../../docs/models/MobileNetV2Mid.md")),
    ("open_nsfw", include_str!("../../../docs/models/open_nsfw.md")),
    ("image-safety-s", include_str!("../../../docs/models/image-safety-s.md")),
];

impl List {
    /// Prints a line for each model: the shipped ones first, then what was added.
    pub(crate) fn run(&self, store: &Store) -> anyhow::Result<ExitCode> {
        let here = store.names().map_err(with_to_do)?;
        let added = here.iter().filter(|name| shipped(name).is_none()).cloned();
        for name in shipped_names().map(str::to_owned).chain(added) {
            let (is_here, manifest) = (here.contains(&name), manifest(store, &name)?);
            if self.json {
                let Manifest { version, licence, sha256, .. } = &manifest;
                println!(
                    "{}",
                    json!({"name": name, "here": is_here, "version": version, "licence": licence, "sha256": sha256})
                );
            } else {
                println!("{name:<16} {:<12} {:<22} {}", state(is_here), manifest.version, manifest.licence);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    /// Prints the card, or the manifest where there is none.
    pub(crate) fn run(&self, store: &Store) -> anyhow::Result<ExitCode> {
        let manifest = manifest(store, &self.name)?;
        let card = CARDS.iter().find(|(name, _)| *name == self.name);
        match card {
            _ if self.json => println!("{}", serde_json::to_string(&manifest)?),
            Some((_, card)) if !self.manifest => print!("{card}\n```toml\n{}```\n", manifest.to_toml()),
            _ => print!("{}", manifest.to_toml()),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn manifest(store: &Store, name: &str) -> anyhow::Result<Manifest> {
    shipped(name).map_or_else(|| store.manifest(name).map_err(with_to_do), Ok)
}

fn state(is_here: bool) -> &'static str {
    if is_here { "here" } else { "can be fetched" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_has_a_card_that_says_what_it_cannot_do() {
        for name in shipped_names() {
            let (_, card) = CARDS.iter().find(|(known, _)| *known == name).unwrap();
            for part in
                ["## Origin", "## Licence", "## Published accuracy", "## Known false positives", "## What it cannot do"]
            {
                assert!(card.contains(part), "{name} lacks {part}");
            }
            assert!(card.contains("age"), "{name}");
        }
    }
}
