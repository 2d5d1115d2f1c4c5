//! The attester's settings. The signing key is not among them: the caller loads it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use rialto_artifacts::StoreConfig;
use rialto_protocol::attestation::AttesterDomain;
use serde::{Deserialize, Serialize};

/// Settings of one attester. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttesterConfig {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The contracts it signs for: a list of `{ chain_id, verifier }`, or `"any"` on devnets.
    pub domains: ServedDomains,
    /// Where uploaded proofs are kept. Attested proofs must stay fetchable, so use a store that
    /// lasts.
    pub artifacts: StoreConfig,
    /// File of everything that was signed; created when absent, only ever appended to. One process
    /// at a time.
    pub record: PathBuf,
    /// Largest proof accepted, in bytes.
    #[serde(default = "default_proof_bytes_max")]
    pub proof_bytes_max: u64,
    /// Most claims under one signature.
    #[serde(default = "default_claims_max")]
    pub claims_max: NonZeroUsize,
    /// Proofs verified at once, each on a thread of its own.
    #[serde(default = "default_threads")]
    pub threads: NonZeroUsize,
    /// Requests admitted at once, those being verified included; further ones are told to come
    /// back.
    #[serde(default = "default_requests_max")]
    pub requests_max: NonZeroUsize,
}

impl AttesterConfig {
    /// Settings with every default.
    pub fn new(
        listen: SocketAddr,
        domains: ServedDomains,
        artifacts: StoreConfig,
        record: PathBuf,
    ) -> Self {
        Self {
            listen,
            domains,
            artifacts,
            record,
            proof_bytes_max: default_proof_bytes_max(),
            claims_max: default_claims_max(),
            threads: default_threads(),
            requests_max: default_requests_max(),
        }
    }
}

/// A proof of some dozen segments.
fn default_proof_bytes_max() -> u64 {
    128 << 20
}

/// A path of seven siblings per claim; larger batches save the chain next to nothing.
fn default_claims_max() -> NonZeroUsize {
    NonZeroUsize::new(128).expect("it is not zero")
}

/// Verification itself is parallel; a second thread fills its gaps.
fn default_threads() -> NonZeroUsize {
    NonZeroUsize::new(2).expect("it is not zero")
}

/// Some seconds of work at tens of milliseconds per proof.
fn default_requests_max() -> NonZeroUsize {
    NonZeroUsize::new(64).expect("it is not zero")
}

/// The contracts that an attester signs for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "DomainsText", into = "DomainsText")]
pub enum ServedDomains {
    /// Whatever a caller names. For devnets, where contracts have no address beforehand: on a real
    /// chain it would lend the key's word to contracts that its owner never saw.
    Any,
    /// These alone; at least one.
    Only(Vec<AttesterDomain>),
}

impl ServedDomains {
    /// Whether a signature for `domain` may be given.
    pub fn contain(&self, domain: &AttesterDomain) -> bool {
        match self {
            Self::Any => true,
            Self::Only(domains) => domains.contains(domain),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum DomainsText {
    Word(String),
    List(Vec<AttesterDomain>),
}

impl TryFrom<DomainsText> for ServedDomains {
    type Error = String;

    fn try_from(text: DomainsText) -> Result<Self, Self::Error> {
        match text {
            DomainsText::Word(word) if word == "any" => Ok(Self::Any),
            DomainsText::Word(word) => {
                Err(format!("`{word}` is neither \"any\" nor a list of contracts"))
            }
            DomainsText::List(domains) if domains.is_empty() => Err(
                "an attester without a contract to serve would sign nothing; name one, or \"any\""
                    .into(),
            ),
            DomainsText::List(domains) => Ok(Self::Only(domains)),
        }
    }
}

impl From<ServedDomains> for DomainsText {
    fn from(domains: ServedDomains) -> Self {
        match domains {
            ServedDomains::Any => Self::Word("any".into()),
            ServedDomains::Only(domains) => Self::List(domains),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#"
        listen = "127.0.0.1:0"
        record = "signed.jsonl"
        artifacts = { kind = "local", path = "proofs" }
    "#;

    fn parse(domains: &str) -> Result<AttesterConfig, toml::de::Error> {
        toml::from_str(&format!("domains = {domains}\n{LEAST}"))
    }

    #[test]
    fn the_least_configuration_has_defaults() {
        let config = parse("\"any\"").unwrap();
        let StoreConfig::Local { path } = &config.artifacts else { panic!("a local store") };
        let artifacts = StoreConfig::Local { path: path.clone() };
        let default = AttesterConfig::new(
            config.listen,
            ServedDomains::Any,
            artifacts,
            "signed.jsonl".into(),
        );
        assert_eq!(config, default);
        assert_eq!(
            toml::from_str::<AttesterConfig>(&toml::to_string(&config).unwrap()).unwrap(),
            config
        );
    }

    #[test]
    fn domains_are_named_or_any() {
        let one =
            "[{ chain_id = 8453, verifier = \"0x1111111111111111111111111111111111111111\" }]";
        let config = parse(one).unwrap();
        let ServedDomains::Only(domains) = &config.domains else { panic!("{config:?}") };
        assert!(config.domains.contain(&domains[0]));
        assert!(!config.domains.contain(&AttesterDomain { chain_id: 1, ..domains[0] }));
        for bad in ["[]", "\"all\"", "[{ chain_id = 1 }]", "7"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(
            parse("\"any\"\nkey = \"0x01\"").is_err(),
            "a key does not belong in a configuration"
        );
    }
}
