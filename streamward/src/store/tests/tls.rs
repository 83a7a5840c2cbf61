//! Is PostgreSQL spoken to over TLS, and only with whom the given authority vouches for?

use super::*;

#[tokio::test]
async fn over_tls_only_the_server_is_believed_that_the_authority_vouches_for() {
    let (Some(plain), Ok(server)) = (postgres::database().await, std::env::var("STREAMWARD_TEST_POSTGRES_TLS")) else {
        eprintln!("lacking: a PostgreSQL that speaks TLS (script/with-postgres starts one)");
        return;
    };
    let name = plain.split_once('?').unwrap().0.rsplit_once('/').unwrap().1;
    let url = server.replace("/postgres?", &format!("/{name}?"));
    let place = Place::new(Some(url.clone())).await;
    place.store.refer(None, referral("call 1"), at(0)).await.unwrap();
    let row = sqlx::query("SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl")
        .fetch_one(&place.store.pool)
        .await
        .unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
    for (what, wrong) in [
        ("another authority", url.replace("ca.pem", "server.pem")),
        ("another name", url.replace("localhost", "127.0.0.1")),
        ("no TLS, which this server refuses", url.replace("verify-full", "disable")),
    ] {
        assert_ne!(wrong, url);
        let opened = Store::open(place.folder.path(), Some(&wrong)).await;
        assert!(matches!(opened, Err(Error::Database(_))), "{what}");
    }
}
