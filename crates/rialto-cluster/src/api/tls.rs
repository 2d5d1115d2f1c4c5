//! Connections with TLS.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

/// Whoever has not introduced itself by then is let go.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Introductions at once.
const HANDSHAKES_MAX: usize = 256;
/// After a failure to accept, as when files run out.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server shows and what it proves that with, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, with those that lead to its root.
    pub certificates: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
}

/// They cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file does not read.
    #[error("cannot read {what} in {path}")]
    Read {
        /// What it should hold.
        what: &'static str,
        /// Where.
        path: String,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// There is no certificate in the file.
    #[error(
        "there is no certificate in {0}: it holds `BEGIN CERTIFICATE` blocks, the server's own first"
    )]
    Empty(String),
    /// Certificate and key do not fit.
    #[error("certificate and key cannot be used")]
    Unusable(#[source] rustls::Error),
}

impl TlsFiles {
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let read = |what, path: &PathBuf| {
            let path = path.display().to_string();
            move |source| TlsError::Read { what, path, source }
        };
        let certificates = CertificateDer::pem_file_iter(&self.certificates)
            .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
            .map_err(read("certificates", &self.certificates))?;
        if certificates.is_empty() {
            return Err(TlsError::Empty(self.certificates.display().to_string()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(read("a key", &self.key))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|it| it.with_no_client_auth().with_single_cert(certificates, key))
            .map_err(TlsError::Unusable)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Accepts connections and gives those that have introduced themselves. One that is slow at it keeps no other waiting.
pub(super) struct Listener {
    accepted: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Listener {
    pub(super) fn new(listener: TcpListener, acceptor: TlsAcceptor, address: SocketAddr) -> Self {
        let (sender, accepted) = mpsc::channel(1);
        let accepting = tokio::spawn(accept_all(listener, acceptor, sender)).abort_handle();
        Self { accepted, address, accepting }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept_all(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    accepted: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("places are never taken away");
        let (socket, peer) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
        tokio::spawn(async move {
            let introduced = timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await;
            drop(place);
            match introduced {
                Ok(Ok(stream)) => drop(accepted.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS connection came about"),
                Err(_) => tracing::debug!(%peer, "a TLS connection took too long to come about"),
            }
        });
    }
}
