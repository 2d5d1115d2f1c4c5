//! Values as they stand in the file, and as the node holds them.
//!
//! [`Value::read`] is the only way from one to the other. What it refuses, it refuses with a clause
//! that begins with "must", so that every message is one sentence: the key, its value, what it must
//! be.

use alloy::primitives::Address;
use rialto_artifacts::{S3Location, StoreConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::de::DeValue;
use url::Url;

/// A type that a key can have.
pub(crate) trait Value: Sized {
    /// What a value looks like, for people.
    const KIND: &'static str;

    /// Reads it; remarks on what was accepted go to `notes`.
    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String>;

    /// How it is written in TOML; nothing for what is not set.
    fn show(&self) -> Option<String>;

    /// Itself, where it is a number with bounds.
    fn number(&self) -> Option<u64> {
        None
    }
}

/// A string in TOML.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The string that a value must be.
pub(super) fn text<'v>(value: &'v DeValue<'_>, kind: &str) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| format!("must be {kind}, in quotes"))
}

macro_rules! whole_numbers {
    ($($number:ty),+) => {
        $(impl Value for $number {
            const KIND: &'static str = "whole number";

            fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
                let number = value.as_integer().ok_or("must be a whole number, without quotes")?;
                Self::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| format!("must be a whole number from 0 to {}", Self::MAX))
            }

            fn show(&self) -> Option<String> {
                Some(self.to_string())
            }

            fn number(&self) -> Option<u64> {
                Some(u64::from(*self))
            }
        })+
    };
}

whole_numbers!(u8, u32, u64);

impl Value for bool {
    const KIND: &'static str = "true or false";

    fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| "must be true or false, without quotes".to_owned())
    }

    fn show(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: &'static str = T::KIND;

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        T::read(value, notes).map(Some)
    }

    fn show(&self) -> Option<String> {
        self.as_ref()?.show()
    }

    fn number(&self) -> Option<u64> {
        self.as_ref()?.number()
    }
}

/// What lists are made of.
pub(super) trait Item: Value {
    /// What a list of them is called.
    const LIST: &'static str;
}

impl<T: Item> Value for Vec<T> {
    const KIND: &'static str = T::LIST;

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        let items =
            value.as_array().ok_or_else(|| format!("must be a {}, in brackets", T::LIST))?;
        let read = |(index, item): (usize, &toml::Spanned<DeValue<'_>>)| {
            T::read(item.get_ref(), notes).map_err(|must| format!("{must} (entry {})", index + 1))
        };
        items.iter().enumerate().map(read).collect()
    }

    fn show(&self) -> Option<String> {
        let items: Vec<String> = self.iter().filter_map(T::show).collect();
        Some(format!("[{}]", items.join(", ")))
    }
}

/// Types that are written as text and know how to read it.
macro_rules! texts {
    ($($kind:ty: $name:literal, $list:literal, such as $sample:literal;)+) => {
        $(impl Value for $kind {
            const KIND: &'static str = $name;

            fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
                let refused = || format!("must be a {}, such as {:?}", $name, $sample);
                let text = value.as_str().ok_or_else(refused)?;
                if text.trim().is_empty() {
                    return Err(refused());
                }
                text.parse().map_err(|_| refused())
            }

            fn show(&self) -> Option<String> {
                // Paths of the file are Unicode, so this shows them whole.
                Some(quoted(serde_json::to_value(self).ok()?.as_str()?))
            }
        }

        impl Item for $kind {
            const LIST: &'static str = $list;
        })+
    };
}

texts! {
    String: "text", "list of texts", such as "base";
    PathBuf: "path", "list of paths", such as "data/cache";
    SocketAddr: "socket address", "list of socket addresses", such as "127.0.0.1:9090";
    Url: "URL", "list of URLs", such as "https://example.org/list.json";
    Address: "20-byte address", "list of addresses", such as "0x1111111111111111111111111111111111111111";
}

/// Text that must not be shown: a key of a service.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the request that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Value for Secret {
    const KIND: &'static str = "secret";

    fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
        let secret = text(value, "the key")?;
        let printable = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
        printable.then(|| Self(secret.to_owned())).ok_or_else(|| "must be the key alone".to_owned())
    }

    /// A mark that tells two secrets apart and says nothing about either.
    fn show(&self) -> Option<String> {
        let digest = alloy::primitives::keccak256(&self.0);
        Some(quoted(&format!("(hidden, mark {})", alloy::hex::encode(&digest[..4]))))
    }
}

/// Types of other crates that are read with serde.
macro_rules! tables {
    ($($kind:ty: $name:literal;)+) => {
        $(impl Value for $kind {
            const KIND: &'static str = $name;

            fn read(value: &DeValue<'_>, _notes: &mut Vec<String>) -> Result<Self, String> {
                deserialized(value, $name)
            }

            fn show(&self) -> Option<String> {
                serialized(self)
            }
        })+
    };
}

tables! {
    StoreConfig: "table";
    S3Location: "table";
}

impl Item for S3Location {
    const LIST: &'static str = "list of tables";
}

fn deserialized<T: DeserializeOwned>(value: &DeValue<'_>, kind: &str) -> Result<T, String> {
    let spanned = toml::Spanned::new(0..0, value.clone());
    T::deserialize(toml::de::ValueDeserializer::from(spanned))
        .map_err(|error| format!("must be a {kind} as documented: {}", error.message()))
}

fn serialized(value: &impl Serialize) -> Option<String> {
    toml::Value::try_from(value).ok().map(|value| value.to_string())
}

/// An enum whose variants are words of the file.
macro_rules! words {
    (
        $(#[doc = $meaning:literal])+
        $Words:ident { $($(#[doc = $doc:literal])+ $Variant:ident = $word:literal,)+ }
    ) => {
        $(#[doc = $meaning])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Words {
            $($(#[doc = $doc])+ $Variant,)+
        }

        impl $crate::settings::value::Value for $Words {
            const KIND: &'static str = $crate::settings::value::one_of!($($word)+);

            fn read(
                value: &toml::de::DeValue<'_>,
                _notes: &mut Vec<String>,
            ) -> Result<Self, String> {
                match value.as_str() {
                    $(Some($word) => Ok(Self::$Variant),)+
                    _ => Err(format!("must be {}", Self::KIND)),
                }
            }

            fn show(&self) -> Option<String> {
                let word = match self {
                    $(Self::$Variant => $word,)+
                };
                Some($crate::settings::value::quoted(word))
            }
        }
    };
}

/// `"a", "b" or "c"`, as one literal.
macro_rules! one_of {
    ($last:literal) => { concat!("\"", $last, "\"") };
    ($first:literal $last:literal) => { concat!("\"", $first, "\" or \"", $last, "\"") };
    ($first:literal $($rest:literal)+) => {
        concat!("\"", $first, "\", ", $crate::settings::value::one_of!($($rest)+))
    };
}

pub(crate) use {one_of, words};
