//! The Solidity structs of the market, for encoding and for EIP-712.
//!
//! These are shapes without rules: everything that arrives in them is converted at once into the
//! types of the parent module, and only what leaves is converted back.

use crate as domain;
use crate::{FulfillmentData, InvalidPredicate, InvalidRequestId, RequestId};
use alloy_primitives::{Bytes, aliases::U96};

alloy_sol_types::sol! {
    #![sol(all_derives)]

    struct Callback { address addr; uint96 gasLimit; }
    struct Predicate { uint8 predicateType; bytes data; }
    struct Input { uint8 inputType; bytes data; }
    struct Offer {
        uint256 minPrice; uint256 maxPrice; uint64 rampUpStart; uint32 rampUpPeriod;
        uint32 lockTimeout; uint32 timeout; uint256 lockCollateral;
    }
    struct Requirements { Callback callback; Predicate predicate; bytes4 selector; }
    struct ProofRequest {
        uint256 id; Requirements requirements; string imageUrl; Input input; Offer offer;
    }
    struct LockRequest { ProofRequest request; }

    struct SlimRequest {
        uint256 id; Predicate predicate; Callback callback; bytes4 selector;
        bytes32 imageUrlHash; bytes32 inputDigest; bytes32 offerDigest;
    }
    struct Fulfillment {
        bytes32 claimDigest; uint8 fulfillmentDataType; bytes fulfillmentData; bytes seal;
    }
    struct FulfillmentBatch {
        SlimRequest[] requests; Fulfillment[] fills; bytes assessorSeal; address prover;
    }
    struct ImageIdAndJournal { bytes32 imageId; bytes journal; }

    struct FulfillmentBatchAuth {
        address prover; bytes32[] requestDigests; bytes32[] claimDigests;
    }
    struct Attestation { bytes32 root; }
    struct AttestedSeal { bytes32[] path; bytes signatures; }
}

