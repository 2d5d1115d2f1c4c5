//! The table of keys: what a section of the file holds, from which structs, defaults, messages, the
//! example and the documents all come.
//!
//! A section is declared once with [`section!`]. Each row is a doc comment, the part of the node that
//! the key influences with its flags, name, type and default, and where they apply its unit, bounds
//! and an example of a value.

use super::value::Value;
use std::fmt;
use toml::de::DeValue;

/// One key of a section.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The section's name, such as `market`.
    pub section: &'static str,
    /// The key's name in the section.
    pub name: &'static str,
    /// What it means; lines as they stand in its doc comment.
    pub(super) doc: &'static str,
    /// What it influences.
    pub stage: Stage,
    /// When and where it applies.
    pub flags: Flags,
    /// What a value looks like.
    pub kind: &'static str,
    /// Of what a number is.
    pub unit: Option<&'static str>,
    /// The least number accepted.
    pub least: Option<u64>,
    /// The greatest number accepted.
    pub most: Option<u64>,
    /// A value in TOML, for keys whose default is none.
    pub sample: Option<&'static str>,
}

/// What a key influences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// How the chain is read.
    Seeing,
    /// Which requests are taken, and at which price.
    Judging,
    /// How much work is promised at once, and in which order.
    Promising,
    /// How locks are sent.
    Locking,
    /// How proofs are made.
    Proving,
    /// How proofs are handed in and paid.
    Delivering,
    /// How amounts in dollars are converted.
    Converting,
    /// Where artifacts come from and stay.
    Storing,
    /// What the operator is shown and told.
    Telling,
    /// Which markets are served, and as whom.
    Serving,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seeing => "how the chain is read",
            Self::Judging => "which requests are taken, and at which price",
            Self::Promising => "how much work is promised at once, and in which order",
            Self::Locking => "how locks are sent",
            Self::Proving => "how proofs are made",
            Self::Delivering => "how proofs are handed in and paid",
            Self::Converting => "how amounts in dollars are converted",
            Self::Storing => "where artifacts come from and stay",
            Self::Telling => "what the operator is shown and told",
            Self::Serving => "which markets are served, and as whom",
        })
    }
}

/// When and where a key applies. Without a flag: at once, and a venue may override it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// A change waits for the next start.
    pub at_restart: bool,
    /// It is about the whole process, so no venue overrides it.
    pub whole_process: bool,
}

impl Flags {
    pub(super) const NONE: Self = Self { at_restart: false, whole_process: false };

    pub(super) const fn restart(self) -> Self {
        Self { at_restart: true, ..self }
    }

    pub(super) const fn process(self) -> Self {
        Self { whole_process: true, ..self }
    }
}

impl Key {
    /// `section.name`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// What it means, as one line for each paragraph line of its documentation.
    pub fn meaning(&self) -> impl Iterator<Item = &'static str> {
        self.doc.lines().map(str::trim)
    }

    /// What numbers it takes, in words; nothing when all numbers of its kind are taken.
    pub fn bounds(&self) -> Option<String> {
        match (self.least, self.most) {
            (Some(least), Some(most)) => Some(format!("from {least} to {most}")),
            (Some(least), None) => Some(format!("at least {least}")),
            (None, Some(most)) => Some(format!("at most {most}")),
            (None, None) => None,
        }
    }

    /// Refuses what is out of bounds, in a clause that begins with "must".
    pub(super) fn admits(&self, value: &impl Value) -> Result<(), String> {
        let Some(number) = value.number() else { return Ok(()) };
        let low = self.least.is_some_and(|least| number < least);
        let high = self.most.is_some_and(|most| number > most);
        let wanted = self.bounds().filter(|_| low || high);
        wanted.map_or(Ok(()), |wanted| Err(format!("must be {wanted}")))
    }
}

/// A table of the file with its values.
pub trait Section {
    /// Its name, dotted when it is nested.
    fn name(&self) -> &'static str;

    /// What it is about.
    fn doc(&self) -> &'static str;

    /// Its keys in the order in which they are explained.
    fn keys(&self) -> &'static [Key];

    /// Reads the value of a key of this section. The error is a clause that begins with "must";
    /// remarks on what was accepted go to `notes`.
    fn set(
        &mut self,
        key: &str,
        value: &DeValue<'_>,
        notes: &mut Vec<String>,
    ) -> Result<(), String>;

    /// A key's value in TOML; nothing when it has none.
    fn show(&self, key: &str) -> Option<String>;

    /// A key's value as the node holds it.
    #[cfg(test)]
    fn debug(&self, key: &str) -> String;
}

/// Declares a section: see this module's head.
macro_rules! section {
    (
        $(#[doc = $meaning:literal])+
        $name:literal => $Section:ident {
            $(
                $(#[doc = $doc:literal])+
                [$stage:ident $(, $flag:ident)*]
                $key:ident: $kind:ty = $default:expr
                    $(, in $unit:literal)? $(, least $least:literal)? $(, most $most:literal)?
                    $(, such as $sample:literal)?;
            )+
        }
    ) => {
        $(#[doc = $meaning])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $Section {
            $($(#[doc = $doc])+ pub $key: $kind,)+
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::settings::section::Section for $Section {
            fn name(&self) -> &'static str {
                $name
            }

            fn doc(&self) -> &'static str {
                concat!($($meaning, "\n"),+)
            }

            fn keys(&self) -> &'static [$crate::settings::section::Key] {
                use $crate::settings::section::{Flags, Key, Stage};
                const KEYS: &[Key] = &[$(Key {
                    section: $name,
                    name: stringify!($key),
                    doc: concat!($($doc, "\n"),+),
                    stage: Stage::$stage,
                    flags: Flags::NONE$(.$flag())*,
                    kind: <$kind as $crate::settings::value::Value>::KIND,
                    unit: [$(Some($unit),)? None][0],
                    least: [$(Some($least),)? None][0],
                    most: [$(Some($most),)? None][0],
                    sample: [$(Some($sample),)? None][0],
                }),+];
                KEYS
            }

            fn set(
                &mut self,
                key: &str,
                value: &toml::de::DeValue<'_>,
                notes: &mut Vec<String>,
            ) -> Result<(), String> {
                use $crate::settings::value::Value;
                let row = self.keys().iter().find(|row| row.name == key);
                let row = row.expect("only keys of this section are read into it");
                match key {
                    $(stringify!($key) => {
                        let value = <$kind as Value>::read(value, notes)?;
                        row.admits(&value)?;
                        self.$key = value;
                    })+
                    _ => unreachable!("every row has its arm"),
                }
                Ok(())
            }

            fn show(&self, key: &str) -> Option<String> {
                use $crate::settings::value::Value;
                match key {
                    $(stringify!($key) => self.$key.show(),)+
                    _ => None,
                }
            }

            #[cfg(test)]
            fn debug(&self, key: &str) -> String {
                match key {
                    $(stringify!($key) => format!("{:?}", self.$key),)+
                    _ => unreachable!("every row has its arm"),
                }
            }
        }
    };
}

pub(crate) use section;
