use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use futures::{StreamExt, stream};
use rialto_artifacts::{ArtifactId, FetchError, FetchPolicy, Fetcher};

use crate::server::{Hits, Server};

/// Small limits and no patience, for a server on this machine.
fn policy() -> FetchPolicy {
    FetchPolicy {
        max_bytes: 1000,
        attempts: 3,
        backoff: Duration::from_millis(1),
        allow_private_hosts: true,
        ..FetchPolicy::default()
    }
}

async fn fetch(policy: FetchPolicy, url: &str) -> Result<Bytes, FetchError> {
    Ok(Fetcher::new(policy).unwrap().fetch(url).await?.bytes)
}

/// A server that counts its hits and answers each by `answer(number of the hit)`.
async fn serve<R: IntoResponse + 'static>(
    answer: impl Fn(usize) -> R + Clone + Send + Sync + 'static,
) -> (Server, Hits) {
    let hits = Hits::default();
    let seen = hits.clone();
    let handler = move || {
        let response = answer(seen.add()).into_response();
        async move { response }
    };
    (Server::start(Router::new().fallback(handler)).await, hits)
}

#[tokio::test]
async fn content_comes_with_its_hash() {
    let (server, _) = serve(|_| "content").await;
    let fetched = Fetcher::new(policy()).unwrap().fetch(&server.at("/x?y=z")).await.unwrap();
    assert_eq!(fetched.bytes, "content");
    assert_eq!(fetched.id, ArtifactId::of(b"content"));
}

#[tokio::test]
async fn a_failing_server_is_asked_again() {
    let (server, hits) = serve(|hit| match hit {
        1 => Err(StatusCode::SERVICE_UNAVAILABLE),
        2 => Err(StatusCode::TOO_MANY_REQUESTS),
        _ => Ok("at last"),
    })
    .await;
    assert_eq!(fetch(policy(), &server.url).await.unwrap(), "at last");
    assert_eq!(hits.count(), 3);
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_given_up() {
    let (server, hits) = serve(|_| StatusCode::BAD_GATEWAY).await;
    let error = fetch(policy(), &server.url).await.unwrap_err();
    assert!(matches!(error, FetchError::ServerFailing { status: 502, attempts: 3, .. }));
    assert!(error.is_transient());
    assert_eq!(hits.count(), 3);
}

#[tokio::test]
async fn a_refusal_is_final() {
    for (status, is_expected) in [
        (404, (|e| matches!(e, FetchError::NotFound { .. })) as fn(&FetchError) -> bool),
        (410, |e| matches!(e, FetchError::NotFound { .. })),
        (403, |e| matches!(e, FetchError::Refused { status: 403, .. })),
        (204, |e| matches!(e, FetchError::Refused { status: 204, .. })),
        (304, |e| matches!(e, FetchError::Refused { status: 304, .. })),
    ] {
        let (server, hits) = serve(move |_| StatusCode::from_u16(status).unwrap()).await;
        let error = fetch(policy(), &server.url).await.unwrap_err();
        assert!(is_expected(&error) && !error.is_transient(), "{status}: {error:?}");
        assert_eq!(hits.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_announced_excess_is_not_even_read() {
    let (server, hits) = serve(|_| {
        let silent = stream::pending::<Result<Bytes, std::io::Error>>();
        ([(header::CONTENT_LENGTH, "1001")], Body::from_stream(silent))
    })
    .await;
    let error = fetch(policy(), &server.url).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit_bytes: 1000, .. }), "{error:?}");
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let (server, hits) = serve(|_| {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[0; 64]));
        Body::from_stream(stream::repeat_with(chunk))
    })
    .await;
    let error = fetch(policy(), &server.url).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit_bytes: 1000, .. }), "{error:?}");
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn exactly_the_limit_is_accepted() {
    let (server, _) = serve(|_| vec![7; 1000]).await;
    assert_eq!(fetch(policy(), &server.url).await.unwrap().len(), 1000);
}

/// Both a server that never answers and one that drips run into the time of an attempt.
#[tokio::test]
async fn a_slow_server_times_out() {
    let silent = |_| Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let dripping = |_| {
        let drops = stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"."))
        });
        Body::from_stream(drops)
    };
    let policy = || FetchPolicy { timeout: Duration::from_millis(100), attempts: 2, ..policy() };
    for (server, hits) in [serve(silent).await, serve(dripping).await] {
        let error = fetch(policy(), &server.url).await.unwrap_err();
        assert!(matches!(error, FetchError::TimedOut { attempts: 2, .. }), "{error:?}");
        assert!(error.is_transient());
        assert_eq!(hits.count(), 2);
    }
}

