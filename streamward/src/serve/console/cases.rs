//! Which cases are there, and what can be done about one?

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::response::IntoResponse;
use casework::case::{Event, State as CaseState};
use casework::entry::Action;
use casework::evidence::Kept;
use casework::role::{Compartment, Permission};
use casework::{Decision, Deed, Dossier, Evidence, Verdict};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::access::{Reader, Routes};
use super::super::desk::Shared;
use super::super::page::Html;
use super::{Answer, Refusal, back, may, page, words};
use crate::clock::now;
use crate::store::{Account, Line, Listed, Logged};
use crate::{html, say};

/// How many cases a list shows.
const N_SHOWN: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/", may(Permission::SignedIn), queue)
        .get("/news", may(Permission::SignedIn), news)
        .get("/done", may(Permission::ReadCases), done)
        .get("/cases/{case}", may(Permission::ReadCases), case)
        .post("/cases/{case}/take", may(Permission::Decide), take)
        .post("/cases/{case}/give-back", may(Permission::Decide), give_back)
        .post("/cases/{case}/decide", may(Permission::Decide), decide)
        .post("/cases/{case}/take-up-again", may(Permission::Decide), take_up_again)
}

async fn queue(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    if !reader.may(Permission::ReadCases) {
        return back("/me");
    }
    let now = now();
    let mut cases = desk.store.cases(Line::ToDo, &reader.compartments, N_SHOWN).await?;
    cases.retain(|listed| !listed.dossier.is_blind(&reader.name));
    let n_live = cases.iter().filter(|listed| listed.dossier.is_live()).count();
    let n_late = cases.iter().filter(|listed| listed.dossier.is_live() && waits(&listed.dossier)).count();
    let alarm = (n_late > 0).then(|| {
        html!(
            "<p class=\"alarm\" role=\"alert\"><strong>{}</strong> {}</p>",
            say!("queue.alarm", n = n_late),
            say!("queue.danger")
        )
    });
    let body = match cases.is_empty() {
        true => html!("<p>{}</p>", say!("queue.nothing")),
        false => html!(
            "{}<p class=\"quiet-text\">{}</p>{}",
            alarm,
            say!("queue.count", n = cases.len(), n_live = n_live),
            table(&cases, &reader, now)
        ),
    };
    let mut page = page(&reader, &say!("queue.title"), body);
    page.is_watching = true;
    Ok(page.into_response())
}

/// Changes whenever anything does; a page that shows what happens asks for it.
async fn news(State(desk): State<Shared>) -> Answer {
    Ok(desk.store.head().await?.n_entries.to_string().into_response())
}

async fn done(State(desk): State<Shared>, Extension(Reader(reader)): Extension<Reader>) -> Answer {
    let mut cases = desk.store.cases(Line::Done, &reader.compartments, N_SHOWN).await?;
    cases.retain(|listed| !listed.dossier.is_blind(&reader.name));
    let body = match cases.is_empty() {
        true => html!("<p>{}</p>", say!("queue.nothing_done")),
        false => table(&cases, &reader, now()),
    };
    Ok(page(&reader, &say!("queue.done"), body).into_response())
}

fn waits(dossier: &Dossier) -> bool {
    matches!(dossier.case().state(), CaseState::New | CaseState::Triaged)
}

pub(super) fn table(cases: &[Listed], reader: &Account, now: Timestamp) -> Html {
    let row = |Listed { id, due_at, dossier }: &Listed| {
        let seen = dossier.referrals_in(&reader.compartments).next();
        let n_more = dossier.referrals_in(&reader.compartments).count().saturating_sub(1);
        let more = (n_more > 0).then(|| html!(" <span class=\"quiet-text\">{}</span>", say!("queue.more", n = n_more)));
        let mark = dossier.is_live().then(|| html!("<span class=\"mark live\">{}</span> ", say!("queue.running")));
        let due = match waits(dossier) {
            true if *due_at < now => {
                html!("<span class=\"live\">{}</span>", say!("queue.late", when = words::distance(*due_at, now)))
            }
            true => html!("{}", say!("queue.look", when = words::distance(*due_at, now))),
            false => html!(""),
        };
        html!(
            "<tr data-row><td>{}<a href=\"/cases/{}\">{}</a>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            mark,
            id,
            seen.map(|referral| words::seen(referral.intake())),
            more,
            seen.map(|referral| referral.intake().platform.clone()),
            words::state(dossier),
            due
        )
    };
    let rows: Vec<Html> = cases.iter().map(row).collect();
    html!(
        "<table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table>",
        say!("queue.seen"),
        say!("queue.where"),
        say!("queue.state"),
        say!("queue.look_by"),
        rows
    )
}

