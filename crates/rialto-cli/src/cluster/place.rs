//! Where a coordinator is, and where artifacts are.

use crate::failure::Failure;
use anyhow::{Context, Result};
use clap::Args;
use rialto_artifacts::{ArtifactStore, S3Location, StoreConfig};
use rialto_cluster::{Bearer, HttpLine};
use std::path::PathBuf;
use url::Url;

/// The variable that holds a token, for those who have no file.
const TOKEN_VARIABLE: &str = "RIALTO_CLUSTER_TOKEN";

/// A coordinator, and what opens it.
#[derive(Clone, Debug, Args)]
pub(crate) struct DeskArgs {
    /// The coordinator's address
    #[arg(
        long,
        value_name = "URL",
        env = "RIALTO_CLUSTER",
        default_value = "http://127.0.0.1:7070"
    )]
    pub(crate) coordinator: Url,

    /// File with the token that opens it; or RIALTO_CLUSTER_TOKEN. On this machine alone none is needed
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

impl DeskArgs {
    /// The way there. Nothing is connected yet.
    ///
    /// # Errors
    /// If address or token cannot be used.
    pub(crate) fn line(&self) -> Result<HttpLine> {
        let in_environment = || std::env::var(TOKEN_VARIABLE).ok().filter(|it| !it.is_empty());
        let bearer = match (&self.token_file, in_environment()) {
            (Some(file), _) => Some(Bearer::in_file(file)),
            (None, Some(text)) => Some(text.parse()),
            (None, None) => None,
        };
        let usage = || Failure::usage("the coordinator's token cannot be used", "see --token-file");
        let bearer = bearer.transpose().with_context(usage)?;
        let line = HttpLine::new(&self.coordinator, bearer.as_ref());
        let usage = || Failure::usage("there is no way to the coordinator", "see --coordinator");
        line.with_context(usage)
    }
}

/// The artifact store that coordinator and workers share.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreArgs {
    /// Directory that coordinator and workers share
    #[arg(long, value_name = "DIR", conflicts_with = "s3_bucket")]
    pub(crate) artifacts: Option<PathBuf>,

    /// Bucket of an S3-compatible service that they share; credentials come from AWS_ACCESS_KEY_ID and the like
    #[arg(long, value_name = "BUCKET")]
    pub(crate) s3_bucket: Option<String>,

    /// That service's address, unless it is Amazon's
    #[arg(long, value_name = "URL", requires = "s3_bucket")]
    pub(crate) s3_endpoint: Option<String>,
}

impl StoreArgs {
    /// Opens it; without any word `usual` is the directory.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(crate) fn open(&self, usual: PathBuf) -> Result<ArtifactStore> {
        let config = match &self.s3_bucket {
            Some(bucket) => StoreConfig::S3(S3Location {
                bucket: bucket.clone(),
                endpoint: self.s3_endpoint.clone(),
                region: None,
            }),
            None => StoreConfig::Local { path: self.artifacts.clone().unwrap_or(usual) },
        };
        Ok(ArtifactStore::open(&config)?)
    }
}
