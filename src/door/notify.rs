//! What systemd is told, over the socket it names in the environment. Without one, nothing.

use std::os::unix::net::UnixDatagram;

pub(crate) fn ready() {
    send("READY=1");
}

pub(crate) fn stopping() {
    send("STOPPING=1");
}

/// Whether there is a system that wants to be told.
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// The process that stands for the service from now on.
pub(crate) fn main_is(pid: u32) {
    send(&format!("MAINPID={pid}"));
}

/// All is well, for a system that wants to hear it again and again.
pub(crate) fn watchdog() {
    if std::env::var_os("WATCHDOG_USEC").is_some() {
        send("WATCHDOG=1");
    }
}

fn send(state: &str) {
    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    // Whoever asked to be told and does not listen has no other ear.
    match place.to_string_lossy().strip_prefix('@') {
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name);
            address.and_then(|a| socket.send_to_addr(state.as_bytes(), &a)).ok();
        }
        None => {
            socket.send_to(state.as_bytes(), place).ok();
        }
    }
}
