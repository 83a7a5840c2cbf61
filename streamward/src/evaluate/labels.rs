//! Which label has each picture, and which classes does a label stand for?

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use classifier::Scores;

/// A table of files with their labels.
pub(super) struct Labels {
    pub(super) rows: Vec<(PathBuf, String)>,
}

/// How many rows a table may have.
const ROWS_MAX: usize = 10_000_000;

impl Labels {
    /// Reads a table with the columns `file` and `label`; others are not looked at.
    pub(super) fn read(path: &Path) -> anyhow::Result<Labels> {
        let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot read {}", path.display()))?;
        let header = reader.headers().with_context(|| format!("cannot read {}", path.display()))?;
        let column = |name: &str| header.iter().position(|column| column.trim() == name);
        let (Some(file), Some(label)) = (column("file"), column("label")) else {
            bail!("{} has no columns file and label\n  to do: begin it with the line file,label", path.display());
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut rows = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let place = || format!("{}, line {}", path.display(), index + 2);
            let record = record.with_context(place)?;
            let field = |column: usize| record.get(column).map(str::trim).filter(|field| !field.is_empty());
            let (Some(file), Some(label)) = (field(file), field(label)) else {
                bail!("{} lacks a file or a label\n  to do: fill it in or take the line out", place());
            };
            rows.push((folder.join(file), label.to_owned()));
            if rows.len() > ROWS_MAX {
                bail!("{} has more than {ROWS_MAX} rows\n  to do: evaluate it in parts", path.display());
            }
        }
        if rows.is_empty() {
            bail!("{} has no rows\n  to do: write a line for each picture", path.display());
        }
        Ok(Labels { rows })
    }
}

/// The classes whose scores, added, say how sure a model is of a label.
#[derive(Debug, PartialEq)]
pub(super) struct Meaning {
    pub(super) label: String,
    classes: Vec<String>,
}

impl Meaning {
    /// The meaning of each label of the table that stands for a class, by name or by an argument `LABEL=CLASS+CLASS`.
    pub(super) fn of_all(labels: &Labels, arguments: &[String], classes: &[String]) -> anyhow::Result<Vec<Meaning>> {
        let mut meanings = arguments.iter().map(|text| Meaning::parse(text)).collect::<anyhow::Result<Vec<_>>>()?;
        for (_, label) in &labels.rows {
            if classes.contains(label) && !meanings.iter().any(|meaning| meaning.label == *label) {
                meanings.push(Meaning { label: label.clone(), classes: vec![label.clone()] });
            }
        }
        if let Some(class) = meanings.iter().flat_map(|meaning| &meaning.classes).find(|class| !classes.contains(class))
        {
            bail!("the model has no class {class}\n  to do: use {}", classes.join(", "));
        }
        if meanings.is_empty() {
            bail!("no label is a class of the model\n  to do: add --means LABEL=CLASS, with {}", classes.join(", "));
        }
        Ok(meanings)
    }

    fn parse(text: &str) -> anyhow::Result<Meaning> {
        let wrong = || anyhow!("“{text}” is not LABEL=CLASS+CLASS\n  to do: write it as unsafe=Porn+Hentai");
        let (label, classes) = text.split_once('=').ok_or_else(wrong)?;
        let mut classes: Vec<String> = classes.split('+').map(str::to_owned).collect();
        classes.sort();
        classes.dedup();
        if label.is_empty() || classes.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Meaning { label: label.to_owned(), classes })
    }

    /// How sure the model is of the label, `0.0..=1.0`; a class that only the second model of a cascade has counts as 0
    /// where that one did not look.
    pub(super) fn score(&self, scores: &Scores) -> f32 {
        self.classes.iter().filter_map(|class| scores.of(class)).sum::<f32>().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Labels> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Labels::read(file.path())
    }

    #[test]
    fn a_table_is_read_whatever_the_order_of_its_columns() {
        let labels = read("note,label,file\nx,Neutral,a.png\n,Drawing,\"b,c.png\"\n").unwrap();
        assert_eq!(labels.rows[1].1, "Drawing");
        assert!(labels.rows[1].0.ends_with("b,c.png"));
    }

    #[test]
    fn a_table_without_its_columns_rows_or_fields_is_refused() {
        for text in ["", "file\na\n", "file,label\n", "file,label\na.png,\n", "file,label\na.png\n"] {
            assert!(read(text).is_err(), "{text:?}");
        }
        let message = format!("{:#}", read("file,label\na.png,X\nb.png,\n").err().unwrap());
        assert!(message.contains("line 3"), "{message}");
    }

    #[test]
    fn a_label_is_a_class_or_what_an_argument_says() {
        let labels = read("file,label\na,Neutral\nb,other\n").unwrap();
        let classes = ["Neutral".to_owned(), "Porn".to_owned(), "Hentai".to_owned()];
        let meanings = Meaning::of_all(&labels, &["other=Porn+Hentai".to_owned()], &classes).unwrap();
        assert_eq!(meanings[0].classes, ["Hentai", "Porn"]);
        assert_eq!(meanings[1].label, "Neutral");
        assert!(Meaning::of_all(&labels, &["other=Nothing".to_owned()], &classes).is_err());
        assert!(Meaning::of_all(&labels, &["other".to_owned()], &classes).is_err());
        assert!(Meaning::of_all(&labels, &[], &classes[1..]).is_err());
    }
}
