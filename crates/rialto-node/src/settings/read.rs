//! From the text of a file to sections with values, strictly: what is not understood is named with
//! its line, and all of it at once.

use super::retired::{RENAMED, WITHOUT_EFFECT};
use super::section::{Key, Section};
use std::collections::HashMap;
use std::fmt;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A sentence about a line of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// The sentence.
    pub text: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// The list of venues.
pub(super) const VENUE: &str = "venue";

/// Longest part of a value that a message repeats.
const SHOWN_MAX: usize = 60;

/// Keys and values end here, and remarks on them.
pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) problems: Vec<Remark>,
    pub(super) warnings: Vec<Remark>,
    /// Where keys were set, by path.
    seen: HashMap<String, usize>,
    /// The venue whose table is being read.
    venue: Option<String>,
}

type Entry<'e, 't> = (&'e Spanned<DeString<'t>>, &'e Spanned<DeValue<'t>>);

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let (problems, warnings) = (Vec::new(), Vec::new());
        Self { text, problems, warnings, seen: HashMap::new(), venue: None }
    }

    /// Where the file, or the venue that is being read, gave the key a value.
    pub(super) fn place_of(&self, path: &str) -> Option<usize> {
        self.seen.get(path).copied()
    }

    /// Begins a venue's table: its keys are its own.
    pub(super) fn enter_venue(&mut self, name: &str) {
        self.seen.clear();
        self.venue = Some(name.to_owned());
    }

    pub(super) fn problem(&mut self, at: usize, text: impl Into<String>) {
        let line = self.line(at);
        self.problems.push(Remark { line, text: self.of_venue(text.into()) });
    }

    fn warn(&mut self, at: usize, text: String) {
        let line = self.line(at);
        self.warnings.push(Remark { line, text: self.of_venue(text) });
    }

    fn of_venue(&self, text: String) -> String {
        match &self.venue {
            Some(name) if !name.is_empty() => format!("venue {name}: {text}"),
            _ => text,
        }
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    /// Reads the keys of the section `at` and of the sections below it; `at` is empty for the file
    /// itself, whose list of venues is left out, and [`VENUE`] for a venue, which has sections like
    /// a file.
    pub(super) fn table(
        &mut self,
        sections: &mut [&mut dyn Section],
        at: &str,
        table: &DeTable<'t>,
    ) {
        for entry @ (key, value) in table {
            let name = key.get_ref().as_ref();
            if at.is_empty() && name == VENUE {
                continue;
            }
            let is_root = at.is_empty() || at == VENUE;
            let path = if is_root { name.to_owned() } else { format!("{at}.{name}") };
            let below = format!("{path}.");
            let is_section = |section: &&mut dyn Section| {
                section.name() == path || section.name().starts_with(&below)
            };
            let known = sections.iter().any(is_section);
            match value.get_ref().as_table() {
                Some(inner) if known => self.table(sections, &path, inner),
                _ if known => {
                    let text = format!("{path} is a section; write its settings below [{path}]");
                    self.problem(key.span().start, text);
                }
                _ => self.key(sections, at, entry),
            }
        }
    }

    fn key(&mut self, sections: &mut [&mut dyn Section], at: &str, entry: Entry<'_, 't>) {
        let (key, value) = entry;
        let name = key.get_ref().as_ref();
        let start = key.span().start;
        if let Some(idle) =
            WITHOUT_EFFECT.iter().find(|idle| (idle.section, idle.name) == (at, name))
        {
            return self.warn(start, format!("{at}.{name} has no effect here: {}", idle.why));
        }
        let renamed = RENAMED.iter().find(|renamed| (renamed.section, renamed.old) == (at, name));
        let (at, name) = renamed.map_or((at, name), |renamed| renamed.new);
        let row = find(sections, at).and_then(|section| row(section, name));
        let Some(row) = row else {
            let text = unknown(sections, (at, name), value.get_ref().is_table());
            return self.problem(start, text);
        };
        if let Some(renamed) = renamed {
            let old = format!("{}.{}", renamed.section, renamed.old);
            self.warn(start, format!("{old} is an old name of {}", row.path()));
        }
        self.value(sections, row, value, start);
    }

    fn value(
        &mut self,
        sections: &mut [&mut dyn Section],
        row: Key,
        value: &Spanned<DeValue<'t>>,
        start: usize,
    ) {
        let path = row.path();
        if self.venue.is_some() && row.flags.whole_process {
            let text = format!("{path} is for the whole process; set it outside the venues");
            return self.problem(start, text);
        }
        if self.seen.insert(path.clone(), start).is_some() {
            return self.problem(start, format!("{path} is set twice, once by an old name"));
        }
        let section = find(sections, row.section).expect("the row is one of its keys");
        let mut notes = Vec::new();
        if let Err(must) = section.set(row.name, value.get_ref(), &mut notes) {
            let text = format!("{path} is {}, but {must}", self.shown(value));
            self.problem(start, text);
        }
        for note in notes {
            self.warn(start, format!("{path} {note}"));
        }
    }

    /// A value as it stands in the file, shortened.
    fn shown(&self, value: &Spanned<DeValue<'t>>) -> String {
        let written = match value.get_ref() {
            DeValue::Table(_) => return "a table".to_owned(),
            _ => self.text.get(value.span()).unwrap_or_default(),
        };
        let line = written.lines().next().unwrap_or_default();
        match line.char_indices().nth(SHOWN_MAX) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if line.len() < written.len() => format!("{line}…"),
            None => line.to_owned(),
        }
    }
}

