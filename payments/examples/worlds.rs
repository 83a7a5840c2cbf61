//! What does the public pack do to made-up worlds that nobody has looked at?
//!
//! Seeds come from the pack's own hash, customs from ranges, so a pack is frozen before its worlds exist. Prints a table
//! (Markdown) and writes a plot (SVG) where the first argument says. Scores on a simulator say nothing about the real
//! world: it was written by the authors of the pack, from published marginals.
//!
//! usage: worlds [PLOT.svg [SEEDS [REGIONS [REMITTERS]]]] — five seeds, twenty regions of 50,000 when not given
//! SEEDS may be `development`: two seeds that do not depend on the pack, to look at while one is written.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "an example is an edge")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use payments::features::Stream;
use payments::pack::{Entity, LIVESTREAM_EXPLOITATION};
use payments::score::score;
use payments::simulate::{Life, RATES, Settings, seeds, world};
use payments::{Book, Level, Pack, PartyId, Rates};
use rustc_hash::FxHashMap;

const CAVEAT: &str = "Scores on a simulator say nothing about the real world.";
/// A team that looks at a hundred parties.
const N_BUDGET: usize = 100;
const N_GROUPS: usize = 4;
/// Worlds that a pack is written by; never those that it is measured on.
const DEVELOPMENT: [u64; 2] = [1000, 1001];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: u32| arguments.get(place).map_or(usual, |text| text.parse().unwrap());
    let (n_regions, n_remitters) = (number(2, 20), number(3, 50_000));
    let pack = Pack::parse(LIVESTREAM_EXPLOITATION, None).unwrap();
    let rates = Rates::parse(RATES, pack.currency).unwrap();
    let mut all = Vec::new();
    let is_development = arguments.get(1).is_some_and(|word| word == "development");
    let drawn = if is_development { DEVELOPMENT.to_vec() } else { seeds(&pack.sha256, number(1, 5) as u8) };
    for seed in drawn {
        let mut regions = Vec::new();
        for region in 0..n_regions {
            regions.push(Region::measure(seed, region, n_remitters, &pack, &rates));
            eprint!("\rseed {seed:016x}: region {} of {n_regions} ", region + 1);
        }
        eprintln!();
        all.push(regions);
    }
    let report = Report::new(all, n_remitters);
    print!("{}", report.markdown(&pack));
    if let Some(path) = arguments.first() {
        std::fs::write(path, report.svg()).unwrap();
    }
}

/// One party about whom something was raised.
#[derive(Clone, Debug)]
struct Raised {
    party: PartyId,
    life: Life,
    is_recipient: bool,
    level: Level,
    score: i64,
    at_s: i64,
}

/// What happened in one region.
#[derive(Default)]
struct Region {
    n_by_life: BTreeMap<Life, u32>,
    n_recipients_by_life: BTreeMap<Life, u32>,
    raised: Vec<Raised>,
    /// Sender, beneficiary, moment and worth of each transfer of a published case.
    of_cases: Vec<(PartyId, PartyId, i64, i64)>,
    /// Families by corridor: remitters, reviews or alerts.
    families_by_corridor: BTreeMap<String, (u32, u32)>,
    /// Innocent remitters by a group drawn at random: remitters, reviews or alerts.
    groups: [(u32, u32); N_GROUPS],
}

