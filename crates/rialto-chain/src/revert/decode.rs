//! From revert data to words. Selectors that several contracts share are given the meaning that
//! fits all of them.

use super::{
    AssessorRevert, AttestedRevert, MarketRevert, RegistryRevert, RouterRevert, TokenRevert,
};
use crate::bindings::AttestedVerifier::AttestedVerifierErrors;
use crate::bindings::CollateralToken::CollateralTokenErrors;
use crate::bindings::Market::MarketErrors;
use crate::bindings::OnChainAssessor::OnChainAssessorErrors;
use crate::bindings::VerifierRouter::VerifierRouterErrors;
use alloy::primitives::{Bytes, U256};
use alloy::sol_types::{Panic, Revert, SolError, SolInterface};
use rialto_protocol::{RequestId, Timestamp, Wei};

/// Errors of markets and verifiers that speak the same interface but are not built here.
mod foreign {
    alloy::sol! {
        error InvalidLegacyImpl();
        error InvalidInitialOwner();
        error InvalidVerifier();
        error InvalidApplicationVerifier();
        error InvalidAssessorImage();
        error InvalidDeprecatedAssessorImage();
        error VerificationFailed();
        error SelectorUnknown(bytes4 selector);
        error SelectorRemoved(bytes4 selector);
        error SelectorInUse(bytes4 selector);
        error RequestIsExpired(uint256 requestId, uint64 deadline);
    }
}

pub(super) fn decode(data: &[u8]) -> MarketRevert {
    if data.is_empty() {
        return MarketRevert::NoReason;
    }
    from_market(data)
        .or_else(|| from_router(data))
        .or_else(|| from_assessor(data).map(MarketRevert::Assessor))
        .or_else(|| from_attested(data).map(MarketRevert::Attested))
        .or_else(|| from_token(data).map(MarketRevert::Token))
        .or_else(|| from_foreign(data))
        .or_else(|| Revert::abi_decode(data).ok().map(|said| MarketRevert::Message(said.reason)))
        .or_else(|| Panic::abi_decode(data).ok().map(|panic| MarketRevert::Panic(panic.code)))
        .unwrap_or_else(|| MarketRevert::Unknown(Bytes::copy_from_slice(data)))
}

fn id(raw: U256) -> Option<RequestId> {
    RequestId::try_from(raw).ok()
}

fn from_market(data: &[u8]) -> Option<MarketRevert> {
    use MarketErrors as E;
    use MarketRevert as R;
    Some(match E::abi_decode(data).ok()? {
        E::RequestIsLocked(e) => R::RequestIsLocked(id(e.requestId)?),
        E::RequestIsNotLockedOrPriced(e) => R::RequestIsNotLockedOrPriced(id(e.requestId)?),
        E::RequestIsNotLocked(e) => R::RequestIsNotLocked(id(e.requestId)?),
        E::RequestIsFulfilled(e) => R::RequestIsFulfilled(id(e.requestId)?),
        E::RequestIsSlashed(e) => R::RequestIsSlashed(id(e.requestId)?),
        E::RequestLockIsExpired(e) => R::RequestLockIsExpired {
            id: id(e.requestId)?,
            lock_deadline: Timestamp(e.lockDeadline),
        },
        E::RequestIsExpired(e) => R::RequestIsExpired(id(e.requestId)?),
        E::RequestIsNotExpired(e) => {
            R::RequestIsNotExpired { id: id(e.requestId)?, deadline: Timestamp(e.deadline) }
        }
        E::InsufficientBalance(e) => R::InsufficientBalance(e.account),
        E::PartialPayment(e) => {
            R::PartialPayment { full: Wei(e.fullAmount), paid: Wei(e.paidAmount) }
        }
        E::InvalidSignature(_) => R::InvalidSignature,
        E::ECDSAInvalidSignature(_) => R::MalformedSignature,
        E::ECDSAInvalidSignatureLength(e) => R::SignatureLength(e.length),
        E::ECDSAInvalidSignatureS(e) => R::SignatureHighS(e.s),
        E::InvalidRequest(_) => R::InvalidRequest,
        E::TransferFailed(_) => R::TransferFailed,
        E::TransferFromFailed(_) => R::TransferFromFailed,
        E::CollateralNotReceived(e) => {
            R::CollateralNotReceived { expected: e.expected, held: e.held }
        }
        E::BatchSizeExceedsLimit(e) => {
            R::BatchSizeExceedsLimit { size: e.batchSize, limit: e.limit }
        }
        E::UnfulfillableCallback(_) => R::UnfulfillableCallback,
        E::InsufficientGas(_) => R::InsufficientGas,
        E::MissingFulfillmentCommitment(_) => R::MissingFulfillmentCommitment,
        E::MalformedFulfillmentData(_) => R::MalformedFulfillmentData,
        E::MalformedCalldata(_) => R::MalformedCalldata,
        E::SafeCastOverflowedUintDowncast(e) => R::AmountTooLarge { bits: e.bits, value: e.value },
        E::InvalidRouter(_) => R::InvalidDeployment("the router"),
        E::InvalidCollateralToken(_) => R::InvalidDeployment("the collateral token"),
        E::InvalidTreasury(_) => R::InvalidDeployment("the treasury"),
    })
}

