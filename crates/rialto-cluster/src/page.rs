//! Segments that an execution found in one go, as they lie in the artifact store.

use rialto_zkvm::Segment;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most segments of a page.
pub const PAGE_SEGMENTS_MAX: usize = 64;
/// The most bytes of a page: what a few plans of a zkVM take that puts a segment's memory into them.
pub const PAGE_BYTES_MAX: usize = 256 << 20;
/// Segments that follow each other: at least one, at most [`PAGE_SEGMENTS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    segments: Vec<Segment>,
}

/// The bytes are no page.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotAPage {
    /// There are too many of them.
    #[error("a page has at most {PAGE_BYTES_MAX} bytes, these are {0}")]
    TooLong(usize),
    /// They say nothing.
    #[error("the page does not decode: {0}")]
    Malformed(String),
    /// They are not so many segments.
    #[error("a page has 1 to {PAGE_SEGMENTS_MAX} segments, this one has {0}")]
    Count(usize),
    /// The segments do not follow each other.
    #[error("segment {found} stands where segment {expected} should")]
    Order {
        /// Which should stand there.
        expected: u64,
        /// Which does.
        found: u32,
    },
}

impl Page {
    /// The page of these segments.
    ///
    /// # Errors
    /// If they are none, too many, or do not follow each other.
    pub fn new(segments: Vec<Segment>) -> Result<Self, NotAPage> {
        if segments.is_empty() || segments.len() > PAGE_SEGMENTS_MAX {
            return Err(NotAPage::Count(segments.len()));
        }
        let first = u64::from(segments[0].index);
        for (expected, segment) in (first..).zip(&segments) {
            if u64::from(segment.index) != expected {
                return Err(NotAPage::Order { expected, found: segment.index });
            }
        }
        Ok(Self { segments })
    }

    /// Reads what somebody says is a page.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAPage> {
        if bytes.len() > PAGE_BYTES_MAX {
            return Err(NotAPage::TooLong(bytes.len()));
        }
        #[derive(Deserialize)]
        struct Unchecked {
            segments: Vec<Segment>,
        }
        let malformed = |reason: String| NotAPage::Malformed(reason);
        match postcard::take_from_bytes::<Unchecked>(bytes) {
            Ok((Unchecked { segments }, [])) => Self::new(segments),
            Ok((_, rest)) => Err(malformed(format!("{} bytes follow it", rest.len()))),
            Err(error) => Err(malformed(error.to_string())),
        }
    }

    /// The bytes that it is stored as, and named by.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("segments are numbers and bytes, which always encode")
    }

    /// The first segment's place in the execution.
    pub fn first(&self) -> u32 {
        self.segments[0].index
    }

    /// The segments, in their order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segment of that place in the execution, if it is here.
    pub fn segment(&self, index: u32) -> Option<&Segment> {
        self.segments.get(index.checked_sub(self.first())? as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use rialto_protocol::Cycles;

    fn segment(index: u32) -> Segment {
        Segment { index, cycles: Cycles(9), plan: Bytes::from_static(b"plan") }
    }

    #[test]
    fn what_is_no_page() {
        let refused = |segments: Vec<Segment>| {
            let bytes = postcard::to_allocvec(&segments).unwrap();
            Page::from_bytes(&bytes).unwrap_err().to_string()
        };
        assert_eq!(refused(vec![]), "a page has 1 to 64 segments, this one has 0");
        let many = (0..65).map(segment).collect();
        assert_eq!(refused(many), "a page has 1 to 64 segments, this one has 65");
        let gap = vec![segment(3), segment(5)];
        assert_eq!(refused(gap), "segment 5 stands where segment 4 should");
        let over = vec![segment(u32::MAX), segment(0)];
        assert_eq!(refused(over), "segment 0 stands where segment 4294967296 should");
        let mut more = Page::new(vec![segment(0)]).unwrap().to_bytes();
        more.push(0);
        let error = Page::from_bytes(&more).unwrap_err().to_string();
        assert_eq!(error, "the page does not decode: 1 bytes follow it");
    }

    #[test]
    fn a_page_gives_its_segments() {
        let page = Page::new((3..6).map(segment).collect()).unwrap();
        assert_eq!(Page::from_bytes(&page.to_bytes()), Ok(page.clone()));
        let found = [2, 3, 5, 6].map(|index| page.segment(index).map(|it| it.index));
        assert_eq!(found, [None, Some(3), Some(5), None]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Page::from_bytes(&bytes);
        }
    }
}
