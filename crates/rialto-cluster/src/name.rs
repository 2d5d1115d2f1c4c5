//! What a task's result is named by: everything that it follows from.

use rialto_artifacts::ArtifactId;
use rialto_planner::cluster::Work;
use rialto_zkvm::ProofKind;
use sha2::{Digest, Sha256};

/// Names a result by what it follows from. Two tasks of one name have interchangeable results, whatever job they are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResultName(pub(crate) [u8; 32]);

/// What all tasks of a job follow from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    pub(crate) engine: &'a str,
    pub(crate) program: &'a ArtifactId,
    pub(crate) input: &'a ArtifactId,
}

impl Origin<'_> {
    /// The proof of a segment, which stands in that page.
    pub(crate) fn proof(&self, page: &ArtifactId, segment: u32) -> ResultName {
        let hasher = self.hasher("prove").chain_update(page.0).chain_update(segment.to_be_bytes());
        ResultName(hasher.finalize().into())
    }

    /// A joined proof of those parts, in order.
    pub(crate) fn join<'p>(
        &self,
        proof: ProofKind,
        work: Work,
        is_top: bool,
        parts: impl Iterator<Item = &'p ArtifactId>,
    ) -> Option<ResultName> {
        let Work::Join { level, index } = work else { return None };
        let mut hasher = self.hasher("join");
        hasher.update([proof as u8, level, u8::from(is_top)]);
        hasher.update(index.to_be_bytes());
        parts.for_each(|part| hasher.update(part.0));
        Some(ResultName(hasher.finalize().into()))
    }

    /// The engine's name has a length of its own; everything after it is as long as ever.
    fn hasher(&self, kind: &str) -> Sha256 {
        Sha256::new()
            .chain_update("rialto.cluster-result.v1")
            .chain_update(Sha256::digest(kind))
            .chain_update(Sha256::digest(self.engine))
            .chain_update(self.program.0)
            .chain_update(self.input.0)
    }
}