fn from_router(data: &[u8]) -> Option<MarketRevert> {
    use RouterRevert as R;
    use VerifierRouterErrors as E;
    Some(MarketRevert::Router(match E::abi_decode(data).ok()? {
        E::EmptyBatch(_) => R::EmptyBatch,
        E::LengthMismatch(_) => R::LengthMismatch,
        E::MalformedSeal(_) => R::MalformedSeal,
        E::MixedClassWithinBatch(e) => {
            R::MixedClassWithinBatch { expected: e.expected, actual: e.actual }
        }
        E::NoDefaultClass(_) => R::NoDefaultClass,
        E::SignedDefaultClassMismatch(e) => {
            R::SignedDefaultClassMismatch { wanted: e.defaultClassId, actual: e.actual }
        }
        E::SignedClassMismatch(e) => R::SignedClassMismatch { wanted: e.signed, actual: e.actual },
        E::SignedEntryMismatch(e) => R::SignedEntryMismatch { wanted: e.signed, actual: e.actual },
        E::SignedSelectorUnknown(e) => R::SignedSelectorUnknown(e.signed),
        E::SignedSelectorTombstoned(e) => R::SignedSelectorTombstoned(e.signed),
        E::VerifierFailed(e) => R::VerifierFailed { index: e.index, selector: e.selector },
        E::AssessorClassMismatch(e) => {
            R::AssessorClassMismatch { expected: e.expected, actual: e.actual }
        }
        E::TerminalAssessorAsVerifier(e) => R::TerminalAssessorAsVerifier(e.selector),
        E::AssessorRequired(_) => R::AssessorRequired,
        E::AssessorMustBeAbsent(_) => R::AssessorMustBeAbsent,
        E::EntryUnknown(e) => R::EntryUnknown(e.selector),
        E::EntryIsClass(e) => R::EntryIsClass(e.selector),
        E::EntryRemoved(e) => R::EntryRemoved(e.selector),
        registry => R::Registry(from_registry(registry)?),
    }))
}

