//! What does one pack say that another does not?
//!
//! Two packs are laid out as the same table, part by part, and what differs is listed: so a person who is to let a pack
//! hold reads a few lines, not two files.

use super::{Band, Indicator, Pack, Typology};
use crate::time::DAY_S;

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which part of the pack: `the pack` for the whole, else a name that the pack gives.
    pub part: String,
    /// What of it; none where the part is new or gone.
    pub aspect: Option<&'static str>,
    /// What it was; none where the part is new.
    pub before: Option<String>,
    /// What it would be; none where the part is gone.
    pub after: Option<String>,
}

/// What differs from `before` to `after`: first what changed or is gone, in the order of the old pack, then what is new.
pub fn changes(before: &Pack, after: &Pack) -> Vec<Change> {
    let (old, new) = (parts(before), parts(after));
    let mut changes = Vec::new();
    for part in &old {
        match new.iter().find(|other| other.name == part.name) {
            None => {
                changes.push(Change { part: part.name.clone(), aspect: None, before: Some(part.gist()), after: None })
            }
            Some(other) => changes.extend(part.against(other)),
        }
    }
    let is_new = |part: &&Part| old.iter().all(|other| other.name != part.name);
    let added = new.iter().filter(is_new);
    changes.extend(added.map(|part| Change {
        part: part.name.clone(),
        aspect: None,
        before: None,
        after: Some(part.gist()),
    }));
    changes
}

/// One part of a pack: its name, and what it says, aspect by aspect; the first two aspects tell most.
struct Part {
    name: String,
    says: Vec<(&'static str, String)>,
}

impl Part {
    fn gist(&self) -> String {
        self.says.iter().take(2).map(|(aspect, text)| format!("{aspect} {text}")).collect::<Vec<_>>().join("; ")
    }

