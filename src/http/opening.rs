//! The time that a client may take until it is known which HTTP it speaks; after that, that something was heard.
//!
//! hyper-util reads what a client begins with until it differs from HTTP/2's preface (RFC 9113, 3.4) or is the whole of it, and sets no
//! clock for that: those of HTTP/1.1 and of HTTP/2 are there afterwards. Also where TLS has agreed on HTTP/2, hyper waits for the
//! preface without a clock.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::Sleep;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::header_timer::HeaderTimer;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that cannot be read any more when its alarm goes off before it has begun as one HTTP or the other, and which tells its
/// connection's clock when something was read.
pub(crate) struct Opening<S> {
    stream: S,
    timer: HeaderTimer,
    undecided: Option<Undecided>,
}

struct Undecided {
    /// How much of the preface there has been.
    seen: usize,
    alarm: Pin<Box<dyn Sleep>>,
}

impl<S> Opening<S> {
    pub(crate) fn new(stream: S, timer: HeaderTimer) -> Self {
        let undecided = Some(Undecided { seen: 0, alarm: timer.for_opening() });
        Self { stream, timer, undecided }
    }
}

impl Undecided {
    /// Whether it is still open, after `read`, which HTTP it is. Where nothing was read, no more comes, and hyper ends by itself.
    fn after(&mut self, read: &[u8]) -> bool {
        let rest = PREFACE.get(self.seen..).unwrap_or_default();
        self.seen += read.len();
        !read.is_empty() && read.len() < rest.len() && rest.starts_with(read)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, timer, undecided } = &mut *self;
        let before = buffer.filled().len();
        let Some(opening) = undecided else {
            ready!(Pin::new(stream).poll_read(context, buffer))?;
            if buffer.filled().len() > before {
                timer.heard();
            }
            return Poll::Ready(Ok(()));
        };
        if opening.alarm.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        ready!(Pin::new(stream).poll_read(context, buffer))?;
        if !opening.after(buffer.filled().get(before..).unwrap_or_default()) {
            *undecided = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_decided_where_hyper_decides_it() {
        struct Never;
        impl Future for Never {
            type Output = ();
            fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
                Poll::Pending
            }
        }
        impl Sleep for Never {}
        // How many pieces are read until it is decided, if it is.
        let decided = |pieces: &[&[u8]]| {
            let mut opening = Undecided { seen: 0, alarm: Box::pin(Never) };
            pieces.iter().position(|piece| !opening.after(piece))
        };
        assert_eq!(decided(&[b"P", b"R", b"I", b" * HT"]), None);
        assert_eq!(decided(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"]), None);
        assert_eq!(decided(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", b"\n"]), Some(1));
        assert_eq!(decided(&[PREFACE]), Some(0));
        assert_eq!(decided(&[b"G"]), Some(0));
        assert_eq!(decided(&[b"P", b"O"]), Some(1));
        assert_eq!(decided(&[b"PRI", b""]), Some(1));
        for end in 1..PREFACE.len() {
            let (begun, rest) = PREFACE.split_at(end);
            assert_eq!(decided(&[begun, rest]), Some(1), "{end}");
        }
    }
}
