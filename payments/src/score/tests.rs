//! Does a score say what its parts say, the same whoever the people are?

use super::*;
use crate::features::batch;
use crate::pack::LIVESTREAM_EXPLOITATION;
use crate::simulate::{self, Life, RATES, Settings};
use crate::time::DAY_S;
use crate::transfer::{Payee, Relation};
use crate::{Amount, Currency, PartyId, Rates, Transfer};

const SETTINGS: Settings =
    Settings { seed: 5, region: 0, n_remitters: 4000, n_days: 365, first_day: 20_000, n_cases_per_100_000: 500 };

fn pack() -> Pack {
    Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap()
}

fn alerts_of(transfers: Vec<Transfer>, rates: &str) -> Vec<Alert> {
    let pack = pack();
    let rates = Rates::parse(rates, pack.currency).unwrap();
    let (book, rejects) = Book::new(transfers, &rates, &pack.scope).unwrap();
    assert!(rejects.is_empty(), "{rejects:?}");
    let features = batch(book.rows(), pack.spans);
    Alert::all(&raised(&book, &features, &pack), &book, &features, &pack, &rates)
}

fn world() -> simulate::World {
    simulate::world(SETTINGS)
}

/// Whom each payment of the pattern goes to: three strangers, each often and at no regular gap.
const PAID: [u32; 20] = [2, 3, 4, 2, 2, 3, 4, 4, 3, 2, 3, 3, 4, 2, 4, 3, 2, 4, 4, 3];

/// Small round payments at night to several strangers.
fn pattern() -> Vec<Transfer> {
    let pay = |i: i64| {
        let mut transfer = crate::testing::transfer(&format!("t{i:02}"), 0, 1, PAID[i as usize], 2500 + 2500 * (i / 8));
        transfer.at.utc_s = 1_800_000_000 / DAY_S * DAY_S + i * 3 * DAY_S + 3600;
        transfer
    };
    (0..20).map(pay).collect()
}

/// What an alert says apart from who and from which input.
fn gist(alert: &Alert) -> Gist {
    let reasons = alert.reasons.iter().map(|r| (r.indicator.clone(), r.points, r.why.clone())).collect();
    (alert.level, alert.score, reasons, alert.reasons.iter().flat_map(|r| r.transfers.clone()).collect())
}

/// Level, score, reasons, transfers.
type Gist = (Level, i64, Vec<(String, i64, String)>, Vec<String>);

#[test]
fn no_level_is_more_than_it_could_be_before_the_peers_are_known() {
    let pack = pack();
    let rates = Rates::parse(RATES, pack.currency).unwrap();
    let (book, _) = Book::new(world().transfers, &rates, &pack.scope).unwrap();
    let (mut n_could, mut n_do) = (0, 0);
    for features in batch(book.rows(), pack.spans) {
        let early = Features { peers: Default::default(), ..features };
        for typology in &pack.typologies {
            let added_up = typology.level(&score(&features, typology, &pack));
            assert_eq!(level(&features, typology, &pack), added_up, "{features:?}");
            let most = level_at_most(&early, typology, &pack);
            assert!(added_up <= most, "{features:?}");
            n_could += u32::from(most.is_some());
            n_do += u32::from(added_up.is_some());
        }
    }
    assert!(n_do > 0 && n_could < 20 * n_do, "it tells few of {n_could} from {n_do}");
}

#[test]
fn the_published_pattern_is_raised_with_its_reasons_and_transfers() {
    let alerts = alerts_of(pattern(), "");
    let alert = alerts.iter().find(|a| a.level == Level::Alert).expect("the pattern is plain");
    assert!(alert.families.len() >= 3);
    for reason in &alert.reasons {
        assert!(!reason.transfers.is_empty() && reason.n_transfers >= reason.transfers.len(), "{reason:?}");
        assert!(!reason.why.contains('{'), "{}", reason.why);
    }
    let text = alert.to_text();
    for part in ["looks like", "not a finding about a person", "not yet checked against the original"] {
        assert!(text.contains(part), "{text}");
    }
    let counted: i64 = alert.families.iter().map(|f| f.counted).sum();
    assert_eq!(alert.score, counted - alert.protections.iter().map(|p| p.points).sum::<i64>());
}

