//! Fetching what a URL points at: `http(s)`, `s3` and `file`, within a policy.
//!
//! URLs come from strangers, so the policy is closed by default: no file, no bucket, no host
//! outside the public internet. What is fetched is held in memory, at most `max_bytes`, counted as
//! it arrives.
//!
//! **Mutable URLs.** The same URL may give other bytes tomorrow, so the answer carries the
//! content's hash and the cache never answers alone: a cached content is used when the server
//! confirms it (`ETag`, `Last-Modified`), or at once when the caller states the hash it wants
//! ([`Fetcher::fetch_expecting`]). An unreachable server is an error even when an old copy is at
//! hand: an old program is another program.

mod address;
mod cache;
mod file;
mod http;
mod s3;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use self::cache::{Cache, Entry, Validators};
use self::http::Http;
use crate::{ArtifactId, S3Location};

/// Redirects followed before a URL is given up; browsers follow 20, an honest artifact needs one or
/// two.
const REDIRECTS_MAX: usize = 5;
/// The pause between two attempts doubles up to this.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// Longer URLs are refused unread; servers refuse them too.
const URL_MAX_BYTES: usize = 8 << 10;

/// What a URL may reach and what fetching may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchPolicy {
    /// Largest content accepted, in bytes. Default 64 MiB.
    pub max_bytes: u64,
    /// Attempts in all, at least one; only a failing or silent server is asked again. Default 4.
    pub attempts: u32,
    /// Time for one attempt, from resolving the name to the last byte. Default 60 s.
    pub timeout: Duration,
    /// Pause before the second attempt; it doubles for each later one, up to 10 s. Default 250 ms.
    pub backoff: Duration,
    /// `file` URLs are read only below these directories, symbolic links resolved. Default none.
    pub file_roots: Vec<PathBuf>,
    /// `s3` URLs are read only from these buckets, since the environment's credentials may open
    /// private ones too. Default none.
    pub s3_buckets: Vec<S3Location>,
    /// Whether `http(s)` may reach loopback, private and link-local addresses. Default false: a
    /// stranger must not reach this machine's neighbours. Proxies named by the environment are
    /// never used: they would hide the address.
    pub allow_private_hosts: bool,
    /// Directory of the cache of `http(s)` and `s3` contents. Default none: no cache.
    pub cache_dir: Option<PathBuf>,
    /// Size of the cache in bytes; what was used longest ago is dropped. Default 4 GiB.
    pub cache_max_bytes: u64,
}

impl Default for FetchPolicy {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            attempts: 4,
            timeout: Duration::from_secs(60),
            backoff: Duration::from_millis(250),
            file_roots: Vec::new(),
            s3_buckets: Vec::new(),
            allow_private_hosts: false,
            cache_dir: None,
            cache_max_bytes: 4 << 30,
        }
    }
}