/// The router's errors that only its owner meets.
fn from_registry(error: VerifierRouterErrors) -> Option<RegistryRevert> {
    use RegistryRevert as R;
    use VerifierRouterErrors as E;
    Some(match error {
        E::Unauthorized(_) => R::Unauthorized,
        E::ZeroSelectorReserved(_) => R::ZeroSelectorReserved,
        E::ReservedPrefix(e) => R::ReservedPrefix(e.selector),
        E::ClassUnknown(e) => R::ClassUnknown(e.classId),
        E::ClassInUse(e) => R::ClassInUse(e.classId),
        E::ClassRemoved(e) => R::ClassRemoved(e.classId),
        E::ClassHasEntries(e) => R::ClassHasEntries { id: e.classId, count: e.count },
        E::EntryInUse(e) => R::EntryInUse(e.selector),
        E::InvalidInterfaceTag(e) => R::InvalidInterfaceTag(e.interfaceTag),
        E::AssessorClassRequired(_) => {
            R::AssessorRule("a class of verifiers needs an assessor class; name one")
        }
        E::AssessorClassMustBeZero(_) => {
            R::AssessorRule("only a class of verifiers has an assessor class; leave it zero")
        }
        E::AssessorClassMustBeCurated(_) => {
            R::AssessorRule("a class of assessors cannot be open to everybody; register it closed")
        }
        E::AssessorClassNotAssessor(e) => R::AssessorClassNotAssessor(e.classId),
        E::DefaultClassExists(e) => R::DefaultClassExists(e.classId),
        E::DefaultMustBeVerifier(_) => R::DefaultMustBeVerifier,
        E::Erc165CheckFailed(e) => R::Erc165CheckFailed { contract: e.r#impl, tag: e.interfaceTag },
        E::InvalidGasLimit(_) => R::InvalidGasLimit,
        E::AlreadyInitialized(_) | E::NewOwnerIsZeroAddress(_) | E::NoHandoverRequest(_) => {
            R::InvalidOwner
        }
        _ => return None,
    })
}

fn from_assessor(data: &[u8]) -> Option<AssessorRevert> {
    use AssessorRevert as R;
    use OnChainAssessorErrors as E;
    Some(match E::abi_decode(data).ok()? {
        E::PredicateFailed(e) => R::PredicateFailed(e.index),
        E::ClaimDigestMismatch(e) => R::ClaimDigestMismatch(e.index),
        E::MissingFulfillmentData(e) => R::MissingFulfillmentData(e.index),
        E::MalformedProverSignature(_) => R::MalformedProverSignature,
        E::ProverSignatureMismatch(e) => {
            R::ProverSignatureMismatch { recovered: e.recovered, expected: e.expected }
        }
        // The market's and the router's, which were asked first.
        E::LengthMismatch(_) | E::MalformedFulfillmentData(_) => return None,
    })
}

fn from_attested(data: &[u8]) -> Option<AttestedRevert> {
    use AttestedRevert as R;
    use AttestedVerifierErrors as E;
    Some(match E::abi_decode(data).ok()? {
        E::SelectorMismatch(e) => {
            R::SelectorMismatch { received: e.received, expected: e.expected }
        }
        E::RootUnknown(e) => R::RootUnknown(e.root),
        E::TooFewSignatures(e) => R::TooFewSignatures { count: e.count, threshold: e.threshold },
        E::NotAnAttester(e) => R::NotAnAttester(e.signer),
        E::SignersOutOfOrder(e) => R::SignersOutOfOrder { previous: e.previous, signer: e.signer },
        E::InvalidAttesterSet(_) => R::InvalidAttesterSet,
        E::InvalidDelay(_) => R::InvalidDelay,
        E::StaleProposal(e) => R::StaleProposal { number: e.number, revision: e.revision },
        E::NothingProposed(_) => R::NothingProposed,
        E::TooEarly(e) => R::TooEarly(e.activatableAt),
        // The router's, which was asked first.
        E::MalformedSeal(_) => return None,
    })
}

fn from_token(data: &[u8]) -> Option<TokenRevert> {
    use CollateralTokenErrors as E;
    use TokenRevert as R;
    Some(match E::abi_decode(data).ok()? {
        E::InsufficientAllowance(_) => R::InsufficientAllowance,
        E::InsufficientBalance(_) => R::InsufficientBalance,
        E::NotAMinter(e) => R::NotAMinter(e.account),
        E::InvalidPermit(_) => R::InvalidPermit,
        E::PermitExpired(_) => R::PermitExpired,
        E::AllowanceOverflow(_)
        | E::AllowanceUnderflow(_)
        | E::TotalSupplyOverflow(_)
        | E::Permit2AllowanceIsFixedAtInfinity(_) => R::OutOfBounds,
        // The router's, which was asked first.
        E::AlreadyInitialized(_)
        | E::NewOwnerIsZeroAddress(_)
        | E::NoHandoverRequest(_)
        | E::Unauthorized(_) => return None,
    })
}

fn from_foreign(data: &[u8]) -> Option<MarketRevert> {
    use MarketRevert as R;
    let (selector, arguments) = data.split_first_chunk::<4>()?;
    let word = arguments.first_chunk::<32>();
    let named = || word.map(|word| rialto_protocol::Selector::from_slice(&word[..4]));
    Some(match *selector {
        foreign::VerificationFailed::SELECTOR => R::VerificationFailed,
        foreign::SelectorUnknown::SELECTOR => R::SealSelectorUnknown(named()?),
        foreign::SelectorRemoved::SELECTOR => R::SealSelectorRemoved(named()?),
        foreign::SelectorInUse::SELECTOR => R::SealSelectorInUse(named()?),
        // Some markets encode this with the id alone, against their own declaration.
        foreign::RequestIsExpired::SELECTOR => {
            R::RequestIsExpired(id(U256::from_be_bytes(*word?))?)
        }
        foreign::InvalidLegacyImpl::SELECTOR => R::InvalidDeployment("the legacy implementation"),
        foreign::InvalidInitialOwner::SELECTOR => R::InvalidDeployment("the initial owner"),
        foreign::InvalidVerifier::SELECTOR => R::InvalidDeployment("the verifier"),
        foreign::InvalidApplicationVerifier::SELECTOR => {
            R::InvalidDeployment("the application verifier")
        }
        foreign::InvalidAssessorImage::SELECTOR => R::InvalidDeployment("the assessor's image"),
        foreign::InvalidDeprecatedAssessorImage::SELECTOR => {
            R::InvalidDeployment("the deprecated assessor's image")
        }
        _ => return None,
    })
}
