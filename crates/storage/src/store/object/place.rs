//! From an address such as `s3://bucket/prefix` to a client of that service. Used when a store is opened.
//!
//! INVARIANT: whatever a user sets in the environment, attempts are few and short, so that no call hangs.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};

use crate::error::Error;

/// How often the client repeats a request that was certainly not served, or was answered with 5xx.
const MAX_RETRIES: usize = 3;
/// Time after which it does not begin another attempt.
const RETRY_FOR: Duration = Duration::from_secs(10);
/// Time for a connection to come about.
const CONNECT_S: &str = "4 seconds";
/// Time for one attempt; in effect the limits of `Remote`, which know how much is moved, are shorter.
const ATTEMPT_S: &str = "600 seconds";

/// How to reach an object store, beyond its address. Credentials come from the environment: the usual `AWS_…`,
/// `GOOGLE_…` and `AZURE_…` variables, which also hold the defaults of what is `None` here.
#[derive(Clone, Debug)]
pub struct CloudOptions {
    /// A folder for copies of large objects. Made when absent; may be removed at any time that no store uses it.
    pub cache: PathBuf,
    /// The URL of a service that is not the provider's own.
    pub endpoint: Option<String>,
    /// The region to sign for; only S3 has one.
    pub region: Option<String>,
    /// Whether the endpoint may be `http://`: everything but the keys then crosses the network readable.
    pub allow_http: bool,
    /// Time for one request, beyond one second for each MiB it moves.
    pub timeout: Duration,
}

impl CloudOptions {
    /// The provider's own endpoint, over TLS, with 20 seconds for a request.
    pub fn new(cache: impl Into<PathBuf>) -> CloudOptions {
        CloudOptions {
            cache: cache.into(),
            endpoint: None,
            region: None,
            allow_http: false,
            timeout: Duration::from_secs(20),
        }
    }
}

/// The services whose create-if-absent we know how to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    S3,
    Google,
    Azure,
}

/// A bucket (or container) of a service, and the prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    service: Service,
    bucket: String,
    /// Empty, or ends with a slash.
    pub(super) prefix: String,
}

impl Place {
    /// Reads `s3://bucket/prefix`, `gs://…` or `az://container/prefix`. The prefix is taken as it is written.
    pub(super) fn parse(url: &str) -> Result<Place, Error> {
        let refuse = |why: &'static str| Error::io(url, io::Error::new(io::ErrorKind::InvalidInput, why));
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| refuse("an address of an object store begins with s3://, gs:// or az://"))?;
        let service = match scheme {
            "s3" => Service::S3,
            "gs" => Service::Google,
            "az" => Service::Azure,
            _ => return Err(refuse("only s3://, gs:// and az:// are known")),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refuse("the bucket is missing"));
        }
        if rest.contains(['?', '#', '@', '\\']) {
            return Err(refuse(
                "an address has a bucket and a prefix, nothing else; options are set apart from it",
            ));
        }
        let path =
            Path::parse(prefix).map_err(|_| refuse("the prefix cannot be part of an object's name"))?;
        let prefix = match path.as_ref() {
            "" => String::new(),
            path => format!("{path}/"),
        };
        Ok(Place {
            service,
            bucket: bucket.to_owned(),
            prefix,
        })
    }

    /// A client for it. Nothing is asked yet.
    pub(super) fn client(&self, options: &CloudOptions) -> Result<Arc<dyn object_store::ObjectStore>, Error> {
        // Fails when the program has chosen a provider already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let endpoint = options.endpoint.as_deref();
        if endpoint.is_some_and(|url| url.starts_with("http://")) && !options.allow_http {
            let why = "the endpoint is not encrypted, which has to be allowed explicitly";
            return Err(Error::io(
                &self.to_string(),
                io::Error::new(io::ErrorKind::InvalidInput, why),
            ));
        }
        let client = match self.service {
            Service::S3 => self.s3(endpoint, options),
            Service::Google => self.google(endpoint, options),
            Service::Azure => self.azure(endpoint, options),
        };
        client.map_err(|error| {
            Error::io(
                &self.to_string(),
                io::Error::new(io::ErrorKind::InvalidInput, error),
            )
        })
    }

    fn s3(&self, endpoint: Option<&str>, options: &CloudOptions) -> Client {
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            // One object at a time: not every service with this API deletes many at once.
            .with_disable_bulk_delete(true)
            .with_retry(retry());
        for (key, value) in client_settings(options) {
            builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = &options.region {
            builder = builder.with_region(region);
        }
        Ok(Arc::new(builder.build()?))
    }

    fn google(&self, endpoint: Option<&str>, options: &CloudOptions) -> Client {
        let mut builder = GoogleCloudStorageBuilder::from_env()
            .with_bucket_name(&self.bucket)
            .with_retry(retry());
        for (key, value) in client_settings(options) {
            builder = builder.with_config(GoogleConfigKey::Client(key), value);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_base_url(endpoint);
        }
        Ok(Arc::new(builder.build()?))
    }

    fn azure(&self, endpoint: Option<&str>, options: &CloudOptions) -> Client {
        let mut builder = MicrosoftAzureBuilder::from_env()
            .with_container_name(&self.bucket)
            .with_retry(retry());
        for (key, value) in client_settings(options) {
            builder = builder.with_config(AzureConfigKey::Client(key), value);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint.to_owned());
        }
        Ok(Arc::new(builder.build()?))
    }
}

type Client = Result<Arc<dyn object_store::ObjectStore>, object_store::Error>;

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.service {
            Service::S3 => "s3",
            Service::Google => "gs",
            Service::Azure => "az",
        };
        write!(f, "{scheme}://{}/{}", self.bucket, self.prefix)
    }
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_FOR,
    }
}

/// Settings for the HTTP client. Keys are set one by one, so that others from the environment (a proxy) stay.
fn client_settings(options: &CloudOptions) -> Vec<(ClientConfigKey, &'static str)> {
    let mut settings = vec![
        (ClientConfigKey::ConnectTimeout, CONNECT_S),
        (ClientConfigKey::Timeout, ATTEMPT_S),
    ];
    if options.allow_http {
        settings.push((ClientConfigKey::AllowHttp, "true"));
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, &str)>) {
        let found = Place::parse(url).ok();
        let found = found
            .as_ref()
            .map(|place| (place.bucket.as_str(), place.prefix.as_str()));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn an_address_is_a_bucket_and_a_prefix() {
        check("s3://b", Some(("b", "")));
        check("s3://b/", Some(("b", "")));
        check("s3://b/p", Some(("b", "p/")));
        check("gs://b.x-y/p/q/", Some(("b.x-y", "p/q/")));
        check("az://c/P 1", Some(("c", "P 1/")));
        for bad in [
            "",
            "b/p",
            "s3:/b",
            "s3://",
            "s3:///p",
            "ftp://b/p",
            "http://b/p",
            "s3://b/p?x=1",
            "s3://k:v@b/p",
        ] {
            check(bad, None);
        }
        check("s3://b/a//b", None);
        check("s3://b/../b", None);
    }

    #[test]
    fn an_open_endpoint_must_be_wanted() {
        let mut options = CloudOptions::new("cache");
        options.endpoint = Some("http://127.0.0.1:1".to_owned());
        let place = Place::parse("s3://b/p").unwrap();
        let refused = place.client(&options).unwrap_err().to_string();
        assert!(refused.contains("not encrypted"), "{refused}");
        options.allow_http = true;
        assert!(place.client(&options).is_ok());
    }
}