fn find<'s>(
    sections: &'s mut [&mut dyn Section],
    name: &str,
) -> Option<&'s mut (dyn Section + 's)> {
    let found = sections.iter().position(|section| section.name() == name)?;
    Some(&mut *sections[found])
}

fn row(section: &dyn Section, name: &str) -> Option<Key> {
    section.keys().iter().find(|key| key.name == name).copied()
}

/// What is said of a key that is none: where it belongs, or which it resembles.
fn unknown(sections: &[&mut dyn Section], (at, name): (&str, &str), is_table: bool) -> String {
    let rows = || sections.iter().flat_map(|section| section.keys());
    let elsewhere = rows().find(|key| key.name == name);
    let here = if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    if let Some(key) = elsewhere {
        return format!("{name} is a setting of [{}]; move it there", key.section);
    }
    if is_table {
        let names = sections.iter().map(|section| section.name());
        return match nearest(&here, names) {
            Some(near) => format!("there is no section [{here}]; did you mean [{near}]?"),
            None => format!("there is no section [{here}]"),
        };
    }
    let in_section = rows().filter(|key| key.section == at).map(|key| key.name);
    let near = nearest(name, in_section).map(str::to_owned);
    let near = near.or_else(|| {
        let path = nearest(name, rows().map(|key| key.name))?;
        rows().find(|key| key.name == path).map(Key::path)
    });
    match near {
        Some(near) => format!("{here} is not a setting; did you mean {near}?"),
        None => format!("{here} is not a setting; `rialto node config example` shows all"),
    }
}

/// The name that is most like `name`, if any is like it.
fn nearest(name: &str, among: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    // A third of the letters may be wrong; more is another word.
    let most = name.chars().count().div_ceil(3);
    let distance =
        |candidate: &'static str| (strsim::damerau_levenshtein(name, candidate), candidate);
    let (distance, nearest) = among.map(distance).min()?;
    (distance <= most).then_some(nearest)
}

/// The nearest keys to what somebody calls a key, for those who ask for one by name.
pub(super) fn nearest_path(name: &str, keys: &[Key]) -> Option<Key> {
    let by_path = keys.iter().map(|key| (strsim::damerau_levenshtein(name, &key.path()), *key));
    let by_name = keys.iter().map(|key| (strsim::damerau_levenshtein(name, key.name), *key));
    let (distance, key) = by_path.chain(by_name).min_by_key(|(distance, _)| *distance)?;
    (distance <= name.chars().count().div_ceil(3)).then_some(key)
}
