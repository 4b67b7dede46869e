//! Bytes to and from a server: one write per turn, replies bounded in size and time.

use super::reply::Reply;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

pub(in crate::delivery) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why no reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Lost {
    /// Closed or reset by the other side.
    Closed,
    /// Silent for longer than allowed.
    Silent,
    /// Something that is no SMTP.
    Nonsense,
}

pub(super) struct Wire {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Wire {
        Wire { stream, read: Vec::new() }
    }

    /// The stream without anything that came before TLS: buffered plain text is thrown away with the wire.
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    pub(super) async fn write(&mut self, bytes: &[u8], wait: Duration) -> Result<(), Lost> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(wait, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Lost::Closed),
            Err(_) => Err(Lost::Silent),
        }
    }

    pub(super) async fn reply(&mut self, wait: Duration) -> Result<Reply, Lost> {
        timeout(wait, self.next_reply()).await.unwrap_or(Err(Lost::Silent))
    }

    async fn next_reply(&mut self) -> Result<Reply, Lost> {
        loop {
            if let Some((reply, used)) = Reply::parse(&self.read).map_err(|_| Lost::Nonsense)? {
                self.read.drain(..used);
                return Ok(reply);
            }
            self.read.reserve(1 << 10);
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => return Err(Lost::Closed),
                Ok(_) => {}
            }
        }
    }

    pub(super) async fn ask(&mut self, line: &str, wait: Duration) -> Result<Reply, Lost> {
        self.write(line.as_bytes(), wait).await?;
        self.reply(wait).await
    }

    /// Nothing has come that was not asked for, and the other side has not hung up. Does not wait.
    pub(super) async fn is_quiet(&mut self) -> bool {
        let mut bytes = [0u8; 1];
        let stream = &mut self.stream;
        let came = std::future::poll_fn(|cx| {
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Pending => Poll::Ready(false),
                Poll::Ready(_) => Poll::Ready(true),
            }
        });
        !came.await && self.read.is_empty()
    }
}
