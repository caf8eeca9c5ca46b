//! Sends bodies as they are, signed or not, and reads the answers strictly.

use std::time::Duration;

use brevet::clock::{Clock, ShiftedClock};
use brevet::sigv4::{RequestParts, sign_headers};

use crate::world::{Keys, Running};

#[path = "../wire/xml_reader.rs"]
mod xml_reader;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// One client for all requests of a test.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    url: String,
    host: String,
    clock: ShiftedClock,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub text: String,
    /// Empty for a success.
    pub code: String,
    pub message: String,
}

impl Sender {
    pub fn to(at: &Running) -> Self {
        // Whoever does not answer within this time hangs.
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self { client, url: at.url.clone(), host: at.host().to_owned(), clock: at.clock.clone() }
    }

    /// The answer to a POST, unless there is none, or none that AWS could give.
    pub async fn post(&self, body: Vec<u8>, signer: Option<(&Keys, &str)>) -> Result<Reply, String> {
        let headers: [(&str, &[u8]); 2] = [("host", self.host.as_bytes()), ("content-type", FORM.as_bytes())];
        let parts = RequestParts { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let mut request = self.client.post(format!("{}/", self.url)).header("content-type", FORM);
        if let Some((keys, service)) = signer {
            for (name, value) in sign_headers(&parts, &keys.credentials(), "us-east-1", service, self.clock.now()) {
                request = request.header(name, value);
            }
        }
        let response = request.body(body).send().await.map_err(|error| format!("no answer: {error}"))?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| format!("half an answer: {error}"))?;
        let root = xml_reader::read(&text).map_err(|error| format!("no XML, {error}: {text}"))?;
        let (mut code, mut message) = (String::new(), String::new());
        if root.name == "ErrorResponse" {
            let error = root.child("Error").ok_or("no Error in it")?;
            let of =
                |name: &str| error.child(name).map(|child| child.text.clone()).ok_or(format!("no {name} in {text}"));
            (code, message) = (of("Code")?, of("Message")?);
            let whose = if status < 500 { "Sender" } else { "Receiver" };
            if of("Type")? != whose || root.child("RequestId").is_none() {
                return Err(format!("{status} with {text}"));
            }
        }
        if (status == 200) != code.is_empty() || status < 200 {
            return Err(format!("{status} with {text}"));
        }
        Ok(Reply { status, text, code, message })
    }
}
