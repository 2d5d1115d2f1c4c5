//! The deployment of a network: the steps of `contracts/script/Deploy.s.sol`, with the router's
//! registry from the same `vectors/registry.json`.

use crate::bindings::{
    AllocationBook, AttestedVerifier, CollateralToken, CommitteeBook, Market, OnChainAssessor,
    ProverRegistry, RequesterAccount, RequesterAccounts, Treasury, VerifierRouter,
    WorkloadQualifier,
};
use crate::endpoint::OrFailed;
use crate::market::{MarketError, read};
use crate::network::Extension;
use crate::sender::{PendingTx, SendError, SendOptions, Sender};
use crate::{BlockNumber, Call, Endpoint, EndpointError};
use alloy::primitives::aliases::{U48, U96};
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::sol_types::{SolCall, SolConstructor};
use rialto_protocol::{Collateral, Selector};
use serde::Deserialize;

/// Where a deployment's contracts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// The market.
    pub market: Address,
    /// The verifier router.
    pub router: Address,
    /// The on-chain assessor.
    pub assessor: Address,
    /// The verifier of attested proofs.
    pub attested_verifier: Address,
    /// The collateral token.
    pub collateral_token: Address,
    /// What exchanges build on.
    pub extension: Extension,
    /// The block of the whole deployment, or the last of them.
    pub deployed_at_block: BlockNumber,
}

/// Which step of a deployment failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct DeployError {
    /// The step, as an infinitive.
    pub step: String,
    /// Why.
    pub source: SendError,
}

/// Seconds between the proposal of another set of attesters and its coming into force: a week.
const ATTESTER_DELAY_S: u64 = 7 * 24 * 60 * 60;
/// Seconds between the proposal of a treasury's payment and the payment: a week.
const TREASURY_DELAY_S: u64 = 7 * 24 * 60 * 60;
/// Seconds until stake that leaves the registry can be withdrawn. Short, so that a devnet's users
/// see the end of it.
const COOL_DOWN_S: u64 = 60;
/// Base units of collateral that an operator must stake itself: one token.
const MIN_SELF_STAKE: u128 = 1_000_000_000_000_000_000;
/// More than any of the contracts costs to create; what is not used is not paid.
const CREATE_GAS: u64 = 8_000_000;
/// More than any change of the registry costs.
const REGISTER_GAS: u64 = 500_000;

/// Deploys everything from `sender`, who becomes the owner of router, treasury and token. All
/// transactions are in flight together. `attesters` must ascend.
pub async fn deploy(
    sender: &Sender,
    attesters: &[Address],
    threshold: usize,
) -> Result<Contracts, DeployError> {
    let mut steps = Steps { sender, sent: Vec::new() };
    let owner = sender.address();
    let token = CollateralToken::constructorCall { owner }.abi_encode();
    let token = steps.create("CollateralToken", &CollateralToken::BYTECODE, token).await?;
    let router = VerifierRouter::constructorCall { owner }.abi_encode();
    let router = steps.create("VerifierRouter", &VerifierRouter::BYTECODE, router).await?;
    let assessor = steps.create("OnChainAssessor", &OnChainAssessor::BYTECODE, vec![]).await?;
    let attested = AttestedVerifier::constructorCall {
        attesters_: attesters.to_vec(),
        threshold_: U256::from(threshold),
        delay_: U256::from(ATTESTER_DELAY_S),
    }
    .abi_encode();
    let attested = steps.create("AttestedVerifier", &AttestedVerifier::BYTECODE, attested).await?;
    let treasury = Treasury::constructorCall { owner_: owner, delay: U256::from(TREASURY_DELAY_S) }
        .abi_encode();
    let treasury = steps.create("Treasury", &Treasury::BYTECODE, treasury).await?;
    let registry = Registry::read();
    for class in &registry.classes {
        steps.call(format!("add class {}", class.id), router, class.add()).await?;
    }
    for entry in &registry.entries {
        let contract = match entry.contract {
            Contract::OnChainAssessor => assessor,
            Contract::AttestedVerifier => attested,
        };
        let step = format!("register {}", entry.selector);
        steps.call(step, router, entry.instantiate(contract)).await?;
    }
    let market = Market::constructorCall { router, collateralToken: token, treasury }.abi_encode();
    let market = steps.create("Market", &Market::BYTECODE, market).await?;
    let extension = extend(&mut steps, market, router, token).await?;
    let deployed_at_block = steps.finish().await?;
    Ok(Contracts {
        market,
        router,
        assessor,
        attested_verifier: attested,
        collateral_token: token,
        extension,
        deployed_at_block,
    })
}