#[test]
fn what_came_back_is_listed_behind_its_reading() {
    let text = LIVESTREAM_EXPLOITATION
        .replace("feature = \"median-minor\"", "feature = \"pair-returned\"")
        .replace("was {median-minor}", "was {pair-returned}")
        .replace("outcome = \"low-median\", max = 6000", "outcome = \"low-median\", min = 2");
    let mut transfers = pattern();
    // One before the first, two in the middle of which one is taken back, and one from somebody else.
    let paid_back = [("r0", 2, -1), ("r1", 2, 20), ("r2", 2, 21), ("r3", 9, 22)];
    let first_s = transfers[0].at.utc_s;
    transfers
        .extend(paid_back.map(|(id, from, day)| crate::testing::transfer(id, first_s + day * DAY_S, from, 1, 5000)));
    let mut back = crate::testing::transfer("r1-back", first_s + 23 * DAY_S, 2, 1, 5000);
    back.reverses = Some("r1".into());
    transfers.push(back);
    let pack = Pack::parse(&text, None).unwrap();
    let (book, _) = Book::new(transfers, &Rates::parse("", pack.currency).unwrap(), &pack.scope).unwrap();
    let at = book.find("t16").unwrap();
    let said = crate::Scored::new(&book, &pack).reasons(&[(at, 0)]);
    let reason =
        said[0].reasons.iter().find(|reason| reason.indicator.starts_with("size.low-median")).expect("it counts");
    assert_eq!((reason.value, reason.n_transfers, &reason.transfers[..]), (2, 2, &["r0".to_owned(), "r2".into()][..]));
}

#[test]
fn the_same_input_gives_the_same_bytes_and_the_future_changes_none() {
    let transfers = world().transfers;
    let bytes = |alerts: &[Alert]| alerts.iter().map(Alert::to_json).collect::<Vec<_>>();
    let all = bytes(&alerts_of(transfers.clone(), RATES));
    let shuffled: Vec<Transfer> = transfers.iter().rev().cloned().collect();
    assert_eq!(bytes(&alerts_of(shuffled, RATES)), all);
    let cut_s = (SETTINGS.first_day + 200) * DAY_S;
    let past: Vec<Transfer> = transfers.into_iter().filter(|t| t.at.utc_s < cut_s).collect();
    let before = bytes(&alerts_of(past, RATES));
    assert!(!before.is_empty() && before.len() < all.len());
    assert_eq!(before[..], all[..before.len()]);
}

#[test]
fn one_changed_transfer_is_seen_in_the_input_hash() {
    let mut transfers = pattern();
    let before = alerts_of(transfers.clone(), "");
    transfers[0].purpose = crate::transfer::Purpose::Gift;
    let after = alerts_of(transfers, "");
    assert_eq!(gist(&before[0]), gist(&after[0]), "a stated purpose gives no points");
    assert_ne!(before[0].inputs.transfers_sha256, after[0].inputs.transfers_sha256);
    assert_ne!(before[0].id, after[0].id);
}

#[test]
fn who_the_people_are_changes_no_score() {
    let transfers = world().transfers;
    let renamed = transfers.iter().cloned().map(|mut t| {
        let other = |party: PartyId| PartyId(party.0.map(|b| b.rotate_left(3) ^ 0x5a));
        (t.sender, t.beneficiary) = (other(t.sender), other(t.beneficiary));
        t
    });
    let after: Vec<_> = alerts_of(renamed.collect(), RATES).iter().map(gist).collect();
    let before: Vec<_> = alerts_of(transfers, RATES).iter().map(gist).collect();
    assert!(!before.is_empty());
    assert_eq!(before, after);
}

#[test]
fn the_same_behaviour_on_another_corridor_in_another_currency_is_the_same_alert() {
    let moved = |from: &str, to: &str, currency: &str, scale: i64| {
        let each = pattern().into_iter().map(|mut t| {
            t.corridor = crate::testing::corridor(from, to);
            t.amount = Amount::new(t.amount.minor() * scale, Currency::parse(currency).unwrap()).unwrap();
            t
        });
        each.collect::<Vec<_>>()
    };
    let rates = "NOK,2000-01-01,0.1\nBHD,2000-01-01,1\nUSD,2000-01-01,1\n";
    let expected: Vec<_> = alerts_of(pattern(), rates).iter().map(gist).collect();
    for (from, to, currency, scale) in [("NO", "RO", "NOK", 10), ("US", "CO", "USD", 1), ("BH", "KE", "BHD", 10)] {
        let found: Vec<_> = alerts_of(moved(from, to, currency, scale), rates).iter().map(gist).collect();
        assert_eq!(found, expected, "{from}-{to}");
    }
}

