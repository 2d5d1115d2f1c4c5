//! Lines of a configuration, over a file that has the rest.

use rialto_node::Settings;
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
