//! What does a pack say of everything in a book?
//!
//! The questions about a pack start from here: the book as that pack marks it, with the features of every row.

use std::borrow::Cow;

use crate::features::{self, Groups};
use crate::score::{Members, Raised};
use crate::{Alert, Book, Features, Level, Pack};

/// A book under a pack.
#[derive(Clone, Debug)]
pub struct Scored<'a> {
    /// The transfers, marked as the pack says.
    pub book: Cow<'a, Book>,
    /// One for each row.
    pub features: Vec<Features>,
    /// The pack.
    pub pack: &'a Pack,
}

impl<'a> Scored<'a> {
    /// Reckons the features of `book` under `pack`, which must reckon in the currency that the book is priced in.
    pub fn new(book: &'a Book, pack: &'a Pack) -> Scored<'a> {
        let mut book = Cow::Borrowed(book);
        if !book.is_marked_by(&pack.scope) {
            book.to_mut().rescope(&pack.scope);
        }
        let features = features::batch(book.rows(), pack.spans);
        Scored { book, features, pack }
    }

    /// What the pack says at rows where nothing was raised, in the form of an alert; each of `at` is a row and the place
    /// of a typology.
    pub fn reasons(&self, at: &[(u32, usize)]) -> Vec<Alert> {
        let senders = Groups::new(self.book.rows(), |row| row.sender);
        let beneficiaries = Groups::new(self.book.rows(), |row| row.beneficiary);
        let one = |&(index, typology): &(u32, usize)| {
            let row = &self.book.rows()[index as usize];
            let members = Members::new(row, &senders, &beneficiaries);
            let raised = Raised { index, typology, level: Level::Review };
            Alert::new(raised, &self.features[index as usize], &self.book, members, &[0; 32], self.pack, "")
        };
        at.iter().map(one).collect()
    }
}
