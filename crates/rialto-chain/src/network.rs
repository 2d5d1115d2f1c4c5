//! The network file: where one deployment of Rialto lives, written by whoever deploys it and read
//! by every other command.

use alloy::primitives::Address;
use rialto_protocol::MarketDomain;
use rialto_protocol::attestation::AttesterDomain;
use rialto_protocol::eip712::AssessorDomain;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use url::Url;

use crate::BlockNumber;

/// One deployment on one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// What people call it.
    pub name: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// JSON-RPC endpoint.
    pub rpc_url: Url,
    /// The market.
    pub market: Address,
    /// Its verifier router.
    pub router: Address,
    /// The router's on-chain assessor.
    pub assessor: Address,
    /// The router's verifier of attested proofs.
    pub attested_verifier: Address,
    /// The market's collateral token.
    pub collateral_token: Address,
    /// Who attests proofs, by ascending address.
    pub attesters: Vec<Attester>,
    /// How many of them must sign.
    pub threshold: usize,
    /// What exchanges build on; absent where there is only a market.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// First block with events of the market.
    pub deployed_at_block: BlockNumber,
    /// Where provers and attesters of this network put and find artifacts: a URL of a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Url>,
}

/// The contracts beside a market that let an exchange choose provers. The market knows none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Stake, keys and declarations of provers, and who may slash them.
    pub prover_registry: Address,
    /// Records in the registry which provers proved a workload in time.
    pub workload_qualifier: Address,
    /// Locks requests for the prover whom an exchange chose.
    pub allocation_book: Address,
    /// Has several provers prove one request.
    pub committee_book: Address,
    /// Creates the accounts by which requesters hand requests to an exchange.
    pub requester_accounts: Address,
}

/// Somebody who verifies proofs natively and signs what it verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attester {
    /// Whose signatures the contract accepts.
    pub address: Address,
    /// Where it listens.
    pub url: Url,
}

/// Why a network file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFileError {
    /// It cannot be read.
    #[error("cannot read the network file {path}; `rialto devnet` writes one")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no network file.
    #[error("{path} is not a network file")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// It cannot be written.
    #[error("cannot write the network file {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Network {
    /// What clients and provers sign for.
    pub fn market_domain(&self) -> MarketDomain {
        MarketDomain { chain_id: self.chain_id, market: self.market }
    }

    /// What provers sign their batches for.
    pub fn assessor_domain(&self) -> AssessorDomain {
        AssessorDomain { chain_id: self.chain_id, assessor: self.assessor }
    }

    /// What attesters sign for.
    pub fn attester_domain(&self) -> AttesterDomain {
        AttesterDomain { chain_id: self.chain_id, verifier: self.attested_verifier }
    }

    /// Reads a network file. Unknown fields are errors.
    pub fn load(path: &Path) -> Result<Self, NetworkFileError> {
        let read = |source| NetworkFileError::Read { path: path.to_owned(), source };
        let text = fs::read(path).map_err(read)?;
        serde_json::from_slice(&text)
            .map_err(|source| NetworkFileError::Parse { path: path.to_owned(), source })
    }

    /// Writes a network file. A reader sees the old file or the new one, never a part, also after
    /// power loss.
    pub fn save(&self, path: &Path) -> Result<(), NetworkFileError> {
        let mut text = serde_json::to_vec_pretty(self).expect("strings, numbers and addresses");
        text.push(b'\n');
        replace(path, &text)
            .map_err(|source| NetworkFileError::Write { path: path.to_owned(), source })
    }
}

/// Puts `contents` in the place of `path`, all or nothing.
pub(crate) fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let draft = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let mut file = File::create(&draft)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        Network {
            name: "devnet".to_owned(),
            chain_id: 31_337,
            rpc_url: "http://127.0.0.1:8545".parse().unwrap(),
            market: Address::repeat_byte(1),
            router: Address::repeat_byte(2),
            assessor: Address::repeat_byte(3),
            attested_verifier: Address::repeat_byte(4),
            collateral_token: Address::repeat_byte(5),
            attesters: vec![Attester {
                address: Address::repeat_byte(6),
                url: "http://127.0.0.1:9000".parse().unwrap(),
            }],
            threshold: 1,
            extension: Some(Extension {
                prover_registry: Address::repeat_byte(7),
                workload_qualifier: Address::repeat_byte(8),
                allocation_book: Address::repeat_byte(9),
                committee_book: Address::repeat_byte(10),
                requester_accounts: Address::repeat_byte(11),
            }),
            deployed_at_block: BlockNumber(1),
            artifacts: None,
        }
    }

    #[test]
    fn a_network_file_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/network.json");
        network().save(&path).unwrap();
        let moved = Network { name: "moved".to_owned(), ..network() };
        moved.save(&path).unwrap();
        assert_eq!(Network::load(&path).unwrap(), moved);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "no drafts stay behind");
    }

    #[test]
    fn a_file_that_is_no_network_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.json");
        assert!(matches!(Network::load(&path), Err(NetworkFileError::Read { .. })));
        let mut json = serde_json::to_value(network()).unwrap();
        json["marked"] = "a word that is not known".into();
        fs::write(&path, json.to_string()).unwrap();
        let refused = Network::load(&path).unwrap_err();
        assert!(
            matches!(&refused, NetworkFileError::Parse { source, .. } if source.to_string().contains("marked"))
        );
    }
}
