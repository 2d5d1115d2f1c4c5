//! The store and the fetcher against real parts: directories, an HTTP server and an S3 server, all
//! of this process.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod fetch_file;
mod fetch_http;
mod s3;
mod server;
mod store;
