//! How does DataFusion come to the operator?
//!
//! Features are a table: its scan is the whole reckoning, and what lies between the operators the planner puts in.
//!
//! Who asks for all of them puts them in order anyway, and then the last part, whose work is a few additions a transfer,
//! is nearer there than behind another journey of everything: such a table ends with the part before it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::job::{Job, Wanted};
use crate::operator::{Part, Reckoning};
use crate::reckon::{FOUND, OF_SENDERS};
use crate::rows::SCHEMA;

/// The features that a job asks for, as a table.
#[derive(Debug)]
pub struct FeaturesTable {
    job: Arc<Job>,
}

impl FeaturesTable {
    /// The table of one job.
    pub fn new(job: Arc<Job>) -> FeaturesTable {
        FeaturesTable { job }
    }

    /// What is asked.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    fn plan(&self, n_partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
        let part = |part, inputs| -> Result<Arc<dyn ExecutionPlan>> {
            Ok(Reckoning::new(part, Arc::clone(&self.job), inputs)?)
        };
        let files = self.job.files();
        let pieces = files.pieces().map_err(|why| DataFusionError::External(why.into_boxed_dyn_error()))?;
        let each = pieces.chunks(pieces.len().div_ceil(n_partitions.max(1)));
        let beneficiaries = part(Part::Beneficiaries, vec![scan(each)?])?;
        let senders = part(Part::Senders, vec![beneficiaries, scan([&[files.two_way][..]])?])?;
        match self.job.asked.wanted {
            Wanted::Features => Ok(senders),
            Wanted::Levels => part(Part::Peers, vec![senders]),
        }
    }
}

/// Reads files of rows, those of each partition one after the other.
fn scan<'a>(partitions: impl IntoIterator<Item = &'a [PathBuf]>) -> Result<Arc<dyn ExecutionPlan>> {
    let unreadable = |path: &Path, why: std::io::Error| {
        DataFusionError::Execution(format!(
            "cannot read {}: {why}\n  to do: put the folder of rows where every machine sees it under this name",
            path.display()
        ))
    };
    let file = |path: &PathBuf| {
        let path = path.canonicalize().map_err(|why| unreadable(path, why))?;
        let n_bytes = path.metadata().map_err(|why| unreadable(&path, why))?.len();
        Ok(PartitionedFile::new(path.to_string_lossy(), n_bytes))
    };
    let groups = partitions.into_iter().map(|files| Ok(FileGroup::new(files.iter().map(file).collect::<Result<_>>()?)));
    let source = Arc::new(ParquetSource::new(Arc::clone(&SCHEMA)));
    let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
        .with_file_groups(groups.collect::<Result<_>>()?)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

#[async_trait]
impl TableProvider for FeaturesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(match self.job.asked.wanted {
            Wanted::Features => &OF_SENDERS,
            Wanted::Levels => &FOUND,
        })
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.plan(session.config().target_partitions())?;
        let Some(columns) = projection else { return Ok(plan) };
        let schema = self.schema();
        let each = columns.iter().map(|&place| {
            let name = schema.field(place).name();
            Ok((col(name, &schema)?, name.clone()))
        });
        Ok(Arc::new(ProjectionExec::try_new(each.collect::<Result<Vec<_>>>()?, plan)?))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::displayable;
    use payments::pack::LIVESTREAM_EXPLOITATION;

    use super::*;
    use crate::cluster::{Split, here};
    use crate::folder::Folder;
    use crate::job::Asked;
    use crate::rows::row;

    #[tokio::test]
    async fn the_planner_brings_together_what_each_part_asks_for() {
        let folder = tempfile::tempdir().unwrap();
        Folder::of(folder.path()).write(&[row(0, 1), row(1, 0)], LIVESTREAM_EXPLOITATION, None).unwrap();
        let asked = Asked {
            folder: folder.path().to_owned(),
            pack: LIVESTREAM_EXPLOITATION.to_owned(),
            overlay: None,
            wanted: Wanted::Levels,
        };
        let session = here(&Split { n_partitions: 4, settings: Vec::new() }).unwrap();
        for (wanted, expected) in [(Wanted::Levels, [1, 1, 1]), (Wanted::Features, [1, 1, 0])] {
            let table = Arc::new(FeaturesTable::new(Job::new(Asked { wanted, ..asked.clone() }).unwrap()));
            let plan = session.read_table(table).unwrap().create_physical_plan().await.unwrap();
            let plan = displayable(plan.as_ref()).indent(false).to_string();
            let n = |by: &str| plan.matches(by).count();
            let parted =
                [n("Hash([beneficiary@4], 4)"), n("Hash([sender@3], 4)"), n("Hash([corridor@1, channel@2], 4)")];
            assert_eq!(parted, expected, "{plan}");
        }
    }
}
