//! Does a gate say one thing of each transfer, whatever order they come in and however often it is begun anew?

use super::*;
use crate::Level;
use crate::pack::LIVESTREAM_EXPLOITATION;
use crate::read::Door;
use crate::simulate::{RATES, Settings, world};
use crate::{PartyKey, Rates};

const RULE: HoldRule = HoldRule { from: Some(Level::Review), for_s: 3600 };

fn gate() -> Gate {
    Gate::new(Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap(), RULE)
}

/// A made-up world in order of time, with what each transfer is worth.
fn transfers() -> Vec<(Transfer, i64)> {
    let settings =
        Settings { seed: 3, region: 0, n_remitters: 600, n_days: 365, first_day: 20_000, n_cases_per_100_000: 5000 };
    let pack = gate().pack;
    let rates = Rates::parse(RATES, pack.currency).unwrap();
    let (book, _) = Book::new(world(settings).transfers, &rates, &pack.scope).unwrap();
    book.transfers().iter().cloned().zip(book.rows().iter().map(|row| row.value_minor)).collect()
}

fn json(gate: &Gate) -> Vec<String> {
    gate.alerts().iter().map(Alert::to_json).collect()
}

/// A gate with the world in it, and all that was said.
fn full(transfers: &[(Transfer, i64)]) -> (Gate, Vec<Answer>) {
    let mut gate = gate();
    let take = |(transfer, value): &(Transfer, i64)| gate.take(transfer.clone(), *value, 0).unwrap().answer;
    let answers = transfers.iter().map(take).collect();
    (gate, answers)
}

#[test]
fn in_order_of_time_the_gate_raises_what_a_batch_raises() {
    let transfers = transfers();
    let (gate, answers) = full(&transfers);
    let pack = &gate.pack;
    let rates = Rates::parse(RATES, pack.currency).unwrap();
    let (book, _) = Book::new(transfers.into_iter().map(|(t, _)| t).collect(), &rates, &pack.scope).unwrap();
    let features = crate::features::batch(book.rows(), pack.spans);
    let raised = crate::score::raised(&book, &features, pack);
    let batch = Alert::all(&raised, &book, &features, pack, &rates);
    assert!(!batch.is_empty() && answers.iter().any(|answer| *answer != Answer::Pass));
    let gist = |alert: &Alert| (alert.raised_by.clone(), alert.score, alert.reasons.clone());
    assert_eq!(gate.alerts().iter().map(gist).collect::<Vec<_>>(), batch.iter().map(gist).collect::<Vec<_>>());
}

#[test]
fn what_was_said_is_said_again_and_counted_once() {
    let transfers = transfers();
    let (mut gate, answers) = full(&transfers);
    let before = json(&gate);
    for ((transfer, value), answer) in transfers.iter().zip(&answers) {
        let again = gate.take(transfer.clone(), *value, 99).unwrap();
        assert!(again.is_again && again.n_alerts == 0);
        assert_eq!(again.answer, *answer);
    }
    assert_eq!(json(&gate), before);
    let mut other = transfers[0].0.clone();
    other.purpose = crate::transfer::Purpose::Gift;
    assert_eq!(gate.take(other, 1, 0), Err(("id", Problem::IdReused)));
}

#[test]
fn a_log_gives_the_same_gate_and_one_changed_byte_is_found() {
    let transfers = transfers();
    let (mut first, mut chain, mut log) = (gate(), Chain::default(), String::new());
    log += &chain.write(&Line::Event(first.begun()));
    for (transfer, value_minor) in &transfers {
        let line = Line::Transfer { transfer: Box::new(transfer.clone()), value_minor: *value_minor, arrived_s: 7 };
        log += &chain.write(&line);
        first.take(transfer.clone(), *value_minor, 7).unwrap();
    }
    let hold = first.holds().next().expect("something is held").id.clone();
    let decided = Decided { hold, by: "Ada".to_owned(), reason: "a sister".to_owned(), at_s: 9 };
    first.happen(&Event::Released(decided.clone())).unwrap();
    log += &chain.write(&Line::Event(Event::Released(decided)));

    let again = read(&log).unwrap();
    assert_eq!(json(&again), json(&first));
    assert!(again.holds().eq(first.holds()));
    for place in [0, log.len() / 3, log.len() - 5] {
        let mut changed = log.clone().into_bytes();
        changed[place] ^= 1;
        assert!(String::from_utf8(changed).is_ok_and(|changed| read(&changed).is_none()), "{place}");
    }
    let without_one: Vec<&str> = log.lines().enumerate().filter(|(i, _)| *i != 5).map(|(_, line)| line).collect();
    assert!(read(&without_one.join("\n")).is_none());
}

