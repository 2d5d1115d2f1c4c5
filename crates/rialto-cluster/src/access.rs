//! Who may do what: tokens, by the SHA-256 of their text, in a file.
//!
//! Tokens are long and random, so a plain hash gives nothing of them away: whoever reads the file cannot use it.

use crate::bearer::Bearer;
use alloy_primitives::hex;
use rialto_protocol::Time;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use thiserror::Error;
use toml::value::{Date, Datetime, Offset};

/// What a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Uploading programs and inputs, ordering and cancelling proofs, fetching them.
    Submit,
    /// Doing tasks.
    Work,
    /// Seeing jobs, workers and what happens.
    Read,
    /// Draining workers, and everything else.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Submit => "submit",
            Self::Work => "work",
            Self::Read => "read",
            Self::Admin => "admin",
        })
    }
}

/// Who asks, as far as a token tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the token is called; for logs.
    pub name: String,
    /// Whose jobs it is about; nothing if all tenants'.
    pub tenant: Option<String>,
    scopes: BTreeSet<Scope>,
}

/// The tokens that open a coordinator, or that it is open to everybody on its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// By SHA-256; nothing if everybody may everything.
    tokens: Option<HashMap<[u8; 32], Grant>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Grant {
    caller: Caller,
    expires: Option<Time>,
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// There is no token.
    #[error("no token was sent; send the header `Authorization: Bearer <token>`")]
    NoToken,
    /// It is not known here.
    #[error("the token is not known here")]
    Unknown,
    /// It was good until a while ago.
    #[error("the token `{name}` has expired")]
    Expired {
        /// What it is called.
        name: String,
    },
    /// It is good, but not for this.
    #[error("the token `{name}` does not have the scope `{needs}`")]
    Scope {
        /// What it is called.
        name: String,
        /// What would open this.
        needs: Scope,
    },
}

/// The file of tokens cannot be used.
#[derive(Debug, Error)]
pub enum AccessError {
    /// It cannot be read.
    #[error("cannot read the tokens in {path}")]
    Read {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// It does not parse.
    #[error("the file of tokens does not parse: {0}")]
    Parse(String),
    /// A token in it is not one.
    #[error("token `{name}`: {what}")]
    Token {
        /// What it is called.
        name: String,
        /// What is wrong, and what would be right.
        what: &'static str,
    },
}

/// A file of tokens, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensFile {
    token: Vec<TokenEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    name: String,
    sha256: String,
    scopes: BTreeSet<Scope>,
    tenant: Option<String>,
    expires: Option<Datetime>,
}

impl Access {
    /// Everybody may everything. Only for addresses that nothing but the same machine reaches.
    pub fn open() -> Self {
        Self { tokens: None }
    }

    /// Whether everybody may everything.
    pub fn is_open(&self) -> bool {
        self.tokens.is_none()
    }

    /// The tokens in a TOML file, a `[[token]]` each: `name`, `sha256` (64 hexadecimal digits), `scopes` (of `submit`, `work`,
    /// `read`, `admin`), and if wanted `tenant` and `expires` (an RFC 3339 time with its offset).
    ///
    /// # Errors
    /// If it cannot be read, or a token in it is not one.
    pub fn in_file(path: &Path) -> Result<Self, AccessError> {
        let read = |source| AccessError::Read { path: path.display().to_string(), source };
        Self::from_toml(&std::fs::read_to_string(path).map_err(read)?)
    }

    /// The tokens of such a file's text.
    ///
    /// # Errors
    /// If a token in it is not one.
    pub fn from_toml(text: &str) -> Result<Self, AccessError> {
        let file: TokensFile =
            toml::from_str(text).map_err(|error| AccessError::Parse(error.to_string()))?;
        let mut tokens = HashMap::new();
        for TokenEntry { name, sha256, scopes, tenant, expires } in file.token {
            let wrong = |what| AccessError::Token { name: name.clone(), what };
            let mut digest = [0; 32];
            let decoded = hex::decode_to_slice(&sha256, &mut digest);
            decoded.map_err(|_| wrong("`sha256` is 64 hexadecimal digits"))?;
            if scopes.is_empty() {
                return Err(wrong("`scopes` names at least one of submit, work, read, admin"));
            }
            let instant = expires.map(|expires| {
                let instant = instant(expires);
                instant.ok_or_else(|| {
                    wrong("`expires` is a time with its offset: 2027-01-31T00:00:00Z")
                })
            });
            let grant = Grant {
                caller: Caller { name: name.clone(), tenant, scopes },
                expires: instant.transpose()?,
            };
            if tokens.insert(digest, grant).is_some() {
                return Err(wrong("it is the same as another; every token has one entry"));
            }
        }
        Ok(Self { tokens: Some(tokens) })
    }

    /// Who shows that token, if it is good for one of these at that time.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn check(
        &self,
        token: Option<&str>,
        needs: &[Scope],
        now: Time,
    ) -> Result<Caller, Denied> {
        let Some(tokens) = &self.tokens else {
            let scopes = [Scope::Submit, Scope::Work, Scope::Read, Scope::Admin].into();
            return Ok(Caller { name: "local".to_owned(), tenant: None, scopes });
        };
        let digest: [u8; 32] = Sha256::digest(token.ok_or(Denied::NoToken)?).into();
        let Grant { caller, expires } = tokens.get(&digest).ok_or(Denied::Unknown)?;
        let name = caller.name.clone();
        if expires.is_some_and(|expires| expires <= now) {
            return Err(Denied::Expired { name });
        }
        match needs.first() {
            Some(needed) if !needs.iter().any(|scope| caller.may(*scope)) => {
                Err(Denied::Scope { name, needs: *needed })
            }
            _ => Ok(caller.clone()),
        }
    }
}

