//! A small client of the REST interface, for the commands that talk to a server. Answers come without their
//! envelope; a refusal becomes an error with the server's own words.

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 1 << 30;
/// Longest wait for one answer, in seconds; the server gives up earlier.
const ANSWER_TIMEOUT_S: u64 = 300;

/// A server, by its address.
pub(crate) struct Client {
    agent: ureq::Agent,
    /// For what takes as long as it takes.
    patient: ureq::Agent,
    base: String,
    api_key: Option<String>,
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:6333`. Nothing is sent yet.
    pub(crate) fn new(url: &str, api_key: Option<String>) -> Result<Self> {
        if !url.starts_with("http://") {
            bail!("`{url}` is not an address like http://127.0.0.1:6333 (https is not built yet)");
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(ANSWER_TIMEOUT_S)))
            .build();
        let patient = ureq::Agent::config_builder().http_status_as_error(false).build();
        Ok(Self {
            agent: config.into(),
            patient: patient.into(),
            base: url.trim_end_matches('/').to_owned(),
            api_key,
        })
    }

    /// Sends a request without a body.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(key) = &self.api_key {
            request = request.header("api-key", key);
        }
        self.result(path, request.call())
    }

    /// Sends a JSON body.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Result<Value> {
        self.send(path, self.agent.post(format!("{}{path}", self.base)), body)
    }

    /// Sends a JSON body.
    pub(crate) fn put(&self, path: &str, body: &[u8]) -> Result<Value> {
        self.send(path, self.agent.put(format!("{}{path}", self.base)), body)
    }

    /// Asks for work that may take long.
    pub(crate) fn post_slow(&self, path: &str) -> Result<Value> {
        let request = self.patient.post(format!("{}{path}", self.base));
        self.result(path, self.keyed(request).send_empty())
    }

    /// The same with a JSON body.
    pub(crate) fn put_slow(&self, path: &str, body: &[u8]) -> Result<Value> {
        self.send(path, self.patient.put(format!("{}{path}", self.base)), body)
    }

    /// Removes something.
    pub(crate) fn delete(&self, path: &str) -> Result<Value> {
        let request = self.agent.delete(format!("{}{path}", self.base));
        self.result(path, self.keyed(request).call())
    }

    /// Writes a file of the server to `out`, as it comes.
    pub(crate) fn download(&self, path: &str, out: &mut impl std::io::Write) -> Result<()> {
        let request = self.patient.get(format!("{}{path}", self.base));
        let mut answer = self
            .keyed(request)
            .call()
            .with_context(|| format!("no answer from {}", self.base))?;
        if !answer.status().is_success() {
            return self.result(path, Ok(answer)).map(drop);
        }
        std::io::copy(&mut answer.body_mut().as_reader(), out)
            .with_context(|| format!("the answer of {} broke off", self.base))?;
        Ok(())
    }

    /// Sends a file as the only field of a form, as it is read.
    pub(crate) fn upload(&self, path: &str, field: &str, file: &Path) -> Result<Value> {
        const BOUNDARY: &str = "kindred-file-7d1f0c6e52";
        let source = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        let size = source.metadata()?.len();
        let before = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"snapshot\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        let after = format!("\r\n--{BOUNDARY}--\r\n");
        let length = size + (before.len() + after.len()) as u64;
        let mut body = before.as_bytes().chain(source.take(size)).chain(after.as_bytes());
        let request = self
            .patient
            .post(format!("{}{path}", self.base))
            .header(
                "content-type",
                format!("multipart/form-data; boundary={BOUNDARY}"),
            )
            .header("content-length", length.to_string());
        self.result(
            path,
            self.keyed(request).send(ureq::SendBody::from_reader(&mut body)),
        )
    }

    fn keyed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.api_key {
            Some(key) => request.header("api-key", key),
            None => request,
        }
    }

    fn send(
        &self,
        path: &str,
        request: ureq::RequestBuilder<ureq::typestate::WithBody>,
        body: &[u8],
    ) -> Result<Value> {
        let mut request = request.header("content-type", "application/json");
        if let Some(key) = &self.api_key {
            request = request.header("api-key", key);
        }
        self.result(path, request.send(body))
    }

    fn result(
        &self,
        path: &str,
        answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value> {
        let mut answer = answer.with_context(|| format!("no answer from {}", self.base))?;
        let status = answer.status();
        let text = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_string();
        let text = text.with_context(|| format!("the answer of {} broke off", self.base))?;
        let mut json: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            let result = json.get_mut("result").map(Value::take);
            return result
                .ok_or_else(|| anyhow!("{}{path} gave an answer without a result: {text}", self.base));
        }
        let refusal = json
            .pointer("/status/error")
            .and_then(Value::as_str)
            .unwrap_or(text.trim());
        Err(anyhow!("{refusal} ({status})"))
    }
}

/// The text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped() {
        for (text, want) in [
            ("art-works_1.0~", "art-works_1.0~"),
            ("a b/c", "a%20b%2Fc"),
            ("é%", "%C3%A9%25"),
        ] {
            assert_eq!(segment(text), want);
        }
    }

    #[test]
    fn only_plain_http_is_spoken() {
        assert!(Client::new("http://127.0.0.1:6333/", None).is_ok());
        for bad in ["https://example.org", "127.0.0.1:6333", ""] {
            assert!(Client::new(bad, None).is_err(), "{bad}");
        }
    }
}