/// Why a URL gave nothing. [`FetchError::is_transient`] tells whether later may be better.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a URL, or one without a host, bucket or path where its scheme needs it.
    #[error("{url:?} is not a usable URL: {reason}")]
    InvalidUrl {
        /// The text, shortened.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Only `http`, `https`, `s3` and `file` are fetched; a redirect may lead to `http(s)` alone,
    /// and never from `https` to `http`.
    #[error(
        "{url} is refused: its scheme is not allowed here (http, https, s3 and file are; redirects stay on https)"
    )]
    SchemeNotAllowed {
        /// The URL, or the redirect's target.
        url: String,
    },
    /// A `file` URL outside the roots that the policy opens. Says nothing about whether the file
    /// exists.
    #[error(
        "{path} is refused: it is not below a directory that file URLs may read (see the setting of file roots)"
    )]
    OutsideRoots {
        /// The path asked for.
        path: PathBuf,
    },
    /// An `s3` URL of a bucket that the policy does not open.
    #[error("bucket {bucket} is refused: it is not among the buckets that s3 URLs may read")]
    BucketNotAllowed {
        /// The bucket asked for.
        bucket: String,
    },
    /// The host, or a redirect's, is or resolves to an address outside the public internet.
    #[error(
        "{url} is refused: it leads to {address}, which is not an address of the public internet"
    )]
    PrivateAddress {
        /// The URL, or the redirect's target.
        url: String,
        /// The address it leads to.
        address: IpAddr,
    },
    /// The server, bucket or directory answers that there is nothing.
    #[error("{url}: nothing is there")]
    NotFound {
        /// The URL that answered.
        url: String,
    },
    /// The server answers with an error that asking again will not mend.
    #[error("{url}: the server refuses with status {status}")]
    Refused {
        /// The URL that answered.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The content is larger than the policy allows, by its announced length or by what arrived.
    #[error("{url}: the content is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The URL that answered.
        url: String,
        /// The policy's limit.
        limit_bytes: u64,
    },
    /// A redirect loop, or too long a chain.
    #[error("{url}: more than {limit} redirects")]
    TooManyRedirects {
        /// The URL asked for.
        url: String,
        /// The redirects that were followed.
        limit: usize,
    },
    /// The content is not what the caller expected; a changed URL.
    #[error("{url}: the content hashes to {found}, not to {expected}")]
    WrongHash {
        /// The URL asked for.
        url: String,
        /// The hash that was stated.
        expected: ArtifactId,
        /// The content's hash.
        found: ArtifactId,
    },
    /// No attempt ended within the policy's timeout.
    #[error("{url}: no complete answer within {timeout:?}, {attempts} times")]
    TimedOut {
        /// The URL asked for.
        url: String,
        /// Time per attempt.
        timeout: Duration,
        /// Attempts made.
        attempts: u32,
    },
    /// The server answers, but only with errors of its own (5xx) or that it is too busy (429).
    #[error("{url}: the server is failing: status {status}, {attempts} times")]
    ServerFailing {
        /// The URL that answered last.
        url: String,
        /// The last HTTP status.
        status: u16,
        /// Attempts made.
        attempts: u32,
    },
    /// The name does not resolve, nobody listens, or the connection breaks.
    #[error("{url}: unreachable after {attempts} attempts")]
    Unreachable {
        /// The URL asked for.
        url: String,
        /// Attempts made.
        attempts: u32,
        /// The last attempt's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file exists but cannot be read: a directory, a device, a missing permission.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The path asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The fetcher itself could not be set up: cache directory, TLS, S3 settings.
    #[error("cannot set up {what}")]
    Setup {
        /// The part that failed.
        what: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl FetchError {
    /// True when the same fetch may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. } | Self::ServerFailing { .. } | Self::Unreachable { .. }
        )
    }
}

/// What a URL gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The hash of `bytes`.
    pub id: ArtifactId,
    /// The content.
    pub bytes: Bytes,
}

/// Fetches URLs within a policy. Cheap to share by reference; holds a pool of connections.
#[derive(Debug)]
pub struct Fetcher {
    policy: FetchPolicy,
    http: Http,
    cache: Option<Cache>,
}

/// What one attempt brought home.
enum Answer {
    Content {
        bytes: Bytes,
        validators: Validators,
    },
    /// The cached content, whose validators were sent along, is current.
    NotModified,
}

impl Fetcher {
    /// A fetcher for `policy`.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if the cache directory cannot be created or TLS cannot be set up.
    pub fn new(policy: FetchPolicy) -> Result<Self, FetchError> {
        let http = Http::new(&policy)?;
        let open = |dir: &PathBuf| Cache::open(dir, policy.cache_max_bytes);
        let cache = policy.cache_dir.as_ref().map(open).transpose().map_err(|source| {
            FetchError::Setup {
                what: "the directory of the fetch cache".into(),
                source: source.into(),
            }
        })?;
        Ok(Self { policy, http, cache })
    }

