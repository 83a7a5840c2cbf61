//! How do the table and the operator travel?
//!
//! As JSON behind a mark of our own; everything else is Ballista's.

use std::sync::Arc;

use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::job::{Asked, Job};
use crate::operator::{Part, Reckoning};
use crate::table::FeaturesTable;

/// What our bytes begin with; no protobuf message of Ballista's does.
const MARK: &[u8] = b"streamward-batch 1\n";

fn write(value: &impl Serialize, buffer: &mut Vec<u8>) -> Result<()> {
    buffer.extend_from_slice(MARK);
    serde_json::to_writer(buffer, value).map_err(|why| DataFusionError::External(Box::new(why)))
}

/// None where the bytes are not ours.
fn read<T: DeserializeOwned>(buffer: &[u8]) -> Option<Result<T>> {
    let ours = buffer.strip_prefix(MARK)?;
    Some(serde_json::from_slice(ours).map_err(|why| DataFusionError::External(Box::new(why))))
}

/// Carries [`FeaturesTable`] from the client to the scheduler.
#[derive(Debug, Default)]
pub struct TableCodec(BallistaLogicalExtensionCodec);

impl LogicalExtensionCodec for TableCodec {
    fn try_decode(&self, buffer: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        self.0.try_decode(buffer, inputs, context)
    }

    fn try_encode(&self, node: &Extension, buffer: &mut Vec<u8>) -> Result<()> {
        self.0.try_encode(node, buffer)
    }

    fn try_decode_table_provider(
        &self,
        buffer: &[u8],
        name: &TableReference,
        schema: SchemaRef,
        context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        match read::<Asked>(buffer) {
            Some(asked) => Ok(Arc::new(FeaturesTable::new(Job::new(asked?)?))),
            None => self.0.try_decode_table_provider(buffer, name, schema, context),
        }
    }

    fn try_encode_table_provider(
        &self,
        name: &TableReference,
        table: Arc<dyn TableProvider>,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        let any: &dyn std::any::Any = table.as_ref();
        match any.downcast_ref::<FeaturesTable>() {
            Some(ours) => write(&ours.job().asked, buffer),
            None => self.0.try_encode_table_provider(name, table, buffer),
        }
    }

    fn try_decode_file_format(&self, buffer: &[u8], context: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.0.try_decode_file_format(buffer, context)
    }

    fn try_encode_file_format(&self, buffer: &mut Vec<u8>, format: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.0.try_encode_file_format(buffer, format)
    }
}

/// Carries [`Reckoning`] from the scheduler to the executors.
#[derive(Debug, Default)]
pub struct OperatorCodec(BallistaPhysicalExtensionCodec);

#[derive(Serialize, Deserialize)]
struct Written {
    part: Part,
    asked: Asked,
}

impl PhysicalExtensionCodec for OperatorCodec {
    fn try_decode(
        &self,
        buffer: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match read::<Written>(buffer) {
            Some(written) => {
                let Written { part, asked } = written?;
                Ok(Reckoning::new(part, Job::new(asked)?, inputs.to_vec())?)
            }
            None => self.0.try_decode(buffer, inputs, context, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buffer: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match node.downcast_ref::<Reckoning>() {
            Some(ours) => {
                let written = Written { part: ours.part(), asked: ours.job().asked.clone() };
                write(&written, buffer)
            }
            None => self.0.try_encode(node, buffer, converter),
        }
    }
}
