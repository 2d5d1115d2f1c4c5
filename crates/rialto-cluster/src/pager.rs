//! Closes pages while an execution finds segments.

use crate::page::{NotAPage, PAGE_SEGMENTS_MAX, Page};
use rialto_zkvm::Segment;
use std::time::Duration;

/// A page with so many bytes of plans is full.
const FULL_BYTES: usize = 8 << 20;
/// Segments do not wait longer than this for others before they can be proven.
const OPEN_MAX: Duration = Duration::from_secs(1);

/// Turns segments, as they are found, into pages.
#[derive(Debug, Default)]
pub(crate) struct Pager {
    open: Vec<Segment>,
    bytes: usize,
    /// When the last page was closed, since the execution's beginning.
    closed: Duration,
}

impl Pager {
    /// Takes a segment that was found so long after the execution's beginning. Gives the page that it fills, or that has
    /// waited long enough.
    ///
    /// # Errors
    /// If it is not the one that follows.
    pub(crate) fn push(
        &mut self,
        segment: Segment,
        since: Duration,
    ) -> Result<Option<Page>, NotAPage> {
        self.bytes += segment.plan.len();
        self.open.push(segment);
        let is_full = self.open.len() >= PAGE_SEGMENTS_MAX || self.bytes >= FULL_BYTES;
        if !is_full && since.saturating_sub(self.closed) < OPEN_MAX {
            return Ok(None);
        }
        self.closed = since;
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
    fn pages_close_when_they_are_full_or_have_waited() {
        let mut pager = Pager::default();
        let mut rows = Vec::new();
        for (index, ms) in [(0, 5), (1, 999), (2, 1_000), (3, 1_001), (4, 5_000)] {
            let page = pager.push(segment(index), Duration::from_millis(ms)).unwrap();
            rows.extend(page.map(|page| (ms, page.first(), page.segments().len())));
        }
        for index in 5..70 {
            let page = pager.push(segment(index), Duration::from_millis(5_001)).unwrap();
            rows.extend(page.map(|page| (5_001, page.first(), page.segments().len())));
        }
        let last = pager.close().unwrap().map(|page| (0, page.first(), page.segments().len()));
        rows.extend(last);
        assert_eq!(rows, [(1_000, 0, 3), (5_000, 3, 2), (5_001, 5, 64), (0, 69, 1)]);
        assert_eq!(pager.close(), Ok(None));
    }
}
