//! Who pays whom around an alert?
//!
//! Three columns: the alert's party, those it pays or is paid by, and the others who pay, or are paid by, those. A line
//! is as thick as transfers are many. [`table`] says the same in words, for whoever cannot see the picture.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::words::{Say, Words};
use super::{escaped, short};
use crate::pack::Entity;
use crate::{Alert, Book, PartyId, Row, Spans};

const WIDTH: usize = 960;
const TOP: usize = 92;
const LANE: usize = 34;
/// Columns: left edge of the text, middle of the dot.
const COLUMNS: [usize; 3] = [150, 480, 810];
/// More parties than this in a column are counted and not drawn; those with most transfers are drawn.
pub const N_PARTIES_MAX: usize = 20;

/// Transfers between two parties in the window before an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tie {
    /// Who paid.
    pub sender: PartyId,
    /// Who was paid.
    pub beneficiary: PartyId,
    /// How often.
    pub n_transfers: usize,
    /// How much in all, in minor units of the pack's currency.
    pub value_minor: i64,
    /// Whether the alert's own party is one of the two.
    pub is_near: bool,
}

/// The ties around an alert: near ones first, then those with most transfers.
///
/// `index` is the row that raised it; nothing later is read. Empty when the party is not in the book.
pub fn ties(alert: &Alert, index: u32, book: &Book, spans: Spans) -> Vec<Tie> {
    let Some(party) = PartyId::parse(&alert.party) else { return Vec::new() };
    let Some(at) = book.rows().get(index as usize) else { return Vec::new() };
    let known = book.rows()[..=index as usize].iter().zip(book.transfers());
    let shown: Vec<(&Row, &crate::Transfer)> =
        known.filter(|(row, _)| row.counts() && row.at_s >= at.at_s - spans.window_s).collect();
    let own = |transfer: &crate::Transfer| match alert.entity {
        Entity::Sender => transfer.sender == party,
        Entity::Beneficiary => transfer.beneficiary == party,
    };
    let middle = |transfer: &crate::Transfer| match alert.entity {
        Entity::Sender => transfer.beneficiary,
        Entity::Beneficiary => transfer.sender,
    };
    let others: std::collections::BTreeSet<PartyId> =
        shown.iter().filter(|(_, t)| own(t)).map(|(_, t)| middle(t)).collect();
    let mut ties: BTreeMap<(PartyId, PartyId), Tie> = BTreeMap::new();
    for (row, transfer) in shown.into_iter().filter(|(_, t)| others.contains(&middle(t))) {
        let tie = ties.entry((transfer.sender, transfer.beneficiary)).or_insert(Tie {
            sender: transfer.sender,
            beneficiary: transfer.beneficiary,
            n_transfers: 0,
            value_minor: 0,
            is_near: own(transfer),
        });
        tie.n_transfers += 1;
        tie.value_minor = tie.value_minor.saturating_add(row.value_minor);
    }
    let mut ties: Vec<Tie> = ties.into_values().collect();
    ties.sort_by_key(|tie| (!tie.is_near, std::cmp::Reverse(tie.n_transfers), tie.sender, tie.beneficiary));
    ties
}

/// The ties as plain text, one line each.
pub fn table(ties: &[Tie], currency: crate::Currency) -> String {
    let mut text = String::from(
        "who paid                             who was paid                          times          in all\n",
    );
    for tie in ties {
        let worth = crate::Amount::new(tie.value_minor, currency).map_or_else(|_| "0".to_owned(), |a| a.to_string());
        let _ = writeln!(
            text,
            "{:<36} {:<36} {:>6} {worth:>15}",
            tie.sender.to_string(),
            tie.beneficiary.to_string(),
            tie.n_transfers
        );
    }
    text
}

