//! Which processes are there, and how do they find each other?
//!
//! One scheduler, executors that poll it for tasks and fetch each other's shuffled rows over Arrow Flight, and clients.
//! All three are Ballista's, started from its library with our codecs. Executors need no port that a scheduler can
//! reach, only one for each other and for clients. With certificates every connection is mutual TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use arrow_flight::flight_service_server::FlightServiceServer;
use ballista::prelude::{SessionConfigExt, SessionContextExt};
use ballista_core::ConfigProducer;
use ballista_core::config::{BALLISTA_SHUFFLE_COMPRESSION_CODEC, TaskSchedulingPolicy};
use ballista_core::error::BallistaError;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_executor::ArrowFlightServerProvider;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_server};
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tonic::transport::Server;

use crate::codec::{OperatorCodec, TableCodec};
use crate::rows::N_BATCH;
use crate::tls::{Choices, Mutual};

/// Settings of a scheduler.
#[derive(clap::Args)]
pub struct Scheduler {
    /// Address to listen on.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    listen: SocketAddr,
    /// An executor that has not been heard of for so many seconds is lost, and its work is done anew by others.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    lost_after_s: u64,
    #[command(flatten)]
    tls: Choices,
}

/// Settings of an executor.
#[derive(clap::Args)]
pub struct Executor {
    /// The scheduler.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    scheduler: String,
    /// Address to listen on, for other executors and for clients.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50051")]
    listen: SocketAddr,
    /// Name or address under which others reach this machine; that of --listen when not given.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Folder for rows on their way from one part to the next; a temporary one when not given.
    #[arg(long, value_name = "FOLDER")]
    work: Option<PathBuf>,
    /// Tasks at a time; one for each core when not given.
    #[arg(long, value_name = "N", default_value_t = 0)]
    tasks: usize,
    #[command(flatten)]
    tls: Choices,
}

/// Largest message of a scheduler, in bytes: plans are small, but each names the pack.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

impl Scheduler {
    /// Runs until the process is stopped.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn run(self) -> anyhow::Result<()> {
        let tls = self.tls.load()?;
        let config = SchedulerConfig {
            scheduling_policy: TaskSchedulingPolicy::PullStaged,
            executor_timeout_seconds: self.lost_after_s,
            no_executors_grace_period_seconds: self.lost_after_s.max(60),
            expire_dead_executor_interval_seconds: (self.lost_after_s / 4).max(1),
            // A client must have fetched what it asked for by then.
            finished_job_data_clean_up_interval_seconds: 1800,
            override_logical_codec: Some(Arc::new(TableCodec::default())),
            override_physical_codec: Some(Arc::new(OperatorCodec::default())),
            bind_host: self.listen.ip().to_string(),
            bind_port: self.listen.port(),
            external_host: self.listen.ip().to_string(),
            ..SchedulerConfig::default()
        };
        let cluster = BallistaCluster::new_from_config(&config).await?;
        let served = match tls {
            None => start_server(cluster, self.listen, Arc::new(config)).await.map_err(anyhow::Error::from),
            Some(tls) => serve_over_tls(cluster, config, self.listen, &tls).await,
        };
        served.with_context(|| {
            format!("cannot be a scheduler on {}\n  to do: choose a free address with --listen", self.listen)
        })
    }
}

/// As [`start_server`] does it, without the port that tells everybody about health.
async fn serve_over_tls(
    cluster: BallistaCluster,
    config: SchedulerConfig,
    listen: SocketAddr,
    tls: &Mutual,
) -> anyhow::Result<()> {
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await?;
    let service = SchedulerGrpcServer::new(scheduler)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Server::builder().tls_config(tls.server())?.add_service(service).serve(listen).await?)
}

impl Executor {
    /// Runs until the process is stopped.
    ///
    /// # Errors
    /// When the scheduler is not there, or the address cannot be listened on.
    pub async fn run(self) -> anyhow::Result<()> {
        let (host, port) = self
            .scheduler
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
            .with_context(|| format!("{} is no address\n  to do: give --scheduler HOST:PORT", self.scheduler))?;
        wait_for(&host, port).await?;
        let tls = self.tls.load()?;
        let work = self.work.map(|folder| folder.to_string_lossy().into_owned());
        if let Some(folder) = &work {
            std::fs::create_dir_all(folder).with_context(|| {
                format!("cannot make {folder}\n  to do: check --work, its permissions and the free space")
            })?;
        }
        let config = ExecutorProcessConfig {
            bind_host: self.listen.ip().to_string(),
            external_host: Some(self.host.unwrap_or_else(|| self.listen.ip().to_string())),
            port: self.listen.port(),
            scheduler_host: host,
            scheduler_port: port,
            vcores: self.tasks,
            task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
            work_dir: work,
            override_logical_codec: Some(Arc::new(TableCodec::default())),
            override_physical_codec: Some(Arc::new(OperatorCodec::default())),
            override_create_grpc_client_endpoint: tls.as_ref().map(Mutual::endpoints),
            override_config_producer: tls.as_ref().map(sessions_over_tls),
            override_arrow_flight_service: tls.map(flight_over_tls),
            ..ExecutorProcessConfig::default()
        };
        start_executor_process(Arc::new(config)).await.with_context(|| {
            format!(
                "cannot be an executor of {} on {}\n  to do: start the scheduler first; choose a free address with --listen",
                self.scheduler, self.listen
            )
        })
    }
}

