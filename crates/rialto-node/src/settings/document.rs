//! The keys for people: the annotated example, the reference, and single explanations. All of it
//! comes from the table of keys, so none of it can be out of date.

use super::read::nearest_path;
use super::retired::{RENAMED, WITHOUT_EFFECT};
use super::{Key, Section, Settings, VenueIdentity};
use serde::Serialize;
use std::fmt;

/// What is known about a name that stands in a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Explanation {
    /// It is a setting.
    Setting(Box<Explained>),
    /// It is accepted and does nothing.
    WithoutEffect {
        /// `section.name`.
        key: String,
        /// Why.
        no_effect: &'static str,
    },
}

/// A setting in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// `section.name`.
    pub key: String,
    /// What it means.
    pub meaning: String,
    /// What a value looks like.
    pub kind: &'static str,
    /// Of what a number is.
    pub unit: Option<&'static str>,
    /// What holds when the file does not say, in TOML.
    pub default: Option<String>,
    /// A value in TOML.
    pub example: Option<String>,
    /// What numbers are accepted.
    pub bounds: Option<String>,
    /// Which part of the node it influences.
    pub influences: String,
    /// Whether a change waits for the next start.
    pub at_restart: bool,
    /// Whether it is about the whole process, so that no venue overrides it.
    pub whole_process: bool,
    /// Names that it had.
    pub old_names: Vec<String>,
}

/// Nobody knows such a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NotASetting {
    /// What was asked for.
    pub name: String,
    /// What it resembles.
    pub near: Option<String>,
}

impl fmt::Display for NotASetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.near {
            Some(near) => write!(f, "{} is not a setting; did you mean {near}?", self.name),
            None => {
                let name = &self.name;
                write!(f, "{name} is not a setting; `rialto node config example` shows all")
            }
        }
    }
}

impl Settings {
    /// A configuration with the meaning of every key, in TOML.
    pub fn example() -> String {
        let settings = Self::default();
        let mut text = EXAMPLE_HEAD.to_owned();
        for section in settings.sections() {
            text += &format!("\n{}[{}]\n", prose(section.doc().lines()), section.name());
            section.keys().iter().for_each(|key| text += &entry(section, key));
        }
        let venue = VenueIdentity::default();
        text += &format!("\n{}#[[venue]]\n", prose(venue.doc().lines()));
        venue.keys().iter().for_each(|key| text += &entry(&venue, key));
        text + "\n#[venue.market]\n#listen_only = true\n"
    }

    /// All keys in Markdown.
    pub fn reference() -> String {
        let settings = Self::default();
        let venue = VenueIdentity::default();
        let mut text = REFERENCE_HEAD.to_owned();
        for section in settings.sections() {
            text += &format!("\n## `[{}]`\n\n{}", section.name(), table(section));
        }
        text += &format!("\n## `[[venue]]`\n\n{}", table(&venue));
        text += "\n## Old names\n\nAccepted with a warning.\n\n| old | now |\n|---|---|\n";
        for renamed in RENAMED {
            let (section, name) = renamed.new;
            let old = format!("{}.{}", renamed.section, renamed.old);
            text += &format!("| `{old}` | `{section}.{name}` |\n");
        }
        text += "\n## Without effect\n\nExisting brokers' keys with nothing to set here; accepted with \
                 a warning.\n\n| key | why |\n|---|---|\n";
        for idle in WITHOUT_EFFECT {
            text += &format!("| `{}.{}` | {} |\n", idle.section, idle.name, idle.why);
        }
        text
    }

