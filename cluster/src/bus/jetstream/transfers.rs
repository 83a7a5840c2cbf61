//! How do transfers and alerts go over JetStream?
//!
//! Two streams. Transfers stand in one order, and each reader reads all of them from the place it is at: nothing is
//! acknowledged, so no place is kept but the one in the reader's own snapshot. Alerts stand below one subject for each
//! partition, and the last one there says how far that partition is.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy};
use async_nats::jetstream::{context, stream};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::{AGAIN, ANSWER_MAX, Delivered, JetStream};
use crate::Error;
use crate::payments::Sent;
use crate::payments::replica::Said;

/// The stream of transfers.
const TRANSFERS: &str = "STREAMWARD_TRANSFERS";
/// The stream of alerts.
const ALERTS: &str = "STREAMWARD_ALERTS";
const TRANSFER_SUBJECT: &str = "streamward.payments.transfer";
const ALERT_SUBJECT: &str = "streamward.payments.alert";
/// Consumers say here that they are there, and how far.
const PRESENT_SUBJECT: &str = "streamward.payments.present";
/// In the header of an alert: the place of the transfer that raised it.
const ROW: &str = "Streamward-Row";
/// A transfer or alert that is put in again within this time stands once; later, whoever reads it knows it.
const DUPLICATES: Duration = Duration::from_secs(120);

/// What a stream of transfers holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// When it was made, nanoseconds since 1970.
    pub made: i128,
    /// The first message that is still there.
    pub first: u64,
    /// The last one; before `first` where there is none.
    pub last: u64,
}

/// A transfer as it comes.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its place in the stream.
    pub sequence: u64,
    /// When the bus got it, seconds since 1970.
    pub at_s: i64,
    /// What [`Sent::to_bytes`] wrote.
    pub body: Vec<u8>,
}

/// The last alert of a partition that stands on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAlert {
    /// Its place in the stream of alerts.
    pub sequence: u64,
    /// Its id.
    pub id: String,
    /// The place of the transfer that raised it.
    pub row: u32,
}

