//! `[artifacts]`, `[monitor]` and `[[venue]]`: where things are.

use super::section::section;
use rialto_artifacts::{S3Location, StoreConfig};
use std::net::SocketAddr;
use std::path::PathBuf;

section! {
    /// Where artifacts are kept and from where they may be fetched.
    "artifacts" => ArtifactSettings {
        /// Where programs, inputs and proofs are kept: `kind = "local"` with a `path`, or
        /// `kind = "s3"` with `bucket`, `endpoint` and `region`. When absent: a directory beside the
        /// logbook.
        [Storing, restart, process]
        store: Option<StoreConfig> = None, such as "{ kind = \"local\", path = \"artifacts\" }";
        /// Directories below which `file` URLs of requests may be read. Strangers write requests,
        /// hence none.
        [Storing, restart, process]
        file_roots: Vec<PathBuf> = Vec::new(), such as "[\"published\"]";
        /// Buckets from which `s3` URLs of requests may be read.
        [Storing, restart, process]
        s3_buckets: Vec<S3Location> = Vec::new(), such as "[{ bucket = \"requests\" }]";
        /// Whether `http` URLs of requests may lead to private addresses.
        [Storing, restart, process]
        allow_private_hosts: bool = false;
    }
}

section! {
    /// What the node shows.
    "monitor" => MonitorSettings {
        /// Address of the HTTP status page. It is not authenticated, so it must be a loopback
        /// address.
        [Telling, restart, process]
        listen: Option<SocketAddr> = None, such as "\"127.0.0.1:9090\"";
    }
}

section! {
    /// A market to serve. Each `[[venue]]` is one, and may hold `[venue.market]`, `[venue.prover]`
    /// and `[venue.batcher]` with what differs there. Without any, the node serves the network and
    /// key of its command line.
    "venue" => VenueIdentity {
        /// What the venue is called in logs and reports; no two share a name.
        [Serving, restart]
        name: String = String::new(), such as "\"base\"";
        /// The network file.
        [Serving, restart]
        network: Option<PathBuf> = None, such as "\"base.json\"";
        /// The file of the prover's key.
        [Serving, restart]
        key_file: Option<PathBuf> = None, such as "\"prover.key\"";
        /// Where this venue's logbook and artifacts are kept. When absent: a directory of the
        /// venue's name in the node's.
        [Serving, restart]
        data_dir: Option<PathBuf> = None, such as "\"data/base\"";
    }
}
