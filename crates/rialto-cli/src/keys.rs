//! Secret keys and where they come from: a file or the environment, never an argument; and the
//! directory of proving keys, which are no secrets.
//!
//! What was read never shows in an error, a log or a `Debug` text.

use crate::failure::Failure;
use alloy::primitives::B256;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use clap::Args;
use rialto_zkvm::KeyStore;
use std::env;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Holds a key as 0x-hex; read when no file is named.
const KEY_VARIABLE: &str = "RIALTO_PRIVATE_KEY";
/// Holds the password of an encrypted key file; read when no file with it is named.
const PASSWORD_VARIABLE: &str = "RIALTO_KEY_PASSWORD";
/// A key or a keystore is far shorter; a longer file is another file.
const KEY_FILE_BYTES_MAX: u64 = 64 << 10;

/// Which key signs.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeyArgs {
    /// The account's key: a file with 0x-hex, or an encrypted JSON keystore. Without it the
    /// environment variable RIALTO_PRIVATE_KEY is read
    #[arg(long, value_name = "FILE", env = "RIALTO_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// File with the keystore's password. Without it RIALTO_KEY_PASSWORD is read
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Where proving keys are cached.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KeysDirArgs {
    /// Cache of proving keys (not secret) [default: ~/.cache/rialto/keys]
    #[arg(long, value_name = "DIR", env = "RIALTO_KEYS_DIR")]
    pub(crate) keys_dir: Option<PathBuf>,
}

/// Text that must not be shown.
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl KeyArgs {
    /// A key in this file, for callers that have no command line.
    pub(crate) fn in_file(path: impl Into<PathBuf>) -> Self {
        Self { key_file: Some(path.into()), password_file: None }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// If no key is named, or what is named holds none.
    pub(crate) fn load(&self) -> Result<PrivateKeySigner> {
        if let Some(path) = &self.key_file {
            return self.read_file(path);
        }
        let Some(text) = variable(KEY_VARIABLE)? else {
            let next = format!("name a key file with --key-file, or set {KEY_VARIABLE}");
            return Err(Failure::usage("no key was given to sign with", next).into());
        };
        from_hex(&text, &format!("the environment variable {KEY_VARIABLE}"))
    }

    fn read_file(&self, path: &Path) -> Result<PrivateKeySigner> {
        let text = read(path, "key file")?;
        if text.0.trim_start().starts_with('{') {
            return decrypt(path, &self.password(path)?);
        }
        warn_if_open(path);
        from_hex(&text, &path.display().to_string())
    }

    fn password(&self, key_file: &Path) -> Result<Secret> {
        if let Some(path) = &self.password_file {
            let Secret(text) = read(path, "password file")?;
            return Ok(Secret(text.trim_end_matches(['\r', '\n']).to_owned()));
        }
        variable(PASSWORD_VARIABLE)?.ok_or_else(|| {
            let what = format!("the keystore {} is encrypted", key_file.display());
            let next = format!("name a file with --password-file, or set {PASSWORD_VARIABLE}");
            Failure::usage(what, next).into()
        })
    }
}

impl KeysDirArgs {
    /// The cache.
    ///
    /// # Errors
    /// If there is neither an argument nor a home directory.
    pub(crate) fn store(&self) -> Result<KeyStore> {
        let directory = match &self.keys_dir {
            Some(directory) => directory.clone(),
            None => proving_keys_dir()?,
        };
        Ok(KeyStore::in_directory(directory))
    }
}

/// Where proving keys are cached unless somebody says otherwise.
///
/// # Errors
/// If there is no home directory.
pub(crate) fn proving_keys_dir() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = named("RIALTO_KEYS_DIR") {
        return Ok(directory);
    }
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let cache = cache.context(Failure::usage(
        "there is no home directory to cache proving keys in",
        "set RIALTO_KEYS_DIR, or HOME",
    ))?;
    Ok(cache.join("rialto").join("keys"))
}

/// The key in `path`, or a new one that only the owner can read.
///
/// # Errors
/// If the file cannot be read or written, or holds something else.
pub(crate) fn load_or_create(path: &Path) -> Result<PrivateKeySigner> {
    if path.exists() {
        return KeyArgs::in_file(path).load();
    }
    create(path).with_context(|| format!("cannot write the key file {}", path.display()))
}

