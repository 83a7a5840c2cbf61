//! What does the story behind an alert look like over time?
//!
//! One lane for each counterparty, one dot for each transfer: time runs to the right, area grows with worth, a ring
//! means night on the sender's clock, and a filled dot stands behind a reason. Everything is also in the title of each
//! dot, so that a screen reader tells the same story. [`network`] draws who pays whom around it, [`bars`] counts.

pub mod bars;
pub mod network;
pub mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::words::{Say, Words};
use crate::book::mark;
use crate::pack::Entity;
use crate::{Alert, Book, PartyId, Row, Spans};

const WIDTH: i64 = 960;
const LEFT: i64 = 190;
const TOP: i64 = 84;
const LANE: i64 = 44;
/// More counterparties than this share the last lane.
const N_LANES_MAX: usize = 24;

/// Draws the transfers of an alert's party in the window before it, as SVG.
///
/// `index` is the row that raised it; `say` says in some language what stands on it. `None` comes back when the alert's party
/// is not in the book.
pub fn time_line(alert: &Alert, index: u32, book: &Book, spans: Spans, say: Say<'_>) -> Option<String> {
    let party = PartyId::parse(&alert.party)?;
    let at = book.rows().get(index as usize)?;
    let behind: std::collections::BTreeSet<&str> =
        alert.reasons.iter().flat_map(|reason| reason.transfers.iter().map(String::as_str)).collect();
    let is_shown = |row: &Row| (row.counts() || row.has(mark::TRAVEL)) && row.at_s >= at.at_s - spans.window_s;
    let known = book.rows()[..=index as usize].iter().enumerate();
    let dots: Vec<Dot<'_>> = known
        .filter(|(_, row)| is_shown(row))
        .filter_map(|(place, row)| {
            let transfer = &book.transfers()[place];
            let other = match alert.entity {
                Entity::Sender if transfer.sender == party => transfer.beneficiary,
                Entity::Beneficiary if transfer.beneficiary == party => transfer.sender,
                Entity::Sender | Entity::Beneficiary => return None,
            };
            Some(Dot { row, transfer, other, stands_behind: behind.contains(&*transfer.id) })
        })
        .collect();
    Some(Picture { alert, start_s: at.at_s - spans.window_s, end_s: at.at_s, dots, say }.svg())
}

struct Dot<'a> {
    row: &'a Row,
    transfer: &'a crate::Transfer,
    other: PartyId,
    stands_behind: bool,
}

struct Picture<'a> {
    alert: &'a Alert,
    start_s: i64,
    end_s: i64,
    dots: Vec<Dot<'a>>,
    say: Say<'a>,
}

