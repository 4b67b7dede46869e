//! Open files on their way from one process to another: all of them with one byte, over a Unix socket.

use crate::base::limits;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

const SPACE: usize = rustix::cmsg_space!(ScmRights(limits::HANDED_DESCRIPTORS));

pub(super) fn send(over: &UnixStream, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if files.len() > limits::HANDED_DESCRIPTORS || !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::Error::other("more open files than one message holds"));
    }
    match sendmsg(over, &[IoSlice::new(b"\n")], &mut control, SendFlags::NOSIGNAL)? {
        1 => Ok(()),
        _ => Err(io::ErrorKind::WriteZero.into()),
    }
}

/// No child of ours gets them.
pub(super) fn receive(over: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0u8; 1];
    let got = recvmsg(over, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes != 1 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut files = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            files.extend(some);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn an_open_file_arrives_open_and_in_its_order_before_the_words_that_follow() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let (mut a, b) = UnixStream::pair().unwrap();
        let (mut c, d) = UnixStream::pair().unwrap();
        send(&here, &[b.as_fd(), d.as_fd()]).unwrap();
        here.write_all(b"words").unwrap();
        drop((b, d));
        let mut files = receive(&there).unwrap().into_iter().map(UnixStream::from);
        for (from, byte) in [(&mut a, b'1'), (&mut c, b'2')] {
            let mut to = files.next().unwrap();
            to.write_all(&[byte]).unwrap();
            let mut read = [0];
            from.read_exact(&mut read).unwrap();
            assert_eq!(read, [byte]);
        }
        assert!(files.next().is_none());
        let mut words = [0; 5];
        there.read_exact(&mut words).unwrap();
        assert_eq!(&words, b"words");
    }

    #[test]
    fn more_than_fit_are_refused_and_an_end_is_an_error() {
        let (here, there) = UnixStream::pair().unwrap();
        let many = vec![here.as_fd(); limits::HANDED_DESCRIPTORS + 1];
        assert!(send(&here, &many).is_err());
        send(&here, &many[..limits::HANDED_DESCRIPTORS]).unwrap();
        assert_eq!(receive(&there).unwrap().len(), limits::HANDED_DESCRIPTORS);
        drop(here);
        assert!(receive(&there).is_err());
    }
}