    /// The current content of `url`.
    ///
    /// # Errors
    /// Any [`FetchError`] but [`FetchError::WrongHash`] and [`FetchError::Setup`].
    pub async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        let url = parse(url)?;
        match url.scheme() {
            "file" => file::read(&url, &self.policy).await,
            "http" | "https" | "s3" => {
                let cached = self.cached(&url).await;
                self.fetch_remote(&url, cached).await
            }
            _ => Err(FetchError::SchemeNotAllowed { url: url.into() }),
        }
    }

    /// The content of `url` whose hash is known beforehand: from the cache without asking anybody,
    /// else fetched and compared.
    ///
    /// # Errors
    /// Any [`FetchError`]; [`FetchError::WrongHash`] if the URL now gives something else.
    pub async fn fetch_expecting(
        &self,
        url: &str,
        expected: ArtifactId,
    ) -> Result<Fetched, FetchError> {
        if let Some(entry) = self.cached(&parse(url)?).await
            && entry.id == expected
        {
            return Ok(Fetched { id: entry.id, bytes: entry.bytes });
        }
        let fetched = self.fetch(url).await?;
        if fetched.id != expected {
            return Err(FetchError::WrongHash { url: url.to_owned(), expected, found: fetched.id });
        }
        Ok(fetched)
    }

    async fn cached(&self, url: &Url) -> Option<Entry> {
        self.cache.as_ref()?.load(url.as_str()).await
    }

    async fn fetch_remote(&self, url: &Url, cached: Option<Entry>) -> Result<Fetched, FetchError> {
        let known = cached.as_ref().map(|entry| &entry.validators);
        let (bytes, validators) = match (self.attempts(url, known).await?, &cached) {
            (Answer::NotModified, Some(entry)) => (entry.bytes.clone(), entry.validators.clone()),
            (Answer::NotModified, None) => {
                unreachable!("without validators no answer is `not modified`")
            }
            (Answer::Content { bytes, validators }, _) => (bytes, validators),
        };
        let entry = Entry { id: ArtifactId::of(&bytes), bytes, validators };
        let fetched = Fetched { id: entry.id, bytes: entry.bytes.clone() };
        let unchanged =
            cached.is_some_and(|old| old.id == entry.id && old.validators == entry.validators);
        if let Some(cache) = &self.cache
            && !unchanged
        {
            cache.store(url.as_str(), entry).await;
        }
        Ok(fetched)
    }

    async fn attempts(&self, url: &Url, known: Option<&Validators>) -> Result<Answer, FetchError> {
        let mut pause = self.policy.backoff;
        let mut left = self.policy.attempts.max(1);
        loop {
            let error =
                match tokio::time::timeout(self.policy.timeout, self.attempt(url, known)).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(error)) => error,
                    Err(_) => self.policy.timed_out(url),
                };
            left -= 1;
            if left == 0 || !error.is_transient() {
                return Err(error);
            }
            tracing::debug!(%url, %error, left, "a fetch failed and is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BACKOFF_MAX);
        }
    }

    async fn attempt(&self, url: &Url, known: Option<&Validators>) -> Result<Answer, FetchError> {
        match url.scheme() {
            "s3" => s3::get(url, known, &self.policy).await,
            _ => self.http.get(url, known, &self.policy).await,
        }
    }
}

impl FetchPolicy {
    fn too_large(&self, url: &Url) -> FetchError {
        FetchError::TooLarge { url: url.to_string(), limit_bytes: self.max_bytes }
    }

    fn timed_out(&self, url: &Url) -> FetchError {
        FetchError::TimedOut {
            url: url.to_string(),
            timeout: self.timeout,
            attempts: self.attempts.max(1),
        }
    }

    fn unreachable(
        &self,
        url: &Url,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> FetchError {
        FetchError::Unreachable {
            url: url.to_string(),
            attempts: self.attempts.max(1),
            source: source.into(),
        }
    }
}

fn parse(text: &str) -> Result<Url, FetchError> {
    let invalid = |reason: String| {
        let url = text.chars().take(120).collect();
        FetchError::InvalidUrl { url, reason }
    };
    if text.len() > URL_MAX_BYTES {
        return Err(invalid(format!("it is longer than {URL_MAX_BYTES} bytes")));
    }
    Url::parse(text).map_err(|e| invalid(e.to_string()))
}

fn invalid(url: &Url, reason: &str) -> FetchError {
    FetchError::InvalidUrl { url: url.to_string(), reason: reason.to_owned() }
}
