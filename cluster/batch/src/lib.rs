//! Payments on many machines: the feature kernel as an operator of DataFusion and of Ballista.
//!
//! The kernel is `payments::features::parts`, as it is: three parts, each on rows that lie together. Here is what brings
//! them together: rows as Arrow columns, an operator that asks for a partitioning and calls a part, a table of which
//! DataFusion plans the scan, and the codec by which all that travels between Ballista's processes.
//!
//! Read in this order: [`rows`] (what travels), [`folder`] (rows on disk), [`packed`] (features as bytes), [`job`] (what
//! is asked), [`reckon`] (batches in, batches out), [`operator`] and [`table`] (what DataFusion sees), [`codec`] (what
//! Ballista sees), [`cluster`] (its processes), [`tls`] (who may be one), [`run`] (a job and its result), [`command`]
//! (the program).
//!
//! What leaves this process are numbers: no account, no pseudonym, no transfer id and no country is among them.

pub mod cluster;
pub mod codec;
pub mod command;
pub mod folder;
pub mod job;
pub mod operator;
pub mod packed;
pub mod reckon;
pub mod rows;
pub mod run;
pub mod table;
pub mod tls;

// Transfers are read by the very code of `streamward payments`, so that a file gives the same rows here.
#[path = "../../../streamward/src/payments/columns.rs"]
mod columns;
#[allow(dead_code, reason = "the desk's commands use more of it")]
#[path = "../../../streamward/src/payments/input.rs"]
mod input;
#[allow(dead_code, unreachable_pub, reason = "surveys use more of it")]
#[path = "../../../streamward/src/parquet.rs"]
mod parquet;
#[allow(dead_code, reason = "only its table is used")]
#[path = "../../../streamward/src/payments/score.rs"]
mod score;
