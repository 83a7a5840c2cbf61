//! Where do tests get a PostgreSQL?
//!
//! From `script/with-postgres`, which starts one and gives its address in `$STREAMWARD_TEST_POSTGRES`.

use sqlx::{Any, AnyConnection, Connection};

/// The address of a new, empty database; none, with a word about it, where no PostgreSQL was started.
pub(crate) async fn database() -> Option<String> {
    let Ok(server) = std::env::var("STREAMWARD_TEST_POSTGRES") else {
        eprintln!("not run on PostgreSQL: none was started (script/with-postgres starts one)");
        return None;
    };
    sqlx::any::install_default_drivers();
    let name = format!("test_{}", &crate::chance::token()[..16]);
    let mut connection = AnyConnection::connect(&server).await.unwrap();
    let statement = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query::<Any>(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    Some(server.replace("/postgres?", &format!("/{name}?")))
}