impl JetStream {
    /// Makes the two streams where they are missing.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn make_payments(&self, n_replicas: usize) -> Result<(), Error> {
        for (name, subject) in [(TRANSFERS, TRANSFER_SUBJECT.to_owned()), (ALERTS, format!("{ALERT_SUBJECT}.*"))] {
            if self.context.get_stream(name).await.is_ok() {
                continue;
            }
            let config = stream::Config {
                name: name.into(),
                subjects: vec![subject],
                num_replicas: n_replicas,
                duplicate_window: DUPLICATES,
                ..stream::Config::default()
            };
            self.context.create_stream(config).await.map_err(|why| self.failed(&why))?;
        }
        Ok(())
    }

    /// What the stream of transfers holds now.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn transfers_extent(&self) -> Result<Extent, Error> {
        let stream = self.context.get_stream(TRANSFERS).await.map_err(|why| self.failed(&why))?;
        let info = stream.cached_info();
        let (first, last) = (info.state.first_sequence, info.state.last_sequence);
        Ok(Extent { made: info.created.unix_timestamp_nanos(), first, last })
    }

    /// Puts a transfer in; what is given back must be awaited to know that it stands there.
    ///
    /// # Errors
    /// [`Error::Bus`] when it cannot even be asked.
    pub async fn send(&self, sent: &Sent) -> Result<context::PublishAckFuture, Error> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", &*sent.transfer.id);
        let body = sent.to_bytes().into();
        self.context.publish_with_headers(TRANSFER_SUBJECT, headers, body).await.map_err(|why| self.failed(&why))
    }

    /// Every transfer after `sequence`, in order, each once, for ever.
    pub fn transfers_after(&self, sequence: u64) -> mpsc::Receiver<Arrived> {
        let (sender, receiver) = mpsc::channel(1024);
        tokio::spawn(self.clone().arrive(sequence, sender));
        receiver
    }

    async fn arrive(self, mut sequence: u64, to: mpsc::Sender<Arrived>) {
        while !to.is_closed() {
            if let Err(why) = self.arrive_until_lost(&mut sequence, &to).await {
                eprintln!("transfers: {why}; trying again");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn arrive_until_lost(&self, sequence: &mut u64, to: &mpsc::Sender<Arrived>) -> Result<(), async_nats::Error> {
        let stream = self.context.get_stream(TRANSFERS).await?;
        let config = consumer::pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: *sequence + 1 },
            ack_policy: AckPolicy::None,
            inactive_threshold: Duration::from_secs(30),
            ..consumer::pull::Config::default()
        };
        let reader = stream.create_consumer(config).await?;
        let messages = reader.stream().max_messages_per_batch(1000);
        let mut messages =
            messages.expires(Duration::from_secs(4)).heartbeat(Duration::from_secs(1)).messages().await?;
        let mut n_delivered = 0;
        while let Some(message) = messages.next().await {
            let message = message?;
            let info = message.info()?;
            n_delivered += 1;
            // One was lost on the way: it is asked for again.
            if info.consumer_sequence != n_delivered {
                return Ok(());
            }
            let arrived = Arrived {
                sequence: info.stream_sequence,
                at_s: info.published.unix_timestamp(),
                body: message.payload.to_vec(),
            };
            *sequence = arrived.sequence;
            if to.send(arrived).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The last alert of a partition that stands on the bus, if there is one.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn last_alert(&self, partition: usize) -> Result<Option<LastAlert>, Error> {
        let asked = async {
            let stream = self.context.get_stream(ALERTS).await.map_err(|why| self.failed(&why))?;
            match stream.get_last_raw_message_by_subject(&format!("{ALERT_SUBJECT}.{partition}")).await {
                Ok(message) => {
                    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
                    let id = header("Nats-Msg-Id");
                    let row = header(ROW).and_then(|row| row.parse().ok());
                    let unusable = || self.failed(&"an alert on it does not say which it is");
                    let (id, row) = id.zip(row).ok_or_else(unusable)?;
                    Ok(Some(LastAlert { sequence: message.sequence, id, row }))
                }
                Err(why) if why.kind() == stream::LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(why) => Err(self.failed(&why)),
            }
        };
        tokio::time::timeout(ANSWER_MAX, asked).await.map_err(|_| self.failed(&"it does not answer"))?
    }

    /// How many alerts stand on the bus.
    ///
    /// # Errors
    /// [`Error::Bus`].
    pub async fn n_alerts(&self) -> Result<u64, Error> {
        let stream = self.context.get_stream(ALERTS).await.map_err(|why| self.failed(&why))?;
        Ok(stream.cached_info().state.messages)
    }

    /// Puts an alert behind the one at `after` in the stream of alerts, 0 where it is its partition's first; gives its
    /// own place.
    ///
    /// # Errors
    /// When another one stands behind that by now, or it is not certain that it stands there.
    pub async fn raise(&self, said: &Said, after: u64) -> Result<u64, Error> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", said.id.as_str());
        headers.insert("Nats-Expected-Last-Subject-Sequence", after.to_string().as_str());
        headers.insert(ROW, said.row.to_string().as_str());
        let subject = format!("{ALERT_SUBJECT}.{}", said.partition);
        let put = async {
            let wait = self.context.publish_with_headers(subject, headers, said.json.clone().into()).await;
            wait.map_err(|why| self.failed(&why))?.await.map_err(|why| self.failed(&why))
        };
        let put = tokio::time::timeout(ANSWER_MAX, put).await.map_err(|_| self.failed(&"it does not answer"))?;
        Ok(put?.sequence)
    }

    /// Every alert that the reader `durable` has not kept yet, for ever.
    pub fn alerts(&self, durable: &str) -> mpsc::Receiver<Delivered<payments::Alert>> {
        self.kept_by(ALERTS, durable, |bytes| serde_json::from_slice(bytes))
    }

    /// Says that a consumer is there. Nobody is promised to hear it.
    pub async fn say_present(&self, name: &lease::Name) {
        let _ = self.client.publish(PRESENT_SUBJECT, name.to_string().into()).await;
    }

    /// Names of consumers, each as often as it says that it is there, for ever.
    pub fn present(&self) -> mpsc::Receiver<lease::Name> {
        let (sender, receiver) = mpsc::channel(64);
        let client = self.client.clone();
        tokio::spawn(async move {
            while !sender.is_closed() {
                if let Ok(mut said) = client.subscribe(PRESENT_SUBJECT).await {
                    while let Some(message) = said.next().await {
                        let name = str::from_utf8(&message.payload).ok().and_then(|name| lease::Name::new(name).ok());
                        if let Some(name) = name
                            && sender.send(name).await.is_err()
                        {
                            return;
                        }
                    }
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        receiver
    }
}
