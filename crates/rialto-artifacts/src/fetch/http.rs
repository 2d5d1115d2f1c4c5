//! `http` and `https`: one attempt at a URL, redirects included.

use std::error::Error;

use bytes::BytesMut;
use reqwest::header::{
    ETAG, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use reqwest::{Client, Response, StatusCode, redirect};
use url::{Host, Url};

use super::address::{self, NotPublic, PublicOnly};
use super::cache::Validators;
use super::{Answer, FetchError, FetchPolicy, REDIRECTS_MAX, invalid};

/// The client; redirects are followed by hand, since each hop is judged like the first.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
}

impl Http {
    pub(super) fn new(policy: &FetchPolicy) -> Result<Self, FetchError> {
        let mut builder = Client::builder()
            .user_agent(concat!("rialto/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy();
        if !policy.allow_private_hosts {
            builder = builder.dns_resolver(PublicOnly);
        }
        let client = builder.build().map_err(|source| FetchError::Setup {
            what: "the HTTP client".into(),
            source: source.into(),
        })?;
        Ok(Self { client })
    }

    pub(super) async fn get(
        &self,
        url: &Url,
        known: Option<&Validators>,
        policy: &FetchPolicy,
    ) -> Result<Answer, FetchError> {
        let mut hop = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            check_hop(&hop, policy)?;
            let known = known.filter(|known| known.answered_by == hop.as_str());
            let response = self.send(&hop, known, policy).await?;
            match response.status() {
                StatusCode::OK => return content(response, &hop, policy).await,
                StatusCode::NOT_MODIFIED if known.is_some() => return Ok(Answer::NotModified),
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => hop = target(&response, &hop)?,
                status => return Err(refusal(status, &hop, policy)),
            }
        }
        Err(FetchError::TooManyRedirects { url: url.to_string(), limit: REDIRECTS_MAX })
    }

    async fn send(
        &self,
        url: &Url,
        known: Option<&Validators>,
        policy: &FetchPolicy,
    ) -> Result<Response, FetchError> {
        let mut request = self.client.get(url.clone());
        if let Some(etag) = known.and_then(|known| known.etag.as_ref()) {
            request = request.header(IF_NONE_MATCH, etag);
        } else if let Some(date) = known.and_then(|known| known.last_modified.as_ref()) {
            request = request.header(IF_MODIFIED_SINCE, date);
        }
        request.send().await.map_err(|e| failure(e, url, policy))
    }
}

/// A literal address never meets the resolver, so it is judged here.
fn check_hop(url: &Url, policy: &FetchPolicy) -> Result<(), FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::SchemeNotAllowed { url: url.to_string() });
    }
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) => return Ok(()),
        None => return Err(invalid(url, "it has no host")),
    };
    match address::check(literal) {
        Err(NotPublic(address)) if !policy.allow_private_hosts => {
            Err(FetchError::PrivateAddress { url: url.to_string(), address })
        }
        _ => Ok(()),
    }
}

fn target(response: &Response, from: &Url) -> Result<Url, FetchError> {
    let location = header(response, LOCATION);
    let to = location.and_then(|location| from.join(&location).ok());
    let to = to.ok_or_else(|| invalid(from, "it redirects without a usable target"))?;
    match (from.scheme(), to.scheme()) {
        ("https", "https") | ("http", "http" | "https") => Ok(to),
        _ => Err(FetchError::SchemeNotAllowed { url: to.into() }),
    }
}

fn refusal(status: StatusCode, url: &Url, policy: &FetchPolicy) -> FetchError {
    let (url, status_code) = (url.to_string(), status.as_u16());
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::NotFound { url },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            FetchError::ServerFailing { url, status: status_code, attempts: policy.attempts.max(1) }
        }
        status if status.is_server_error() => {
            FetchError::ServerFailing { url, status: status_code, attempts: policy.attempts.max(1) }
        }
        _ => FetchError::Refused { url, status: status_code },
    }
}

async fn content(
    mut response: Response,
    url: &Url,
    policy: &FetchPolicy,
) -> Result<Answer, FetchError> {
    let announced = response.content_length();
    if announced.is_some_and(|length| length > policy.max_bytes) {
        return Err(policy.too_large(url));
    }
    let validators = Validators {
        answered_by: url.to_string(),
        etag: header(&response, ETAG),
        last_modified: header(&response, LAST_MODIFIED),
    };
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failure(e, url, policy))? {
        if (bytes.len() + chunk.len()) as u64 > policy.max_bytes {
            return Err(policy.too_large(url));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answer::Content { bytes: bytes.freeze(), validators })
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// A refusal by our own resolver comes back inside the client's connection error.
fn failure(error: reqwest::Error, url: &Url, policy: &FetchPolicy) -> FetchError {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(inner) = cause {
        if let Some(NotPublic(address)) = inner.downcast_ref() {
            return FetchError::PrivateAddress { url: url.to_string(), address: *address };
        }
        cause = inner.source();
    }
    policy.unreachable(url, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hop_is_judged() {
        let check = |url: &str| check_hop(&Url::parse(url).unwrap(), &FetchPolicy::default());
        assert!(check("http://1.1.1.1/x").is_ok());
        assert!(check("https://example.org/x").is_ok());
        for private in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::1]:80/",
            "http://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest",
        ] {
            assert!(matches!(check(private), Err(FetchError::PrivateAddress { .. })), "{private}");
        }
        for scheme in ["ftp://example.org/", "file:///etc/passwd", "s3://bucket/key", "data:,x"] {
            assert!(matches!(check(scheme), Err(FetchError::SchemeNotAllowed { .. })), "{scheme}");
        }
    }
}
