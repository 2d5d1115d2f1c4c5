//! `s3`: one attempt at an object of a bucket that the policy opens.

use bytes::BytesMut;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore};
use url::Url;

use super::cache::Validators;
use super::{Answer, FetchError, FetchPolicy, invalid};

pub(super) async fn get(
    url: &Url,
    known: Option<&Validators>,
    policy: &FetchPolicy,
) -> Result<Answer, FetchError> {
    let bucket = url.host_str().ok_or_else(|| invalid(url, "it names no bucket"))?;
    let location = policy.s3_buckets.iter().find(|location| location.bucket == bucket);
    let location =
        location.ok_or_else(|| FetchError::BucketNotAllowed { bucket: bucket.to_owned() })?;
    let key = Path::from_url_path(url.path()).map_err(|e| invalid(url, &e.to_string()))?;
    // The fetcher repeats attempts itself, alike for all schemes.
    let store = location.connect(0).map_err(|source| FetchError::Setup {
        what: format!("the client of bucket {bucket}"),
        source: source.into(),
    })?;
    let options = GetOptions {
        if_none_match: known.and_then(|known| known.etag.clone()),
        ..Default::default()
    };
    let found = match store.get_opts(&key, options).await {
        Ok(found) => found,
        Err(Error::NotModified { .. }) if known.is_some() => return Ok(Answer::NotModified),
        Err(e) => return Err(failure(e, url, policy)),
    };
    if found.meta.size > policy.max_bytes {
        return Err(policy.too_large(url));
    }
    let etag = found.meta.e_tag.clone();
    let validators = Validators { answered_by: url.to_string(), etag, last_modified: None };
    let mut bytes = BytesMut::new();
    let mut stream = found.into_stream();
    while let Some(chunk) = stream.try_next().await.map_err(|e| failure(e, url, policy))? {
        if (bytes.len() + chunk.len()) as u64 > policy.max_bytes {
            return Err(policy.too_large(url));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Answer::Content { bytes: bytes.freeze(), validators })
}

fn failure(error: Error, url: &Url, policy: &FetchPolicy) -> FetchError {
    let url_text = url.to_string();
    match error {
        Error::NotFound { .. } => FetchError::NotFound { url: url_text },
        Error::Unauthenticated { .. } => FetchError::Refused { url: url_text, status: 401 },
        Error::PermissionDenied { .. } => FetchError::Refused { url: url_text, status: 403 },
        other => policy.unreachable(url, other),
    }
}
