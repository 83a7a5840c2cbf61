//! Which transfer has which number?
//!
//! A file of as many lines as there are rows, each a transfer id as a JSON string. It stays where it was written:
//! machines that reckon need no ids.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use payments::Transfer;

/// Ids by number.
pub(super) enum Ids {
    /// As the transfers have them.
    Known(Vec<Box<str>>),
    /// The number itself.
    Numbers,
}

impl Ids {
    /// Those of transfers in a book's order.
    pub(super) fn of(transfers: &[Transfer]) -> Ids {
        Ids::Known(transfers.iter().map(|transfer| transfer.id.clone()).collect())
    }

    /// Reads what [`Ids::write`] wrote.
    pub(super) fn read(path: &Path) -> anyhow::Result<Ids> {
        let ask = || {
            format!("cannot read the ids in {}\n  to do: write them anew with streamward-batch prepare", path.display())
        };
        let mut lines = BufReader::with_capacity(1 << 18, File::open(path).with_context(ask)?);
        let (mut ids, mut line) = (Vec::new(), String::new());
        while lines.read_line(&mut line).with_context(ask)? > 0 {
            ids.push(serde_json::from_str(&line).with_context(ask)?);
            line.clear();
        }
        Ok(Ids::Known(ids))
    }

    /// Writes one line for each transfer.
    pub(super) fn write(transfers: &[Transfer], path: &Path) -> anyhow::Result<()> {
        let cure = || {
            format!("cannot write {}\n  to do: check the folder, its permissions and the free space", path.display())
        };
        let mut out = BufWriter::new(File::create(path).with_context(cure)?);
        for transfer in transfers {
            writeln!(out, "{}", serde_json::Value::from(&*transfer.id)).with_context(cure)?;
        }
        out.flush().with_context(cure)
    }

    /// The id of a number.
    pub(super) fn id(&self, number: u32) -> anyhow::Result<Cow<'_, str>> {
        match self {
            Ids::Numbers => Ok(number.to_string().into()),
            Ids::Known(ids) => ids.get(number as usize).map(|id| Cow::Borrowed(&**id)).with_context(too_few),
        }
    }

    /// Puts what belongs to numbers, in order of those, into the order of ids.
    pub(super) fn sort<T>(&self, all: &mut [(u32, T)]) -> anyhow::Result<()> {
        let Ids::Known(ids) = self else { return Ok(()) };
        anyhow::ensure!(all.last().is_none_or(|(number, _)| (*number as usize) < ids.len()), too_few());
        all.sort_by(|one, other| ids[one.0 as usize].cmp(&ids[other.0 as usize]));
        Ok(())
    }
}

fn too_few() -> &'static str {
    "there are fewer ids than transfers\n  to do: give the file that was written with the folder of rows"
}
