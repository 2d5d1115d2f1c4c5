//! Errors of the contracts that check proofs on the market's behalf.

use alloy::primitives::{Address, B256, U256};
use rialto_protocol::Selector;

/// Why the verifier router refused a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouterRevert {
    /// No fills.
    #[error("the batch is empty; leave it out")]
    EmptyBatch,
    /// Requests, fills and digests do not pair up.
    #[error("requests and fills of a batch do not pair up; give one fill per request")]
    LengthMismatch,
    /// A seal without selector, or in another than its one encoding.
    #[error("a seal is malformed; it begins with a selector of 4 bytes and has one encoding")]
    MalformedSeal,
    /// Seals of several classes.
    #[error("one batch mixes seals of class {expected} and {actual}; send one batch per class")]
    MixedClassWithinBatch {
        /// The first seal's class.
        expected: Selector,
        /// Another seal's class.
        actual: Selector,
    },
    /// The request leaves the choice to the chain, and the chain has none.
    #[error("the request wants the default class and there is none; the requester must name one")]
    NoDefaultClass,
    /// The request wants the default class and got another.
    #[error(
        "the request wants the default class {wanted}, the seal is of class {actual}; prove for the former"
    )]
    SignedDefaultClassMismatch {
        /// The default class.
        wanted: Selector,
        /// The seal's class.
        actual: Selector,
    },
    /// The request wants another class.
    #[error(
        "the request wants class {wanted}, the seal is of class {actual}; prove for the former"
    )]
    SignedClassMismatch {
        /// What was signed.
        wanted: Selector,
        /// The seal's class.
        actual: Selector,
    },
    /// The request wants another verifier.
    #[error("the request wants verifier {wanted}, the seal is for {actual}; prove for the former")]
    SignedEntryMismatch {
        /// What was signed.
        wanted: Selector,
        /// The seal's verifier.
        actual: Selector,
    },
    /// The request names a verifier that nobody knows.
    #[error("the request wants verifier {0}, which is not registered; it cannot be fulfilled yet")]
    SignedSelectorUnknown(Selector),
    /// The request names a verifier that was removed.
    #[error("the request wants verifier {0}, which was removed; it can never be fulfilled")]
    SignedSelectorTombstoned(Selector),
    /// A verifier did not accept a seal.
    #[error(
        "verifier {selector} does not accept the seal of fill {index}; ask it directly for its reason"
    )]
    VerifierFailed {
        /// Which fill of its batch.
        index: U256,
        /// Which verifier.
        selector: Selector,
    },
    /// The assessor is of another class than the verifiers need.
    #[error("the assessor's seal is of class {actual}, the verifier needs one of class {expected}")]
    AssessorClassMismatch {
        /// What is needed.
        expected: Selector,
        /// What was sent.
        actual: Selector,
    },
    /// An assessor's selector at the head of a proof's seal.
    #[error(
        "{0} is an assessor, not a verifier; put the proof's own selector at the head of its seal"
    )]
    TerminalAssessorAsVerifier(Selector),
    /// The class needs an assessor.
    #[error("the batch has no assessor seal and its class needs one; add it")]
    AssessorRequired,
    /// The class has no use for an assessor.
    #[error("the batch has an assessor seal and its class wants none; leave it empty")]
    AssessorMustBeAbsent,
    /// No verifier under a seal's selector.
    #[error("no verifier is registered under {0}; check the seal's first 4 bytes")]
    EntryUnknown(Selector),
    /// A class where a verifier is needed.
    #[error("{0} is a class, not a verifier; name one of its verifiers")]
    EntryIsClass(Selector),
    /// A verifier that was retired.
    #[error("verifier {0} was removed; use another one")]
    EntryRemoved(Selector),
    /// Registering something was refused.
    #[error(transparent)]
    Registry(RegistryRevert),
}