/// What exchanges build on, beside a market.
async fn extend(
    steps: &mut Steps<'_>,
    market: Address,
    router: Address,
    token: Address,
) -> Result<Extension, DeployError> {
    let registry = ProverRegistry::constructorCall {
        token,
        minSelfStake: U96::from(MIN_SELF_STAKE),
        coolDown: U48::from(COOL_DOWN_S),
    }
    .abi_encode();
    let registry = steps.create("ProverRegistry", &ProverRegistry::BYTECODE, registry).await?;
    let qualifier = WorkloadQualifier::constructorCall { registry, router }.abi_encode();
    let qualifier =
        steps.create("WorkloadQualifier", &WorkloadQualifier::BYTECODE, qualifier).await?;
    let book = AllocationBook::constructorCall { market }.abi_encode();
    let book = steps.create("AllocationBook", &AllocationBook::BYTECODE, book).await?;
    let committees = CommitteeBook::constructorCall { market, registry }.abi_encode();
    let committees = steps.create("CommitteeBook", &CommitteeBook::BYTECODE, committees).await?;
    let account =
        RequesterAccount::constructorCall { allocationBook: book, committeeBook: committees }
            .abi_encode();
    let implementation =
        steps.create("RequesterAccount", &RequesterAccount::BYTECODE, account).await?;
    let accounts = RequesterAccounts::constructorCall { implementation }.abi_encode();
    let accounts =
        steps.create("RequesterAccounts", &RequesterAccounts::BYTECODE, accounts).await?;
    Ok(Extension {
        prover_registry: registry,
        workload_qualifier: qualifier,
        allocation_book: book,
        committee_book: committees,
        requester_accounts: accounts,
    })
}

/// What `deployer` has deployed with its first transactions, if it has: everything up to the last
/// contract.
pub(super) async fn find(
    endpoint: &Endpoint,
    deployer: Address,
) -> Result<Option<Contracts>, EndpointError> {
    let registry = Registry::read();
    let market = 5 + registry.classes.len() as u64 + registry.entries.len() as u64;
    let requester_accounts = deployer.create(market + 6);
    let code = endpoint.provider().get_code_at(requester_accounts).await;
    let found = !code.or_failed("tell a contract's code")?.is_empty();
    Ok(found.then(|| Contracts {
        market: deployer.create(market),
        router: deployer.create(1),
        assessor: deployer.create(2),
        attested_verifier: deployer.create(3),
        collateral_token: deployer.create(0),
        extension: Extension {
            prover_registry: deployer.create(market + 1),
            workload_qualifier: deployer.create(market + 2),
            allocation_book: deployer.create(market + 3),
            committee_book: deployer.create(market + 4),
            requester_accounts,
        },
        deployed_at_block: BlockNumber(1),
    }))
}

/// The attesters that a deployment trusts, and how many of them must sign.
pub(super) async fn attesters(
    endpoint: &Endpoint,
    contracts: &Contracts,
) -> Result<(Vec<Address>, U256), MarketError> {
    let verifier = contracts.attested_verifier;
    let attesters = read(endpoint, verifier, AttestedVerifier::attestersCall {}).await?;
    let threshold = read(endpoint, verifier, AttestedVerifier::thresholdCall {}).await?;
    Ok((attesters, threshold))
}

/// Collateral tokens in `account`'s own hands.
pub(super) async fn tokens_of(
    endpoint: &Endpoint,
    contracts: &Contracts,
    account: Address,
) -> Result<Collateral, MarketError> {
    let call = CollateralToken::balanceOfCall { owner: account };
    read(endpoint, contracts.collateral_token, call).await.map(Collateral)
}

