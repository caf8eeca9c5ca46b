//! Questions of others, passed on to the broker under the caller's own signature, and the broker's change stream.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Response;

use super::broker::{bounded, classify};
use super::{Broker, ClientError};
use crate::sigv4::{Credentials, RequestParts};

/// The service name that the doors for questions are signed for.
const SERVICE: &str = "brevet";
/// Where the broker tells what changes.
const STREAM: &str = "/changes/v1/stream";
/// How long one stream may take in all: the broker ends it long before.
const STREAM_TIME: Duration = Duration::from_secs(3_600);
/// The longest line that is read, in bytes: 256 words of 16 digits, and what is around them.
const LONGEST_LINE: usize = 64 * 1024;

/// What is asked, of which door.
#[derive(Clone)]
pub struct Question {
    /// GET or POST.
    pub method: Method,
    /// The door's path, without a query.
    pub path: &'static str,
    /// Headers that go with it; the signature covers all of them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What is asked.
    pub body: Bytes,
}

impl fmt::Debug for Question {
    /// Headers and body may carry credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Question({} {}, {} bytes)", self.method, self.path, self.body.len())
    }
}

/// What the broker answered, whatever it was.
#[derive(Clone)]
pub struct Passed {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Passed {
    /// A derived key may be in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passed({}, {} bytes)", self.status, self.body.len())
    }
}

/// A stream of changes, line by line.
#[derive(Debug)]
pub struct ChangeStream {
    response: Response,
    lines: Lines,
}

/// Bytes that arrive, taken apart into lines.
#[derive(Debug, Default)]
struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins; what is before it has been given away.
    begin: usize,
    /// Up to where no line ends behind `begin`.
    searched: usize,
}

impl Broker {
    /// Passes a question on, once: whoever asks knows whether it is worth asking again. Without credentials it is not signed.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn pass(&self, question: &Question, credentials: Option<&Credentials>) -> Result<Passed, ClientError> {
        let response = self.send(question, "", credentials, None).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Passed { status, headers, body: Bytes::from(bounded(response).await?) })
    }

    /// Begins to follow the changes, after `from` if that is given; or the status with which the broker refuses.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn follow(
        &self,
        from: Option<u64>,
        credentials: &Credentials,
    ) -> Result<Result<ChangeStream, StatusCode>, ClientError> {
        let question = Question { method: Method::GET, path: STREAM, headers: Vec::new(), body: Bytes::new() };
        let query = from.map(|revision| format!("from={revision}")).unwrap_or_default();
        let response = self.send(&question, &query, Some(credentials), Some(STREAM_TIME)).await?;
        if response.status() != StatusCode::OK {
            return Ok(Err(response.status()));
        }
        Ok(Ok(ChangeStream { response, lines: Lines::default() }))
    }

    async fn send(
        &self,
        question: &Question,
        query: &str,
        credentials: Option<&Credentials>,
        time: Option<Duration>,
    ) -> Result<Response, ClientError> {
        let mut url = self.endpoint.clone();
        url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), question.path));
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        let mut headers: Vec<(&str, &[u8])> = vec![("host", self.host.as_bytes())];
        headers.extend(question.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let parts = RequestParts {
            method: question.method.as_str(),
            path: url.path(),
            query,
            headers: &headers,
            body: &question.body,
        };
        let mut request = self.http.request(question.method.clone(), url.clone()).body(question.body.clone());
        for (name, value) in &question.headers {
            request = request.header(name, value);
        }
        if let Some(credentials) = credentials {
            request = self.signed(request, &parts, credentials, SERVICE)?;
        }
        if let Some(time) = time {
            request = request.timeout(time);
        }
        request.send().await.map_err(classify)
    }
}

impl ChangeStream {
    /// The next line, without its end; `None` when the stream has ended.
    ///
    /// # Errors
    /// The connection broke, or a line is longer than any that a broker writes.
    pub async fn line(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        loop {
            if let Some(line) = self.lines.next() {
                return Ok(Some(line));
            }
            if self.lines.unfinished() > LONGEST_LINE {
                return Err(ClientError::TooLarge { limit: LONGEST_LINE });
            }
            match self.response.chunk().await.map_err(classify)? {
                Some(chunk) => self.lines.add(&chunk),
                None => return Ok(None),
            }
        }
    }
}

impl Lines {
    /// Every byte is looked at once and moved once, however short lines are and in however many pieces they come.
    fn add(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line, without its end, if all of it is there.
    fn next(&mut self) -> Option<Vec<u8>> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(end) = unsearched.iter().position(|byte| *byte == b'\n').map(|at| self.searched + at) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.get(self.begin..end).map(<[u8]>::to_vec);
        (self.begin, self.searched) = (end + 1, end + 1);
        line
    }

    /// Bytes of a line whose end is not there.
    fn unfinished(&self) -> usize {
        self.buffer.len() - self.begin
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(pieces: &[Vec<u8>]) -> (Vec<Vec<u8>>, usize) {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in pieces {
            lines.add(piece);
            all.extend(std::iter::from_fn(|| lines.next()));
        }
        (all, lines.unfinished())
    }

    proptest! {
        /// In whatever pieces they come: lines are what stands between line ends, and the rest waits for its own.
        #[test]
        fn lines_do_not_hang_on_how_they_arrive(pieces in prop::collection::vec("[a\n]{0,12}", 0..12)) {
            let whole = pieces.concat();
            let mut expected: Vec<Vec<u8>> = whole.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            let rest = expected.pop().map_or(0, |rest| rest.len());
            let pieces: Vec<Vec<u8>> = pieces.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(lines_of(&pieces), (expected, rest));
        }
    }

    /// It moved all that followed for each line: a megabyte of empty ones took minutes.
    #[test]
    fn many_lines_in_one_piece_and_many_pieces_of_one_line_take_no_longer_than_others() {
        let (all, rest) = lines_of(&[vec![b'\n'; 1 << 20]]);
        assert_eq!((all.len(), rest), (1 << 20, 0));
        let (all, rest) = lines_of(&vec![vec![b'x']; LONGEST_LINE]);
        assert_eq!((all.len(), rest), (0, LONGEST_LINE));
    }
}
