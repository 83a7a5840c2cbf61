//! How is the bus, where machines are many?
//!
//! Leases are a key-value bucket, incidents a stream with de-duplication, both kept by nats-server and replicated as
//! it is told. Debian's 2.9 has no lifetime of single entries, and none is used: when a lease is over, each machine
//! reckons on its own clock.
//!
//! A watch alone is not enough: its consumer lives on one server, and when that one dies, ten seconds can pass before
//! the client misses it. So whoever changes an entry also tells everybody by a plain message, and whoever has one
//! entry in view reads it now and then. What is seen twice is seen once: revisions only grow.

mod lists;
mod transfers;

use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::{self, consumer, kv, stream};
use async_nats::{ConnectOptions, HeaderMap};
use futures_util::StreamExt;
use lease::{Lease, Name, Revision};
use tokio::sync::mpsc;

pub use lists::Lists;
pub use transfers::{Arrived, Extent, LastAlert};

use super::Change;
use crate::Error;
use crate::incident::Record;
use crate::tls::Identity;

/// The bucket of leases.
pub const BUCKET: &str = "streamward-leases";
/// The stream of incidents.
pub const INCIDENTS: &str = "STREAMWARD_INCIDENTS";
/// Incidents are published below this.
const INCIDENT_SUBJECT: &str = "streamward.incident";
/// Changes of leases are told below this.
const CHANGE_SUBJECT: &str = "streamward.lease";
/// An incident that is put in again within this time stands once.
const DUPLICATES: Duration = Duration::from_secs(24 * 3600);
/// How often an entry in view is read.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How long to wait for an answer of the bus, and before asking again.
const ANSWER_MAX: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(250);

/// Handles of one connection.
#[derive(Clone, Debug)]
pub struct JetStream {
    url: String,
    client: async_nats::Client,
    context: jetstream::Context,
    leases: kv::Store,
}

/// An incident or alert that was delivered and not yet acknowledged.
pub struct Delivered<T> {
    /// What it says.
    pub record: T,
    message: jetstream::Message,
}

impl<T> Delivered<T> {
    /// As it stands on the bus.
    pub fn bytes(&self) -> &[u8] {
        &self.message.payload
    }

    /// It is kept: the bus need not deliver it again.
    pub async fn keep(self) {
        // An acknowledgement that is lost brings the record once more, and its reader knows it then.
        let _ = self.message.double_ack().await;
    }
}