    /// What a name means, given with or without its section. Names that stand in several sections
    /// have several explanations.
    pub fn explain(name: &str) -> Result<Vec<Explanation>, NotASetting> {
        let is = |section: &str, key: &str| {
            name == key || name.strip_suffix(key).is_some_and(|rest| rest == format!("{section}."))
        };
        let renamed = RENAMED.iter().filter(|renamed| is(renamed.section, renamed.old));
        let current: Vec<_> = renamed.map(|renamed| renamed.new).collect();
        let keys = Self::keys();
        let wanted =
            |key: &&Key| is(key.section, key.name) || current.contains(&(key.section, key.name));
        let settings = keys.iter().filter(wanted);
        let settings = settings.map(|key| Explanation::Setting(Box::new(explained(key))));
        let idle = WITHOUT_EFFECT.iter().filter(|idle| is(idle.section, idle.name));
        let idle = idle.map(|idle| Explanation::WithoutEffect {
            key: format!("{}.{}", idle.section, idle.name),
            no_effect: idle.why,
        });
        let found: Vec<_> = settings.chain(idle).collect();
        match found.is_empty() {
            false => Ok(found),
            true => {
                let near = nearest_path(name, &keys).map(|key| key.path());
                Err(NotASetting { name: name.to_owned(), near })
            }
        }
    }
}

const EXAMPLE_HEAD: &str = "\
# Configuration of a Rialto prover node.
#
# Each setting is shown with its default, or with an example where it has none. Take away the `#` of
# those that should differ. Amounts carry their unit; an unknown key is an error. The file is read
# again when it changes.
";

const REFERENCE_HEAD: &str = "\
# Settings of the prover node

Generated from the doc comments of `crates/rialto-node/src/settings` by `make gen`. `rialto node config example` prints a file
with all of them, `rialto node config explain KEY` tells about one, `rialto node config check FILE` reads a file strictly.

A changed file is read again within two seconds. *live*: the change holds from then on; *restart*: from the next start on.
Keys marked † are about the whole process; a `[[venue]]` may override the others of `[market]`, `[prover]` and `[batcher]`.
";

/// Paragraph lines as comments.
fn prose<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    lines.map(|line| format!("# {}\n", line.trim())).collect()
}

/// A key of the example with its meaning.
fn entry(section: &dyn Section, key: &Key) -> String {
    let value = default_of(section, key).or(key.sample.map(str::to_owned));
    let value = value.expect("a key without a default has an example: a test holds it");
    format!("\n{}#{} = {value}\n", prose(key.meaning()), key.name)
}

/// A key's default; nothing for what is not set or is an empty list or table.
fn default_of(section: &dyn Section, key: &Key) -> Option<String> {
    section.show(key.name).filter(|shown| !matches!(shown.as_str(), "[]" | "{}" | "\"\""))
}

fn table(section: &dyn Section) -> String {
    let doc: Vec<_> = section.doc().lines().map(str::trim).collect();
    let mut text = format!(
        "{}\n\n| key | default | unit | meaning | reload |\n|---|---|---|---|---|\n",
        doc.join(" ")
    );
    for key in section.keys() {
        let default = default_of(section, key);
        let default = default.map_or("none".to_owned(), |value| format!("`{value}`"));
        let meaning: Vec<_> = key.meaning().collect();
        let bounds = key.bounds().map(|bounds| format!(" ({bounds})")).unwrap_or_default();
        let process = if key.flags.whole_process { " †" } else { "" };
        let reload = if key.flags.at_restart { "restart" } else { "live" };
        text += &format!(
            "| `{}`{process} | {default} | {}{bounds} | {} | {reload} |\n",
            key.name,
            key.unit.unwrap_or(key.kind),
            meaning.join(" ").replace('|', "\\|"),
        );
    }
    text
}

