//! `streamward fake`: with whom can one practise?
//!
//! Nobody publishes a server to practise with, and the authority's own for tests needs an account. This one checks what
//! it gets as hard as the real one is known to, and says in every answer that it is none.

pub(crate) mod cybertip;
mod exchange;
pub(crate) mod faults;
pub(crate) mod oidc;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};

use crate::cybertip::schema::Schema;
use faults::Fault;

/// Stands in for others, for tests and practice.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(Subcommand)]
enum Which {
    /// A CyberTipline that files nothing anywhere.
    Cybertip(Cybertip),
    /// An exchange of hashes that holds nothing but random numbers.
    Exchange(exchange::Arguments),
    /// An organisation's own sign-in (OpenID Connect) that lets in whoever comes.
    Oidc(oidc::Arguments),
}

/// A CyberTipline that files nothing anywhere.
///
/// It answers /status /xsd /submit /upload /fileinfo /finish /retract as the authority's interface does. What was opened
/// and not finished is deleted after 24 hours, or one hour after its last change, whichever is later, by a clock that
/// `POST /-/clock` puts forward. `GET /-/reports` shows what arrived.
#[derive(Args)]
struct Cybertip {
    /// Where to listen; only addresses of this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8421")]
    listen: SocketAddr,
    /// The authority's schema. Without it documents are only checked to be well-formed.
    #[arg(long, value_name = "XSD")]
    schema: Option<PathBuf>,
    /// The name and password that are let in.
    #[arg(long, value_name = "USER:PASSWORD", default_value = "test:test")]
    login: String,
    /// What goes wrong: html, 401, 503, hang, close, close-after, error, error-after or lost-hash; with @N at the Nth
    /// request only, counted from 1. May be given more than once. A request can ask for one with the header X-Fault.
    #[arg(long, value_name = "FAULT[@N]")]
    fault: Vec<Fault>,
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.which {
        Which::Cybertip(arguments) => practise_reporting(arguments).await,
        Which::Exchange(arguments) => exchange::run(arguments).await,
        Which::Oidc(arguments) => oidc::run(arguments).await,
    }
}

async fn practise_reporting(arguments: &Cybertip) -> Result<ExitCode> {
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "{} can be reached from elsewhere\n  to do: listen on an address of this machine, such as 127.0.0.1:8421",
            arguments.listen
        );
    }
    let schema = arguments.schema.as_deref().map(Schema::open).transpose()?;
    let Some((user, password)) = arguments.login.split_once(':') else {
        bail!("{} is not USER:PASSWORD\n  to do: give both, with a colon between", arguments.login)
    };
    let fake = cybertip::Fake::new(schema, user, password, arguments.fault.clone());
    let listener = tokio::net::TcpListener::bind(arguments.listen).await.with_context(|| {
        format!("cannot listen on {}\n  to do: name a free address with --listen", arguments.listen)
    })?;
    eprintln!("a fake CyberTipline, which files nothing anywhere, on http://{}", listener.local_addr()?);
    axum::serve(listener, cybertip::routes(fake)).await?;
    Ok(ExitCode::SUCCESS)
}