/// Creates `amount` tokens for `to`; only for minters.
pub(super) fn mint(contracts: &Contracts, to: Address, amount: Collateral) -> Call {
    let call = CollateralToken::mintCall { to, amount: amount.0 };
    Call::new(contracts.collateral_token, call.abi_encode())
}

pub(super) fn options(label: impl Into<String>, gas_limit: u64) -> SendOptions {
    SendOptions { label: label.into(), gas_limit: Some(gas_limit), ..SendOptions::default() }
}

/// Transactions that build on each other, sent one after the other without waiting.
struct Steps<'a> {
    sender: &'a Sender,
    sent: Vec<(String, PendingTx)>,
}

impl Steps<'_> {
    async fn create(
        &mut self,
        name: &str,
        bytecode: &Bytes,
        arguments: Vec<u8>,
    ) -> Result<Address, DeployError> {
        let code = [bytecode.as_ref(), &arguments].concat();
        let step = format!("deploy {name}");
        let nonce = self.send(step, Call::create(code), CREATE_GAS).await?;
        Ok(self.sender.address().create(nonce))
    }

    async fn call(
        &mut self,
        step: String,
        to: Address,
        call: impl SolCall,
    ) -> Result<(), DeployError> {
        self.send(step, Call::new(to, call.abi_encode()), REGISTER_GAS).await.map(drop)
    }

    async fn send(&mut self, step: String, call: Call, gas: u64) -> Result<u64, DeployError> {
        let sent = self.sender.send(call, options(&step, gas)).await;
        let pending = sent.map_err(|source| DeployError { step: step.clone(), source })?;
        let nonce = pending.nonce().0;
        self.sent.push((step, pending));
        Ok(nonce)
    }

    /// Awaits all of them; the block of the last one.
    async fn finish(self) -> Result<BlockNumber, DeployError> {
        let mut last = BlockNumber(0);
        for (step, pending) in self.sent {
            let outcome = pending.outcome().await;
            last = outcome.map_err(|source| DeployError { step, source })?.block.number;
        }
        Ok(last)
    }
}

/// The classes and entries that every deployment registers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Registry {
    classes: Vec<Class>,
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Class {
    id: Selector,
    interface_tag: Selector,
    permissionless_instantiate: bool,
    is_default: bool,
    required_assessor_class: Selector,
    schema_artifact: B256,
    schema_artifact_url: String,
    default_gas_limit: u64,
    label: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    selector: Selector,
    contract: Contract,
    class_id: Selector,
    gas_limit: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Contract {
    OnChainAssessor,
    AttestedVerifier,
}

impl Registry {
    fn read() -> Self {
        serde_json::from_str(include_str!("../../../../vectors/registry.json"))
            .expect("the committed registry is valid; a test reads it")
    }
}

impl Class {
    fn add(&self) -> VerifierRouter::addClassCall {
        VerifierRouter::addClassCall {
            classId: self.id,
            metadata: VerifierRouter::ClassMetadata {
                interfaceTag: self.interface_tag,
                permissionlessInstantiate: self.permissionless_instantiate,
                isDefault: self.is_default,
                requiredAssessorClass: self.required_assessor_class,
                schemaArtifact: self.schema_artifact,
                schemaArtifactUrl: self.schema_artifact_url.clone(),
                defaultGasLimit: self.default_gas_limit,
                label: self.label.clone(),
            },
        }
    }
}

impl Entry {
    fn instantiate(&self, contract: Address) -> VerifierRouter::instantiateCall {
        VerifierRouter::instantiateCall {
            selector: self.selector,
            r#impl: contract,
            parentClassId: self.class_id,
            gasLimit: self.gas_limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_protocol::registry;

    #[test]
    fn the_committed_registry_holds_the_protocols_constants() {
        let read = Registry::read();
        let classes: Vec<Selector> = read.classes.iter().map(|class| class.id).collect();
        assert_eq!(classes, [registry::ASSESSOR_CLASS, registry::ATTESTED_CLASS]);
        let entries: Vec<Selector> = read.entries.iter().map(|entry| entry.selector).collect();
        assert_eq!(entries, [registry::ON_CHAIN_ASSESSOR, registry::ATTESTED_VERIFIER]);
    }
}
