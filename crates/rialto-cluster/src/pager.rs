//! Closes pages while an execution finds segments.
//!
//! What stands in which page follows from the segments alone and not from how fast they were found: two executions of one
//! program and input write the same pages, so that what was proven after the one is found again after the other.

use crate::page::{NotAPage, PAGE_SEGMENTS_MAX, Page};
use rialto_zkvm::Segment;

/// A page with so many bytes of plans is full.
const FULL_BYTES: usize = 8 << 20;

/// Turns segments, as they are found, into pages: the first has one segment, each further one twice as many as the one
/// before, up to the most. So no segment waits longer to be proven than it took to find those before it.
#[derive(Debug)]
pub(crate) struct Pager {
    open: Vec<Segment>,
    bytes: usize,
    full: usize,
}

impl Default for Pager {
    fn default() -> Self {
        Self { open: Vec::new(), bytes: 0, full: 1 }
    }
}

impl Pager {
    /// Takes a segment. Gives the page that it fills.
    ///
    /// # Errors
    /// If it is not the one that follows.
    pub(crate) fn push(&mut self, segment: Segment) -> Result<Option<Page>, NotAPage> {
        self.bytes += segment.plan.len();
        self.open.push(segment);
        if self.open.len() < self.full && self.bytes < FULL_BYTES {
            return Ok(None);
        }
        self.full = (self.full * 2).min(PAGE_SEGMENTS_MAX);
        self.close()
    }

    /// The last page, if there is anything in it.
    ///
    /// # Errors
    /// If its segments do not follow each other.
    pub(crate) fn close(&mut self) -> Result<Option<Page>, NotAPage> {
        self.bytes = 0;
        let open = std::mem::take(&mut self.open);
        if open.is_empty() { Ok(None) } else { Page::new(open).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use rialto_protocol::Cycles;

    fn segment(index: u32) -> Segment {
        Segment { index, cycles: Cycles(9), plan: Bytes::new() }
    }

    #[test]
    fn pages_grow_until_they_are_as_large_as_may_be() {
        let mut pager = Pager::default();
        let mut rows = Vec::new();
        for index in 0..193 {
            let page = pager.push(segment(index)).unwrap();
            rows.extend(page.map(|page| (page.first(), page.segments().len())));
        }
        rows.extend(pager.close().unwrap().map(|page| (page.first(), page.segments().len())));
        let expected =
            [(0, 1), (1, 2), (3, 4), (7, 8), (15, 16), (31, 32), (63, 64), (127, 64), (191, 2)];
        assert_eq!(rows, expected);
        assert_eq!(pager.close(), Ok(None));
    }

    #[test]
    fn a_page_of_long_plans_closes_early() {
        let mut pager = Pager::default();
        let long = |index| Segment { plan: vec![0; FULL_BYTES].into(), ..segment(index) };
        let pages = (0..3).filter_map(|index| pager.push(long(index)).unwrap());
        assert_eq!(pages.map(|page| page.segments().len()).collect::<Vec<_>>(), [1, 1, 1]);
    }
}
