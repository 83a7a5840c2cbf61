//! How does DataFusion call the kernel?
//!
//! One operator for the three parts of `payments::features::parts`. The first takes pieces as they lie on disk, where
//! the rows of a beneficiary are together already. The others say by which columns theirs must lie together, and the
//! planner brings them there: across threads in DataFusion, across machines in Ballista.

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
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::job::Job;
use crate::reckon;

/// Which part of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Of rows: those of a beneficiary in one piece.
    Beneficiaries,
    /// Of what that gives: those of a sender together; and of rows that go both ways: those of a beneficiary together,
    /// where it is the sender.
    Senders,
    /// Of what that gives: those of a corridor and channel together.
    Peers,
}

impl Part {
    /// The columns by which each input's rows lie together; none where they stay as they lie.
    fn keys(self) -> &'static [&'static [&'static str]] {
        match self {
            Part::Beneficiaries => &[&[]],
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
        let emission = match part {
            Part::Beneficiaries => EmissionType::Incremental,
            Part::Senders | Part::Peers => EmissionType::Final,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(part.schema()),
            Partitioning::UnknownPartitioning(n_partitions),
            emission,
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
        let together = self.keys.iter().cloned().map(Distribution::KeyPartitioned).collect();
        match self.part {
            Part::Beneficiaries => InputDistributionRequirements::new(vec![Distribution::UnspecifiedDistribution]),
            Part::Senders => InputDistributionRequirements::co_partitioned(together),
            Part::Peers => InputDistributionRequirements::new(together),
        }
    }

    /// Nobody may part what lies together on disk.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![self.part != Part::Beneficiaries; self.inputs.len()]
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
        let mut inputs = each.collect::<Result<Vec<_>>>()?;
        let (part, job) = (self.part, Arc::clone(&self.job));
        let Some(last) = inputs.pop() else { return Err(DataFusionError::Internal(format!("{part:?} has no input"))) };
        let reckoned = match part {
            Part::Beneficiaries => each_piece(last).map(move |piece| reckon::of_beneficiaries(&piece?, &job)).boxed(),
            Part::Senders | Part::Peers => stream::once(async move {
                match inputs.pop() {
                    Some(paid) => reckon::of_senders(paid.try_collect().await?, last.try_collect().await?, &job),
                    None => reckon::of_peers(&last.try_collect::<Vec<_>>().await?, &job),
                }
            })
            .boxed(),
        };
        let batches = reckoned.map_ok(|found| stream::iter(found).map(Ok)).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.part.schema(), batches)))
    }
}

/// The batches of each piece, one piece after the other. Two that could be one are taken for one, which does no harm.
fn each_piece(rows: SendableRecordBatchStream) -> impl Stream<Item = Result<Vec<RecordBatch>>> + Send {
    stream::try_unfold((rows.fuse(), Vec::new()), |(mut rows, mut piece)| async move {
        while let Some(batch) = rows.try_next().await? {
            if batch.num_rows() == 0 {
                continue;
            }
            let is_another = reckon::is_of_another_piece(&piece, &batch)?;
            let before = if is_another { std::mem::take(&mut piece) } else { Vec::new() };
            piece.push(batch);
            if is_another {
                return Ok(Some((before, (rows, piece))));
            }
        }
        let last = std::mem::take(&mut piece);
        Ok((!last.is_empty()).then_some((last, (rows, piece))))
    })
}