/// Waits a little for a scheduler that is being started too.
async fn wait_for(host: &str, port: u16) -> anyhow::Result<()> {
    let began = Instant::now();
    while let Err(why) = tokio::net::TcpStream::connect((host, port)).await {
        let is_in_vain = began.elapsed() > Duration::from_secs(10);
        anyhow::ensure!(!is_in_vain, "there is no scheduler at {host}:{port}: {why}\n  to do: start it first");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Sessions in which an executor asks others for rows.
fn sessions_over_tls(tls: &Mutual) -> ConfigProducer {
    let endpoints = tls.endpoints();
    Arc::new(move || {
        SessionConfig::new_with_ballista()
            .with_ballista_use_tls(true)
            .with_ballista_override_create_grpc_client_endpoint(Arc::clone(&endpoints))
    })
}

/// The port at which others ask this executor for rows.
fn flight_over_tls(tls: Mutual) -> Arc<ArrowFlightServerProvider> {
    Arc::new(move |work, listen, mut shutdown, _| {
        let tls = tls.server();
        tokio::spawn(async move {
            let service = FlightServiceServer::new(BallistaFlightService::new(work));
            let mut server = Server::builder().tls_config(tls).map_err(BallistaError::TonicError)?;
            let served = server.add_service(service).serve_with_shutdown(listen, shutdown.recv());
            served.await.map_err(BallistaError::TonicError)
        })
    })
}

/// How a job is parted.
#[derive(Clone, Debug)]
pub struct Split {
    /// Pieces of each part; a few for each core of all machines.
    pub n_partitions: usize,
    /// Settings of DataFusion and Ballista besides, by their names.
    pub settings: Vec<(String, String)>,
}

/// A session in this process: threads instead of machines.
///
/// # Errors
/// When a setting is none.
pub fn here(split: &Split) -> anyhow::Result<SessionContext> {
    Ok(SessionContext::new_with_config(of_our_kind(SessionConfig::new(), split)?))
}

/// A session with the scheduler at `url`, `df://host:port`.
///
/// # Errors
/// When the address is none, or a setting.
pub async fn there(url: &str, split: &Split, tls: Option<&Mutual>) -> anyhow::Result<SessionContext> {
    // Features are packed already: LZ4 takes a tenth to a quarter more of the processor and spares a quarter of the bytes.
    let config = SessionConfig::new_with_ballista().set_str(BALLISTA_SHUFFLE_COMPRESSION_CODEC, "none");
    let mut config = of_our_kind(config, split)?
        .with_ballista_logical_extension_codec(Arc::new(TableCodec::default()))
        .with_ballista_physical_extension_codec(Arc::new(OperatorCodec::default()))
        .with_ballista_adaptive_query_planner(false)
        .set_usize("ballista.scheduler.max_partitions_per_task", 1)
        .with_ballista_job_name("streamward-batch");
    if let Some(tls) = tls {
        let endpoints = tls.endpoints();
        config = config.with_ballista_use_tls(true).with_ballista_override_create_grpc_client_endpoint(endpoints);
    }
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    SessionContext::remote_with_state(url, state)
        .await
        .with_context(|| format!("{url} is no address of a scheduler\n  to do: give --cluster df://HOST:PORT"))
}

fn of_our_kind(config: SessionConfig, split: &Split) -> anyhow::Result<SessionConfig> {
    let mut config =
        config.with_target_partitions(split.n_partitions).with_round_robin_repartition(false).with_batch_size(N_BATCH);
    for (name, value) in &split.settings {
        let set = config.options_mut().set(name, value);
        set.with_context(|| format!("{name}={value} is no setting of DataFusion or Ballista\n  to do: check --set"))?;
    }
    Ok(config)
}