fn explained(key: &Key) -> Explained {
    let settings = Settings::default();
    let venue = VenueIdentity::default();
    let section = settings.sections().into_iter().find(|section| section.name() == key.section);
    let old = RENAMED.iter().filter(|renamed| renamed.new == (key.section, key.name));
    Explained {
        key: key.path(),
        meaning: key.meaning().collect::<Vec<_>>().join(" "),
        kind: key.kind,
        unit: key.unit,
        default: default_of(section.unwrap_or(&venue), key),
        example: key.sample.map(str::to_owned),
        bounds: key.bounds(),
        influences: key.stage.to_string(),
        at_restart: key.flags.at_restart,
        whole_process: key.flags.whole_process,
        old_names: old.map(|old| format!("{}.{}", old.section, old.old)).collect(),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let explained = match self {
            Self::Setting(explained) => explained,
            Self::WithoutEffect { key, no_effect } => {
                return write!(f, "{key}\n\n  It is accepted and has no effect: {no_effect}.\n");
            }
        };
        let Explained { key, meaning, kind, unit, default, example, .. } = explained.as_ref();
        writeln!(f, "{key}\n\n  {meaning}\n")?;
        let unit = unit.map(|unit| format!(", {unit}")).unwrap_or_default();
        writeln!(f, "  value       {kind}{unit}")?;
        writeln!(f, "  default     {}", default.as_deref().unwrap_or("none"))?;
        if let Some(example) = example {
            writeln!(f, "  example     {example}")?;
        }
        if let Some(bounds) = &explained.bounds {
            writeln!(f, "  bounds      {bounds}")?;
        }
        writeln!(f, "  influences  {}", explained.influences)?;
        let when = if explained.at_restart { "at the next start" } else { "within two seconds" };
        writeln!(f, "  a change    takes effect {when}")?;
        let scope = match explained.whole_process {
            true => "the whole process",
            false => "each venue may have its own",
        };
        writeln!(f, "  applies to  {scope}")?;
        if !explained.old_names.is_empty() {
            writeln!(f, "  old names   {}", explained.old_names.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    /// Settings of the example, switched on.
    fn switched_on(example: &str) -> String {
        let on = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => {
                format!("{setting}\n")
            }
            _ => format!("{line}\n"),
        };
        example.lines().map(on).collect()
    }

    #[test]
    fn the_example_file_is_current() {
        expect_file!["../../node.example.toml"].assert_eq(&Settings::example());
    }

    #[test]
    fn the_reference_is_current() {
        expect_file!["../../../../docs/settings.md"].assert_eq(&Settings::reference());
    }

    #[test]
    fn the_example_as_it_is_means_the_defaults() {
        let checked = Settings::parse(&Settings::example()).unwrap();
        assert_eq!(checked.settings, Settings::default());
        assert_eq!(checked.warnings, []);
    }

    #[test]
    fn every_setting_of_the_example_can_be_switched_on() {
        let checked = Settings::parse(&switched_on(&Settings::example())).unwrap();
        assert_eq!(checked.warnings, []);
        let shown = checked.settings.flat();
        for key in Settings::keys().iter().filter(|key| key.section != "venue") {
            let value = shown.iter().find(|flat| flat.key == key.path());
            let value = value.and_then(|flat| flat.value.as_ref());
            assert!(value.is_some_and(|value| value != "[]" && value != "{}"), "{}", key.path());
        }
        let venue = &checked.settings.venues[0];
        assert_eq!(venue.identity.name, "base");
        assert!(venue.market.listen_only);
    }

    #[test]
    fn names_are_explained_with_and_without_their_section() {
        let one = Settings::explain("min_deadline").unwrap();
        assert_eq!(one, Settings::explain("market.min_deadline").unwrap());
        assert_eq!(Settings::explain("enabled").unwrap().len(), 4);
        let old = Settings::explain("max_stake").unwrap();
        assert!(old[0].to_string().starts_with("market.max_collateral\n"), "{}", old[0]);
        let idle = Settings::explain("market.rpc_mode").unwrap();
        assert!(idle[0].to_string().contains("no effect"), "{}", idle[0]);
        let unknown = Settings::explain("min_dedline").unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "min_dedline is not a setting; did you mean market.min_deadline?"
        );
        assert!(Settings::explain("colour").unwrap_err().near.is_none());
    }
}