/// A case that this reader may read something of.
pub(super) async fn open(desk: &Shared, reader: &Account, case: &str) -> Result<Dossier, Refusal> {
    let dossier = desk.store.case(case).await?;
    let is_open = dossier.compartments().iter().any(|compartment| reader.compartments.contains(compartment));
    match is_open {
        false => Err(Refusal::NotYours),
        true if dossier.is_blind(&reader.name) => Err(Refusal::Blind),
        true => Ok(dossier),
    }
}

async fn case(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
) -> Answer {
    let dossier = open(&desk, &reader, &id).await?;
    let deeds = desk.store.deeds(&id).await?;
    let body = html!(
        "{}<p><span class=\"mark\">{}</span></p>{}<h2>{}</h2>{}<h2>{}</h2>{}{}<h2>{}</h2>{}{}{}{}{}<h2>{}</h2>{}",
        dossier.is_live().then(|| html!("<p class=\"alarm\" role=\"alert\">{}</p>", say!("case.still_runs"))),
        words::state(&dossier),
        actions(&id, &dossier, &reader),
        say!("case.seen"),
        referrals(&dossier, &reader.compartments),
        say!("case.files"),
        files(&dossier),
        super::reveal::tiles(&desk, &id, &dossier, &reader).await?,
        say!("case.reports"),
        super::reports::listed(&id, &dossier, &reader, &desk),
        super::appeals::section(&id, &dossier, &super::appeals::hands(&deeds), &reader),
        super::exports::listed(&id, &dossier, &reader),
        super::claims::section(&id, &dossier, &reader),
        super::vault::holds(&id, &dossier, &reader),
        say!("case.happened"),
        timeline(&deeds, &reader.compartments, dossier.second().is_some())
    );
    Ok(page(&reader, &say!("case.title", case = id), body).into_response())
}

pub(super) fn referrals(dossier: &Dossier, compartments: &[Compartment]) -> Html {
    let one = |referral: &casework::Referral| {
        let intake = referral.intake();
        html!(
            "<div class=\"box\"><h3>{}</h3><dl><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd>\
             <dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd><dt>{}</dt><dd>{}</dd></dl></div>",
            words::seen(intake),
            say!("case.seen_by"),
            words::source(intake.source),
            say!("case.service"),
            intake.platform,
            say!("case.channel"),
            intake.channel,
            say!("case.account"),
            intake.account.as_ref().map_or_else(|| say!("word.not_known"), |account| account.open().clone()),
            say!("case.from"),
            words::moment(intake.began_at),
            say!("case.until"),
            intake.ended_at.map_or_else(|| html!("{}", say!("case.still_running")), words::moment)
        )
    };
    let all: Vec<Html> = dossier.referrals_in(compartments).map(one).collect();
    html!("{}", all)
}

fn files(dossier: &Dossier) -> Html {
    let row = |file: &Evidence| {
        let kept = match file.kept {
            Kept::Facts => say!("case.kept_facts"),
            Kept::ByTheService { .. } => say!("case.kept_by_service"),
            Kept::InVault(_) => say!("case.kept_in_vault"),
            Kept::Erased { complete_on: Some(date) } => say!("case.erased_on", date = date),
            Kept::Erased { complete_on: None } => say!("case.erased"),
        };
        let is_viewed = dossier.views().is_file_viewed(&file.sha256);
        html!(
            "<tr><td>{}</td><td>{}</td><td><code>{}</code></td><td data-label=\"{}\">{}</td>\
             <td data-label=\"{}\">{}</td></tr>",
            file.media_type,
            say!("word.bytes", n = file.len),
            file.digits(),
            say!("case.kept_by"),
            kept,
            say!("case.viewed"),
            if is_viewed { say!("word.yes") } else { say!("word.no") }
        )
    };
    if dossier.evidence().is_empty() {
        return html!("<p>{}</p>", say!("case.no_files"));
    }
    let rows: Vec<Html> = dossier.evidence().iter().map(row).collect();
    html!(
        "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">SHA-256</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead>\
         <tbody>{}</tbody></table></div>",
        say!("case.kind"),
        say!("case.length"),
        say!("case.kept_by"),
        say!("case.viewed"),
        rows
    )
}

