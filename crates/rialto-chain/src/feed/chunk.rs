//! How many blocks to ask for at once. Endpoints refuse ranges that are too long or hold too many
//! logs, each in its own words and at its own limit, so the limit is found by trying.

use crate::EndpointError;
use alloy::transports::TransportErrorKind;

/// Good chunks in a row after which a larger one is tried again.
const PATIENCE: u32 = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChunkSize {
    blocks: u64,
    max: u64,
    good: u32,
}

impl ChunkSize {
    pub(super) fn new(max: u64) -> Self {
        Self { blocks: max.max(1), max: max.max(1), good: 0 }
    }

    pub(super) fn blocks(&self) -> u64 {
        self.blocks
    }

    pub(super) fn succeeded(&mut self) {
        self.good += 1;
        if self.good >= PATIENCE {
            self.good = 0;
            self.blocks = self.blocks.saturating_mul(2).min(self.max);
        }
    }

    pub(super) fn refused(&mut self, blocks: u64) {
        self.good = 0;
        self.blocks = (blocks / 2).max(1);
    }
}

/// Whether an endpoint refused a range of blocks for its size. Wrong guesses are harmless: a
/// smaller range is asked for, and one block that fails is an error.
pub(super) fn is_too_large(failed: &EndpointError) -> bool {
    if let Some(payload) = failed.source.as_error_resp() {
        return speaks_of_size(&payload.message);
    }
    let http = failed.source.as_transport_err().and_then(TransportErrorKind::as_http_error);
    http.is_some_and(|http| http.status == 413 || speaks_of_size(&http.body))
}

fn speaks_of_size(message: &str) -> bool {
    const WORDS: &[&str] = &["range", "limit", "too many", "too large", "exceed", "more than"];
    let message = message.to_lowercase();
    WORDS.iter().any(|word| message.contains(word)) && !message.contains("rate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::transports::TransportError;
    use expect_test::expect;

    fn failed(source: TransportError) -> EndpointError {
        EndpointError { operation: "answer", source }
    }

    #[test]
    fn refusals_of_a_range_are_told_from_other_errors() {
        let cases = [
            EndpointError::answered(-32005, "query returned more than 10000 results"),
            EndpointError::answered(-32602, "eth_getLogs is limited to a 10,000 range"),
            EndpointError::answered(-32000, "block range is too wide"),
            EndpointError::answered(-32005, "daily request count exceeded, request rate limited"),
            EndpointError::answered(-32000, "header not found"),
            EndpointError::answered(-32603, "internal error"),
            failed(TransportErrorKind::http_error(413, String::new())),
            failed(TransportErrorKind::http_error(502, "bad gateway".to_owned())),
            failed(TransportErrorKind::custom_str("connection refused")),
        ];
        let table: String = cases
            .into_iter()
            .map(|failed| format!("{:5} {}\n", is_too_large(&failed), failed.source))
            .collect();
        expect![[r#"
            true  server returned an error response: error code -32005: query returned more than 10000 results
            true  server returned an error response: error code -32602: eth_getLogs is limited to a 10,000 range
            true  server returned an error response: error code -32000: block range is too wide
            false server returned an error response: error code -32005: daily request count exceeded, request rate limited
            false server returned an error response: error code -32000: header not found
            false server returned an error response: error code -32603: internal error
            true  HTTP error 413 with empty body
            false HTTP error 502 with body: bad gateway
            false connection refused
        "#]].assert_eq(&table);
    }

    #[test]
    fn a_refused_chunk_is_halved_and_grows_again_after_a_while() {
        let mut chunk = ChunkSize::new(1_000);
        chunk.refused(1_000);
        chunk.refused(chunk.blocks());
        assert_eq!(chunk.blocks(), 250);
        (0..PATIENCE - 1).for_each(|_| chunk.succeeded());
        assert_eq!(chunk.blocks(), 250);
        (0..1 + 2 * PATIENCE).for_each(|_| chunk.succeeded());
        assert_eq!(chunk.blocks(), 1_000);
        (0..12).for_each(|_| chunk.refused(chunk.blocks()));
        assert_eq!(chunk.blocks(), 1);
    }
}