/// Draws the ties as SVG; `say` says in some language what stands on it.
pub fn picture(alert: &Alert, ties: &[Tie], currency: crate::Currency, say: Say<'_>) -> String {
    let says = |words: &Words<'_>| escaped(&say(words));
    let (middle, far) = match alert.entity {
        Entity::Sender => (Words::ItPaid, Words::OthersPaid),
        Entity::Beneficiary => (Words::PaidIt, Words::OthersTheyPaid),
    };
    let mut columns: [Vec<PartyId>; 3] = [PartyId::parse(&alert.party).into_iter().collect(), Vec::new(), Vec::new()];
    for tie in ties {
        let (in_middle, outside) = match alert.entity {
            Entity::Sender => (tie.beneficiary, tie.sender),
            Entity::Beneficiary => (tie.sender, tie.beneficiary),
        };
        let (column, party) = if tie.is_near { (1, in_middle) } else { (2, outside) };
        if !columns[column].contains(&party) {
            columns[column].push(party);
        }
    }
    let n_left_out: Vec<usize> = columns.iter().map(|column| column.len().saturating_sub(N_PARTIES_MAX)).collect();
    columns.iter_mut().for_each(|column| column.truncate(N_PARTIES_MAX));
    let n_lanes = columns.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let height = TOP + n_lanes * LANE + 40;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"nt nd\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title id=\"nt\">{title}</title>\n\
         <desc id=\"nd\">{told}</desc>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text class=\"ink\" x=\"16\" y=\"28\" font-size=\"17\" fill=\"#1a1a1a\">{head}</text>\n\
         <text class=\"soft\" x=\"16\" y=\"50\" fill=\"#444444\">{legend}</text>\n",
        title = says(&Words::Network { alert: &alert.id }),
        told = says(&Words::NetworkTold { n_ties: ties.len(), n_parties: columns.iter().map(Vec::len).sum::<usize>() }),
        head = says(&Words::NetworkHead { alert: &alert.id }),
        legend = says(&Words::NetworkLegend),
    );
    for (place, column) in [Words::Own, middle, far].iter().enumerate() {
        let label = match n_left_out[place] {
            0 => says(column),
            n => says(&Words::AndMore { column: &say(column), n }),
        };
        let _ = writeln!(
            svg,
            "<text class=\"soft\" x=\"{}\" y=\"76\" text-anchor=\"middle\" fill=\"#444444\">{label}</text>",
            COLUMNS[place]
        );
    }
    let place_of = |column: usize, party: PartyId| {
        let lane = columns[column].iter().position(|own| *own == party)?;
        let n = columns[column].len();
        // A column shorter than the longest stands in the middle.
        let y = TOP + LANE / 2 + lane * LANE + (n_lanes - n) * LANE / 2;
        Some((COLUMNS[column], y))
    };
    for tie in ties {
        let (in_middle, outside) = match alert.entity {
            Entity::Sender => (tie.beneficiary, tie.sender),
            Entity::Beneficiary => (tie.sender, tie.beneficiary),
        };
        let outer = if tie.is_near { 0 } else { 2 };
        let (Some((x1, y1)), Some((x2, y2))) = (place_of(1, in_middle), place_of(outer, outside)) else { continue };
        let (class, colour) = if tie.is_near { ("near", "#9a3b26") } else { ("far", "#8a8f98") };
        let worth = crate::Amount::new(tie.value_minor, currency).map_or_else(|_| "0".to_owned(), |a| a.to_string());
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-opacity=\"0.7\" fill=\"none\">\
             <title>{paid}</title></path>",
            width = tie.n_transfers.isqrt().clamp(1, 8),
            paid = says(&Words::Paid {
                sender: &tie.sender.to_string(),
                beneficiary: &tie.beneficiary.to_string(),
                n: tie.n_transfers,
                worth: &worth,
            }),
        );
    }
    for (column, parties) in columns.iter().enumerate() {
        for party in parties {
            let Some((x, y)) = place_of(column, *party) else { continue };
            let (class, fill) = if column == 0 { ("near", "#9a3b26") } else { ("ink", "#14213d") };
            let _ = writeln!(
                svg,
                "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"7\" fill=\"{fill}\"><title>{party}</title></circle>\
                 <text class=\"ink\" x=\"{x}\" y=\"{label}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#1a1a1a\" stroke=\"#ffffff\" \
                 stroke-width=\"3\" paint-order=\"stroke\">{name}</text>",
                label = y + 19,
                name = escaped(&short(&party.to_string())),
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
