//! How do files go from keeper to checker, and verdicts back?
//!
//! Over a pair of sockets without a name, one message each: a number and an open file on the way there; a number and a
//! letter on the way back. The checker says a beat, number 0, ten times a second.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType,
};

use super::Verdict;

/// Two ends, for keeper and checker. What is over in either waits for nobody.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
}

/// Hands a file over; an error when the checker is gone or takes no more.
pub(super) fn send(socket: impl AsFd, number: u64, file: &OwnedFd) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let files = [file.as_fd()];
    beside.push(SendAncillaryMessage::ScmRights(&files));
    let bytes = number.to_le_bytes();
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::sendmsg(socket, &[IoSlice::new(&bytes)], &mut beside, flags).map(|_| ())
}

/// The next file; `None` when the keeper is gone.
pub(super) fn receive(socket: impl AsFd) -> Result<Option<(u64, OwnedFd)>, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 8];
    let got = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let files = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let file = files.flatten().next();
    match (got.bytes, file) {
        (0, _) => Ok(None),
        (8, Some(file)) => Ok(Some((u64::from_le_bytes(bytes), file))),
        _ => Err(Errno::BADMSG),
    }
}

/// Says a verdict, or with number 0 that the checker lives.
pub(super) fn say(socket: impl AsFd, number: u64, verdict: Verdict) -> Result<(), Errno> {
    let letter = match verdict {
        Verdict::Clear => b'c',
        Verdict::Flagged => b'f',
        Verdict::Unjudged => b'u',
    };
    let bytes = [&number.to_le_bytes()[..], &[letter]].concat();
    rustix::io::write(socket, &bytes).map(|_| ())
}

/// The next word of the checker; `None` when there is none now. Anything unknown is a file that was not judged.
pub(super) fn hear(socket: impl AsFd) -> Result<Option<(u64, Verdict)>, Errno> {
    let mut bytes = [0; 9];
    match rustix::net::recv(socket, &mut bytes, RecvFlags::DONTWAIT) {
        Ok((9, _)) => {
            let number = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes are eight"));
            let verdict = match bytes[8] {
                b'c' => Verdict::Clear,
                b'f' => Verdict::Flagged,
                _ => Verdict::Unjudged,
            };
            Ok(Some((number, verdict)))
        }
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Ok(_) => Err(Errno::PIPE),
        Err(error) => Err(error),
    }
}

/// Waits until one of these can be read, at most so long; says which.
pub(super) fn wait<const N: usize>(files: [&dyn AsFd; N], at_most: Duration) -> [bool; N] {
    let mut asked = files.map(|file| PollFd::from_borrowed_fd(file.as_fd(), PollFlags::IN));
    let time = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: at_most.subsec_nanos().into() };
    // An interrupt is as good as nothing to read.
    let _ = rustix::event::poll(&mut asked, Some(&time));
    asked.map(|asked| !asked.revents().is_empty())
}
