//! What will the authority be told, and who stands for it?

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::IntoResponse;
use casework::case::State as CaseState;
use casework::cybertip::document::IncidentType;
use casework::dossier::Filed;
use casework::draft::{Choices, draft};
use casework::filing::{Status, Step};
use casework::report::Destination;
use casework::role::Permission;
use casework::{Deed, Dossier, Sealed, Verdict};
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::{Desk, Shared};
use super::super::page::Html;
use super::{Answer, Refusal, back, cases, may, page, words};
use crate::clock::now;
use crate::store::Account;
use crate::{html, say, tell, term};

pub(super) fn routes() -> Routes {
    Routes::new()
        .post("/cases/{case}/reports", may(Permission::Draft), begin)
        .get("/cases/{case}/reports/{report}", may(Permission::ReadCases), show)
        .post("/cases/{case}/reports/{report}/approve", may(Permission::Approve), approve)
        .post("/cases/{case}/reports/{report}/withdraw", may(Permission::Draft), withdraw)
        .post("/cases/{case}/reports/{report}/go-on", may(Permission::Outbox), go_on)
}

/// The reports of a case, and the form for another one where there can be one.
pub(super) fn listed(id: &str, dossier: &Dossier, reader: &Account, desk: &Desk) -> Html {
    let line = |(index, filed): (usize, &Filed)| {
        let (number, name) = (index + 1, say!("report.link", report = index + 1));
        let link = html!("<a href=\"/cases/{}/reports/{}\">{}</a>", id, number, name);
        html!("<li>{}</li>", tell!("report.listed", link = link, state = term!("report_state", filed.state_name())))
    };
    let lines: Vec<Html> = dossier.reports().iter().enumerate().map(line).collect();
    let list = match lines.is_empty() {
        true => html!("<p>{}</p>", say!("word.none")),
        false => html!("<ul>{}</ul>", lines),
    };
    let is_due = match dossier.case().state() {
        CaseState::Decided => dossier.case().decision().is_some_and(|d| d.verdict == Verdict::Violation),
        CaseState::Reporting => dossier.reports().last().is_none_or(Filed::is_over),
        _ => false,
    };
    match is_due && reader.may(Permission::Draft) {
        true => html!("{}{}", list, form(id, desk)),
        false => list,
    }
}

fn form(id: &str, desk: &Desk) -> Html {
    let Some(missing) = missing(desk) else {
        return html!(
            "<div class=\"box\"><form method=\"post\" action=\"/cases/{}/reports\">\
             <label for=\"incident\">{}</label>\
             <select id=\"incident\" name=\"incident\" lang=\"en\" required>\
             <option value=\"material\">{}</option><option value=\"trafficking\">{}</option>\
             <option value=\"enticement\">{}</option></select>\
             <label for=\"escalation\">{}</label>\
             <textarea id=\"escalation\" name=\"escalation\" maxlength=\"3000\"></textarea>\
             <label for=\"remark\">{}</label>\
             <textarea id=\"remark\" name=\"remark\" maxlength=\"2000\"></textarea>\
             <label for=\"prior\">{}</label>\
             <input type=\"text\" id=\"prior\" name=\"prior\" maxlength=\"200\">\
             <button>{}</button></form></div>",
            id,
            say!("report.incident"),
            IncidentType::Material.wording(),
            IncidentType::Trafficking.wording(),
            IncidentType::Enticement.wording(),
            say!("report.escalation"),
            say!("report.remark"),
            say!("report.prior"),
            say!("report.draft")
        );
    };
    html!("<p class=\"alarm\">{}</p>", say!("report.cannot", why = missing))
}

/// What the settings lack before anything can be reported.
fn missing(desk: &Desk) -> Option<String> {
    match (&desk.settings.reporter, &desk.schema) {
        (None, _) => Some(say!("report.no_reporter")),
        (Some(_), None) => Some(say!("report.no_cybertipline")),
        (Some(_), Some(_)) => None,
    }
}

#[derive(Deserialize)]
struct Begun {
    incident: String,
    #[serde(default)]
    escalation: String,
    #[serde(default)]
    remark: String,
    #[serde(default)]
    prior: String,
}

async fn begin(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    Form(begun): Form<Begun>,
) -> Answer {
    let dossier = cases::open(&desk, &reader, &id).await?;
    let (Some(reporter), Some(schema)) = (desk.settings.reporter(), &desk.schema) else {
        return Err(Refusal::Filled(say!("report.settings")));
    };
    let incident = match begun.incident.as_str() {
        "material" => IncidentType::Material,
        "trafficking" => IncidentType::Trafficking,
        "enticement" => IncidentType::Enticement,
        _ => return Err(Refusal::Filled(say!("report.say_what"))),
    };
    let text = |text: String| Some(text.replace("\r\n", "\n").trim().to_owned()).filter(|text| !text.is_empty());
    let numbers: Result<Vec<i64>, _> =
        begun.prior.split([' ', ',']).filter(|word| !word.is_empty()).map(str::parse).collect();
    let prior_reports = numbers.map_err(|_| Refusal::Filled(say!("report.wrong_prior")))?;
    let choices = Choices {
        incident,
        escalation: text(begun.escalation).map(Sealed::new),
        remark: text(begun.remark).map(Sealed::new),
        prior_reports,
    };
    let (xml, files) = draft(&dossier, &reporter, choices, now())?;
    let checked = schema
        .check(&xml)
        .map_err(|reasons| Refusal::Filled(say!("report.not_valid", reasons = reasons.join("; "))))?;
    let report = dossier.reports().len() + 1;
    let deeds = [Deed::Drafted { destination: Destination::Test, xml, files }, Deed::Validated { report, checked }];
    desk.store.act(&id, Some(&reader.name), &deeds, now()).await?;
    back(&format!("/cases/{id}/reports/{report}"))
}