/// Why the verifier router refused a change of its registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryRevert {
    /// The sender is not the owner.
    #[error("only the owner may do this; send it from the owner's account")]
    Unauthorized,
    /// Zero means the default class.
    #[error("the selector 0x00000000 is reserved; choose another one")]
    ZeroSelectorReserved,
    /// Selectors that begin with zero are the owner's.
    #[error("selector {0} begins with zero, which is the owner's to register; choose another one")]
    ReservedPrefix(Selector),
    /// No such class.
    #[error("class {0} is not registered; register it first")]
    ClassUnknown(Selector),
    /// The class exists.
    #[error("class {0} is registered already; choose another id")]
    ClassInUse(Selector),
    /// The class was retired.
    #[error("class {0} was removed and its id is never used again; choose another one")]
    ClassRemoved(Selector),
    /// The class has verifiers.
    #[error("class {id} still has {count} entries; remove them first")]
    ClassHasEntries {
        /// Which class.
        id: Selector,
        /// How many entries.
        count: U256,
    },
    /// The entry exists.
    #[error("an entry is registered under {0} already; choose another selector")]
    EntryInUse(Selector),
    /// No kind of contract that the router knows.
    #[error("interface tag {0} is none of verifier, joint verifier and assessor; correct it")]
    InvalidInterfaceTag(Selector),
    /// A class's assessor rule is broken.
    #[error("{0}")]
    AssessorRule(&'static str),
    /// The assessor class of a class is of another kind.
    #[error("class {0} is not a class of assessors; name one that is")]
    AssessorClassNotAssessor(Selector),
    /// There is a default class.
    #[error("class {0} is the default already; remove it first")]
    DefaultClassExists(Selector),
    /// The default class must verify.
    #[error("only a class of verifiers can be the default; register this one without it")]
    DefaultMustBeVerifier,
    /// The contract does not say that it has the interface.
    #[error("{contract} does not support interface {tag}; register a contract that does")]
    Erc165CheckFailed {
        /// The contract.
        contract: Address,
        /// The class's interface.
        tag: Selector,
    },
    /// No gas.
    #[error("the gas limit is zero; give one")]
    InvalidGasLimit,
    /// Ownership was not set up or handed over as it must be.
    #[error("the owner's address is not valid here; check it")]
    InvalidOwner,
}

/// Why the on-chain assessor refused a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssessorRevert {
    /// The proof is about something else than was asked.
    #[error(
        "fill {0} does not satisfy its request's predicate; it proves something else than was asked"
    )]
    PredicateFailed(U256),
    /// Image id and journal are not the claim's.
    #[error(
        "fill {0} has an image id and journal that do not hash to its claim; deliver the proven ones"
    )]
    ClaimDigestMismatch(U256),
    /// The predicate needs what the fill hides.
    #[error(
        "fill {0} hides image id and journal, which its request's predicate needs; deliver them"
    )]
    MissingFulfillmentData(U256),
    /// The prover's signature does not parse.
    #[error("the assessor seal's signature is malformed; it is the selector and 65 bytes r, s, v")]
    MalformedProverSignature,
    /// Another key has signed.
    #[error(
        "the batch names prover {expected} but was signed by {recovered}; sign it with the prover's key, over these very fills"
    )]
    ProverSignatureMismatch {
        /// Who signed.
        recovered: Address,
        /// Who must sign.
        expected: Address,
    },
}

/// Why the attested verifier refused a seal or a root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestedRevert {
    /// A seal for another verifier.
    #[error("the seal begins with {received}, this verifier's with {expected}; send it to its own")]
    SelectorMismatch {
        /// What came.
        received: Selector,
        /// What is right.
        expected: Selector,
    },
    /// Without signatures, the root must be stored.
    #[error(
        "root {0} is not stored; store it with submitMerkleRoot, or put signatures into the seal"
    )]
    RootUnknown(B256),
    /// Not enough attesters.
    #[error("{count} attesters have signed and {threshold} must; ask more of them")]
    TooFewSignatures {
        /// How many have.
        count: U256,
        /// How many must.
        threshold: U256,
    },
    /// Signed by a stranger, or malformed.
    #[error(
        "{0} is not a registered attester; the claim, root or chain may differ from what was signed (zero: malformed)"
    )]
    NotAnAttester(Address),
    /// Not in ascending order.
    #[error(
        "signer {signer} stands after {previous}; sort signatures by ascending signer, without repeats"
    )]
    SignersOutOfOrder {
        /// The one before.
        previous: Address,
        /// The one that should be later.
        signer: Address,
    },
    /// Attesters or threshold are not valid.
    #[error(
        "attesters must be ascending without zero, at most 64, and the threshold between one and their number; correct them"
    )]
    InvalidAttesterSet,
    /// The delay before another set comes into force is out of bounds.
    #[error("the delay must be between one second and a year; choose another one")]
    InvalidDelay,
    /// A proposal for another number or revision than the next.
    #[error("the next proposal is revision {revision} of set {number}; have that signed")]
    StaleProposal {
        /// Number of the set after the present one.
        number: U256,
        /// The next revision of it.
        revision: U256,
    },
    /// No set is waiting.
    #[error("no set of attesters is pending; propose one first")]
    NothingProposed,
    /// The delay is not over.
    #[error("the pending set can be activated at {0}; call again then")]
    TooEarly(U256),
}