impl Caller {
    /// Whether it may do such things.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Whether a tenant's jobs are its own.
    pub(crate) fn is_of(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|own| own == tenant)
    }
}

impl Bearer {
    /// What a file of tokens names it by.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.expose()))
    }
}

/// The instant; nothing without a date, a time or an offset, or before 1970.
fn instant(text: Datetime) -> Option<Time> {
    let (date, time) = (text.date?, text.time?);
    let offset_min = match text.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let in_day = i64::from(time.hour) * 3_600
        + i64::from(time.minute) * 60
        + i64::from(time.second.unwrap_or(0));
    let s = days(date) * 86_400 + in_day - offset_min * 60;
    Some(Time(u64::try_from(s).ok()?.checked_mul(1_000)?))
}

/// Days since 1970 in the proleptic Gregorian calendar: years are counted from March, so that the leap day is a year's last,
/// and a month's first day follows from 153 days in five months.
fn days(Date { year, month, day }: Date) -> i64 {
    let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let in_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year / 4 - year / 100 + year / 400;
    const BEFORE_1970: i64 = 719_468;
    365 * year + leap_days + in_year - BEFORE_1970
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    const TOKEN: &str = "0123456789abcdef";

    fn file(rest: &str) -> Result<Access, AccessError> {
        let bearer: Bearer = TOKEN.parse().unwrap();
        let sha256 = bearer.sha256();
        Access::from_toml(&format!("[[token]]\nname = 'w'\nsha256 = '{sha256}'\n{rest}"))
    }

    fn at(text: &str) -> Option<u64> {
        instant(text.parse().unwrap()).map(|time| time.0 / 1_000)
    }

    #[test]
    fn instants() {
        assert_eq!(at("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(at("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(at("2000-03-01T00:00:00+01:00"), Some(951_865_200));
        assert_eq!(at("2100-12-31T23:59:59-00:30"), Some(4_133_982_599));
        assert_eq!((at("2027-01-01"), at("2027-01-01T00:00:00")), (None, None));
        assert_eq!(at("1969-12-31T23:59:59Z"), None);
    }

    #[test]
    fn who_is_let_in() {
        let access =
            file("scopes = ['submit', 'read']\ntenant = 't'\nexpires = 2030-01-01T00:00:00Z");
        let (access, now) = (access.unwrap(), Time(1_893_455_999_999));
        let rows: Vec<_> = [
            (None, Scope::Submit, now),
            (Some("0123456789abcdeg"), Scope::Submit, now),
            (Some(TOKEN), Scope::Submit, now),
            (Some(TOKEN), Scope::Work, now),
            (Some(TOKEN), Scope::Admin, now),
            (Some(TOKEN), Scope::Submit, now.next()),
        ]
        .map(|(token, scope, now)| match access.check(token, &[scope], now) {
            Ok(caller) => format!("{} of {:?}", caller.name, caller.tenant),
            Err(denied) => denied.to_string(),
        })
        .into();
        expect![[r#"
            no token was sent; send the header `Authorization: Bearer <token>`
            the token is not known here
            w of Some("t")
            the token `w` does not have the scope `work`
            the token `w` does not have the scope `admin`
            the token `w` has expired"#]]
        .assert_eq(&rows.join("\n"));
        let one_of = access.check(Some(TOKEN), &[Scope::Work, Scope::Read], now).unwrap();
        assert!(one_of.is_of("t") && !one_of.is_of("u"));
        let admin = file("scopes = ['admin']").unwrap().check(Some(TOKEN), &[Scope::Work], now);
        assert!(admin.unwrap().is_of("u"), "an administrator may everything, for every tenant");
        assert!(Access::open().check(None, &[Scope::Admin], now).is_ok());
    }

    #[test]
    fn files_that_are_not_taken() {
        let same = format!(
            "scopes = ['work']\n[[token]]\nname = 'v'\nscopes = ['read']\nsha256 = '{}'",
            TOKEN.parse::<Bearer>().unwrap().sha256()
        );
        let rows: Vec<_> = [
            "scopes = []",
            "scopes = ['all']",
            "scopes = ['work']\nsecret = 'x'",
            "scopes = ['work']\nexpires = 2030-01-01",
            &same,
            "scopes = ['work']\n[[token]]\nname = 'v'\nscopes = ['read']\nsha256 = '00'",
        ]
        .map(|rest| {
            let error = file(rest).unwrap_err().to_string();
            error.lines().next_back().unwrap().to_owned()
        })
        .into();
        expect![[r#"
            token `w`: `scopes` names at least one of submit, work, read, admin
            unknown variant `all`, expected one of `submit`, `work`, `read`, `admin`
            unknown field `secret`, expected one of `name`, `sha256`, `scopes`, `tenant`, `expires`
            token `w`: `expires` is a time with its offset: 2027-01-31T00:00:00Z
            token `v`: it is the same as another; every token has one entry
            token `v`: `sha256` is 64 hexadecimal digits"#]]
        .assert_eq(&rows.join("\n"));
    }
}