    fn against(&self, other: &Part) -> Vec<Change> {
        let pairs = self.says.iter().zip(&other.says).filter(|((_, before), (_, after))| before != after);
        pairs
            .map(|((aspect, before), (_, after))| Change {
                part: self.name.clone(),
                aspect: Some(aspect),
                before: Some(before.clone()),
                after: Some(after.clone()),
            })
            .collect()
    }
}

fn parts(pack: &Pack) -> Vec<Part> {
    let indicators = pack.indicators.iter().map(|indicator| of_indicator(pack, indicator));
    let protections = pack.protections.iter().map(|protection| of_indicator(pack, protection));
    let typologies = pack.typologies.iter().map(|typology| of_typology(pack, typology));
    std::iter::once(of_whole(pack)).chain(typologies).chain(indicators).chain(protections).collect()
}

fn of_whole(pack: &Pack) -> Part {
    let days = |span_s: i64| format!("{} days", span_s / DAY_S);
    let scope = &pack.scope;
    let says = vec![
        ("version", pack.name()),
        ("currency", pack.currency.to_string()),
        ("rest after something was raised", days(pack.cooldown_s)),
        ("window", days(pack.spans.window_s)),
        ("recent part of the window", days(pack.spans.recent_s)),
        ("window of a pair", days(pack.spans.pair_s)),
        ("burst", days(pack.spans.burst_s)),
        ("which transfers count", if scope.cross_border_only { "across borders" } else { "all" }.to_owned()),
        (
            "small amounts",
            format!("{} to {}", pack.money(*scope.small_minor.start()), pack.money(*scope.small_minor.end())),
        ),
        ("night", format!("{}:00 to {}:00", scope.night_from_hour, scope.night_to_hour)),
    ];
    Part { name: "the pack".to_owned(), says }
}

fn of_typology(pack: &Pack, typology: &Typology) -> Part {
    let families: Vec<String> = typology.families.iter().map(|(name, cap)| format!("{name} up to {cap}")).collect();
    let protections = typology.protections.iter().map(|&place| pack.protections[place].id.as_str());
    let says = vec![
        ("review from", typology.review.to_string()),
        ("alert from", typology.alert.to_string()),
        ("families that must speak", typology.n_families_min.to_string()),
        ("families", families.join(", ")),
        ("protections", protections.collect::<Vec<_>>().join(", ")),
        ("protections take off at most", typology.protection_cap.to_string()),
        ("what an alert says", typology.title.clone()),
        ("version", typology.version.clone()),
    ];
    Part { name: typology.id.clone(), says }
}

fn of_indicator(pack: &Pack, indicator: &Indicator) -> Part {
    let not_enough = indicator
        .not_enough
        .map_or_else(|| "never".to_owned(), |(gate, below)| format!("while {} is below {below}", gate.name));
    let n_verified = indicator.sources.iter().filter(|source| source.verified).count();
    let sources = indicator.sources.iter().map(|source| source.doc.as_str()).collect::<Vec<_>>().join("; ");
    let says = vec![
        ("reads", indicator.reading.name.to_owned()),
        ("points", bands(pack, indicator)),
        ("family", indicator.family.clone()),
        ("silent", not_enough),
        ("sentence", indicator.why.clone()),
        ("meaning", indicator.meaning.clone()),
        ("innocent explanations", indicator.innocent.clone()),
        ("sources", sources),
        ("sources compared with the original", n_verified.to_string()),
        ("our judgement", indicator.rationale.clone()),
        ("version", indicator.version.clone()),
    ];
    Part { name: indicator.id.clone(), says }
}

fn bands(pack: &Pack, indicator: &Indicator) -> String {
    let is_money = indicator.reading.name.ends_with("-minor");
    let value = |value: i64| if is_money { pack.money(value) } else { value.to_string() };
    let range = |band: &Band| match (band.min, band.max) {
        (min, i64::MAX) => format!("from {}", value(min)),
        (i64::MIN, max) => format!("up to {}", value(max)),
        (min, max) => format!("{} to {}", value(min), value(max)),
    };
    let one = |band: &Band| format!("{} {}", band.points, range(band));
    indicator.bands.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::LIVESTREAM_EXPLOITATION;

    fn told(text: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let (before, after) = (Pack::parse(LIVESTREAM_EXPLOITATION, None), Pack::parse(text, None));
        let all = changes(&before.unwrap(), &after.unwrap());
        let told = |change: Change| {
            let what = change.aspect.map_or(change.part.clone(), |aspect| format!("{}: {aspect}", change.part));
            (what, change.before, change.after)
        };
        all.into_iter().map(told).collect()
    }

    #[test]
    fn each_value_that_differs_is_told_and_nothing_else() {
        assert_eq!(told(LIVESTREAM_EXPLOITATION), []);
        let some = |text: &str| Some(text.to_owned());
        for (from, to, what, before, after) in [
            ("alert = 54", "alert = 60", "payer: alert from", some("54"), some("60")),
            (
                "cooldown_days = 30",
                "cooldown_days = 7",
                "the pack: rest after something was raised",
                some("30 days"),
                some("7 days"),
            ),
            (
                "\"many-small\", min = 60, points = 6",
                "\"many-small\", min = 50, points = 7",
                "size.small-share: points",
                some("6 from 60, 10 from 85"),
                some("7 from 50, 10 from 85"),
            ),
        ] {
            assert!(LIVESTREAM_EXPLOITATION.contains(from), "{from}");
            let changed = told(&LIVESTREAM_EXPLOITATION.replacen(from, to, 1));
            assert_eq!(changed, [(what.to_owned(), before, after)]);
        }
        let renamed = told(&LIVESTREAM_EXPLOITATION.replace("\"timing.night\"", "\"timing.dark\""));
        let names: Vec<(&str, bool, bool)> =
            renamed.iter().map(|(what, before, after)| (&**what, before.is_some(), after.is_some())).collect();
        assert_eq!(names, [("timing.night", true, false), ("timing.dark", false, true)]);
    }
}