fn read(log: &str) -> Option<Gate> {
    let door = Door::plain(PartyKey::new(&[0; 16]).unwrap());
    let (mut gate, mut chain) = (gate(), Chain::default());
    for line in log.lines() {
        gate.replay(chain.read(line.as_bytes(), &door)?).ok()?;
    }
    Some(gate)
}

#[test]
fn what_arrives_late_is_counted_from_its_arrival_and_changes_nothing_said_before() {
    let mut transfers = transfers();
    let late = transfers.remove(transfers.len() / 2);
    let (mut gate, answers) = full(&transfers);
    let before = json(&gate);
    let newest_s = gate.book().rows().last().unwrap().at_s;
    gate.take(late.0.clone(), late.1, 0).unwrap();
    assert_eq!(json(&gate)[..before.len()], before);
    assert_eq!(gate.book().rows().last().unwrap().at_s, newest_s);
    assert_eq!(gate.book().transfers().last(), Some(&late.0));
    assert_eq!(gate.take(transfers[0].0.clone(), transfers[0].1, 0).unwrap().answer, answers[0]);
}

#[test]
fn only_a_named_person_with_a_reason_ends_a_hold_and_only_once() {
    let (mut gate, _) = full(&transfers());
    let open: Vec<String> = gate.holds().map(|hold| hold.id.clone()).take(3).collect();
    let decided = |hold: &str, by: &str, reason: &str| Decided {
        hold: hold.to_owned(),
        by: by.to_owned(),
        reason: reason.to_owned(),
        at_s: 5,
    };
    for (by, reason) in [("", "x"), ("Ada", " "), ("A\u{1}", "x")] {
        let refusal = gate.happen(&Event::Released(decided(&open[0], by, reason)));
        assert!(matches!(refusal, Err(Refusal::Text { .. })), "{refusal:?}");
    }
    gate.happen(&Event::Released(decided(&open[0], "Ada", "a sister"))).unwrap();
    gate.happen(&Event::Refused(decided(&open[1], "Ada", "the customer asked"))).unwrap();
    for hold in &open[..2] {
        let refusal = gate.happen(&Event::Refused(decided(hold, "Eve", "again")));
        assert!(matches!(refusal, Err(Refusal::NotOpen { .. })), "{refusal:?}");
    }
    assert_eq!(gate.expired(3599), []);
    let expired = gate.expired(3600);
    assert!(expired.contains(&Event::Expired { hold: open[2].clone(), at_s: 3600 }));
    expired.iter().for_each(|event| gate.happen(event).unwrap());
    assert_eq!(gate.expired(9999), []);
    assert!(gate.holds().all(|hold| hold.state != HoldState::Open));
}

#[test]
fn a_release_clears_the_party_for_a_while_and_a_gate_without_a_rule_holds_nothing() {
    let transfers = transfers();
    let (all, _) = full(&transfers);
    let first = all.holds().next().unwrap().clone();
    let about = all.find(&first.alert).unwrap().party.clone();
    let mut gate = gate();
    for (transfer, value) in &transfers {
        let answer = gate.take(transfer.clone(), *value, 0).unwrap().answer;
        if let Answer::HoldForPerson { hold, alert, .. } = answer {
            let party = gate.find(&alert).unwrap().party.clone();
            assert!(party != about || hold == first.id, "a cleared party is held again");
            let decided = Decided { hold, by: "Ada".to_owned(), reason: "known".to_owned(), at_s: 0 };
            gate.happen(&Event::Released(decided)).unwrap();
        }
    }
    let mut open = Gate::new(gate.pack.clone(), HoldRule { from: None, for_s: 1 });
    assert!(transfers.iter().all(|(t, v)| open.take(t.clone(), *v, 0).unwrap().answer == Answer::Pass));
    assert_eq!(open.alerts().len(), all.alerts().len());
}

#[test]
fn an_outcome_names_an_alert_and_a_person() {
    let (mut gate, _) = full(&transfers());
    let outcome = |alert: &str, by: &str| Event::Outcome {
        alert: alert.to_owned(),
        outcome: Outcome::Innocent,
        by: by.to_owned(),
        note: "supports a sister".to_owned(),
        at_s: 1,
    };
    let id = gate.alerts()[0].id.clone();
    assert!(matches!(gate.happen(&outcome("a-0", "Ada")), Err(Refusal::NoAlert { .. })));
    assert!(matches!(gate.happen(&outcome(&id, "")), Err(Refusal::Text { .. })));
    gate.happen(&outcome(&id, "Ada")).unwrap();
    assert_eq!(gate.outcomes().len(), 1);
    let json = serde_json::to_string(&gate.outcomes()[0]).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), gate.outcomes()[0]);
    assert!(serde_json::from_str::<Event>(&json.replace("innocent", "guilty")).is_err());
}