/// Why ABI data is no well-formed request or fulfilment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAbi {
    /// The request id has unknown bits.
    #[error(transparent)]
    Id(#[from] InvalidRequestId),
    /// The predicate is malformed.
    #[error(transparent)]
    Predicate(#[from] InvalidPredicate),
    /// The input names no kind.
    #[error("input type {0} is unknown; 0 is Inline, 1 is Url")]
    InputKind(u8),
    /// The URL of an input is not text.
    #[error("the input's URL is not UTF-8")]
    InputUrl,
    /// The fulfilment data names no kind.
    #[error("fulfillment data type {0} is unknown; 0 is None, 1 is ImageIdAndJournal")]
    FulfillmentDataKind(u8),
    /// The fulfilment data does not decode to what its kind promises.
    #[error("fulfillment data is not the canonical encoding of (bytes32 imageId, bytes journal)")]
    FulfillmentData,
}

impl From<&domain::Offer> for Offer {
    fn from(offer: &domain::Offer) -> Self {
        Self {
            minPrice: offer.min_price.0,
            maxPrice: offer.max_price.0,
            rampUpStart: offer.ramp_up_start.0,
            rampUpPeriod: offer.ramp_up_period,
            lockTimeout: offer.lock_timeout,
            timeout: offer.timeout,
            lockCollateral: offer.lock_collateral.0,
        }
    }
}

impl From<Offer> for domain::Offer {
    fn from(offer: Offer) -> Self {
        Self {
            min_price: domain::Wei(offer.minPrice),
            max_price: domain::Wei(offer.maxPrice),
            ramp_up_start: domain::Timestamp(offer.rampUpStart),
            ramp_up_period: offer.rampUpPeriod,
            lock_timeout: offer.lockTimeout,
            timeout: offer.timeout,
            lock_collateral: domain::Collateral(offer.lockCollateral),
        }
    }
}

impl From<&domain::Input> for Input {
    fn from(input: &domain::Input) -> Self {
        match input {
            domain::Input::Inline(data) => Self { inputType: 0, data: data.clone() },
            domain::Input::Url(url) => {
                Self { inputType: 1, data: Bytes::copy_from_slice(url.as_bytes()) }
            }
        }
    }
}

impl TryFrom<Input> for domain::Input {
    type Error = InvalidAbi;

    fn try_from(input: Input) -> Result<Self, InvalidAbi> {
        match input.inputType {
            0 => Ok(Self::Inline(input.data)),
            1 => String::from_utf8(input.data.to_vec())
                .map(Self::Url)
                .map_err(|_| InvalidAbi::InputUrl),
            unknown => Err(InvalidAbi::InputKind(unknown)),
        }
    }
}

impl From<&domain::Predicate> for Predicate {
    fn from(predicate: &domain::Predicate) -> Self {
        let (kind, data) = predicate.to_parts();
        Self { predicateType: kind, data }
    }
}

impl TryFrom<Predicate> for domain::Predicate {
    type Error = InvalidPredicate;

    fn try_from(predicate: Predicate) -> Result<Self, InvalidPredicate> {
        Self::from_parts(predicate.predicateType, predicate.data)
    }
}

impl From<&domain::Callback> for Callback {
    fn from(callback: &domain::Callback) -> Self {
        Self { addr: callback.addr, gasLimit: U96::from(callback.gas_limit) }
    }
}

impl From<Callback> for domain::Callback {
    fn from(callback: Callback) -> Self {
        Self { addr: callback.addr, gas_limit: callback.gasLimit.to::<u128>() }
    }
}

impl From<&domain::ProofRequest> for ProofRequest {
    fn from(request: &domain::ProofRequest) -> Self {
        Self {
            id: request.id.to_u256(),
            requirements: Requirements {
                callback: (&request.requirements.callback).into(),
                predicate: (&request.requirements.predicate).into(),
                selector: request.requirements.selector,
            },
            imageUrl: request.image_url.clone(),
            input: (&request.input).into(),
            offer: (&request.offer).into(),
        }
    }
}

impl TryFrom<ProofRequest> for domain::ProofRequest {
    type Error = InvalidAbi;

    fn try_from(request: ProofRequest) -> Result<Self, InvalidAbi> {
        Ok(Self {
            id: RequestId::try_from(request.id)?,
            requirements: domain::Requirements {
                callback: request.requirements.callback.into(),
                predicate: request.requirements.predicate.try_into()?,
                selector: request.requirements.selector,
            },
            image_url: request.imageUrl,
            input: request.input.try_into()?,
            offer: request.offer.into(),
        })
    }
}

impl From<&domain::SlimRequest> for SlimRequest {
    fn from(slim: &domain::SlimRequest) -> Self {
        Self {
            id: slim.id.to_u256(),
            predicate: (&slim.predicate).into(),
            callback: (&slim.callback).into(),
            selector: slim.selector,
            imageUrlHash: slim.image_url_hash,
            inputDigest: slim.input_digest,
            offerDigest: slim.offer_digest,
        }
    }
}

impl From<&domain::Fulfillment> for Fulfillment {
    fn from(fill: &domain::Fulfillment) -> Self {
        let (kind, data) = fill.data.to_parts();
        Self {
            claimDigest: fill.claim_digest.0,
            fulfillmentDataType: kind,
            fulfillmentData: data,
            seal: fill.seal.clone(),
        }
    }
}

impl TryFrom<Fulfillment> for domain::Fulfillment {
    type Error = InvalidAbi;

    fn try_from(fill: Fulfillment) -> Result<Self, InvalidAbi> {
        Ok(Self {
            claim_digest: domain::ClaimDigest(fill.claimDigest),
            data: FulfillmentData::from_parts(fill.fulfillmentDataType, &fill.fulfillmentData)?,
            seal: fill.seal,
        })
    }
}

impl From<&domain::FulfillmentBatch> for FulfillmentBatch {
    fn from(batch: &domain::FulfillmentBatch) -> Self {
        Self {
            requests: batch.requests.iter().map(Into::into).collect(),
            fills: batch.fills.iter().map(Into::into).collect(),
            assessorSeal: batch.assessor_seal.clone(),
            prover: batch.prover,
        }
    }
}