#[tokio::test]
async fn nobody_at_home_is_unreachable() {
    let (server, _) = serve(|_| "").await;
    let url = server.url.clone();
    drop(server);
    // The port is free again once the server's task is gone.
    let error = loop {
        match fetch(policy(), &url).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, FetchError::Unreachable { attempts: 3, .. }), "{error:?}");
    let error = fetch(policy(), "http://no-such-host.invalid/").await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_fetched_again() {
    let (server, hits) = serve(|hit| match hit {
        1 => {
            let part =
                stream::iter([Ok(Bytes::from_static(b"ha")), Err(std::io::Error::other("cut"))]);
            Body::from_stream(part).into_response()
        }
        _ => "whole".into_response(),
    })
    .await;
    assert_eq!(fetch(policy(), &server.url).await.unwrap(), "whole");
    assert_eq!(hits.count(), 2);
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever() {
    let routes = Router::new()
        .route("/a", get(|| async { Redirect::permanent("/b") }))
        .route("/b", get(|| async { Redirect::to("c") }))
        .route("/c", get(|| async { "there" }))
        .route("/loop", get(|| async { Redirect::temporary("/loop") }))
        .route("/nowhere", get(|| async { StatusCode::FOUND }));
    let server = Server::start(routes).await;
    assert_eq!(fetch(policy(), &server.at("/a")).await.unwrap(), "there");
    let error = fetch(policy(), &server.at("/loop")).await.unwrap_err();
    assert!(matches!(error, FetchError::TooManyRedirects { limit: 5, .. }), "{error:?}");
    let error = fetch(policy(), &server.at("/nowhere")).await.unwrap_err();
    assert!(matches!(error, FetchError::InvalidUrl { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_leads_to_the_web_alone() {
    let dir = tempfile::tempdir().unwrap();
    let policy = || FetchPolicy { file_roots: vec![dir.path().to_owned()], ..policy() };
    for target in
        [format!("file://{}/x", dir.path().display()), "s3://bucket/key".into(), "ftp://h/x".into()]
    {
        let to = target.clone();
        let (server, _) = serve(move |_| Redirect::to(&to)).await;
        let error = fetch(policy(), &server.url).await.unwrap_err();
        assert!(
            matches!(error, FetchError::SchemeNotAllowed { ref url } if *url == target),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn neighbours_are_out_of_reach_unless_allowed() {
    let (server, hits) = serve(|_| "internal").await;
    let port = server.url.rsplit(':').next().unwrap();
    let closed = Fetcher::new(FetchPolicy { allow_private_hosts: false, ..policy() }).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ] {
        let error = closed.fetch(&format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(error, FetchError::PrivateAddress { .. }), "{host}: {error:?}");
    }
    assert_eq!(hits.count(), 0);
}

#[tokio::test]
async fn what_is_no_url_of_ours_is_refused() {
    let fetcher = Fetcher::new(policy()).unwrap();
    for bad in [
        "",
        "x",
        "http://",
        "http://a b/",
        "/etc/passwd",
        &format!("http://h/{}", "x".repeat(9000)),
    ] {
        let error = fetcher.fetch(bad).await.unwrap_err();
        assert!(matches!(error, FetchError::InvalidUrl { .. }), "{bad}: {error:?}");
        assert!(error.to_string().len() < 300);
    }
    for scheme in ["ftp://h/x", "data:text/plain,x", "ipfs://x/y"] {
        let error = fetcher.fetch(scheme).await.unwrap_err();
        assert!(matches!(error, FetchError::SchemeNotAllowed { .. }), "{scheme}: {error:?}");
    }
}

/// Answers `304` to whoever names the current version, and counts the bodies it had to send.
async fn versioned() -> (Server, Hits, Hits) {
    let (bodies, version) = (Hits::default(), Hits::default());
    let (sent, current) = (bodies.clone(), version.clone());
    let handler = move |headers: HeaderMap| {
        let version = current.count();
        let etag = format!("\"{version}\"");
        let response: Response =
            if headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == *etag) {
                StatusCode::NOT_MODIFIED.into_response()
            } else {
                sent.add();
                ([(header::ETAG, etag)], format!("version {version}")).into_response()
            };
        async move { response }
    };
    (Server::start(Router::new().fallback(handler)).await, bodies, version)
}

#[tokio::test]
async fn a_cached_content_is_confirmed_not_assumed() {
    let (server, bodies, version) = versioned().await;
    let dir = tempfile::tempdir().unwrap();
    let policy = || FetchPolicy { cache_dir: Some(dir.path().join("cache")), ..policy() };
    for _ in 0..3 {
        assert_eq!(fetch(policy(), &server.url).await.unwrap(), "version 0");
    }
    assert_eq!(bodies.count(), 1, "the server confirmed, it did not send again");
    version.add();
    assert_eq!(fetch(policy(), &server.url).await.unwrap(), "version 1");
    assert_eq!(bodies.count(), 2);

    for entry in std::fs::read_dir(dir.path().join("cache")).unwrap() {
        std::fs::write(entry.unwrap().path(), "not an entry").unwrap();
    }
    assert_eq!(fetch(policy(), &server.url).await.unwrap(), "version 1");
    assert_eq!(bodies.count(), 3, "a damaged entry is fetched again");
}

#[tokio::test]
async fn a_known_hash_is_served_from_the_cache_and_a_changed_url_refused() {
    let (server, bodies, version) = versioned().await;
    let dir = tempfile::tempdir().unwrap();
    let cached = FetchPolicy { cache_dir: Some(dir.path().to_owned()), ..policy() };
    let fetcher = Fetcher::new(cached).unwrap();
    let first = fetcher.fetch(&server.url).await.unwrap();
    version.add();
    assert_eq!(fetcher.fetch_expecting(&server.url, first.id).await.unwrap(), first);
    assert_eq!(bodies.count(), 1, "nobody was asked");

    let uncached = Fetcher::new(policy()).unwrap();
    let error = uncached.fetch_expecting(&server.url, first.id).await.unwrap_err();
    assert!(
        matches!(error, FetchError::WrongHash { expected, .. } if expected == first.id),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_old_copy_does_not_stand_in_for_a_dead_server() {
    let (server, hits) = serve(|hit| match hit {
        1 => Ok(([(header::ETAG, "\"1\"")], "content")),
        _ => Err(StatusCode::INTERNAL_SERVER_ERROR),
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let policy = || FetchPolicy { cache_dir: Some(dir.path().to_owned()), ..policy() };
    assert_eq!(fetch(policy(), &server.url).await.unwrap(), "content");
    let error = fetch(policy(), &server.url).await.unwrap_err();
    assert!(matches!(error, FetchError::ServerFailing { status: 500, .. }), "{error:?}");
    assert_eq!(hits.count(), 4);
}