#[test]
fn a_snapshot_goes_on_as_if_nothing_had_happened_and_a_changed_one_is_refused() {
    let transfers = transfers();
    let (early, late) = transfers.split_at(transfers.len() * 2 / 3);
    let (mut first, _) = full(early);
    first.happen(&Event::Rates { sha256: "ab".to_owned() }).unwrap();
    let open: Vec<String> = first.holds().map(|hold| hold.id.clone()).take(2).collect();
    let decided =
        |hold: &str| Decided { hold: hold.to_owned(), by: "Ada".to_owned(), reason: "a sister".to_owned(), at_s: 9 };
    first.happen(&Event::Released(decided(&open[0]))).unwrap();
    first.happen(&Event::Refused(decided(&open[1]))).unwrap();
    let alert = first.alerts()[0].id.clone();
    let outcome =
        Event::Outcome { alert, outcome: Outcome::Useful, by: "Ada".to_owned(), note: "x".to_owned(), at_s: 1 };
    first.happen(&outcome).unwrap();

    let mut snapshot = Vec::new();
    first.write_snapshot("line 7", &mut snapshot).unwrap();
    let restore = |bytes: &[u8]| Gate::restore(gate().pack, RULE, &mut &bytes[..]);
    let (mut second, mark) = restore(&snapshot).unwrap();
    assert_eq!(mark, "line 7");
    for (transfer, value) in early.iter().take(20).chain(late) {
        let one = first.take(transfer.clone(), *value, 20).unwrap();
        assert_eq!(second.take(transfer.clone(), *value, 20).unwrap(), one);
    }
    assert!(json(&first).len() > json(&restore(&snapshot).unwrap().0).len(), "something is raised after the snapshot");
    assert_eq!(json(&second), json(&first));
    assert!(second.holds().eq(first.holds()) && second.outcomes() == first.outcomes());
    assert_eq!((second.book().digest(), second.expired(99_999)), (first.book().digest(), first.expired(99_999)));
    assert!(first.alerts().iter().all(|alert| second.row_of(&alert.id) == first.row_of(&alert.id)));

    for place in (0..snapshot.len()).step_by(snapshot.len() / 40) {
        let mut changed = snapshot.clone();
        changed[place] ^= 1;
        assert!(restore(&changed).is_err(), "byte {place}");
        assert!(restore(&snapshot[..place]).is_err(), "cut at {place}");
    }
    assert!(Gate::restore(gate().pack, HoldRule { from: None, for_s: 1 }, &mut &snapshot[..]).is_err());
}

/// The public pack with other thresholds, so that less is raised.
fn strict() -> String {
    LIVESTREAM_EXPLOITATION.replace("review = 47\nalert = 54", "review = 60\nalert = 70")
}

fn proposed(pack: &str, by: &str) -> Event {
    let reason = "fewer families are disturbed".to_owned();
    Event::PackProposed(Proposed { pack: pack.to_owned(), overlay: None, by: by.to_owned(), reason, at_s: 1 })
}

fn pack_decided(proposal: &str, by: &str) -> PackDecided {
    PackDecided { proposal: proposal.to_owned(), by: by.to_owned(), reason: "looked at".to_owned(), at_s: 2 }
}

