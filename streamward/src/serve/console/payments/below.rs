//! Whom do we miss?
//!
//! Of those about whom nothing was raised in a month, some are drawn for a person to look at. The month, the pack and a
//! hash say who: nobody chooses, and the same month gives the same names again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use axum::extract::{Form, Path, Query};
use casework::role::Permission;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use payments::below::{self, Item, Plan, Sample, Stratum};
use payments::gate::{Event, Outcome};
use payments::{Alert, Pack, Scored};
use serde::Deserialize;

use super::super::super::access::Routes;
use super::super::super::page::Html;
use super::super::words::english;
use super::{Answer, Refusal, Room, may, words};
use crate::payments::desk::now_s;
use crate::{html, say, tell, term};

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/payments/below", may(Permission::ReadCases), list)
        .get("/payments/below/{item}", may(Permission::ReadCases), one)
        .post("/payments/below/{item}", may(Permission::Decide), outcome)
}

/// Which month; the last one that has ended where none is named.
#[derive(Deserialize)]
struct Which {
    month: Option<String>,
}

/// A month's sample, with what the pack says of each.
struct Drawn {
    month: String,
    months: Vec<String>,
    pack: Pack,
    drawn: Arc<(Sample, Vec<Alert>)>,
    /// The last look at each item.
    looks: BTreeMap<String, Event>,
}

/// The months that the desk has seen from their first second to their last, oldest first.
fn whole_months(first_s: i64, last_s: i64) -> Vec<Date> {
    let date = |at_s: i64| jiff::Timestamp::from_second(at_s).ok().map(|at| TimeZone::UTC.to_datetime(at).date());
    let (Some(first), Some(last)) = (date(first_s), date(last_s)) else { return Vec::new() };
    let months = std::iter::successors(Some(first.first_of_month()), |month| {
        month.checked_add(jiff::Span::new().months(1)).ok()
    });
    let begun = months.take_while(|month| *month < last.first_of_month());
    begun.filter(|month| range(*month).is_some_and(|range| range.start >= first_s)).collect()
}

fn range(month: Date) -> Option<Range<i64>> {
    let start = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second());
    Some(start(month)?..start(month.checked_add(jiff::Span::new().months(1)).ok()?)?)
}

fn label(month: &Date) -> String {
    month.strftime("%Y-%m").to_string()
}

impl Drawn {
    /// None before the first month has ended.
    async fn open(room: &Room, month: Option<String>) -> Result<Option<Drawn>, Refusal> {
        let asked = room.ask(|desk| {
            let (gate, rows) = (desk.gate(), desk.gate().book().rows());
            let months = rows.first().zip(rows.last()).map(|(first, last)| whole_months(first.at_s, last.at_s));
            let looks = gate.looks_below().iter().filter_map(|event| match event {
                Event::BelowTheLine { item, .. } => Some((item.clone(), event.clone())),
                _ => None,
            });
            Ok((gate.pack().clone(), months.unwrap_or_default(), looks.collect()))
        });
        let (pack, months, looks): (Pack, Vec<Date>, BTreeMap<String, Event>) = asked.await?;
        let Some(latest) = months.last() else { return Ok(None) };
        let wanted = month.unwrap_or_else(|| label(latest));
        let chosen = months.iter().find(|month| label(month) == wanted).and_then(|month| range(*month));
        let plan = Plan::of(chosen.ok_or(Refusal::NotYours)?);
        let (name, own) = (format!("{wanted} {}", pack.digest()), pack.clone());
        let draw = move |book: &payments::Book| {
            let scored = Scored::new(book, &own);
            let sample = below::sample(&scored, &plan);
            let at: Vec<(u32, usize)> = sample.items.iter().map(|item| (item.index, item.typology)).collect();
            let reasons = scored.reasons(&at);
            (sample, reasons)
        };
        let drawn = room.study(|service| &service.samples, name, draw).await?;
        Ok(Some(Drawn { month: wanted, months: months.iter().map(label).collect(), pack, drawn, looks }))
    }

    fn find(&self, id: &str) -> Option<(&Item, &Alert)> {
        let (sample, alerts) = &*self.drawn;
        sample.items.iter().zip(alerts).find(|(item, _)| item.id == id)
    }

    fn outcome(&self, item: &Item) -> Option<Outcome> {
        match self.looks.get(&item.id) {
            Some(Event::BelowTheLine { outcome, .. }) => Some(*outcome),
            Some(_) | None => None,
        }
    }
}

async fn list(room: Room, Query(Which { month }): Query<Which>) -> Answer {
    let Some(drawn) = Drawn::open(&room, month).await? else {
        let body = html!("<p>{}</p>", say!("below.no_month"));
        return Ok(room.page("/payments/below", &say!("below.title"), body));
    };
    let months = drawn.months.iter().rev().map(|month| {
        let current = (*month == drawn.month).then(|| html!(" aria-current=\"page\""));
        html!("<li><a href=\"/payments/below?month={}\"{}>{}</a></li>", month, current, month)
    });
    let months: Vec<Html> = months.collect();
    let body = html!(
        "<p>{}</p><nav aria-label=\"{}\"><ul class=\"tabs\">{}</ul></nav>{}{}",
        say!("below.about"),
        say!("below.months"),
        months,
        stratum(&drawn, Stratum::Near),
        stratum(&drawn, Stratum::Far)
    );
    Ok(room.page("/payments/below", &say!("below.of_month", month = drawn.month), body))
}

