//! How a door is asked to end: SIGTERM and SIGINT in good order, a second one at once.

use crate::base::{Error, Result};
use signal_hook::{consts, flag, iterator::Signals};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Tells when the process is asked to end.
pub struct Ending(mpsc::Receiver<()>);

impl Ending {
    pub fn on_signals() -> Result<Ending> {
        let cannot = |e| Error::io(say!("シグナルを受け取れません。", "Cannot listen for signals."), e);
        let second = Arc::new(AtomicBool::new(false));
        for (signal, exit) in [(consts::SIGINT, 130), (consts::SIGTERM, 143)] {
            flag::register_conditional_shutdown(signal, exit, Arc::clone(&second))
                .and_then(|_| flag::register(signal, Arc::clone(&second)))
                .map_err(cannot)?;
        }
        let mut signals = Signals::new([consts::SIGINT, consts::SIGTERM]).map_err(cannot)?;
        let (tell, told) = mpsc::channel();
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || {
                if signals.forever().next().is_some() {
                    // Nobody listens any more: the end has begun by itself.
                    tell.send(()).ok();
                }
            })
            .map_err(cannot)?;
        Ok(Ending(told))
    }

    /// Ends when `others` say so too, such as a closed standard input.
    pub fn also(self, tell: impl FnOnce(mpsc::Sender<()>)) -> Ending {
        let (to, from) = mpsc::channel();
        tell(to.clone());
        std::thread::spawn(move || {
            self.0.recv().ok();
            to.send(()).ok();
        });
        Ending(from)
    }

    /// Whether it is time, waiting for that at most so long.
    pub(crate) fn within(&self, most: Duration) -> bool {
        !matches!(self.0.recv_timeout(most), Err(RecvTimeoutError::Timeout))
    }
}
