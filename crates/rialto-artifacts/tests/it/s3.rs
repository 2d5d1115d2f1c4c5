//! The S3 driver and `s3` URLs against an S3 server of this process, which checks signatures.
//!
//! Credentials reach the crate through the environment alone, so the test proper runs in a child
//! process.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use rialto_artifacts::{
    ArtifactId, ArtifactStore, FetchError, FetchPolicy, Fetcher, S3Location, StoreConfig,
    StoreError,
};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;

use crate::server::Server;
use crate::store::check_driver;

const ENDPOINT: &str = "RIALTO_TEST_S3_ENDPOINT";

async fn s3_server(root: &std::path::Path) -> Server {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single("the-key", "the-secret"));
    let service = builder.build();
    let handler = move |request: Request<Body>| {
        let service = service.clone();
        let request = request.map(s3s::Body::http_body_unsync);
        async move { service.call(request).await.unwrap().map(Body::new).into_response() }
    };
    Server::start(Router::new().fallback(handler)).await
}

async fn run_child(name: &str, server: &Server, secret: &str) {
    let output = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", name, "--nocapture"])
        .env("AWS_ACCESS_KEY_ID", "the-key")
        .env("AWS_SECRET_ACCESS_KEY", secret)
        .env(ENDPOINT, &server.url)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
}

fn bucket(name: &str) -> S3Location {
    let endpoint = std::env::var(ENDPOINT).expect("run by the test that starts the server");
    S3Location { bucket: name.into(), endpoint: Some(endpoint), region: Some("eu-test-1".into()) }
}

#[tokio::test]
async fn an_s3_service_keeps_what_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("artifacts")).unwrap();
    let server = s3_server(dir.path()).await;
    run_child("s3::with_credentials", &server, "the-secret").await;
}

#[tokio::test]
async fn an_s3_service_that_refuses_the_credentials_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("artifacts")).unwrap();
    let server = s3_server(dir.path()).await;
    run_child("s3::with_wrong_credentials", &server, "another-secret").await;
}

#[tokio::test]
#[ignore = "run by `an_s3_service_keeps_what_it_is_given` with credentials in its environment"]
async fn with_credentials() {
    let location = bucket("artifacts");
    let store = ArtifactStore::open(&StoreConfig::S3(location.clone())).unwrap();
    check_driver(&store).await;

    let dir = tempfile::tempdir().unwrap();
    let policy = FetchPolicy {
        max_bytes: 100,
        s3_buckets: vec![location],
        cache_dir: Some(dir.path().to_owned()),
        ..FetchPolicy::default()
    };
    let fetcher = Fetcher::new(policy).unwrap();
    let url = |id: ArtifactId| format!("s3://artifacts/sha256/{}/{id}", &id.to_string()[..2]);
    let id = store.put("an input").await.unwrap();
    for _ in 0..2 {
        let fetched = fetcher.fetch(&url(id)).await.unwrap();
        assert_eq!((fetched.id, &fetched.bytes[..]), (id, &b"an input"[..]));
    }
    let large = store.put(vec![0; 101]).await.unwrap();
    let error = fetcher.fetch(&url(large)).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit_bytes: 100, .. }), "{error:?}");
    let error = fetcher.fetch(&url(ArtifactId::of(b"?"))).await.unwrap_err();
    assert!(matches!(error, FetchError::NotFound { .. }), "{error:?}");
    let error = fetcher.fetch("s3://operators-own/secret").await.unwrap_err();
    assert!(
        matches!(error, FetchError::BucketNotAllowed { ref bucket } if bucket == "operators-own"),
        "{error:?}"
    );
}

#[tokio::test]
#[ignore = "run by `an_s3_service_that_refuses_the_credentials_says_so` with credentials in its environment"]
async fn with_wrong_credentials() {
    let location = bucket("artifacts");
    let store = ArtifactStore::open(&StoreConfig::S3(location.clone())).unwrap();
    let error = store.put("x").await.unwrap_err();
    assert!(matches!(error, StoreError::Driver { operation: "write", .. }), "{error:?}");
    let policy = FetchPolicy { s3_buckets: vec![location], ..FetchPolicy::default() };
    let error = Fetcher::new(policy).unwrap().fetch("s3://artifacts/x").await.unwrap_err();
    assert!(matches!(error, FetchError::Refused { status: 403, .. }), "{error:?}");
}
