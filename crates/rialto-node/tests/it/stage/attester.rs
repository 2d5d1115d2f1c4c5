//! One real attester for all nodes of this process, in a thread of its own.

use alloy::primitives::keccak256;
use alloy::signers::local::PrivateKeySigner;
use rialto_artifacts::StoreConfig;
use rialto_attester::{AttesterConfig, ServedDomains, Verifier, serve};
use rialto_chain::network::Attester;
use rialto_zkvm::mock::MockZkvm;
use std::sync::{Arc, OnceLock};

/// The attester, which believes the mock's proofs.
pub(crate) fn attester() -> Attester {
    static URL: OnceLock<url::Url> = OnceLock::new();
    let key = PrivateKeySigner::from_bytes(&keccak256("attester")).unwrap();
    let address = key.address();
    let url = URL.get_or_init(|| {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let dir = tempfile::tempdir().unwrap();
                let config = AttesterConfig::new(
                    "127.0.0.1:0".parse().unwrap(),
                    ServedDomains::Any,
                    StoreConfig::Memory,
                    dir.path().join("signed.jsonl"),
                );
                let verifier = Verifier { zkvm: "mock".into(), port: Arc::new(MockZkvm::new()) };
                let serving = serve(config, key, verifier, std::future::pending()).await.unwrap();
                tell.send(format!("http://{}", serving.address()).parse().unwrap()).unwrap();
                std::future::pending::<()>().await;
            });
        });
        told.recv().unwrap()
    });
    Attester { address, url: url.clone() }
}
