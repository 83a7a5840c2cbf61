//! How many children, and how sure are we?
//!
//! People cannot be asked whether they abuse; they can be asked how many people they know.
//! The network scale-up method turns answers about groups of known and of unknown size into the size of the unknown
//! one, and the design of the survey turns the same answers into an interval.
//!
//! The way through the crate, which is also the order of the modules: a [`Codebook`] says what the columns mean, a
//! [`Table`] holds them, a [`Survey`] is both after every check, [`estimator`] says which ratios of sums answer the
//! question, [`variance`] how sure they are, [`estimates`] puts the two together. Beside that way, [`bayes`] holds models of
//! all answers at once, and [`report`] writes down what was found.
//!
//! The crate is pure: it opens nothing, and every random number follows from a seed that the caller passes in.
//! No result depends, in any bit, on the order of the rows or on the number of threads: rows are brought into one
//! order at the door (`order`), every sum runs in that order, and threads only share out whole sums.

mod error;

pub mod codebook;
pub mod prior;
pub mod table;

mod order;

pub mod answer;
pub mod degree;
pub mod design;
pub mod survey;

pub mod calibrate;
pub mod chance;
pub mod draw;
pub mod estimand;
pub mod estimator;
pub mod interval;
pub mod variance;

pub mod estimate;
pub mod holdout;
pub mod plain;
pub mod plan;
pub mod sensitivity;
pub mod simulate;
pub mod suppress;

pub mod bayes;

pub mod figure;
pub mod report;

pub use codebook::Codebook;
pub use error::Error;
pub use estimate::estimates;
pub use survey::Survey;
pub use table::Table;
