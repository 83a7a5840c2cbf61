//! How does DataFusion call the kernel?
//!
//! One operator for the three parts of `payments::features::parts`. It says by which columns its rows must lie
//! together, and the planner brings them there: across threads in DataFusion, across machines in Ballista.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::job::Job;
use crate::reckon;

/// Which part of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Of rows: those of a beneficiary together.
    Beneficiaries,
    /// Of what that gives: those of a sender together; and of rows that go both ways: those of a beneficiary together,
    /// where it is the sender.
    Senders,
    /// Of what that gives: those of a corridor and channel together.
    Peers,
}

impl Part {
    /// The columns by which each input's rows lie together.
    fn keys(self) -> &'static [&'static [&'static str]] {
        match self {
            Part::Beneficiaries => &[&["beneficiary"]],
            Part::Senders => &[&["sender"], &["beneficiary"]],
            Part::Peers => &[&["corridor", "channel"]],
        }
    }

    fn schema(self) -> SchemaRef {
        Arc::clone(match self {
            Part::Beneficiaries => &reckon::OF_BENEFICIARIES,
            Part::Senders => &reckon::OF_SENDERS,
            Part::Peers => &reckon::FOUND,
        })
    }

    fn reckon(self, mut inputs: Vec<Vec<RecordBatch>>, job: &Job) -> Result<Vec<RecordBatch>> {
        let last = inputs.pop().unwrap_or_default();
        match self {
            Part::Beneficiaries => reckon::of_beneficiaries(last, job),
            Part::Senders => reckon::of_senders(inputs.pop().unwrap_or_default(), last, job),
            Part::Peers => reckon::of_peers(&last, job),
        }
    }
}

/// The operator.
#[derive(Debug)]
pub struct Reckoning {
    part: Part,
    job: Arc<Job>,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    keys: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    properties: Arc<PlanProperties>,
}

impl Reckoning {
    /// One part over its inputs.
    ///
    /// # Errors
    /// When it has another number of inputs, or a column is missing in one.
    pub fn new(part: Part, job: Arc<Job>, inputs: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<Reckoning>> {
        if inputs.len() != part.keys().len() {
            return Err(DataFusionError::Plan(format!("{part:?} has {} inputs", inputs.len())));
        }
        let by = |names: &[&str], input: &Arc<dyn ExecutionPlan>| {
            names.iter().map(|name| col(name, &input.schema())).collect::<Result<Vec<_>>>()
        };
        let keys = part.keys().iter().zip(&inputs).map(|(names, input)| by(names, input)).collect::<Result<_>>()?;
        let n_partitions = inputs.first().map_or(1, |input| input.output_partitioning().partition_count());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(part.schema()),
            Partitioning::UnknownPartitioning(n_partitions),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(Arc::new(Reckoning { part, job, inputs, keys, properties: Arc::new(properties) }))
    }

    /// Which part it is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// What is asked.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }
}

impl DisplayAs for Reckoning {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reckoning: {:?}, {:?}", self.part, self.job.asked.wanted)
    }
}

impl ExecutionPlan for Reckoning {
    fn name(&self) -> &'static str {
        "Reckoning"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let together: Vec<Distribution> = self.keys.iter().cloned().map(Distribution::KeyPartitioned).collect();
        match self.part {
            Part::Beneficiaries | Part::Peers => InputDistributionRequirements::new(together),
            Part::Senders => InputDistributionRequirements::co_partitioned(together),
        }
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inputs.iter().collect()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Reckoning::new(self.part, Arc::clone(&self.job), children)?)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for key in self.keys.iter().flatten() {
            if f(key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let each = self.inputs.iter().map(|input| input.execute(partition, Arc::clone(&context)));
        let inputs = each.collect::<Result<Vec<_>>>()?;
        let (part, job) = (self.part, Arc::clone(&self.job));
        let reckoned = async move {
            let mut batches = Vec::with_capacity(inputs.len());
            for input in inputs {
                batches.push(input.try_collect::<Vec<RecordBatch>>().await?);
            }
            let began = std::time::Instant::now();
            let found = part.reckon(batches, &job)?;
            log::debug!("{part:?}, partition {partition}: {:.3} s", began.elapsed().as_secs_f64());
            Ok::<_, DataFusionError>(stream::iter(found.into_iter().map(Ok)))
        };
        let batches = stream::once(reckoned).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.part.schema(), batches.boxed())))
    }
}
