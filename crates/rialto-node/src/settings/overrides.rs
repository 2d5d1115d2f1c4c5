//! Floors for single requestors and proof types.

use super::amount::PriceAmount;
use super::value::{Value, quoted};
use alloy::primitives::Address;
use rialto_protocol::Selector;
use std::collections::BTreeMap;
use std::str::FromStr;
use toml::de::DeValue;

/// Floors that differ from the general one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PricingOverrides {
    /// For all requests of a requestor.
    pub by_requestor: BTreeMap<Address, PriceAmount>,
    /// For all requests that want a verifier.
    pub by_proof_type: BTreeMap<Selector, PriceAmount>,
    /// For requests of a requestor that want a verifier.
    pub by_requestor_proof_type: BTreeMap<(Address, Selector), PriceAmount>,
}

const TABLES: [&str; 3] = ["by_requestor", "by_proof_type", "by_requestor_proof_type"];

impl PricingOverrides {
    /// The floor for a request, if it is not the general one.
    pub fn floor(&self, requestor: Address, selector: Selector) -> Option<PriceAmount> {
        let exact = self.by_requestor_proof_type.get(&(requestor, selector));
        let of_type = || self.by_proof_type.get(&selector);
        let of_requestor = || self.by_requestor.get(&requestor);
        exact.or_else(of_type).or_else(of_requestor).copied()
    }

    /// Every amount in it.
    pub fn amounts(&self) -> impl Iterator<Item = PriceAmount> {
        let simple = self.by_requestor.values().chain(self.by_proof_type.values());
        simple.chain(self.by_requestor_proof_type.values()).copied()
    }
}

impl Value for PricingOverrides {
    const KIND: &'static str = "tables of amounts in ETH or USD";

    fn read(value: &DeValue<'_>, notes: &mut Vec<String>) -> Result<Self, String> {
        let tables = value.as_table().ok_or("must be a table")?;
        let mut read = Self::default();
        for (name, table) in tables {
            let name = name.get_ref().as_ref();
            if !TABLES.contains(&name) {
                return Err(format!("must have no {name:?}, only {}", TABLES.join(", ")));
            }
            let table = table.get_ref().as_table();
            let table = table.ok_or_else(|| format!("must have a table as {name:?}"))?;
            for (whom, price) in table {
                let whom = whom.get_ref().as_ref();
                let price = PriceAmount::read(price.get_ref(), notes);
                let price = price.map_err(|must| format!("{must} (in {name}, {whom:?})"))?;
                read.add(name, whom, price)?;
            }
        }
        Ok(read)
    }

    fn show(&self) -> Option<String> {
        let tables = [
            ("by_requestor", rows(&self.by_requestor, Address::to_string)),
            ("by_proof_type", rows(&self.by_proof_type, Selector::to_string)),
            ("by_requestor_proof_type", rows(&self.by_requestor_proof_type, both)),
        ];
        let tables = tables.into_iter().filter(|(_, rows)| !rows.is_empty());
        let tables: Vec<_> = tables.map(|(name, rows)| format!("{name} = {{ {rows} }}")).collect();
        Some(if tables.is_empty() {
            "{}".to_owned()
        } else {
            format!("{{ {} }}", tables.join(", "))
        })
    }
}

impl PricingOverrides {
    fn add(&mut self, table: &str, whom: &str, price: PriceAmount) -> Result<(), String> {
        match table {
            "by_requestor" => {
                self.by_requestor.insert(part(whom, "address")?, price);
            }
            "by_proof_type" => {
                self.by_proof_type.insert(part(whom, "4-byte selector")?, price);
            }
            "by_requestor_proof_type" => {
                let (requestor, selector) = whom.split_once(':').ok_or_else(|| {
                    format!("must have \"address:selector\" where it has {whom:?}")
                })?;
                let key = (part(requestor, "address")?, part(selector, "4-byte selector")?);
                self.by_requestor_proof_type.insert(key, price);
            }
            _ => unreachable!("every table has its arm"),
        }
        Ok(())
    }
}

fn part<T: FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("must have the {what} of 0x and hex digits where it has {text:?}"))
}

fn both((requestor, selector): &(Address, Selector)) -> String {
    format!("{requestor}:{selector}")
}

fn rows<K>(table: &BTreeMap<K, PriceAmount>, name: impl Fn(&K) -> String) -> String {
    let row = |(key, price): (&K, &PriceAmount)| {
        Some(format!("{} = {}", quoted(&name(key)), price.show()?))
    };
    table.iter().filter_map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_floor_counts() {
        let text = r#"{
            by_requestor = { "0x1111111111111111111111111111111111111111" = "1 wei" },
            by_proof_type = { "0x00000001" = "2 wei" },
            by_requestor_proof_type = { "0x1111111111111111111111111111111111111111:0x00000001" = "3 wei" } }"#;
        let value = DeValue::parse(text).unwrap();
        let overrides = PricingOverrides::read(value.get_ref(), &mut Vec::new()).unwrap();
        let (one, other) = (Address::repeat_byte(0x11), Address::repeat_byte(0x22));
        let (seal, plain): (Selector, Selector) =
            ("0x00000001".parse().unwrap(), "0x00000000".parse().unwrap());
        let floor = |who, what| overrides.floor(who, what).and_then(|floor| floor.show());
        assert_eq!(floor(one, seal).unwrap(), "\"0.000000000000000003 ETH\"");
        assert_eq!(floor(other, seal).unwrap(), "\"0.000000000000000002 ETH\"");
        assert_eq!(floor(one, plain).unwrap(), "\"0.000000000000000001 ETH\"");
        assert_eq!(floor(other, plain), None);
        assert_eq!(overrides.amounts().count(), 3);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "[]",
            "{ by_requestor = 1 }",
            "{ by_name = { x = \"1 wei\" } }",
            "{ by_requestor = { \"0x11\" = \"1 wei\" } }",
            "{ by_proof_type = { \"0x11\" = \"1 wei\" } }",
            "{ by_proof_type = { \"0x00000001\" = 1 } }",
            "{ by_requestor_proof_type = { \"0x00000001\" = \"1 wei\" } }",
        ] {
            let value = DeValue::parse(bad).unwrap();
            let read = PricingOverrides::read(value.get_ref(), &mut Vec::new());
            assert!(read.unwrap_err().starts_with("must "), "{bad}");
        }
    }
}