impl JetStream {
    /// Connects to one or more servers (`nats://host:port`, separated by commas), as who the certificate says, and
    /// makes what is missing there with `n_replicas` copies.
    ///
    /// # Errors
    /// [`Error::Bus`] when a server refuses. While none answers this waits, for a minute.
    pub async fn connect(url: &str, identity: Option<&Identity>, n_replicas: usize) -> Result<JetStream, Error> {
        let failed = |detail: &dyn std::fmt::Display| Error::Bus { url: url.to_owned(), detail: detail.to_string() };
        let servers: Vec<async_nats::ServerAddr> =
            url.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map_err(|why| failed(&why))?;
        let mut options = ConnectOptions::new()
            .ping_interval(Duration::from_secs(1))
            .connection_timeout(ANSWER_MAX)
            .request_timeout(Some(ANSWER_MAX))
            .reconnect_delay_callback(|n| Duration::from_millis(100 * n.min(10) as u64));
        if let Some(Identity { ca, certificate, key }) = identity {
            options = options
                .require_tls(true)
                .add_root_certificates(ca.clone())
                .add_client_certificate(certificate.clone(), key.clone());
        }
        let mut n_tries = 0;
        let client = loop {
            match options.clone().connect(&servers[..]).await {
                Ok(client) => break client,
                Err(why) if n_tries == 60 => return Err(failed(&why)),
                Err(_) => n_tries += 1,
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ANSWER_MAX);
        let mut n_tries = 0;
        loop {
            match Self::made(&context, n_replicas).await {
                Ok(leases) => return Ok(JetStream { url: url.to_owned(), client, context, leases }),
                Err(why) if n_tries == 60 => return Err(failed(&why)),
                Err(why) => {
                    if n_tries == 5 {
                        eprintln!("{}\n  it is tried for a minute", failed(&why));
                    }
                    n_tries += 1;
                }
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn made(context: &jetstream::Context, n_replicas: usize) -> Result<kv::Store, async_nats::Error> {
        let leases = match context.get_key_value(BUCKET).await {
            Ok(leases) => leases,
            Err(_) => {
                // A bucket is a stream with these settings. The client's own way to make one asks the server first for
                // fields that 2.9 does not know.
                let config = stream::Config {
                    name: format!("KV_{BUCKET}"),
                    subjects: vec![format!("$KV.{BUCKET}.>")],
                    max_messages_per_subject: 1,
                    allow_rollup: true,
                    deny_delete: true,
                    allow_direct: true,
                    discard: stream::DiscardPolicy::New,
                    num_replicas: n_replicas,
                    ..stream::Config::default()
                };
                context.create_stream(config).await?;
                context.get_key_value(BUCKET).await?
            }
        };
        if context.get_stream(INCIDENTS).await.is_err() {
            let config = stream::Config {
                name: INCIDENTS.into(),
                subjects: vec![format!("{INCIDENT_SUBJECT}.>")],
                num_replicas: n_replicas,
                duplicate_window: DUPLICATES,
                ..stream::Config::default()
            };
            context.create_stream(config).await?;
        }
        Ok(leases)
    }

    pub(super) async fn write(&self, stream: &Name, lease: Option<&Lease>, after: Revision) -> Option<Revision> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Last-Subject-Sequence", after.0.to_string().as_str());
        if lease.is_none() {
            headers.insert("KV-Operation", "DEL");
        }
        let body = lease.map(Lease::to_bytes).unwrap_or_default();
        let subject = format!("$KV.{BUCKET}.{stream}");
        let written = async {
            let wait = self.context.publish_with_headers(subject, headers, body.clone().into()).await.ok()?;
            wait.await.ok()
        };
        let revision = tokio::time::timeout(ANSWER_MAX, written).await.ok()??.sequence;
        let mut told = revision.to_le_bytes().to_vec();
        told.extend(body);
        // Only to be quick: whoever misses it sees the change in the bucket.
        let _ = self.client.publish(format!("{CHANGE_SUBJECT}.{stream}"), told.into()).await;
        Some(Revision(revision))
    }

    async fn read(&self, stream: &Name) -> Option<Change> {
        let entry = tokio::time::timeout(ANSWER_MAX, self.leases.entry(stream.as_str())).await.ok()?.ok()?;
        Some(match entry {
            Some(entry) => change(&entry)?,
            None => Change { stream: stream.clone(), revision: Revision(0), lease: None },
        })
    }

    pub(super) fn watch(&self, stream: Option<Name>) -> mpsc::Receiver<Change> {
        let (sender, receiver) = mpsc::channel(4096);
        let key = stream.as_ref().map_or(">", Name::as_str).to_owned();
        tokio::spawn(self.clone().watch_bucket(key.clone(), sender.clone()));
        tokio::spawn(self.clone().watch_told(key, sender.clone()));
        if let Some(stream) = stream {
            tokio::spawn(self.clone().read_often(stream, sender));
        }
        receiver
    }

    async fn watch_bucket(self, key: String, to: mpsc::Sender<Change>) {
        while !to.is_closed() {
            if let Ok(mut watch) = self.leases.watch_with_history(&key).await {
                while let Some(Ok(entry)) = watch.next().await {
                    if let Some(change) = change(&entry)
                        && to.send(change).await.is_err()
                    {
                        return;
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn watch_told(self, key: String, to: mpsc::Sender<Change>) {
        while !to.is_closed() {
            if let Ok(mut told) = self.client.subscribe(format!("{CHANGE_SUBJECT}.{key}")).await {
                while let Some(message) = told.next().await {
                    let name = message.subject.rsplit('.').next().and_then(|name| Name::new(name).ok());
                    let parts = message.payload.split_first_chunk::<8>();
                    let (Some(stream), Some((revision, body))) = (name, parts) else { continue };
                    let lease = Lease::parse(body).ok().filter(|lease| lease.stream == stream);
                    let revision = Revision(u64::from_le_bytes(*revision));
                    if to.send(Change { stream, revision, lease }).await.is_err() {
                        return;
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn read_often(self, stream: Name, to: mpsc::Sender<Change>) {
        while !to.is_closed() {
            let pause = match self.read(&stream).await {
                None => AGAIN,
                Some(change) => {
                    if to.send(change).await.is_err() {
                        return;
                    }
                    READ_EVERY
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    pub(super) async fn report(&self, record: &Record) -> Result<(), Error> {
        let failed = |detail: String| Error::Bus { url: self.url.clone(), detail };
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", record.id.as_str());
        let subject = format!("{INCIDENT_SUBJECT}.{}", record.stream);
        let put = async {
            let body = record.to_bytes();
            let wait = self.context.publish_with_headers(subject, headers, body.into()).await;
            wait.map_err(|why| failed(why.to_string()))?.await.map_err(|why| failed(why.to_string()))
        };
        tokio::time::timeout(ANSWER_MAX, put).await.map_err(|_| failed("it does not answer".into()))??;
        Ok(())
    }

    fn failed(&self, why: &dyn std::fmt::Display) -> Error {
        Error::Bus { url: self.url.clone(), detail: why.to_string() }
    }

    /// Every incident that the reader `durable` has not kept yet, for ever.
    pub fn incidents(&self, durable: &str) -> mpsc::Receiver<Delivered<Record>> {
        self.kept_by(INCIDENTS, durable, Record::parse)
    }

    /// Every message of a stream that the reader `durable` has not kept yet, for ever.
    fn kept_by<T: Send + 'static>(
        &self,
        stream: &'static str,
        durable: &str,
        parse: Parse<T>,
    ) -> mpsc::Receiver<Delivered<T>> {
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(self.clone().deliver(stream, durable.to_owned(), parse, sender));
        receiver
    }

    async fn deliver<T>(self, stream: &str, durable: String, parse: Parse<T>, to: mpsc::Sender<Delivered<T>>) {
        while !to.is_closed() {
            if let Err(why) = self.deliver_until_lost(stream, &durable, parse, &to).await {
                eprintln!("{stream}: {why}; trying again");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn deliver_until_lost<T>(
        &self,
        stream: &str,
        durable: &str,
        parse: Parse<T>,
        to: &mpsc::Sender<Delivered<T>>,
    ) -> Result<(), async_nats::Error> {
        let config = consumer::pull::Config {
            durable_name: Some(durable.into()),
            ack_wait: Duration::from_secs(10),
            ..consumer::pull::Config::default()
        };
        let reader = self.context.get_stream(stream).await?.get_or_create_consumer(durable, config).await?;
        let mut messages =
            reader.stream().expires(Duration::from_secs(4)).heartbeat(Duration::from_secs(1)).messages().await?;
        while let Some(message) = messages.next().await {
            let message = message?;
            match parse(&message.payload) {
                Ok(record) => {
                    if to.send(Delivered { record, message }).await.is_err() {
                        return Ok(());
                    }
                }
                // It can never be read; it stays in the stream for a person to look at.
                Err(why) => {
                    eprintln!("{stream}: a message cannot be read and is left on the bus: {why}");
                    message.ack_with(jetstream::AckKind::Term).await?;
                }
            }
        }
        Ok(())
    }
}

/// How a message is read.
type Parse<T> = fn(&[u8]) -> Result<T, serde_json::Error>;

/// What an entry of the bucket says.
fn change(entry: &kv::Entry) -> Option<Change> {
    let stream = Name::new(&entry.key).ok()?;
    let lease = match entry.operation {
        kv::Operation::Put => Lease::parse(&entry.value).ok().filter(|lease| lease.stream == stream),
        kv::Operation::Delete | kv::Operation::Purge => None,
    };
    Some(Change { stream, revision: Revision(entry.revision), lease })
}

impl Identity {
    /// The three files in `folder` that `streamward-cluster certificates` writes for `name`.
    pub fn in_folder(folder: &Path, name: &str) -> Identity {
        let file = |what: &str| folder.join(what);
        Identity { ca: file("ca.pem"), certificate: file(&format!("{name}.pem")), key: file(&format!("{name}.key")) }
    }
}
