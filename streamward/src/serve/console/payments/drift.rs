//! Does the pack still meet what it met when it began to hold?

use axum::response::Response;
use casework::role::Permission;
use payments::draw::bars::{Bars, Series};
use payments::drift::{Bin, Comparison, Day, Drift, Periods, Values, days, drift};
use payments::time::DAY_S;
use payments::{Level, Scored};

use super::super::super::access::Routes;
use super::super::super::page::Html;
use super::super::super::payments::Watch;
use super::super::words::english;
use super::{Answer, Room, may, words};
use crate::{html, say, tell, term};

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
        "<h2>{}</h2>{}{}",
        say!("drift.day_by_day"),
        if days.is_empty() { html!("<p>{}</p>", say!("drift.no_transfer")) } else { day_by_day(days) },
        match drift {
            Ok(drift) => compared(drift),
            Err(Some(from_s)) =>
                html!("<h2>{}</h2><p>{}</p>", say!("drift.against"), say!("drift.from", day = words::day(*from_s))),
            Err(None) => html!(""),
        }
    );
    room.page("/payments/drift", &say!("drift.title"), body)
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
    let (reviews, alerts) = (say!("drift.series_reviews"), say!("drift.series_alerts"));
    let bars = Bars {
        id: "days",
        title: &say!("drift.picture", n = N_DAYS),
        unit: &say!("drift.unit"),
        labels: days.iter().map(|day| date(day)[5..].to_owned()).collect(),
        series: vec![
            Series { name: &reviews, values: values(|day| day.n_reviews) },
            Series { name: &alerts, values: values(|day| day.n_alerts) },
        ],
    };
    let table = html!(
        "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table>",
        say!("drift.day"),
        say!("drift.transfers"),
        say!("drift.reviews"),
        say!("drift.alerts"),
        rows
    );
    let total = |of: fn(&Day) -> usize| days.iter().map(of).sum::<usize>();
    html!(
        "<p>{}</p>{}",
        say!(
            "drift.total",
            reviews = say!("drift.n_reviews", n = total(|day| day.n_reviews)),
            alerts = say!("drift.n_alerts", n = total(|day| day.n_alerts)),
            days = say!("word.days", n = days.len()),
            transfers = say!("drift.n_transfers", n = total(|day| day.n_transfers))
        ),
        words::figure(bars.svg(&words::of_picture), &table)
    )
}

fn compared(drift: &Drift) -> Html {
    let scores = drift.scores.iter().map(|one| (say!("drift.score_of", typology = one.name), one));
    let all: Vec<(String, &Comparison)> =
        scores.chain(drift.readings.iter().map(|one| (one.name.clone(), one))).collect();
    let row = |(place, (name, one)): (usize, &(String, &Comparison))| {
        let word = term!("drift_word", one.word());
        html!(
            "<tr><td><a href=\"#drift-{}\">{}</a></td><td data-label=\"{}\">{}</td><td data-label=\"{}\">{}</td><td>{}</td></tr>",
            place,
            name,
            say!("drift.index"),
            format!("{:.3}", one.index),
            say!("drift.chance"),
            format!("{:.3}", one.chance),
            match one.word() {
                "moved" => html!("<strong class=\"live\">{}</strong>", word),
                _ => html!("{}", word),
            }
        )
    };
    let rows: Vec<Html> = all.iter().enumerate().map(row).collect();
    let young = (!drift.too_young.is_empty()).then(|| {
        let names = english(&drift.too_young.join(", "));
        html!("<p>{}</p>", tell!("drift.too_young", names = names))
    });
    let pictures: Vec<Html> = all.iter().enumerate().map(|(place, (name, one))| picture(place, name, one)).collect();
    let period = |range: &std::ops::Range<i64>| {
        say!("drift.period", from = words::day(range.start), to = words::day(range.end - 1))
    };
    html!(
        "<h2>{}</h2><p>{} {}</p><div class=\"table\"><table class=\"cards\"><thead><tr><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th><th scope=\"col\">{}</th><th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table></div>\
         {}{}<p class=\"quiet-text\">{}</p>",
        say!("drift.against"),
        say!(
            "drift.parties_of",
            reference = period(&drift.periods.reference),
            current = period(&drift.periods.current)
        ),
        say!("drift.about"),
        say!("drift.quantity"),
        say!("drift.index"),
        say!("drift.chance"),
        say!("drift.so"),
        rows,
        young,
        pictures,
        say!("drift.sources")
    )
}

/// A range of values in words.
fn range(values: Values) -> String {
    match values {
        Values::NotKnown => say!("word.not_known"),
        Values::Any => say!("drift.any"),
        Values::UpTo(to) => say!("drift.up_to", to = to),
        Values::Exactly(one) => one.to_string(),
        Values::Between(from, to) => say!("drift.between", from = from, to = to),
        Values::From(from) => say!("drift.and_more", from = from),
    }
}

fn picture(place: usize, name: &str, one: &Comparison) -> Html {
    let total = |of: fn(&Bin) -> usize| one.bins.iter().map(of).sum::<usize>().max(1) as f64;
    let (n_reference, n_current) = (total(|bin| bin.n_reference), total(|bin| bin.n_current));
    let percent = |n: usize, of: f64| (n as f64 * 1000.0 / of).round() / 10.0;
    let row = |bin: &Bin| {
        html!(
            "<tr><td>{}</td><td>{} ({} %)</td><td>{} ({} %)</td></tr>",
            range(bin.label),
            bin.n_reference,
            percent(bin.n_reference, n_reference),
            bin.n_current,
            percent(bin.n_current, n_current)
        )
    };
    let rows: Vec<Html> = one.bins.iter().map(row).collect();
    let (reference, last) = (say!("drift.series_reference"), say!("drift.series_last"));
    let bars = Bars {
        id: &format!("d{place}"),
        title: &say!("drift.shares", quantity = name),
        unit: &say!("drift.percent"),
        labels: one.bins.iter().map(|bin| range(bin.label)).collect(),
        series: vec![
            Series {
                name: &reference,
                values: one.bins.iter().map(|bin| percent(bin.n_reference, n_reference)).collect(),
            },
            Series { name: &last, values: one.bins.iter().map(|bin| percent(bin.n_current, n_current)).collect() },
        ],
    };
    let table = html!(
        "<table><thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead><tbody>{}</tbody></table>",
        say!("drift.range"),
        say!("drift.reference"),
        say!("drift.last_days"),
        rows
    );
    let figure = words::figure(bars.svg(&words::of_picture), &table);
    html!("<section id=\"drift-{}\"><h3>{}</h3>{}</section>", place, name, figure)
}
