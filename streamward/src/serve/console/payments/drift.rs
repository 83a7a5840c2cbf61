//! Does the pack still meet what it met when it began to hold?

use axum::response::Response;
use casework::role::Permission;
use payments::draw::bars::{Bars, Series};
use payments::drift::{Bin, Comparison, Day, Drift, Periods, days, drift};
use payments::time::DAY_S;
use payments::{Level, Scored};

use super::super::super::access::Routes;
use super::super::super::page::Html;
use super::super::super::payments::Watch;
use super::{Answer, Room, may, words};
use crate::html;

/// How many days the first picture shows.
const N_DAYS: usize = 60;

pub(super) fn routes() -> Routes {
    Routes::new().get("/payments/drift", may(Permission::ReadCases), show)
}

async fn show(room: Room) -> Answer {
    let asked = room.ask(|desk| {
        let gate = desk.gate();
        Ok((gate.pack().clone(), gate.active_from(), gate.raised().collect::<Vec<(u32, Level)>>()))
    });
    let (pack, active_from, raised) = asked.await?;
    let name = format!("{} {active_from}", pack.digest());
    let reckon = move |book: &payments::Book| {
        let days = days(book, raised.into_iter().filter(|(row, _)| (*row as usize) < book.rows().len()), N_DAYS);
        let periods = Periods::of(book, pack.spans, active_from);
        Watch { days, drift: periods.map(|periods| drift(&Scored::new(book, &pack), periods)) }
    };
    let watch = room.study(|service| &service.watches, name, reckon).await?;
    Ok(told(&room, &watch))
}

fn told(room: &Room, Watch { days, drift }: &Watch) -> Response {
    let body = html!(
        "<h2>Raised, day by day</h2>{}{}",
        if days.is_empty() { html!("<p>The desk has seen no transfer.</p>") } else { day_by_day(days) },
        match drift {
            Ok(drift) => compared(drift),
            Err(Some(from_s)) => html!(
                "<h2>Against the reference</h2><p>There can be an answer from {} on: the windows must be full first, and then \
                 there must be thirty days to compare with and thirty days after them.</p>",
                words::day(*from_s)
            ),
            Err(None) => html!(""),
        }
    );
    room.page("/payments/drift", "Drift", body)
}

fn day_by_day(days: &[Day]) -> Html {
    let date = |day: &Day| words::day(day.day * DAY_S);
    let row = |day: &Day| {
        html!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            date(day),
            day.n_transfers,
            day.n_reviews,
            day.n_alerts
        )
    };
    let rows: Vec<Html> = days.iter().rev().map(row).collect();
    let values = |of: fn(&Day) -> usize| days.iter().map(|day| of(day) as f64).collect();
    let bars = Bars {
        id: "days",
        title: "Reviews and alerts raised on each of the last sixty days",
        unit: "raised",
        labels: days.iter().map(|day| date(day)[5..].to_owned()).collect(),
        series: vec![
            Series { name: "reviews", values: values(|day| day.n_reviews) },
            Series { name: "alerts", values: values(|day| day.n_alerts) },
        ],
    };
    let table = html!(
        "<table><thead><tr><th scope=\"col\">Day (UTC)</th><th scope=\"col\">Transfers</th><th scope=\"col\">Reviews</th>\
         <th scope=\"col\">Alerts</th></tr></thead><tbody>{}</tbody></table>",
        rows
    );
    let total = |of: fn(&Day) -> usize| days.iter().map(of).sum::<usize>();
    html!(
        "<p>{} reviews and {} alerts in the last {} days, of {} transfers.</p>{}",
        total(|day| day.n_reviews),
        total(|day| day.n_alerts),
        days.len(),
        total(|day| day.n_transfers),
        words::figure(bars.svg(), &table)
    )
}

fn compared(drift: &Drift) -> Html {
    let all: Vec<&Comparison> = drift.scores.iter().chain(&drift.readings).collect();
    let row = |(place, one): (usize, &&Comparison)| {
        html!(
            "<tr><td><a href=\"#drift-{}\">{}</a></td><td data-label=\"Index\">{}</td><td data-label=\"Chance\">{}</td><td>{}</td></tr>",
            place,
            one.name,
            format!("{:.3}", one.index),
            format!("{:.3}", one.chance),
            match one.word() {
                "moved" => html!("<strong class=\"live\">moved</strong>"),
                word => html!("{}", word),
            }
        )
    };
    let rows: Vec<Html> = all.iter().enumerate().map(row).collect();
    let young = (!drift.too_young.is_empty()).then(|| {
        html!(
            "<p>Not compared, because their windows were not full in the reference: {}.</p>",
            drift.too_young.join(", ")
        )
    });
    let pictures: Vec<Html> = all.iter().enumerate().map(|(place, one)| picture(place, one)).collect();
    let period = |range: &std::ops::Range<i64>| format!("{} to {}", words::day(range.start), words::day(range.end - 1));
    html!(
        "<h2>Against the reference</h2><p>The parties of {} (when the pack began to hold, or its first full window) beside those \
         of {}. The population stability index is 0 when the shares are equal; what chance alone stays under 95 times in \
         100 is beside it. Below 0.1, or below chance, is steady; from 0.25 on the population has moved: the limits are a \
         custom of credit scoring, not a law. An index does not say whether customers changed or a column is read \
         wrongly: look.</p><table class=\"cards\"><thead><tr><th scope=\"col\">Quantity</th><th scope=\"col\">Index</th>\
         <th scope=\"col\">Chance</th><th scope=\"col\">So</th></tr></thead><tbody>{}</tbody></table>{}{}\
         <p class=\"quiet-text\">Index: the symmetric divergence of Jeffreys (1946), as R’s scorecard documents it. Chance: \
         Yurdakul (2018).</p>",
        period(&drift.periods.reference),
        period(&drift.periods.current),
        rows,
        young,
        pictures
    )
}

fn picture(place: usize, one: &Comparison) -> Html {
    let total = |of: fn(&Bin) -> usize| one.bins.iter().map(of).sum::<usize>().max(1) as f64;
    let (n_reference, n_current) = (total(|bin| bin.n_reference), total(|bin| bin.n_current));
    let percent = |n: usize, of: f64| (n as f64 * 1000.0 / of).round() / 10.0;
    let row = |bin: &Bin| {
        html!(
            "<tr><td>{}</td><td>{} ({} %)</td><td>{} ({} %)</td></tr>",
            bin.label,
            bin.n_reference,
            percent(bin.n_reference, n_reference),
            bin.n_current,
            percent(bin.n_current, n_current)
        )
    };
    let rows: Vec<Html> = one.bins.iter().map(row).collect();
    let bars = Bars {
        id: &format!("d{place}"),
        title: &format!("{}: shares of parties, reference and last thirty days", one.name),
        unit: "percent",
        labels: one.bins.iter().map(|bin| bin.label.clone()).collect(),
        series: vec![
            Series {
                name: "reference",
                values: one.bins.iter().map(|bin| percent(bin.n_reference, n_reference)).collect(),
            },
            Series {
                name: "last thirty days",
                values: one.bins.iter().map(|bin| percent(bin.n_current, n_current)).collect(),
            },
        ],
    };
    let table = html!(
        "<table><thead><tr><th scope=\"col\">Range</th><th scope=\"col\">Reference</th>\
         <th scope=\"col\">Last thirty days</th></tr></thead><tbody>{}</tbody></table>",
        rows
    );
    html!("<section id=\"drift-{}\"><h3>{}</h3>{}</section>", place, one.name, words::figure(bars.svg(), &table))
}
