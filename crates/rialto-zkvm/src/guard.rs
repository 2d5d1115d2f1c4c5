//! The last net: a panic in a zkVM's code becomes a value.
//!
//! The zkVM's libraries assert on input that strangers control. Those panics are caught, and
//! while they are expected the panic hook stays silent on that thread: what happened is in the
//! returned text, not in a backtrace on the operator's terminal. Needs `panic = "unwind"`,
//! which every profile of this workspace has.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`; if it panics, the panic's text.
///
/// Whatever `work` mutates must be dropped or rebuilt by the caller after an error: it may
/// have been left half-changed.
///
/// # Errors
/// If `work` panics on this thread. A panic on a thread that `work` starts is its own affair.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    install_quiet_hook();
    let outer = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    result.map_err(|payload| text_of(payload.as_ref()))
}

fn install_quiet_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDED.get() {
                tracing::debug!(%info, "a guarded computation panicked");
            } else {
                previous(info);
            }
        }));
    });
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked without a message").to_owned()
}