impl Picture<'_> {
    fn svg(&self) -> String {
        let lanes = self.lanes();
        let n_lanes = lanes.values().max().map_or(1, |&last| last as i64 + 1);
        let height = TOP + n_lanes * LANE + 40;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"t d\" \
             font-family=\"sans-serif\" font-size=\"13\">\n<title id=\"t\">{title}</title>\n\
             <desc id=\"d\">{told}</desc>\n\
             <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text class=\"ink\" x=\"16\" y=\"28\" font-size=\"17\" fill=\"#1a1a1a\">{score}</text>\n\
             <text class=\"soft\" x=\"16\" y=\"50\" fill=\"#444444\">{legend}</text>\n",
            title = self.says(&Words::TimeLine { alert: &self.alert.id }),
            told = self.says(&Words::TimeLineTold {
                n_transfers: self.dots.len(),
                n_parties: lanes.len(),
                looks_like: &self.alert.looks_like,
            }),
            score = self.says(&Words::Score { alert: &self.alert.id, score: self.alert.score }),
            legend = self.says(&Words::Legend { party: &short(&self.alert.party) }),
        );
        self.axis(&mut svg, height);
        self.draw_lanes(&mut svg, &lanes);
        for dot in &self.dots {
            self.draw_dot(&mut svg, dot, lanes.get(&dot.other).copied().unwrap_or(0));
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Lanes in the order in which parties first occur.
    fn lanes(&self) -> BTreeMap<PartyId, usize> {
        let mut lanes = BTreeMap::new();
        for dot in &self.dots {
            let next = lanes.len().min(N_LANES_MAX - 1);
            lanes.entry(dot.other).or_insert(next);
        }
        lanes
    }

    fn axis(&self, svg: &mut String, height: i64) {
        for step in 0..=6 {
            let at_s = self.start_s + (self.end_s - self.start_s) * step / 6;
            let x = self.x(at_s);
            let day = crate::Moment { utc_s: at_s, offset_min: None }.to_rfc3339();
            let _ = writeln!(
                svg,
                "<path class=\"rule\" d=\"M{x} {TOP}V{bottom}\" stroke=\"#dddddd\"/><text class=\"soft\" x=\"{x}\" y=\"{label}\" text-anchor=\"middle\" fill=\"#444444\">{day}</text>",
                bottom = height - 32,
                label = height - 14,
                day = &day[..10],
            );
        }
    }

    fn draw_lanes(&self, svg: &mut String, lanes: &BTreeMap<PartyId, usize>) {
        let mut named = std::collections::BTreeSet::new();
        for (party, &lane) in lanes {
            if !named.insert(lane) {
                continue;
            }
            let y = lane_y(lane);
            let is_shared = lane + 1 == N_LANES_MAX && lanes.len() > N_LANES_MAX;
            let label = match is_shared {
                true => self.says(&Words::Others { n: lanes.len() - N_LANES_MAX + 1 }),
                false => short(&party.to_string()),
            };
            let _ = writeln!(
                svg,
                "<path class=\"rule\" d=\"M{LEFT} {y}H{right}\" stroke=\"#bbbbbb\"/><text class=\"ink\" x=\"16\" y=\"{base}\" fill=\"#1a1a1a\">{label}</text>",
                right = WIDTH - 30,
                base = y + 4,
            );
        }
    }

    fn draw_dot(&self, svg: &mut String, dot: &Dot<'_>, lane: usize) {
        let (x, y) = (self.x(dot.row.at_s), lane_y(lane));
        // Area grows with worth: EUR 25 has a radius of 5, EUR 400 and above one of 18.
        let radius = (dot.row.value_minor.max(0) / 100).isqrt().clamp(3, 18);
        // Class on a page, and colours elsewhere.
        let (class, fill, ring) = match (dot.stands_behind, dot.row.has(mark::NIGHT)) {
            (true, true) => ("near night", "#9a3b26", "#14213d"),
            (true, false) => ("near", "#9a3b26", "none"),
            (false, true) => ("paper night", "#ffffff", "#14213d"),
            (false, false) => ("paper day", "#ffffff", "#888888"),
        };
        let (id, at, amount) = (&*dot.transfer.id, &*dot.transfer.at.to_rfc3339(), &*dot.transfer.amount.to_string());
        let what = match dot.row.has(mark::TRAVEL) {
            true => Words::Travel { id, at, amount },
            false => Words::Transfer { id, at, amount },
        };
        let _ = writeln!(
            svg,
            "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\" fill-opacity=\"0.75\" stroke=\"{ring}\" stroke-width=\"2\">\
             <title>{what}</title></circle>",
            what = self.says(&what),
        );
    }

    fn says(&self, words: &Words<'_>) -> String {
        escaped(&(self.say)(words))
    }

    fn x(&self, at_s: i64) -> i64 {
        LEFT + 10 + (at_s - self.start_s) * (WIDTH - LEFT - 60) / (self.end_s - self.start_s).max(1)
    }
}

fn lane_y(lane: usize) -> i64 {
    TOP + LANE / 2 + lane as i64 * LANE
}

fn short(party: &str) -> String {
    format!("{}…", party.get(..14).unwrap_or(party))
}

fn escaped(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
        out
    })
}