#[test]
fn two_families_raise_nothing_however_strong() {
    let by_day = pattern().into_iter().map(|mut t| {
        t.at.utc_s += 12 * 3600;
        t.relation = Relation::Unknown;
        t.beneficiary = crate::testing::party(2);
        t.amount = Amount::new(2500, Currency::EUR).unwrap();
        t
    });
    assert_eq!(alerts_of(by_day.collect(), ""), []);
}

#[test]
fn a_verified_relation_or_a_school_takes_the_alert_away() {
    for (relation, payee) in [(Relation::Verified, Payee::Person), (Relation::Undeclared, Payee::School)] {
        let known = pattern().into_iter().map(|t| Transfer { relation, payee, ..t });
        let n_alerts = alerts_of(known.collect(), "").iter().filter(|a| a.level == Level::Alert).count();
        assert_eq!(n_alerts, 0, "{relation:?} {payee:?}");
    }
}

#[test]
fn a_party_rests_after_an_alert() {
    let alerts = alerts_of(pattern(), "");
    let moments: Vec<i64> = alerts
        .iter()
        .filter(|a| a.level == Level::Alert)
        .map(|a| pattern().iter().find(|t| *t.id == *a.raised_by).unwrap().at.utc_s)
        .collect();
    assert!(moments.windows(2).all(|two| two[1] - two[0] >= pack().cooldown_s));
}

#[test]
fn a_picture_is_drawn_of_every_alert_and_names_every_transfer() {
    let pack = pack();
    let rates = Rates::none(pack.currency);
    let mut transfers = pattern();
    transfers[0].id = "<&\">".into();
    let (book, _) = Book::new(transfers, &rates, &pack.scope).unwrap();
    let features = batch(book.rows(), pack.spans);
    let raised = raised(&book, &features, &pack);
    let alerts = Alert::all(&raised, &book, &features, &pack, &rates);
    for (alert, one) in alerts.iter().zip(&raised) {
        let svg = crate::draw::time_line(alert, one.index, &book, pack.spans, &crate::draw::words::english).unwrap();
        assert_eq!(svg.matches("<circle").count(), one.index as usize + 1);
        assert!(svg.contains("&lt;&amp;&quot;&gt;") && !svg.contains("<&"));
        let ties = crate::draw::network::ties(alert, one.index, &book, pack.spans);
        let n_behind: usize = ties.iter().map(|tie| tie.n_transfers).sum();
        assert_eq!(n_behind, one.index as usize + 1, "all transfers of the pattern are of one sender");
        let picture = crate::draw::network::picture(alert, &ties, pack.currency, &crate::draw::words::english);
        assert_eq!(picture.matches("<path").count(), ties.len());
        assert_eq!(crate::draw::network::table(&ties, pack.currency).lines().count(), ties.len() + 1);
    }
}

/// A small table of the kind that `examples/worlds.rs` makes large; run with `--nocapture` to read it.
#[test]
fn lives_of_innocent_people_are_rarely_disturbed() {
    let world = world();
    let life_of: std::collections::BTreeMap<String, Life> =
        world.remitters.iter().map(|(party, life)| (party.to_string(), *life)).collect();
    let alerts = alerts_of(world.transfers, RATES);
    let flagged = |life: Life, level: Level| {
        let of_life = alerts.iter().filter(|a| a.level >= level && life_of.get(&a.party) == Some(&life));
        of_life.map(|a| &a.party).collect::<std::collections::BTreeSet<_>>().len()
    };
    let (mut n_cases, mut n_found, mut n_innocent, mut n_disturbed) = (0, 0, 0, 0);
    println!("life                 remitters   review+   alert");
    for &life in Life::ALL {
        let n = life_of.values().filter(|&&l| l == life).count();
        let (review, alert) = (flagged(life, Level::Review), flagged(life, Level::Alert));
        println!("{:<20} {n:>9} {review:>9} {alert:>7}", life.as_str());
        if life.is_case() {
            (n_cases, n_found) = (n_cases + n, n_found + review);
        } else if !LIMITS.contains(&life) {
            (n_innocent, n_disturbed) = (n_innocent + n, n_disturbed + alert);
        }
    }
    assert!(n_found > 0 && n_cases > 0, "{n_found} of {n_cases}");
    assert!(n_disturbed * 1000 <= n_innocent, "{n_disturbed} of {n_innocent}");
}

/// Lives that transfers alone do not tell apart from the published pattern.
const LIMITS: [Life; 3] = [Life::GamingTips, Life::AdultServices, Life::DistantPartner];