fn stratum(drawn: &Drawn, stratum: Stratum) -> Html {
    let (sample, _) = &*drawn.drawn;
    let items: Vec<&Item> = sample.items.iter().filter(|item| item.stratum == stratum).collect();
    let (n, month, pack) = (items.len(), &drawn.month, drawn.pack.name());
    let (heading, what, n_all) = match stratum {
        Stratum::Near => {
            let (n_all, points) = (sample.n_near_all, below::near_points(&drawn.pack));
            let what = say!("below.near_n", n = n, n_all = n_all, points = points, month = month, pack = pack);
            (say!("below.near"), what, n_all)
        }
        Stratum::Far => {
            let n_all = sample.n_far_all;
            (say!("below.far"), say!("below.far_n", n = n, n_all = n_all, month = month, pack = pack), n_all)
        }
    };
    let rows: Vec<Html> = items.iter().map(|item| row(drawn, item)).collect();
    html!(
        "<h2>{}</h2><p>{}</p>{}{}",
        heading,
        what,
        missed(drawn, &items, n_all),
        match rows.is_empty() {
            true => html!(""),
            false => html!(
                "<div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
                 <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
                 <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>",
                say!("below.item"),
                say!("below.party"),
                say!("below.as"),
                say!("alerts.score"),
                say!("below.families"),
                say!("below.found"),
                rows
            ),
        }
    )
}

fn row(drawn: &Drawn, item: &Item) -> Html {
    let typology = &drawn.pack.typologies[item.typology];
    html!(
        "<tr data-row><td><a href=\"/payments/below/{}?month={}\">{}</a></td><td><code>{}</code></td><td data-label=\"{}\">{}</td>\
         <td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td></tr>",
        item.id,
        drawn.month,
        item.id,
        item.party.to_string(),
        say!("below.as"),
        english(&typology.id),
        say!("alerts.score"),
        say!("below.of", n = item.score, most = typology.review),
        say!("below.families"),
        say!("below.of", n = item.n_families, most = typology.n_families_min),
        say!("below.found"),
        match drawn.outcome(item) {
            Some(outcome) => term!("outcome", outcome.as_str()),
            None => say!("below.not_looked_at"),
        }
    )
}

/// What the looks so far say about how many are missed.
fn missed(drawn: &Drawn, items: &[&Item], n_all: usize) -> Html {
    let found: Vec<Outcome> = items.iter().filter_map(|item| drawn.outcome(item)).collect();
    // What cannot be told says nothing about how many.
    let n_looked = found.iter().filter(|outcome| **outcome != Outcome::Unclear).count();
    let n_worth = found.iter().filter(|outcome| matches!(outcome, Outcome::Reported | Outcome::Useful)).count();
    let share = below::share(n_worth, n_looked).map(|share| {
        let at = |share: f64| (share * n_all as f64).round() as usize;
        let (low, high) = (at(share.start), at(share.end));
        let told = say!("below.missed", n = n_worth, n_looked = n_looked, n_all = n_all, low = low, high = high);
        html!("<p>{}</p>", told)
    });
    html!("{}", share)
}

async fn one(room: Room, Path(id): Path<String>, Query(Which { month }): Query<Which>) -> Answer {
    let drawn = Drawn::open(&room, month).await?.ok_or(Refusal::NotYours)?;
    let (item, alert) = drawn.find(&id).ok_or(Refusal::NotYours)?;
    let typology = &drawn.pack.typologies[item.typology];
    let month = html!("<input type=\"hidden\" name=\"month\" value=\"{}\">", drawn.month);
    let body = html!(
        "<p>{} {}</p><dl><dt>{}</dt><dd><code>{}</code></dd><dt>{}</dt><dd><code>{}</code>, {}</dd></dl>{}<h2>{}</h2>{}{}",
        tell!(
            "below.drawn",
            month = drawn.month,
            pack = drawn.pack.name(),
            typology = english(&typology.id),
            score = item.score,
            review = typology.review,
            needed = typology.n_families_min,
            spoke = item.n_families
        ),
        say!("below.look_as_alert"),
        say!("below.party"),
        alert.party,
        say!("below.at_transfer"),
        alert.raised_by,
        alert.at,
        words::reasons(alert),
        say!("alerts.people_found"),
        drawn.looks.get(&id).map_or_else(
            || html!("<p>{}</p>", say!("alerts.nobody_looked")),
            |event| html!("<ul class=\"plain\">{}</ul>", words::found(event))
        ),
        room.reader.may(Permission::Decide).then(|| words::outcome_form(&format!("/payments/below/{id}"), &month))
    );
    Ok(room.page("/payments/below", &say!("below.one", item = id), body))
}

#[derive(Deserialize)]
struct Found {
    month: String,
    outcome: Outcome,
    note: String,
}

async fn outcome(room: Room, Path(id): Path<String>, Form(Found { month, outcome, note }): Form<Found>) -> Answer {
    let drawn = Drawn::open(&room, Some(month.clone())).await?.ok_or(Refusal::NotYours)?;
    let (item, _) = drawn.find(&id).ok_or(Refusal::NotYours)?;
    let party = item.party.to_string();
    let event = Event::BelowTheLine { item: id, party, outcome, by: room.name(), note, at_s: now_s() };
    room.happen(event, &format!("/payments/below?month={month}")).await
}