#[test]
fn a_pack_holds_only_after_a_second_person_let_it() {
    let mut gate = gate();
    let before = gate.pack().digest();
    assert!(matches!(gate.happen(&proposed("nonsense", "Ada")), Err(Refusal::Pack { .. })));
    assert_eq!(gate.happen(&proposed(LIVESTREAM_EXPLOITATION, "Ada")), Err(Refusal::SamePack));
    let dollars = LIVESTREAM_EXPLOITATION.replace("currency = \"EUR\"", "currency = \"USD\"");
    assert!(matches!(gate.happen(&proposed(&dollars, "Ada")), Err(Refusal::OtherCurrency { .. })));
    gate.happen(&proposed(&strict(), "Ada Example")).unwrap();
    assert!(matches!(gate.happen(&proposed(&strict(), "Bo")), Err(Refusal::ProposedBefore { .. })));
    for own in ["Ada Example", " ada example "] {
        let refusal = gate.happen(&Event::PackActivated(pack_decided("pack-1", own)));
        assert!(matches!(refusal, Err(Refusal::OwnProposal { .. })), "{refusal:?}");
    }
    assert!(matches!(
        gate.happen(&Event::PackActivated(pack_decided("pack-9", "Bo"))),
        Err(Refusal::NoProposal { .. })
    ));
    assert!(matches!(gate.happen(&Event::PackActivated(pack_decided("pack-1", ""))), Err(Refusal::Text { .. })));
    assert_eq!(gate.pack().digest(), before, "what is refused changes nothing");

    let other = strict().replace("review = 60", "review = 61");
    gate.happen(&proposed(&other, "Cy")).unwrap();
    gate.happen(&Event::PackActivated(pack_decided("pack-1", "Bo"))).unwrap();
    assert_eq!(gate.pack().typologies[0].review, 60);
    assert_eq!(gate.active_proposal().map(|proposal| &*proposal.id), Some("pack-1"));
    let again = gate.happen(&Event::PackActivated(pack_decided("pack-1", "Bo")));
    assert!(matches!(again, Err(Refusal::ProposalNotOpen { .. })), "{again:?}");
    let overtaken = gate.happen(&Event::PackActivated(pack_decided("pack-2", "Bo")));
    assert!(matches!(overtaken, Err(Refusal::Overtaken { .. })), "{overtaken:?}");
    gate.happen(&Event::PackDeclined(pack_decided("pack-2", "Cy"))).unwrap();
    gate.happen(&proposed(&other, "Cy")).unwrap();
    gate.happen(&Event::PackActivated(pack_decided("pack-3", "Bo"))).unwrap();
    assert_eq!(gate.pack().typologies[0].review, 61);
    assert_eq!(gate.begun_with().digest(), before);
}

#[test]
fn another_pack_holds_from_its_activation_on_and_the_log_and_a_snapshot_know_it() {
    let transfers = transfers();
    let (early, late) = transfers.split_at(transfers.len() / 2);
    let (mut first, mut chain, mut log) = (gate(), Chain::default(), String::new());
    let mut happen = |gate: &mut Gate, line: Line| {
        log += &chain.write(&line);
        gate.replay(line).unwrap();
    };
    let begun = first.begun();
    happen(&mut first, Line::Event(begun));
    let take = |(transfer, value_minor): &(Transfer, i64)| Line::Transfer {
        transfer: Box::new(transfer.clone()),
        value_minor: *value_minor,
        arrived_s: 7,
    };
    early.iter().for_each(|transfer| happen(&mut first, take(transfer)));
    let before = json(&first);
    assert!(!before.is_empty());
    // Windows, marks and thresholds differ.
    let changed = strict()
        .replace("window_days = 90", "window_days = 60")
        .replace("small_max_minor = 20000", "small_max_minor = 15000");
    happen(&mut first, Line::Event(proposed(&changed, "Ada")));
    happen(&mut first, Line::Event(Event::PackActivated(pack_decided("pack-1", "Bo"))));
    assert_eq!(json(&first), before, "what was raised stays");
    let mut snapshot = Vec::new();
    first.write_snapshot("here", &mut snapshot).unwrap();
    let (mut second, _) = Gate::restore(gate().pack, RULE, &mut &snapshot[..]).unwrap();
    for transfer in late {
        happen(&mut first, take(transfer));
        second.replay(take(transfer)).unwrap();
    }
    let after = json(&first);
    assert!(after.len() > before.len(), "something is raised under the new pack");
    assert_eq!(json(&second), after);
    assert!(second.holds().eq(first.holds()));
    assert_eq!(json(&read(&log).unwrap()), after);

    // From there on it is as if the new pack had always been there, but for what was said before.
    let pack = Pack::parse(&changed, None).unwrap();
    let new = first.alerts()[before.len()..].iter();
    assert!(new.clone().all(|alert| alert.inputs.pack_sha256 == pack.digest() && alert.score >= 52));
    let mut fresh = Gate::new(pack.clone(), RULE);
    transfers.iter().for_each(|(transfer, value)| drop(fresh.take(transfer.clone(), *value, 7).unwrap()));
    let score_at = |alert: &Alert| (alert.raised_by.clone(), alert.party.clone(), alert.score);
    let all: Vec<_> = fresh.alerts().iter().map(score_at).collect();
    let n_same = new.clone().filter(|alert| all.contains(&score_at(alert))).count();
    assert!(n_same * 2 > new.len(), "{n_same} of {} are raised at the same transfer with the same score", new.len());
    assert_eq!(first.pack_of(&first.alerts()[0]).digest(), gate().pack.digest());
    assert_eq!(first.pack_of(first.alerts().last().unwrap()).digest(), pack.digest());
}