fn create(path: &Path) -> io::Result<PrivateKeySigner> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let key = PrivateKeySigner::random();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", key.to_bytes())?;
    file.sync_all()?;
    Ok(key)
}

fn read(path: &Path, what: &str) -> Result<Secret> {
    let open = || -> io::Result<String> {
        let file = File::open(path)?;
        if file.metadata()?.len() > KEY_FILE_BYTES_MAX {
            return Err(io::Error::other("it is far too long"));
        }
        io::read_to_string(file)
    };
    let failure = || {
        let what = format!("cannot read the {what} {}", path.display());
        Failure::usage(what, "check its name and permissions")
    };
    open().map(Secret).with_context(failure)
}

fn variable(name: &str) -> Result<Option<Secret>> {
    match env::var(name) {
        Ok(text) => Ok(Some(Secret(text))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            let what = format!("the environment variable {name} is not text");
            Err(Failure::usage(what, "set it to plain text").into())
        }
    }
}

/// `place` says where the text was found; the text itself is never repeated.
fn from_hex(text: &Secret, place: &str) -> Result<PrivateKeySigner> {
    let wrong = |problem: &str| {
        let what = format!("{place} holds no private key: {problem}");
        Failure::usage(what, "give 64 hexadecimal digits after 0x, or an encrypted JSON keystore")
    };
    let digits = text.0.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    if digits.len() != 64 {
        return Err(wrong(&format!("it has {} characters, not 64", digits.len())).into());
    }
    let bytes: B256 = digits.parse().map_err(|_| wrong("not every character is hexadecimal"))?;
    PrivateKeySigner::from_bytes(&bytes)
        .map_err(|_| wrong("the number is not a valid key of the curve").into())
}

fn decrypt(path: &Path, password: &Secret) -> Result<PrivateKeySigner> {
    PrivateKeySigner::decrypt_keystore(path, &password.0).with_context(|| {
        let what = format!("the keystore {} does not open", path.display());
        Failure::usage(what, "check the password, and that the file is a version 3 keystore")
    })
}

/// Others on the machine can read the file: a mistake that a signer should hear of.
fn warn_if_open(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else { return };
    if metadata.permissions().mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others can read this key file; chmod 600 it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(text: &str) -> Result<PrivateKeySigner> {
        from_hex(&Secret(text.to_owned()), "the file")
    }

    #[test]
    fn hex_with_and_without_prefix_is_a_key() {
        let one = format!("{:064x}", 1);
        let address = key_of(&one).unwrap().address();
        assert_eq!(address.to_string(), "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
        assert_eq!(key_of(&format!("0x{one}\n")).unwrap().address(), address);
    }

    #[test]
    fn no_error_repeats_what_was_read() {
        let secret = "f00d".repeat(16);
        let bad = [&secret[1..], &secret.replace('f', "g"), &"f".repeat(64), &"0".repeat(64)];
        for text in bad {
            let said = format!("{:?}", key_of(text).unwrap_err());
            assert!(said.contains("holds no private key"), "{said}");
            assert!(!said.contains(text), "{said}");
        }
        assert_eq!(format!("{:?}", Secret(secret)), "[secret]");
    }

    #[test]
    fn a_new_key_is_the_owners_alone_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/client.key");
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().address(), made.address());
    }

    /// The published test vector of the format.
    const KEYSTORE: &str = r#"{
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": "6087dab2f9fdbbfaddc31a909735c1e6" },
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3
    }"#;

    #[test]
    fn a_keystore_opens_with_its_password_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("keystore.json");
        fs::write(&key_file, KEYSTORE).unwrap();
        let password_file = folder.path().join("password");
        let keystore =
            KeyArgs { key_file: Some(key_file), password_file: Some(password_file.clone()) };
        fs::write(&password_file, "testpassword\n").unwrap();
        let key = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
        assert_eq!(keystore.load().unwrap(), key_of(key).unwrap());
        fs::write(&password_file, "wrong").unwrap();
        assert!(keystore.load().unwrap_err().to_string().contains("does not open"));
    }
}