async fn show(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, number)): Path<(String, usize)>,
) -> Answer {
    let dossier = cases::open(&desk, &reader, &id).await?;
    let filed = dossier.report(number).map_err(|_| Refusal::NotYours)?;
    let report = filed.report();
    let digits = |bytes: &[u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let body = html!(
        "<p><a href=\"/cases/{}\">{}</a></p><p><span class=\"mark\">{}</span></p>{}{}\
         <h2>{}</h2><dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd>\
         <dt>{}</dt><dd><code>{}</code></dd></dl><h2>{}</h2>{}\
         <details><summary>{}</summary><pre lang=\"en\">{}</pre></details><h2>{}</h2>{}",
        id,
        say!("report.back"),
        term!("report_state", filed.state_name()),
        receipt(filed),
        actions(&id, number, filed, &reader),
        say!("report.who"),
        say!("report.decided_by"),
        report.decided_by().name(),
        say!("report.approved_by"),
        report.approved_by().map_or_else(|| say!("report.nobody_yet"), |person| person.name().to_owned()),
        say!("report.goes_to"),
        term!("destination", report.destination().name()),
        say!("report.files"),
        report.files().len(),
        say!("report.checked"),
        report.checked().map_or_else(|| say!("report.not_checked"), |checked| digits(&checked.schema_sha256)),
        say!("report.says"),
        form_view(report.document().xml()),
        say!("report.document"),
        report.document().xml(),
        say!("report.way"),
        journal(filed)
    );
    let mut page = page(&reader, &say!("report.title", report = number, case = id), body);
    if matches!(filed.status(), Some(Status::Underway)) {
        page.is_watching = true;
    }
    Ok(page.into_response())
}

fn receipt(filed: &Filed) -> Html {
    match filed.filing() {
        Ok(filing) if matches!(filing.status(), Status::Filed { .. }) => {
            html!("<p class=\"good\"><strong>{}</strong></p>", words::status(filing.status(), None, now()))
        }
        Ok(filing) => html!("<p>{}</p>", words::status(filing.status(), filing.next_timeout(), now())),
        Err(_) => html!(""),
    }
}

fn actions(id: &str, number: usize, filed: &Filed, reader: &Account) -> Html {
    let button = |action: &str, name: String| {
        html!(
            "<form class=\"line\" method=\"post\" action=\"/cases/{}/reports/{}/{}\"><button>{}</button></form>",
            id,
            number,
            action,
            name
        )
    };
    let is_validated = filed.report().state_name() == "validated";
    let approve = match is_validated && reader.may(Permission::Approve) {
        false => html!(""),
        true if *filed.report().decided_by() == reader.name => {
            html!("<p>{}</p>", say!("report.own"))
        }
        true => html!("<p>{}</p>{}", say!("report.read_first"), button("approve", say!("report.approve"))),
    };
    let is_sent = !filed.journal().is_empty() && !filed.is_over();
    let withdraw = (!is_sent && !filed.report().is_withdrawn() && reader.may(Permission::Draft))
        .then(|| button("withdraw", say!("report.withdraw")));
    let go_on = (matches!(filed.status(), Some(Status::Stopped { .. })) && reader.may(Permission::Outbox))
        .then(|| button("go-on", say!("report.go_on")));
    html!("{}{}{}", approve, withdraw, go_on)
}

/// The document as a form: each element that holds text, with the authority's name for it in words, which stays English.
fn form_view(xml: &str) -> Html {
    let Ok(document) = uppsala::parse(xml) else { return html!("<p>{}</p>", say!("report.unreadable")) };
    let Some(root) = document.document_element() else { return html!("") };
    let mut rows = Vec::new();
    for node in document.descendants(root) {
        let Some(element) = document.element(node) else { continue };
        if document.children_iter(node).any(|child| document.element(child).is_some()) {
            continue;
        }
        let mut name = String::new();
        for letter in element.name.local_name.chars() {
            if letter.is_uppercase() {
                name.push(' ');
            }
            name.extend(letter.to_lowercase());
        }
        rows.push(html!("<dt>{}</dt><dd>{}</dd>", name, document.text_content_deep(node)));
    }
    html!("<dl lang=\"en\">{}</dl>", rows)
}

fn journal(filed: &Filed) -> Html {
    let line = |step: &Step| {
        let at = match step {
            Step::Intended { at, .. } | Step::Answered { at, .. } | Step::Resumed { at } => *at,
        };
        html!("<li>{} {}</li>", words::moment(at), words::step(step))
    };
    let lines: Vec<Html> = filed.journal().iter().map(line).collect();
    match lines.is_empty() {
        true => html!("<p>{}</p>", say!("report.nothing_sent")),
        false => html!("<ol class=\"time\">{}</ol>", lines),
    }
}

async fn approve(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, report)): Path<(String, usize)>,
) -> Answer {
    cases::open(&desk, &reader, &id).await?;
    let deed = Deed::Approved { report, by: reader.name.clone() };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}/reports/{report}"))
}

async fn withdraw(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, report)): Path<(String, usize)>,
) -> Answer {
    cases::open(&desk, &reader, &id).await?;
    let deed = Deed::Withdrawn { report, by: reader.name.clone() };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}"))
}

async fn go_on(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path((id, report)): Path<(String, usize)>,
) -> Answer {
    let dossier = cases::open(&desk, &reader, &id).await?;
    let after = dossier.report(report)?.journal().len();
    let deed = Deed::Filing { report, after, step: Step::Resumed { at: now() } };
    desk.store.act(&id, Some(&reader.name), &[deed], now()).await?;
    back(&format!("/cases/{id}/reports/{report}"))
}