impl Region {
    fn measure(seed: u64, region: u32, n_remitters: u32, pack: &Pack, rates: &Rates) -> Region {
        let settings = Settings { seed, region, n_remitters, n_days: 365, first_day: 20_089, n_cases_per_100_000: 20 };
        let world = world(settings);
        let life_of: FxHashMap<PartyId, Life> = world.remitters.iter().copied().collect();
        let paid_by: FxHashMap<PartyId, Life> = world.recipients.iter().copied().collect();
        let (book, rejects) = Book::new(world.transfers, rates, &pack.scope).unwrap();
        assert!(rejects.is_empty());
        let mut best: FxHashMap<u32, (Level, i64, i64)> = FxHashMap::default();
        let mut stream = Stream::default();
        for (index, row) in (0..).zip(book.rows()) {
            let features = stream.push(book.rows(), index, pack.spans);
            if !row.counts() {
                continue;
            }
            for typology in &pack.typologies {
                let sum = score(&features, typology, pack);
                let Some(level) = typology.level(&sum) else { continue };
                let party = match typology.entity {
                    Entity::Sender => row.sender,
                    Entity::Beneficiary => row.beneficiary,
                };
                let known = best.entry(party).or_insert((level, 0, 0));
                if (level, sum.total) > (known.0, known.1) || known.2 == 0 {
                    *known = (level, sum.total, row.at_s);
                }
            }
        }
        let mut out = Region::default();
        world.remitters.iter().for_each(|(_, life)| *out.n_by_life.entry(*life).or_default() += 1);
        world.recipients.iter().for_each(|(_, life)| *out.n_recipients_by_life.entry(*life).or_default() += 1);
        let mut corridor_of: FxHashMap<PartyId, String> = FxHashMap::default();
        for (transfer, row) in book.transfers().iter().zip(book.rows()) {
            let life = life_of[&transfer.sender];
            if life.is_case() && row.counts() && paid_by.get(&transfer.beneficiary).is_some_and(|l| l.is_case()) {
                out.of_cases.push((transfer.sender, transfer.beneficiary, row.at_s, row.value_minor));
            }
            if life == Life::Family {
                corridor_of.entry(transfer.sender).or_insert_with(|| transfer.corridor.to_string());
            }
        }
        for (party, (level, score, at_s)) in best {
            let party = book.parties()[party as usize];
            let (life, is_recipient) = match (life_of.get(&party), paid_by.get(&party)) {
                (Some(life), _) => (*life, false),
                (None, Some(life)) => (*life, true),
                // A relative or another recipient of one remitter alone.
                (None, None) => (Life::Family, true),
            };
            out.raised.push(Raised { party, life, is_recipient, level, score, at_s });
        }
        let senders: FxHashMap<PartyId, Level> =
            out.raised.iter().filter(|r| !r.is_recipient).map(|r| (r.party, r.level)).collect();
        for (party, life) in &world.remitters {
            let is_raised = u32::from(senders.contains_key(party));
            if let Some(corridor) = corridor_of.get(party) {
                let (n, n_raised) = out.families_by_corridor.entry(corridor.clone()).or_default();
                (*n, *n_raised) = (*n + 1, *n_raised + is_raised);
            }
            if !life.is_case() {
                // The low bits of a party's number say nothing about its life.
                let group = &mut out.groups[(u128::from_be_bytes(party.0) >> 64) as usize % N_GROUPS];
                *group = (group.0 + 1, group.1 + is_raised);
            }
        }
        out
    }

    fn n_innocent(&self) -> u32 {
        self.n_by_life.iter().filter(|(life, _)| !life.is_case()).map(|(_, n)| n).sum()
    }

    /// Remitters of a life about whom `level` or more was raised.
    fn n_raised(&self, life: Life, level: Level) -> u32 {
        self.raised.iter().filter(|r| r.life == life && !r.is_recipient && r.level >= level).count() as u32
    }

    fn innocent_alerts(&self) -> u32 {
        let innocent = self.raised.iter().filter(|r| !r.life.is_case() && r.level == Level::Alert);
        innocent.count() as u32
    }
}

/// What is told of all of it.
struct Report {
    seeds: Vec<Vec<Region>>,
    n_remitters: u32,
}

/// A rate: its mean over regions, and the mean of the worst tenth of them.
#[derive(Clone, Copy)]
struct Rate {
    mean: f64,
    worst_decile: f64,
}

impl Report {
    fn new(seeds: Vec<Vec<Region>>, n_remitters: u32) -> Report {
        Report { seeds, n_remitters }
    }

    fn regions(&self) -> impl Iterator<Item = &Region> {
        self.seeds.iter().flatten()
    }

