//! Holds the web address until the pages are there.

use crate::base::{Error, Result};
use crate::house::House;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

pub(super) struct Server(TcpListener, SocketAddr);

impl Server {
    pub(super) fn start(_house: &Arc<House>, listen: SocketAddr) -> Result<Server> {
        let at = listen.to_string();
        let cannot = |e| Error::io(say!("{at} で待ち受けられません。", "Cannot listen on {at}."), e);
        let listener = TcpListener::bind(listen).map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        Ok(Server(listener, address))
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.1
    }

    pub(super) fn is_sound(&self) -> bool {
        true
    }

    pub(super) fn stop(self) {
        drop(self.0);
    }
}
