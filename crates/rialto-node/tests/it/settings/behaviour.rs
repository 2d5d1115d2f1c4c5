//! One row: a key with some values, and what each of them makes of the node.

use crate::stage::Change;
use expect_test::Expect;
use std::collections::BTreeSet;

/// Looks at what each value does; all must do something else.
pub(crate) fn check(
    (section, key): (&'static str, &'static str),
    values: &[&'static str],
    observe: impl Fn(&Change) -> String,
    expected: &Expect,
) {
    assert!(values.len() >= 2, "one value changes nothing");
    let seen: Vec<String> =
        values.iter().map(|value| observe(&Change::none().and(&[(section, key, value)]))).collect();
    let rows: String =
        values.iter().zip(&seen).map(|(value, seen)| format!("{value}: {seen}\n")).collect();
    expected.assert_eq(&rows);
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "{section}.{key}: values that do the same");
}

/// The rows of a section: a test for each key.
macro_rules! behaviours {
    ($section:literal; $($key:ident [$($value:expr),+ $(,)?] $observe:expr => $seen:expr;)+) => {
        pub(crate) const KEYS: (&str, &[&str]) = ($section, &[$(stringify!($key)),+]);

        $(#[test]
        fn $key() {
            $crate::settings::behaviour::check(($section, stringify!($key)), &[$($value),+], $observe, &$seen);
        })+
    };
}

pub(crate) use behaviours;