    /// `worst_is_high`: whether large values are the bad ones.
    fn rate(&self, of: impl Fn(&Region) -> Option<f64>, worst_is_high: bool) -> Rate {
        let mut values: Vec<f64> = self.regions().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        if worst_is_high {
            values.reverse();
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        Rate { mean: mean(&values), worst_decile: mean(&values[..values.len().div_ceil(10)]) }
    }

    fn by_life(&self, life: Life, level: Level) -> Rate {
        let share = |region: &Region| {
            let n = *region.n_by_life.get(&life)?;
            Some(f64::from(region.n_raised(life, level)) * 100.0 / f64::from(n))
        };
        self.rate(share, !life.is_case())
    }

    /// Of one seed: how many of the hundred highest are of cases, and which part of their worth comes after.
    fn at_budget(regions: &[Region]) -> (f64, f64) {
        let mut ranked: Vec<&Raised> = regions.iter().flat_map(|region| &region.raised).collect();
        ranked.sort_by_key(|r| (std::cmp::Reverse((r.level, r.score)), r.at_s, r.party));
        ranked.truncate(N_BUDGET);
        let n_right = ranked.iter().filter(|r| r.life.is_case()).count();
        let since: FxHashMap<PartyId, i64> = ranked.iter().map(|r| (r.party, r.at_s)).collect();
        let (mut held, mut whole) = (0_i64, 0_i64);
        for (sender, beneficiary, at_s, value) in regions.iter().flat_map(|region| &region.of_cases) {
            let is_after = |party| since.get(party).is_some_and(|raised_s| at_s >= raised_s);
            whole += value;
            held += if is_after(sender) || is_after(beneficiary) { *value } else { 0 };
        }
        (n_right as f64 / ranked.len().max(1) as f64, held as f64 / whole.max(1) as f64)
    }

    fn markdown(&self, pack: &Pack) -> String {
        let mut out = String::new();
        let per_seed: Vec<(f64, f64)> = self.seeds.iter().map(|regions| Self::at_budget(regions)).collect();
        let n_customers = self.seeds.first().map_or(0, Vec::len) as u32 * self.n_remitters;
        let _ = writeln!(
            out,
            "{CAVEAT}\nPack {} {}, {} seeds of {n_customers} remitters, 20 cases in 100,000, {} regions with customs of their own.\n\
             Worst decile: the mean of the worst tenth of the regions; for a figure that is reckoned over a seed, the worst seed.\n",
            pack.id,
            pack.version,
            self.seeds.len(),
            self.regions().count(),
        );
        let mean = |pick: fn(&(f64, f64)) -> f64| per_seed.iter().map(pick).sum::<f64>() / per_seed.len() as f64;
        let least = |pick: fn(&(f64, f64)) -> f64| per_seed.iter().map(pick).fold(1.0, f64::min);
        let _ = writeln!(out, "| measure | mean | worst decile |\n|---|---|---|");
        let _ = writeln!(
            out,
            "| precision of the {N_BUDGET} highest parties | {:.2} | {:.2} |",
            mean(|s| s.0),
            least(|s| s.0)
        );
        let _ = writeln!(
            out,
            "| worth of case transfers held from those {N_BUDGET} on | {:.1} % | {:.1} % |",
            mean(|s| s.1) * 100.0,
            least(|s| s.1) * 100.0
        );
        let per_1000 =
            |region: &Region| Some(f64::from(region.innocent_alerts()) * 1000.0 / f64::from(region.n_innocent()));
        let rate = self.rate(per_1000, true);
        let _ = writeln!(
            out,
            "| alerts about innocent parties per 1,000 innocent remitters | {:.3} | {:.3} |",
            rate.mean, rate.worst_decile
        );
        let _ = writeln!(
            out,
            "\n| made to live as | remitters | alert, mean | worst decile | review or alert, mean | worst decile |\n|---|---|---|---|---|---|"
        );
        for &life in Life::ALL {
            let n: u32 = self.regions().filter_map(|region| region.n_by_life.get(&life)).sum();
            let (alert, review) = (self.by_life(life, Level::Alert), self.by_life(life, Level::Review));
            let _ = writeln!(
                out,
                "| {} | {n} | {:.3} % | {:.3} % | {:.3} % | {:.3} % |",
                life.as_str(),
                alert.mean,
                alert.worst_decile,
                review.mean,
                review.worst_decile
            );
        }
        let _ = writeln!(out, "\n| recipients paid by | recipients | alerts | reviews or alerts |\n|---|---|---|---|");
        for &life in Life::ALL {
            let n: u32 = self.regions().filter_map(|region| region.n_recipients_by_life.get(&life)).sum();
            let about = |level: Level| {
                let all = self.regions().flat_map(|region| &region.raised);
                all.filter(|r| r.is_recipient && r.life == life && r.level >= level).count()
            };
            if n > 0 || about(Level::Review) > 0 {
                let _ =
                    writeln!(out, "| {} | {n} | {} | {} |", life.as_str(), about(Level::Alert), about(Level::Review));
            }
        }
        self.fairness(&mut out);
        out
    }

    fn fairness(&self, out: &mut String) {
        let mut corridors: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
        for (corridor, (n, n_raised)) in self.regions().flat_map(|region| &region.families_by_corridor) {
            let sum = corridors.entry(corridor).or_default();
            *sum = (sum.0 + n, sum.1 + n_raised);
        }
        let per_100_000 = |(n, n_raised): (u32, u32)| f64::from(n_raised) * 100_000.0 / f64::from(n.max(1));
        let mut groups = [(0, 0); N_GROUPS];
        for region in self.regions() {
            for (sum, group) in groups.iter_mut().zip(region.groups) {
                *sum = (sum.0 + group.0, sum.1 + group.1);
            }
        }
        let whole = groups.iter().fold((0, 0), |sum, g| (sum.0 + g.0, sum.1 + g.1));
        let ratios: Vec<String> =
            groups.iter().map(|group| format!("{:.2}", per_100_000(*group) / per_100_000(whole))).collect();
        let _ = writeln!(
            out,
            "\nReviews or alerts about innocent remitters of four groups drawn at random, over the rate of all: {}.\n\n\
             Reviews or alerts per 100,000 families, by corridor:\n",
            ratios.join(", ")
        );
        let rates: Vec<String> =
            corridors.iter().map(|(corridor, sum)| format!("{corridor} {:.0}", per_100_000(*sum))).collect();
        for line in rates.chunks(8) {
            let _ = writeln!(out, "{}", line.join(" · "));
        }
    }

    /// Bars for the lives: innocent ones should be short, cases long; a tick marks the worst tenth of the regions.
    fn svg(&self) -> String {
        let lives: Vec<Life> = Life::ALL.to_vec();
        let height = 110 + lives.len() * 30;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 {height}\" font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-labelledby=\"t\">\n\
             <title id=\"t\">Share of made-up remitters raised for review or alert, by what they were made to do</title>\n\
             <rect width=\"860\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"16\" y=\"26\" font-size=\"16\">Raised for review (pale) or alert (dark), percent of remitters</text>\n\
             <text x=\"16\" y=\"48\" fill=\"#444444\">tick: worst tenth of the regions · {CAVEAT}</text>\n"
        );
        let x = |percent: f64| 190.0 + percent * 6.2;
        for step in 0..=5 {
            let at = x(f64::from(step) * 20.0);
            let _ = writeln!(
                svg,
                "<path d=\"M{at:.0} 64V{bottom}\" stroke=\"#dddddd\"/><text x=\"{at:.0}\" y=\"{label}\" text-anchor=\"middle\" fill=\"#444444\">{}</text>",
                step * 20,
                bottom = height - 36,
                label = height - 16,
            );
        }
        for (place, life) in lives.iter().enumerate() {
            let y = 70 + place * 30;
            let (alert, review) = (self.by_life(*life, Level::Alert), self.by_life(*life, Level::Review));
            let colour = if life.is_case() { "#2a6f4e" } else { "#9a3b26" };
            let _ = writeln!(
                svg,
                "<text x=\"16\" y=\"{}\">{}</text>\
                 <rect x=\"190\" y=\"{y}\" width=\"{:.1}\" height=\"18\" fill=\"{colour}\" fill-opacity=\"0.35\"/>\
                 <rect x=\"190\" y=\"{y}\" width=\"{:.1}\" height=\"18\" fill=\"{colour}\"/>\
                 <path d=\"M{tick:.1} {y}v18\" stroke=\"#14213d\" stroke-width=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{}\" fill=\"#1a1a1a\">{:.2}</text>",
                y + 14,
                life.as_str(),
                review.mean * 6.2,
                alert.mean * 6.2,
                x(review.mean.max(review.worst_decile)) + 6.0,
                y + 14,
                review.mean,
                tick = x(review.worst_decile),
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}
