//! Errors for those who get a line of text and no more.

/// The error and what caused it, on one line.
pub(crate) fn on_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
