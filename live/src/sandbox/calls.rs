//! Which system calls are left?
//!
//! For the checker an allow-list, found by watching it work on every kind of source: reading and writing what is open,
//! memory that is not executable, threads, time, waiting. For the ingress a list of what it must never do.
//! Whatever is refused fails with an error: libraries then do without, and nothing is silently killed.

use std::collections::BTreeMap;

use seccompiler::{SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule};

use super::{Room, refused};
use crate::Error;

/// What the checker may do without condition.
const CHECKER: &[i64] = &[
    // what is open
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_fcntl,
    // pipes and events to itself
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    // memory; executable memory is refused below
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_membarrier,
    // threads; processes are refused below
    libc::SYS_clone3,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_futex,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // signals to itself
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // time and chance
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// What a checker of files may do beside: take them from its keeper, and read anywhere in them.
const FILES: &[i64] = &[libc::SYS_recvmsg, libc::SYS_pread64];

/// What a checker of a window may do beside: talk over the line that it holds; another one cannot be opened.
const WINDOW: &[i64] = &[libc::SYS_sendmsg, libc::SYS_recvmsg];

#[cfg(target_arch = "x86_64")]
const CHECKER_OLD: &[i64] = &[libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const CHECKER_OLD: &[i64] = &[];

/// What the ingress may not do.
const NOT_INGRESS: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kill,
    libc::SYS_tkill,
];

/// Names the calling thread. Source: `linux/prctl.h`.
const PR_SET_NAME: u64 = 15;

/// Takes all other calls from every thread of this process, for ever.
///
/// # Errors
/// When seccomp is not there.
pub(super) fn refuse(room: Room) -> Result<(), Error> {
    let not_permitted = SeccompAction::Errno(libc::EPERM as u32);
    match room {
        Room::Checker | Room::Files | Room::Window => {
            // glibc asks for clone3 and, told that there is none, for clone, whose flags can be read.
            let no_such_call = SeccompAction::Errno(libc::ENOSYS as u32);
            filter(rules(&[libc::SYS_clone3]), SeccompAction::Allow, no_such_call)?;
            let mut allowed = rules(CHECKER);
            allowed.extend(rules(CHECKER_OLD));
            match room {
                Room::Files => allowed.extend(rules(FILES)),
                Room::Window => allowed.extend(rules(WINDOW)),
                Room::Checker | Room::Ingress => (),
            }
            let no_code = masked(2, libc::PROT_EXEC as u64, 0)?;
            allowed.insert(libc::SYS_mmap, vec![no_code.clone()]);
            allowed.insert(libc::SYS_mprotect, vec![no_code]);
            let thread = libc::CLONE_THREAD as u64;
            allowed.insert(libc::SYS_clone, vec![masked(0, thread, thread)?]);
            allowed.insert(libc::SYS_prctl, vec![masked(0, u64::from(u32::MAX), PR_SET_NAME)?]);
            // GStreamer wakes its own threads over a pair of sockets without a name; no other kind can be made.
            let own_pair = masked(0, u64::from(u32::MAX), libc::AF_UNIX as u64)?;
            allowed.insert(libc::SYS_socketpair, vec![own_pair]);
            // An abort is a signal to one's own thread; the number of this process never changes.
            let own = u64::from(std::process::id());
            allowed.insert(libc::SYS_tgkill, vec![masked(0, u64::from(u32::MAX), own)?]);
            filter(allowed, not_permitted, SeccompAction::Allow)
        }
        Room::Ingress => filter(rules(NOT_INGRESS), SeccompAction::Allow, not_permitted),
    }
}

fn rules(calls: &[i64]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|call| (*call, Vec::new())).collect()
}

/// Holds where the masked bits of an argument have this value.
fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompRule, Error> {
    let is = SeccompCmpOp::MaskedEq(mask);
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value).map_err(refused)?;
    SeccompRule::new(vec![condition]).map_err(refused)
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, other: SeccompAction, listed: SeccompAction) -> Result<(), Error> {
    let here = std::env::consts::ARCH.try_into().map_err(refused)?;
    let filter = SeccompFilter::new(rules, other, listed, here).map_err(refused)?;
    let program: seccompiler::BpfProgram = filter.try_into().map_err(refused)?;
    seccompiler::apply_filter_all_threads(&program).map_err(refused)
}
