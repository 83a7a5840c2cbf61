//! What was seen of four real workers?
//!
//! From a run of `script/test.d/cluster` with `STREAMWARD_TEST_ALL=1` on 30 November 2026: nats-server 2.9.10, two cores
//! on which other builds ran beside it.

/// Figures of a fault run; of each pair the middle and the ninety-ninth of a hundred, milliseconds.
pub(crate) struct Measured {
    /// Faults in all.
    pub(crate) n_faults: u64,
    /// Streams whose holder was killed.
    pub(crate) n_struck: u64,
    /// Frames in all.
    pub(crate) n_frames: u64,
    /// Frames that left without a valid lease.
    pub(crate) n_without_lease: u64,
    /// A broadcast under cover after its worker was killed.
    pub(crate) broadcasts: (u64, u64),
    /// A call.
    pub(crate) calls: (u64, u64),
    /// Until its gate noticed.
    pub(crate) noticed: (u64, u64),
    /// From there until another worker had the lease.
    pub(crate) taken: (u64, u64),
    /// From there until its first answer.
    pub(crate) judged: (u64, u64),
    /// From the last answer to the next.
    pub(crate) without: (u64, u64),
}

/// 200 faults on two cores.
pub(crate) const FAULT_RUN: Measured = Measured {
    n_faults: 200,
    n_struck: 74,
    n_frames: 111_963,
    n_without_lease: 0,
    broadcasts: (0, 0),
    calls: (0, 1280),
    noticed: (0, 6150),
    taken: (15, 39),
    judged: (3, 99),
    without: (39, 132),
};