fn timeline(deeds: &[(Logged, Deed)], compartments: &[Compartment], is_drawn: bool) -> Html {
    // That a case was drawn is not told while a second person may still get it.
    let is_kept_back = |deed: &Deed| is_drawn && deed.action() == Action::Quality;
    let open = deeds.iter().filter(|(_, deed)| compartments.contains(&deed.compartment()) && !is_kept_back(deed));
    let line = |(logged, deed): &(Logged, Deed)| {
        html!(
            "<li>{} {} <span class=\"quiet-text\">{}</span></li>",
            words::moment(logged.entry.at),
            words::deed(deed),
            say!("case.record", record = logged.position)
        )
    };
    let lines: Vec<Html> = open.map(line).collect();
    html!("<ol class=\"time\">{}</ol>", lines)
}

fn actions(id: &str, dossier: &Dossier, reader: &Account) -> Html {
    let button = |action: &str, name: String| {
        html!(
            "<form class=\"line\" method=\"post\" action=\"/cases/{}/{}\"><button>{}</button></form>",
            id,
            action,
            name
        )
    };
    if !reader.may(Permission::Decide) {
        return html!("");
    }
    match dossier.case().state() {
        CaseState::New | CaseState::Triaged => button("take", say!("case.take")),
        CaseState::InReview { by } if *by == reader.name => html!(
            "<div class=\"box\"><form method=\"post\" action=\"/cases/{}/decide\"><fieldset><legend>{}</legend>\
             <label><input type=\"radio\" name=\"verdict\" value=\"violation\" required>{}</label>\
             <label><input type=\"radio\" name=\"verdict\" value=\"no_violation\">{}</label>\
             </fieldset><label for=\"reason\">{}</label>\
             <textarea id=\"reason\" name=\"reason\" required maxlength=\"4000\"></textarea>\
             <label for=\"policy\">{}</label>\
             <input type=\"text\" id=\"policy\" name=\"policy_version\" value=\"1\" required maxlength=\"50\">\
             <button>{}</button></form><form class=\"line\" method=\"post\" action=\"/cases/{}/give-back\">\
             <button class=\"quiet\">{}</button></form></div>",
            id,
            say!("case.decision"),
            say!("case.must_be_reported"),
            say!("case.nothing_to_report"),
            say!("case.why"),
            say!("case.rules"),
            say!("case.decide"),
            id,
            say!("case.give_back")
        ),
        CaseState::Decided | CaseState::Closed => button("take-up-again", say!("case.take_up_again")),
        CaseState::InReview { .. } | CaseState::Reporting | CaseState::Reported | CaseState::OnHold { .. } => html!(""),
    }
}

async fn act(desk: &Shared, reader: &Account, case: &str, event: Event) -> Answer {
    open(desk, reader, case).await?;
    desk.store.act(case, Some(&reader.name), &[Deed::Moved(event)], now()).await?;
    back(&format!("/cases/{case}"))
}

async fn take(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
) -> Answer {
    act(&desk, &reader, &id, Event::Taken { by: reader.name.clone() }).await
}

async fn give_back(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
) -> Answer {
    let dossier = open(&desk, &reader, &id).await?;
    match dossier.case().state() {
        CaseState::InReview { by } if *by != reader.name => Err(casework::Error::TakenByAnother.into()),
        _ => act(&desk, &reader, &id, Event::GivenBack).await,
    }
}

#[derive(Deserialize)]
struct Decided {
    verdict: Verdict,
    reason: String,
    policy_version: String,
}

async fn decide(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
    Form(decided): Form<Decided>,
) -> Answer {
    let Decided { verdict, reason, policy_version } = decided;
    let reason = reason.replace("\r\n", "\n").trim().to_owned();
    let n_chars = reason.chars().count();
    if !(1..=4000).contains(&n_chars) || !(1..=50).contains(&policy_version.trim().chars().count()) {
        return Err(Refusal::Filled(say!("case.wrong_decision")));
    }
    let decision = Decision {
        who: reader.name.clone(),
        verdict,
        reason,
        policy_version: policy_version.trim().to_owned(),
        at: now(),
    };
    act(&desk, &reader, &id, Event::Decided(decision)).await
}

async fn take_up_again(
    State(desk): State<Shared>,
    Extension(Reader(reader)): Extension<Reader>,
    Path(id): Path<String>,
) -> Answer {
    act(&desk, &reader, &id, Event::TakenUpAgain { by: reader.name.clone() }).await
}
