//! How do frames get from a gate to a worker, and answers back?
//!
//! One connection for each stream and epoch. The gate says which; then looks go out and answers come back, in the
//! messages of [`live::wire`]. In one process the connection is a pair of pipes.

use lease::Name;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::Error;

/// A connection, of whichever kind.
pub type Connection = Box<dyn Duplex>;

/// Something that is read and written.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What a gate says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Which stream the frames are of.
    pub stream: Name,
    /// Under which lease the worker judges them.
    pub epoch: u64,
}

impl Hello {
    /// Longer ones are refused, bytes.
    const N_BYTES_MAX: usize = 512;

    /// Says it.
    ///
    /// # Errors
    /// What the connection says.
    pub async fn send(&self, to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
        let body = serde_json::to_vec(self).expect("a name and a number can be written as JSON");
        to.write_all(&live::wire::framed(&body)).await?;
        to.flush().await
    }

    /// Hears it.
    ///
    /// # Errors
    /// [`Error::Link`] when it is none.
    pub async fn receive(from: &mut (impl AsyncRead + Unpin)) -> Result<Hello, Error> {
        let failed = |why: String| Error::Link { peer: "a gate".into(), why };
        let body = read(from, Self::N_BYTES_MAX).await.map_err(|why| failed(why.to_string()))?;
        let body = body.ok_or_else(|| failed("it said nothing".into()))?;
        serde_json::from_slice(&body).map_err(|why| failed(why.to_string()))
    }
}

/// Reads one message of at most `n_bytes_max`, or `None` where the connection ends before one begins.
///
/// # Errors
/// What the connection says, or that the message is too long.
pub async fn read(from: &mut (impl AsyncRead + Unpin), n_bytes_max: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match from.read(&mut length).await? {
        0 => return Ok(None),
        n => drop(from.read_exact(&mut length[n..]).await?),
    }
    let n_bytes = u32::from_le_bytes(length) as usize;
    if n_bytes > n_bytes_max {
        return Err(std::io::Error::other(format!("a message of {n_bytes} bytes is longer than any")));
    }
    let mut body = vec![0; n_bytes];
    from.read_exact(&mut body).await?;
    Ok(Some(body))
}
