//! `streamward serve`: one address for the console, the service and the pages that show them.
//!
//! Each part is a file below that gives its routes; this one joins them, listens, and stops when asked.

mod demo;
mod health;
mod known;
mod payments;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use axum::Router;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serves the console and the service.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where to listen. Only this machine can reach the default.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// The folder that holds everything that is kept.
    #[arg(long, value_name = "DIR", default_value = "streamward-data")]
    data: PathBuf,
    /// The folder of the page that shows the guard in a browser; where it is not given, the usual places are tried.
    #[arg(long, value_name = "DIR")]
    demo: Option<PathBuf>,
    #[command(flatten)]
    known: known::Served,
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let routes = routes(arguments).await?;
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| {
        format!(
            "cannot listen on {}\n  to do: name a free address with --listen, or stop the program that has it",
            arguments.listen
        )
    })?;
    eprintln!("serving on http://{}", listener.local_addr()?);
    axum::serve(listener, routes).with_graceful_shutdown(asked_to_stop()?).await?;
    Ok(ExitCode::SUCCESS)
}

async fn routes(arguments: &Arguments) -> Result<Router> {
    tokio::fs::create_dir_all(&arguments.data).await.with_context(|| {
        format!(
            "cannot make the folder {}\n  to do: name one that you may write to with --data",
            arguments.data.display()
        )
    })?;
    let known = known::routes(&arguments.known, arguments.listen, &arguments.data).await?;
    Ok(Router::new()
        .merge(health::routes())
        .merge(known)
        .merge(payments::routes(&arguments.data)?)
        .merge(demo::routes(arguments.demo.clone())))
}

/// Resolves at an interrupt or a request to end; what is being answered is still answered.
fn asked_to_stop() -> Result<impl Future<Output = ()> + Send + 'static> {
    let (mut interrupt, mut end) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = end.recv() => {}
        }
    })
}
