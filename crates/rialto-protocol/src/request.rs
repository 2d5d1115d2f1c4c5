//! What a requester signs, and the one door from received bytes to a request that may be trusted.
//!
//! The JSON form is the one that order streams and requester tools exchange.

use crate::{InvalidOffer, MarketDomain, Offer, Predicate, RequestDigest, RequestId};
use alloy_primitives::{Address, Bytes, FixedBytes, Signature};
use serde::{Deserialize, Serialize};

/// Which verifier a requester accepts: an entry of the router, a class, or zero for the default.
pub type Selector = FixedBytes<4>;

/// A contract that is told of the proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Callback {
    /// Whom to call; the zero address for nobody.
    pub addr: Address,
    /// Gas that the call is given, at most 2^96 - 1.
    #[serde(with = "alloy_quantity")]
    pub gas_limit: u128,
}

/// What a proof must satisfy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// Whom to tell.
    pub callback: Callback,
    /// Which claims satisfy the request.
    pub predicate: Predicate,
    /// Which verifier must accept the seal.
    pub selector: Selector,
}

/// What the program reads: an encoded guest environment (see [`crate::guest_env`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "WireInput", into = "WireInput")]
pub enum Input {
    /// The bytes themselves.
    Inline(Bytes),
    /// Where the bytes lie.
    Url(String),
}

/// A request for a proof.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProofRequest {
    /// Client and index.
    pub id: RequestId,
    /// What a proof must satisfy.
    pub requirements: Requirements,
    /// Where the program (an ELF) lies.
    pub image_url: String,
    /// What the program reads.
    pub input: Input,
    /// What is paid, and by when.
    pub offer: Offer,
}

/// Why a received request is not accepted. Nothing has been locked or spent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRejected {
    /// The offer contradicts itself.
    #[error("the offer is not self-consistent")]
    Offer(#[from] InvalidOffer),
    /// No client in the id.
    #[error("the request id names no client; its bits 32 to 191 must be the client's address")]
    NoClient,
    /// No program.
    #[error(
        "imageUrl {0:?} is no URL; give where the program lies, such as https://host/program.elf"
    )]
    ImageUrl(String),
    /// The callback's gas does not fit.
    #[error("callback gasLimit {0} needs more than 96 bits")]
    CallbackGas(u128),
    /// The signature is no signature.
    #[error(
        "the signature is malformed ({0}); it must be 65 bytes r, s, v with a low s and v 27 or 28"
    )]
    MalformedSignature(&'static str),
    /// Signed by another key, for another market or another chain.
    #[error(
        "signed by {signer}, but the request id names client {client}; the request was changed after signing, or signed by \
         another key, or for another market or chain than {market} on chain {chain_id}"
    )]
    WrongSigner {
        /// The address that the signature recovers to.
        signer: Address,
        /// The client in the request id.
        client: Address,
        /// The market whose domain was used.
        market: Address,
        /// The chain whose domain was used.
        chain_id: u64,
    },
}

/// A request and a signature as they came, with nothing checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unverified {
    /// The request.
    pub request: ProofRequest,
    /// 65 bytes r, s, v; or whatever the client's contract accepts.
    pub signature: Bytes,
}

/// A request that is self-consistent and that its client signed for this market, or whose client
/// is a contract that only the chain can ask ([`RequestId::has_contract_signature`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    request: ProofRequest,
    signature: Bytes,
    digest: RequestDigest,
}

impl Unverified {
    /// Checks offer, addresses and signature under `domain`.
    pub fn verify(self, domain: &MarketDomain) -> Result<SignedRequest, RequestRejected> {
        self.request.check()?;
        let digest = domain.request_digest(&self.request);
        let id = self.request.id;
        if !id.has_contract_signature() {
            let signer = recover(&self.signature, digest)?;
            if signer != id.client() {
                return Err(RequestRejected::WrongSigner {
                    signer,
                    client: id.client(),
                    market: domain.market,
                    chain_id: domain.chain_id,
                });
            }
        }
        Ok(SignedRequest { request: self.request, signature: self.signature, digest })
    }
}

impl SignedRequest {
    /// The request.
    pub fn request(&self) -> &ProofRequest {
        &self.request
    }

    /// The client's signature as it came.
    pub fn signature(&self) -> &Bytes {
        &self.signature
    }

    /// The request's digest under the domain that it was verified for.
    pub fn digest(&self) -> RequestDigest {
        self.digest
    }

    /// The unchecked form, for storage and transport.
    pub fn into_unverified(self) -> Unverified {
        Unverified { request: self.request, signature: self.signature }
    }
}

impl ProofRequest {
    /// Everything that can be said of a request without its signature.
    pub fn check(&self) -> Result<(), RequestRejected> {
        if self.id.client() == Address::ZERO {
            return Err(RequestRejected::NoClient);
        }
        let scheme_len = self.image_url.find("://").unwrap_or(0);
        if scheme_len == 0 || self.image_url.len() == scheme_len + 3 {
            return Err(RequestRejected::ImageUrl(self.image_url.clone()));
        }
        let gas_limit = self.requirements.callback.gas_limit;
        if gas_limit >> 96 != 0 {
            return Err(RequestRejected::CallbackGas(gas_limit));
        }
        Ok(self.offer.check()?)
    }
}

/// The signer, by the contract's rules: 65 bytes, v 27 or 28, low s.
fn recover(signature: &[u8], digest: RequestDigest) -> Result<Address, RequestRejected> {
    let malformed = RequestRejected::MalformedSignature;
    let [.., v] = signature else { return Err(malformed("it is empty")) };
    if signature.len() != 65 {
        return Err(malformed("it is not 65 bytes long"));
    }
    if !matches!(v, 27 | 28) {
        return Err(malformed("its last byte is neither 27 nor 28"));
    }
    let parsed = Signature::from_raw(signature).map_err(|_| malformed("it does not parse"))?;
    if parsed.normalize_s().is_some() {
        return Err(malformed("its s is in the upper half"));
    }
    parsed
        .recover_address_from_prehash(&digest.0)
        .map_err(|_| malformed("no key could have made it"))
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WireInput {
    input_type: InputKind,
    data: Bytes,
}

#[derive(Serialize, Deserialize)]
enum InputKind {
    Inline,
    Url,
}

impl From<Input> for WireInput {
    fn from(input: Input) -> Self {
        match input {
            Input::Inline(data) => Self { input_type: InputKind::Inline, data },
            Input::Url(url) => Self { input_type: InputKind::Url, data: url.into_bytes().into() },
        }
    }
}

impl TryFrom<WireInput> for Input {
    type Error = crate::abi::InvalidAbi;

    fn try_from(wire: WireInput) -> Result<Self, Self::Error> {
        crate::abi::Input { inputType: wire.input_type as u8, data: wire.data }.try_into()
    }
}

/// A number as a minimal 0x-hex string.
mod alloy_quantity {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u128, to: S) -> Result<S::Ok, S::Error> {
        U256::from(*value).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        u128::try_from(U256::deserialize(from)?).map_err(|_| D::Error::custom("more than 128 bits"))
    }
}

#[cfg(test)]
mod tests;
