//! `streamward serve`: one address for the console, the service and the pages that show them.
//!
//! Each part is a file below that gives its routes; this one joins them, listens, and stops when asked.

mod access;
mod api;
mod console;
mod demo;
mod desk;
pub(crate) mod form;
mod grants;
mod headers;
mod health;
mod known;
pub(crate) mod messages;
pub(crate) mod oidc;
pub(crate) mod page;
mod passkey;
mod payments;
mod why;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::routing::get;
use axum::{Router, middleware};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use desk::{Desk, Shared};

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
    /// Cases are in PostgreSQL, at this address, and not in the folder.
    #[arg(long, value_name = "URL", env = "STREAMWARD_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// How much is written about what is done, to standard error; never a name, an account, a digest or a file.
    #[arg(long, value_name = "LEVEL", default_value = "warn", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log: String,
}

#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    log(&arguments.log);
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

/// Every part's routes.
async fn routes(arguments: &Arguments) -> Result<Router> {
    tokio::fs::create_dir_all(&arguments.data).await.with_context(|| {
        format!(
            "cannot make the folder {}\n  to do: name one that you may write to with --data",
            arguments.data.display()
        )
    })?;
    let desk = Arc::new(Desk::open(&arguments.data, arguments.database.as_deref()).await?);
    if let Some(code) = desk.first_code().await? {
        eprintln!("nobody can let people in yet: sign in with the one-time code {code}");
    }
    tokio::spawn(Arc::clone(&desk).run_outbox());
    tokio::spawn(Arc::clone(&desk).run_samples());
    tokio::spawn(Arc::clone(&desk).run_sweep());
    tokio::spawn(Arc::clone(&desk).run_subtrees());
    tokio::spawn(Arc::clone(&desk).run_index());
    let (known, lists) = known::routes(&arguments.known, arguments.listen, &arguments.data).await?;
    // The console's headers are its own: programs need none of them, and the demo's page others.
    let paid = payments::open(&arguments.data)?;
    Ok(with_desk(desk, Some(Arc::clone(&paid)), lists)
        .merge(known)
        .merge(payments::v1::routes(paid))
        .merge(demo::routes(arguments.demo.clone())))
}

fn with_desk(desk: Shared, paid: Option<Arc<payments::Service>>, lists: known::Lists) -> Router {
    let messages = desk.messages.clone();
    Router::new()
        .merge(health::routes())
        .route("/page.css", get(page::style))
        .route("/page.js", get(page::script))
        .merge(
            console::routes()
                .and(api::routes())
                .guarded(desk)
                .layer(axum::Extension(paid))
                .layer(axum::Extension(lists)),
        )
        .fallback(async || page::nothing_here())
        .layer(middleware::from_fn(headers::same_origin))
        .layer(middleware::from_fn(headers::add))
        .layer(middleware::from_fn_with_state(messages, messages::speak))
}

fn log(level: &str) {
    let level = level.parse().unwrap_or(tracing::Level::WARN);
    // A second service in one process keeps the first one's.
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_ansi(false).try_init();
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

#[cfg(test)]
mod tests;
