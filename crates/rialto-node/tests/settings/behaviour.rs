//! One row: a key with some values, and what each of them makes of the node.

use expect_test::Expect;
use rialto_node::Settings;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// A section, a key and a value in TOML.
pub(crate) type Line = (&'static str, &'static str, &'static str);

/// Values of keys, to be put into a file.
#[derive(Clone, Debug)]
pub(crate) struct Change(Vec<(&'static str, &'static str, String)>);

impl Change {
    /// Nothing yet.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// With other keys beside it.
    pub(crate) fn and(&self, lines: &[Line]) -> Self {
        let lines = lines.iter().map(|(section, key, value)| (*section, *key, (*value).to_owned()));
        Self(lines.chain(self.0.iter().cloned()).collect())
    }

    /// With a word of the values replaced by what is known only when the test runs.
    pub(crate) fn with(&self, word: &str, by: &str) -> Self {
        let lines =
            self.0.iter().map(|(section, key, value)| (*section, *key, value.replace(word, by)));
        Self(lines.collect())
    }

    /// The file `base` with the values in it.
    pub(crate) fn over(&self, base: &str) -> Settings {
        let mut file: Table = base.parse().unwrap();
        for (section, key, value) in &self.0 {
            let mut table = &mut file;
            for name in section.split('.') {
                let inner = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
                table = inner.as_table_mut().unwrap();
            }
            let value: Table = format!("value = {value}").parse().unwrap();
            table.insert((*key).to_owned(), value["value"].clone());
        }
        let checked = Settings::parse(&toml::to_string(&file).unwrap());
        checked.unwrap_or_else(|problems| panic!("{self:?}: {problems}")).settings
    }
}

/// Looks at what each value does; all must do something else.
pub(crate) fn check(
    (section, key): (&'static str, &'static str),
    values: &[&str],
    observe: impl Fn(&Change) -> String,
    expected: &Expect,
) {
    assert!(values.len() >= 2, "one value changes nothing");
    let seen: Vec<String> = values
        .iter()
        .map(|value| observe(&Change(vec![(section, key, (*value).to_owned())])))
        .collect();
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
            $crate::behaviour::check(($section, stringify!($key)), &[$($value),+], $observe, &$seen);
        })+
    };
}

pub(crate) use behaviours;
