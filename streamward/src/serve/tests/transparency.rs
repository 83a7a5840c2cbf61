//! Do the forms for authorities come filled, and with nothing that was paid or that names anybody?

use super::*;

#[tokio::test]
async fn the_forms_come_filled_for_their_days_and_say_what_is_not_known() {
    let house = House::new("[transparency]\nservice = \"Example, calls\"\n").await;
    let case = house.refer(intake("SECRET-CALL")).await;
    house.refer(Intake { source: Source::Payment, channel: "SECRET-ALERT".into(), ..intake("x") }).await;
    house.let_in("ada", &[Role::Lead], &[Compartment::Video]).await;
    let ada = house.session("ada").await;
    for (path, body) in [
        ("take", ""),
        ("decide", "verdict=violation&reason=SECRET-REASON&policy_version=1"),
        ("appeals", "reference=SECRET-REFERENCE&said=SECRET"),
    ] {
        house.with(&ada, Method::POST, &format!("/cases/{case}/{path}"), body).await;
    }
    let get = async |path: &str| house.with(&ada, Method::GET, path, "").await;
    let page = get("/figures/forms").await.text;
    for name in ["ofcom_record.csv", "dsa_statements_of_reasons.csv", "7_appeals_and_recidivism.csv", "decision_facts"]
    {
        assert!(page.contains(name), "{name}: {page}");
    }
    for form in casework::transparency::Form::ALL {
        let came = get(&format!("/figures/forms/{}", form.file_name())).await;
        assert_eq!(came.status, StatusCode::OK, "{form:?}");
        assert!(!came.text.contains("SECRET"), "{form:?}: {}", came.text);
        let mut csv = csv::Reader::from_reader(came.text.as_bytes());
        assert!(csv.records().all(|record| record.is_ok()) && !csv.headers().unwrap().is_empty(), "{form:?}");
    }
    let appeals = get("/figures/forms/7_appeals_and_recidivism.csv").await.text;
    assert!(appeals.contains("\"Example, calls\"") && appeals.contains("mechanism,Total number,1,"), "{appeals}");
    let statements = get("/figures/forms/dsa_statements_of_reasons.csv").await.text;
    assert!(statements.contains(&format!("{case}-1,,,")), "{statements}");
    let other = get("/figures/forms/dsa_statements_of_reasons.csv?from=2020-01-01&to=2020-12-31").await.text;
    assert_eq!(other.lines().count(), 1, "nothing of other days: {other}");
    for wrong in ["?from=soon", "?from=2026-02-01&to=2026-01-01", "?from=2026-02-30"] {
        let came = get(&format!("/figures/forms/ofcom_record.csv{wrong}")).await;
        assert_eq!(came.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    assert_eq!(get("/figures/forms/other.csv").await.status, StatusCode::NOT_FOUND);
}
