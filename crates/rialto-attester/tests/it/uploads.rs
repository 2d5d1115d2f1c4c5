use futures::stream;
use reqwest::{Body, StatusCode};
use rialto_artifacts::ArtifactId;
use rialto_attester::AttesterConfig;
use rialto_protocol::attestation::RefusalCode;
use rialto_zkvm::mock::MockZkvm;
use std::sync::Arc;

use crate::house::{House, config, refused};

async fn small(dir: &std::path::Path) -> House {
    let config = AttesterConfig { proof_bytes_max: 1000, ..config(dir) };
    House::with(config, Arc::new(MockZkvm::default())).await.unwrap()
}

fn streamed(bytes: Vec<u8>) -> Body {
    let chunks: Vec<_> =
        bytes.chunks(100).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
    Body::wrap_stream(stream::iter(chunks))
}

#[tokio::test]
async fn an_upload_is_kept_under_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let house = small(dir.path()).await;
    let id = ArtifactId::of(&[1; 1000]).to_string();
    let path = format!("/v1/artifacts/{id}");
    let head = async || house.client.head(house.at(&path)).send().await.unwrap().status();
    assert_eq!(head().await, StatusCode::NOT_FOUND);
    assert_eq!(refused(house.get(&path).await).await, (404, RefusalCode::ProofUnknown, None));
    for body in [Body::from(vec![1; 1000]), streamed(vec![1; 1000])] {
        assert_eq!(house.put(&id, body).await.status(), StatusCode::CREATED);
    }
    assert_eq!(head().await, StatusCode::OK);
    assert_eq!(house.get(&path).await.bytes().await.unwrap(), vec![1; 1000]);
}

#[tokio::test]
async fn what_is_not_what_it_says_is_refused_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let house = small(dir.path()).await;
    let large = ArtifactId::of(&[2; 1001]).to_string();
    let other = ArtifactId::of(b"other").to_string();
    for (id, body, status) in [
        (large.as_str(), Body::from(vec![2; 1001]), 413),
        (large.as_str(), streamed(vec![2; 1001]), 413),
        (other.as_str(), Body::from("something"), 422),
        (other.as_str(), Body::from(""), 422),
        ("abc", Body::from("x"), 400),
        ("..%2F..%2Fsigned.jsonl", Body::from("x"), 400),
    ] {
        assert_eq!(
            refused(house.put(id, body).await).await,
            (status, RefusalCode::Malformed, None),
            "{id}"
        );
    }
    for id in [large, other] {
        assert_eq!(house.get(&format!("/v1/artifacts/{id}")).await.status(), StatusCode::NOT_FOUND);
    }
}
