//! Artifacts: programs, inputs, proofs and whatever else is large and immutable.
//!
//! An artifact is named by the SHA-256 of its bytes ([`ArtifactId`]). [`ArtifactStore`] keeps
//! artifacts on any driver (a local directory, memory, an S3 bucket) and [`Fetcher`] obtains what a
//! stranger's URL points at.
//!
//! Invariants: bytes that do not hash to their name never leave a store; an artifact becomes
//! visible whole or not at all, also across `kill -9` and power loss; a URL reads nothing that its
//! [`FetchPolicy`] did not open, whatever the URL, its redirects or its host's DNS say.

mod fetch;
mod id;
mod store;

pub use fetch::{FetchError, FetchPolicy, Fetched, Fetcher};
pub use id::{ArtifactId, ParseArtifactIdError};
pub use store::{ArtifactStore, S3Location, StoreConfig, StoreError};
