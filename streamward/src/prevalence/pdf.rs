//! How does a document become a PDF?
//!
//! Typst sets it, with the fonts that come inside it: nothing is read from the machine, and no clock is asked, so the same
//! source gives the same bytes.

use prevalence::report::typst::Source;

/// Typesets the document.
#[cfg(not(feature = "pdf"))]
pub(super) fn pdf(_: &Source) -> anyhow::Result<Vec<u8>> {
    anyhow::bail!(
        "this program was built without PDF\n  to do: build it with `cargo build -p streamward --features pdf`, or print the web page from a browser"
    )
}

/// Typesets the document.
#[cfg(feature = "pdf")]
pub(super) use typeset::pdf;

#[cfg(feature = "pdf")]
mod typeset {
    use anyhow::{Context, anyhow};
    use prevalence::report::typst::Source as Document;
    use typst::diag::{FileError, FileResult, SourceDiagnostic};
    use typst::foundations::{Bytes, Datetime, Duration, Smart};
    use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
    use typst::text::{Font, FontBook};
    use typst::utils::LazyHash;
    use typst::{Library, LibraryExt, World};
    use typst_layout::PagedDocument;
    use typst_pdf::PdfOptions;

    /// Typesets the document.
    pub(in super::super) fn pdf(document: &Document) -> anyhow::Result<Vec<u8>> {
        let desk = Desk::new(document)?;
        let set: PagedDocument = typst::compile(&desk).output.map_err(|errors| failed(&errors))?;
        // A name of the document that does not change lets its bytes be compared.
        let options =
            PdfOptions { ident: Smart::Custom("streamward prevalence report".to_owned()), ..PdfOptions::default() };
        typst_pdf::pdf(&set, &options).map_err(|errors| failed(&errors))
    }

    fn failed(errors: &[SourceDiagnostic]) -> anyhow::Error {
        let words: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
        anyhow!("the report cannot be typeset: {}\n  to do: report this; the web page holds the same", words.join("; "))
    }

    /// All that the typesetter can see: one document, its drawings, and Typst's own fonts.
    struct Desk {
        library: LazyHash<Library>,
        book: LazyHash<FontBook>,
        fonts: Vec<Font>,
        main: Source,
        drawings: Vec<(FileId, Bytes)>,
    }

    impl Desk {
        fn new(document: &Document) -> anyhow::Result<Desk> {
            let fonts: Vec<Font> = typst_assets::fonts().flat_map(|bytes| Font::iter(Bytes::new(bytes))).collect();
            let drawings =
                document.drawings.iter().map(|(name, text)| Ok((file_id(name)?, Bytes::from_string(text.clone()))));
            Ok(Desk {
                library: LazyHash::new(Library::default()),
                book: LazyHash::new(FontBook::from_fonts(&fonts)),
                fonts,
                main: Source::new(file_id("main.typ")?, document.main.clone()),
                drawings: drawings.collect::<anyhow::Result<_>>()?,
            })
        }
    }

    fn file_id(name: &str) -> anyhow::Result<FileId> {
        let path = VirtualPath::new(name).map_err(|_| anyhow!("{name} is no path")).context("names are ours")?;
        Ok(RootedPath::new(VirtualRoot::Project, path).intern())
    }

    impl World for Desk {
        fn library(&self) -> &LazyHash<Library> {
            &self.library
        }

        fn book(&self) -> &LazyHash<FontBook> {
            &self.book
        }

        fn main(&self) -> FileId {
            self.main.id()
        }

        fn source(&self, id: FileId) -> FileResult<Source> {
            if id == self.main.id() { Ok(self.main.clone()) } else { Err(FileError::NotSource) }
        }

        fn file(&self, id: FileId) -> FileResult<Bytes> {
            let drawing = self.drawings.iter().find(|(own, _)| *own == id);
            drawing.map(|(_, bytes)| bytes.clone()).ok_or(FileError::AccessDenied)
        }

        fn font(&self, index: usize) -> Option<Font> {
            self.fonts.get(index).cloned()
        }

        fn today(&self, _: Option<Duration>) -> Option<Datetime> {
            None
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_same_document_gives_the_same_bytes() {
            let main = "= A heading\n#image(\"a.svg\")".to_owned();
            let drawing = r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="3"/></svg>"#;
            let document = Document { main, drawings: vec![("a.svg".to_owned(), drawing.to_owned())] };
            let first = pdf(&document).unwrap();
            assert!(first.starts_with(b"%PDF-") && first == pdf(&document).unwrap());
        }

        #[test]
        fn a_document_sees_nothing_but_its_own_drawings() {
            let document = Document { main: "#read(\"/etc/hostname\")".to_owned(), drawings: vec![] };
            assert!(pdf(&document).unwrap_err().to_string().contains("cannot be typeset"));
        }
    }
}
