//! What goes wrong, with which machine?
//!
//! Three times in four it strikes the worker that holds a lease at that moment, which the lease is asked; else any.

use std::time::Duration;

use crate::cast::{GATES, TTL, WORKERS, users};
use crate::holders::Holders;
use crate::rig::Rig;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    KillWorker,
    CutWorker,
    StopWorker,
    StopClock,
    KillLeader,
    /// The leader of the leases and a worker in one moment.
    KillLeaderAndWorker,
    KillReader,
}

/// Where a fault strikes.
pub(crate) struct Victim {
    /// A worker, a server, the reader.
    pub(crate) node: String,
    /// The stream whose lease it held, where it was chosen for that.
    pub(crate) held: Option<&'static str>,
}

/// A random number below `n`. Source: xorshift64*, Vigna 2016.
pub(crate) fn roll(dice: &mut u64, n: u64) -> u64 {
    *dice ^= *dice >> 12;
    *dice ^= *dice << 25;
    *dice ^= *dice >> 27;
    dice.wrapping_mul(0x2545_f491_4f6c_dd1d) % n
}

pub(crate) fn choose(rig: &Rig, n: usize, dice: &mut u64) -> Fault {
    use Fault::{CutWorker, KillLeader, KillLeaderAndWorker, KillReader, KillWorker, StopClock, StopWorker};
    let all = [KillWorker, CutWorker, StopWorker, StopClock, KillLeader, KillLeaderAndWorker, KillReader];
    // Each kind once, then by chance, workers more often than the rest.
    let fault = match n {
        0..7 => all[n],
        _ => all[[0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4, 5, 6][roll(dice, 17) as usize]],
    };
    let is_possible = match fault {
        CutWorker => rig.is_cut_possible,
        StopClock => rig.is_clock_stoppable(),
        KillWorker | StopWorker | KillLeader | KillLeaderAndWorker | KillReader => true,
    };
    if is_possible { fault } else { StopWorker }
}

/// Which worker a fault strikes.
fn aim(holders: &Holders, dice: &mut u64) -> Victim {
    let (by_chance, (gate, _)) = (WORKERS[roll(dice, 4) as usize], GATES[roll(dice, 3) as usize]);
    let holder = (roll(dice, 4) > 0).then(|| holders.of(gate)).flatten();
    let held = holder.is_some().then_some(gate);
    Victim { node: holder.unwrap_or_else(|| by_chance.into()), held }
}

/// Lets it happen, and mends it after a while.
pub(crate) fn commit(rig: &mut Rig, holders: &Holders, fault: Fault, dice: &mut u64) -> Victim {
    let pause = Duration::from_millis(500 + roll(dice, 3000));
    let victim = match fault {
        Fault::KillLeader => Victim { node: String::new(), held: None },
        Fault::KillReader => Victim { node: "casework".into(), held: None },
        Fault::KillWorker | Fault::CutWorker | Fault::StopWorker | Fault::StopClock | Fault::KillLeaderAndWorker => {
            aim(holders, dice)
        }
    };
    let node = victim.node.as_str();
    match fault {
        Fault::KillWorker | Fault::KillReader => {
            rig.kill(node);
            std::thread::sleep(pause);
            rig.restart(node);
        }
        Fault::CutWorker => {
            rig.cut(node, true);
            std::thread::sleep(pause);
            rig.cut(node, false);
        }
        Fault::StopWorker => {
            rig.signal(node, "STOP");
            std::thread::sleep(pause);
            rig.signal(node, "CONT");
        }
        Fault::StopClock => {
            rig.stop_clock(node, true);
            // By its own clock it holds what it held, for ever.
            std::thread::sleep(TTL + TTL / 4 + pause);
            rig.stop_clock(node, false);
        }
        Fault::KillLeader => {
            let leader = kill_leader(rig, pause);
            return Victim { node: leader, held: None };
        }
        Fault::KillLeaderAndWorker => {
            rig.kill(node);
            kill_leader(rig, pause);
            rig.restart(node);
        }
    }
    victim
}

/// Kills the server that leads the leases, starts it again and waits until the next one may go; which it was.
fn kill_leader(rig: &mut Rig, pause: Duration) -> String {
    let leader = rig.leader().unwrap_or(0);
    rig.kill_server(leader);
    std::thread::sleep(pause);
    rig.start_server(leader, &users());
    assert!(rig.is_server_up(leader));
    // Two of three must be there before the next one may go.
    std::thread::sleep(Duration::from_secs(3));
    format!("n{}", leader + 1)
}
