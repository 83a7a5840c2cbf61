//! What stands in each section?

use std::collections::BTreeMap;

use super::block::{Block, Figure, Table};
use super::plot::{self, Row, WIDTHS};
use super::{Findings, Municipal};
use crate::bayes::municipal::AreaEstimate;
use crate::estimate::Estimate;
use crate::figure::{number, people, percent};
use crate::interval::Shape;

fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

fn paragraph(text: String) -> Block {
    Block::Paragraph(text)
}

fn label(column: &str, label: &str) -> String {
    if label.is_empty() { column.to_owned() } else { label.to_owned() }
}

/// Name of a hidden group for readers.
pub(super) fn hidden_label(findings: &Findings<'_>, column: &str) -> String {
    let group = findings.survey.codebook.hidden.iter().find(|group| group.column == column);
    group.map_or_else(|| column.to_owned(), |group| label(column, &group.label))
}

fn known_label(findings: &Findings<'_>, column: &str) -> String {
    let group = findings.survey.codebook.known.iter().find(|group| group.column == column);
    group.map_or_else(|| column.to_owned(), |group| label(column, &group.label))
}

/// A figure drawn for both widths.
fn figure(caption: String, table: Table, draw: impl Fn(f64) -> super::svg::Drawing) -> Block {
    let [wide, narrow] = WIDTHS.map(draw);
    Block::Figure(Figure { caption, wide, narrow, table })
}

fn confidence(findings: &Findings<'_>) -> String {
    format!("{:.0} %", 100.0 * findings.run.confidence)
}

/// What is asked, and the answer in one paragraph.
pub(super) fn question(findings: &Findings<'_>) -> Vec<Block> {
    let codebook = &findings.survey.codebook;
    let population = match codebook.frame.population.as_str() {
        "" => "the population that the sample was drawn from".to_owned(),
        population => population.to_owned(),
    };
    let size = codebook.frame.size.map_or(String::new(), |size| format!(" ({} people)", number(Some(size), 0)));
    let mut blocks = vec![
        heading("The question"),
        paragraph(format!(
            "How many people belong to each of these groups, among {population}{size}? Nobody was asked about themselves. \
             Respondents said how many people they know in groups of known size and in the groups in question; the network \
             scale-up method turns these counts into sizes."
        )),
    ];
    let answers: Vec<String> = findings
        .estimates
        .estimates
        .iter()
        .filter(|row| row.domain.is_none())
        .map(|row| answer(findings, row))
        .collect();
    blocks.push(Block::List(answers));
    let assumed = findings
        .estimates
        .estimates
        .iter()
        .filter_map(|row| row.adjusted.as_ref())
        .any(|own| own.factors.iter().any(|factor| factor.assumed));
    if assumed {
        blocks.push(Block::Warning(
            "At least one factor of adjustment was assumed and not measured in this population. The adjusted figures are as good as that assumption; see Adjustments and Sensitivity.".to_owned(),
        ));
    }
    blocks
}

fn answer(findings: &Findings<'_>, row: &Estimate) -> String {
    let name = hidden_label(findings, &row.hidden);
    let basic = |to: &str| {
        let [low, high] = [row.ci_low, row.ci_high].map(people);
        format!("{} {to} ({} interval {low} to {high})", people(row.estimate), confidence(findings))
    };
    match &row.adjusted {
        Some(own) => {
            let [low, high] = [own.ci_low, own.ci_high].map(people);
            format!(
                "{name}: about {} people ({} interval {low} to {high}), adjusted for what respondents do not see; {}.",
                people(own.estimate),
                confidence(findings),
                basic("before adjustment")
            )
        }
        None => format!("{name}: about {}.", basic("people")),
    }
}

/// How the sample was drawn.
pub(super) fn design(findings: &Findings<'_>) -> Vec<Block> {
    let (survey, weights) = (findings.survey, findings.weights);
    let design = &survey.design;
    let (low, high) = weights.ratio_range();
    let sum: f64 = weights.full.iter().sum();
    let squares: f64 = weights.full.iter().map(|weight| weight * weight).sum();
    let mut rows = vec![
        vec!["Respondents".to_owned(), number(Some(design.n_rows() as f64), 0)],
        vec!["Strata".to_owned(), number(Some(design.strata().len() as f64), 0)],
        vec!["Primary sampling units".to_owned(), number(Some(design.n_psus() as f64), 0)],
        vec!["Degrees of freedom".to_owned(), number(Some(design.df() as f64), 0)],
        vec!["Sum of weights".to_owned(), number(Some(sum), 0)],
        vec!["Respondents that the weights are worth (Kish)".to_owned(), number(Some(sum * sum / squares), 0)],
    ];
    if let Some(size) = survey.codebook.frame.size {
        rows.push(vec!["People in the frame".to_owned(), number(Some(size), 0)]);
    }
    let weighting = match &findings.run.calibration {
        Some(words) => {
            format!("The weights were {words}; final weights are {low:.2} to {high:.2} times the design weights.")
        }
        None => "The design weights were used as they came.".to_owned(),
    };
    vec![heading("Design"), Block::Table(Table::new("The sample", &["", "value"], rows)), paragraph(weighting)]
}

/// Who answered, and how large networks are.
pub(super) fn response(findings: &Findings<'_>) -> Vec<Block> {
    let survey = findings.survey;
    let mut blocks = vec![heading("Response")];
    if survey.remarks.is_empty() {
        blocks.push(paragraph("Every respondent answered about every group.".to_owned()));
    } else {
        blocks.push(Block::List(survey.remarks.iter().map(|remark| format!("{remark}.")).collect()));
    }
    let bins = plot::networks_bins(&survey.degrees);
    if bins.is_empty() {
        return blocks;
    }
    let rows = bins.iter().map(|bin| {
        let name = if bin.to.is_finite() {
            format!("{} to under {}", number(Some(bin.from), 0), number(Some(bin.to), 0))
        } else {
            format!("{} and more", number(Some(bin.from), 0))
        };
        vec![name, percent(Some(bin.share), 1)]
    });
    let table =
        Table::new("Respondents by network size", &["people in the network", "share of respondents"], rows.collect());
    let alt = "Columns: share of respondents by the estimated size of their network";
    let caption = "Network sizes, estimated from the groups of known size (unweighted).".to_owned();
    blocks.push(figure(caption, table, |width| plot::networks(&survey.degrees, width, alt)));
    blocks
}

/// Estimates for everybody and by domain.
pub(super) fn estimates(findings: &Findings<'_>) -> Vec<Block> {
    let rows: Vec<&Estimate> = findings.estimates.estimates.iter().collect();
    let mut blocks = vec![heading("Estimates")];
    let Some(first) = rows.first() else { return blocks };
    blocks.push(paragraph(format!(
        "Variance: {}. Intervals: {}, {}. An interval holds what the sample leaves open, and the doubt about adjustments where \
         the codebook states it; it does not hold what was never asked.",
        variance_words(first.variance, findings.run.n_replicates),
        shape_words(first.interval),
        confidence(findings)
    )));
    for warning in &findings.estimates.warnings {
        blocks.push(Block::Warning(format!("{warning}.")));
    }
    let national: Vec<&Estimate> = rows.iter().copied().filter(|row| row.domain.is_none()).collect();
    blocks.push(national_figure(findings, &national));
    for domain in &findings.survey.codebook.domains {
        for hidden in &findings.survey.codebook.hidden {
            let is_in = |row: &&&Estimate| {
                row.hidden == hidden.column && row.domain.as_ref().is_some_and(|level| level.column == domain.column)
            };
            let levels: Vec<&Estimate> = rows.iter().filter(is_in).copied().collect();
            if !levels.is_empty() {
                blocks.push(domain_figure(findings, &levels, &domain.column, &label(&hidden.column, &hidden.label)));
            }
        }
    }
    blocks
}

fn national_figure(findings: &Findings<'_>, national: &[&Estimate]) -> Block {
    let mut plotted = Vec::new();
    let mut rows = Vec::new();
    for row in national {
        let name = hidden_label(findings, &row.hidden);
        let figures = row.estimate.zip(row.ci_low).zip(row.ci_high).map(|((value, low), high)| (value, low, high));
        plotted.push(Row { name: name.clone(), figures, is_second: false });
        let mut cells = vec![
            name.clone(),
            number(row.estimate, 0),
            number(row.se, 0),
            number(row.ci_low, 0),
            number(row.ci_high, 0),
        ];
        cells.extend([number(row.rate_per_1000, 2), number(row.deff, 2), percent(row.zero_share, 0)]);
        rows.push(cells);
        if let Some(own) = &row.adjusted {
            let figures = own.estimate.zip(own.ci_low).zip(own.ci_high).map(|((value, low), high)| (value, low, high));
            let adjusted = format!("{name}, adjusted");
            plotted.push(Row { name: adjusted.clone(), figures, is_second: true });
            let mut cells = vec![
                adjusted,
                number(own.estimate, 0),
                number(own.se, 0),
                number(own.ci_low, 0),
                number(own.ci_high, 0),
            ];
            cells.extend(["–", "–", "–"].map(str::to_owned));
            rows.push(cells);
        }
    }
    let head = ["group", "estimate", "standard error", "low", "high", "in 1,000", "design effect", "report nobody"];
    let table = Table::new("National estimates", &head, rows);
    let alt = "Points with intervals: estimated number of people in each group, before and after adjustment";
    let caption = format!(
        "Number of people in each group, with the {} interval: before adjustment (blue), after it (orange).",
        confidence(findings)
    );
    figure(caption, table, |width| plot::intervals(&plotted, width, "people", alt))
}

fn domain_figure(findings: &Findings<'_>, levels: &[&Estimate], column: &str, name: &str) -> Block {
    let row = |row: &&Estimate| Row {
        name: row.domain.as_ref().map_or(String::new(), |level| level.level.clone()),
        figures: row
            .rate_per_1000
            .zip(row.rate_ci_low)
            .zip(row.rate_ci_high)
            .map(|((value, low), high)| (value, low, high)),
        is_second: false,
    };
    let plotted: Vec<Row> = levels.iter().map(row).collect();
    let rows = levels.iter().zip(&plotted).map(|(row, plotted)| {
        let rates = [row.rate_per_1000, row.rate_ci_low, row.rate_ci_high].map(|rate| number(rate, 2));
        let counts = [row.n, row.psus].map(|count| number(count.map(|count| count as f64), 0));
        let first = [plotted.name.clone(), number(row.estimate, 0)];
        first.into_iter().chain(rates).chain(counts).chain([row.suppressed.clone().unwrap_or_default()]).collect()
    });
    let head = [column, "people", "in 1,000", "low", "high", "respondents", "PSUs", "withheld because"];
    let table = Table::new(&format!("{name} by {column}, before adjustment"), &head, rows.collect());
    let alt = format!("Points with intervals: {name} in a thousand people, by {column}");
    let caption = format!(
        "{name} in a thousand people by {column}, before adjustment, with the {} interval.",
        confidence(findings)
    );
    figure(caption, table, |width| plot::intervals(&plotted, width, "in a thousand people", &alt))
}

/// Known groups scaled up from the others.
pub(super) fn hold_outs(findings: &Findings<'_>) -> Vec<Block> {
    let Some(held) = findings.hold_outs else { return Vec::new() };
    let row = |group: &crate::holdout::HoldOut| {
        let off = group.estimate.map(|estimate| 100.0 * (estimate / group.size - 1.0));
        let sign = if off.is_some_and(|off| off > 0.0) { "+" } else { "" };
        vec![
            known_label(findings, &group.known),
            number(Some(group.size), 0),
            number(group.estimate, 0),
            number(group.ci_low, 0),
            number(group.ci_high, 0),
            format!("{sign}{} %", number(off, 1)),
        ]
    };
    let rows = held.groups.iter().map(row).collect();
    let table = Table::new(
        "Known groups, scaled up from the others",
        &["group", "known size", "estimate", "low", "high", "off by"],
        rows,
    );
    let alt =
        "Scatter: estimated over known size of each known group, on logarithmic axes, with the line where both agree";
    let caption = format!(
        "Each known group, scaled up from the other known groups. On the dashed line the estimate is the known size. Average \
         relative error {}; {} of {} intervals hold the known size.",
        percent(Some(held.are), 1),
        (held.coverage * held.groups.len() as f64).round(),
        held.groups.len()
    );
    vec![
        heading("Does the method find what is known?"),
        figure(caption, table, |width| plot::hold_out(&held.groups, width, alt)),
        paragraph(
            "A group far off the line is known to respondents less, or more, than its size suggests, or its count is old. \
             Hidden groups may well be further off than any known one: being hidden is the point."
                .to_owned(),
        ),
    ]
}

/// Which factors were assumed.
pub(super) fn adjustments(findings: &Findings<'_>) -> Vec<Block> {
    let mut rows = Vec::new();
    for row in findings.estimates.estimates.iter().filter(|row| row.domain.is_none()) {
        for factor in row.adjusted.iter().flat_map(|own| &own.factors) {
            let origin = if factor.assumed { "assumed" } else { "measured here" };
            let words = factor_words(factor.name);
            rows.push(vec![
                hidden_label(findings, &row.hidden),
                words.to_owned(),
                number(Some(factor.centre), 2),
                origin.to_owned(),
            ]);
        }
    }
    let mut blocks = vec![heading("Adjustments")];
    if rows.is_empty() {
        blocks.push(paragraph(
            "No adjustment was made: the figures stand for members of the group whom others know to be members. True numbers are likely higher.".to_owned(),
        ));
        return blocks;
    }
    blocks.push(paragraph(
        "Adjusted size = size × precision ÷ (frame ratio × network ratio × share of ties reported). One value of each factor is \
         drawn for every replicate, so that the doubt about it is in the interval."
            .to_owned(),
    ));
    blocks.push(Block::Table(Table::new("Factors", &["group", "factor", "centre", "origin"], rows)));
    blocks
}

/// Adjusted sizes under other assumptions.
pub(super) fn sensitivity(findings: &Findings<'_>) -> Vec<Block> {
    if findings.grids.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![heading("Sensitivity")];
    for grid in findings.grids {
        let name = hidden_label(findings, &grid.hidden);
        let mut head = vec!["network ratio".to_owned()];
        head.extend(grid.true_positive_rates.iter().map(|tau| format!("{tau} reported")));
        let cell = |size: &crate::sensitivity::Size| {
            format!("{} ({} to {})", people(Some(size.estimate)), people(Some(size.ci_low)), people(Some(size.ci_high)))
        };
        let row = |(delta, sizes): (&f64, &Vec<crate::sensitivity::Size>)| {
            std::iter::once(delta.to_string()).chain(sizes.iter().map(cell)).collect()
        };
        let rows = grid.degree_ratios.iter().zip(&grid.sizes).map(row).collect();
        let table = Table { caption: format!("{name} under each pair of assumptions, with intervals"), head, rows };
        let alt = format!("Grid: adjusted size of {name} for each assumed network ratio and share of ties reported");
        let caption = format!(
            "{name}: adjusted size, if members know so many people beside everybody else (rows), and respondents report so large a share of their ties to members (columns)."
        );
        blocks.push(figure(caption, table, |width| plot::sensitivity(grid, width, &alt)));
    }
    blocks
}

/// What the pooled model says about areas.
pub(super) fn municipal(findings: &Findings<'_>) -> Vec<Block> {
    let Some(municipal) = findings.municipal else { return Vec::new() };
    let mut blocks = vec![heading("By area")];
    let (Some(areas), Some(sizes)) = (municipal.areas, municipal.sizes) else {
        blocks.push(Block::Warning(format!(
            "The walks through the pooled model do not agree (R-hat {}, independent draws {:.0}), so no estimate by area is printed.",
            municipal.convergence.r_hat_max.map_or("infinite".to_owned(), |r_hat| format!("{r_hat:.3}")),
            municipal.convergence.ess_bulk_min.min(municipal.convergence.ess_tail_min)
        )));
        return blocks;
    };
    blocks.push(paragraph(municipal_words(&municipal)));
    for (hidden, size) in findings.survey.codebook.hidden.iter().zip(sizes) {
        let name = label(&hidden.column, &hidden.label);
        let own: Vec<&AreaEstimate> = areas.iter().filter(|area| area.hidden == hidden.column).collect();
        let shown = own.iter().filter(|area| area.suppressed.is_none());
        let rows = shown.map(|area| {
            vec![
                area.area.clone(),
                number(area.n.map(|n| n as f64), 0),
                number(area.direct_rate_per_1000, 2),
                number(area.rate_per_1000, 2),
                number(area.ci_low, 2),
                number(area.ci_high, 2),
                people(area.estimate),
                percent(area.shrinkage, 0),
            ]
        });
        let head = [municipal.column, "respondents", "own answers", "pooled", "low", "high", "people", "shrunk by"];
        let table = Table::new(
            &format!("{name} in a thousand people by {}, before adjustment", municipal.column),
            &head,
            rows.collect(),
        );
        let alt = format!("Areas by rising pooled rate of {name}, with intervals, and each area's own rate as a ring");
        let caption = format!(
            "{name} in a thousand people, before adjustment. Bars: pooled, {} interval. Rings: the area's own answers alone; the way from ring to dot is the shrinkage. All areas together: {} people ({} to {}).",
            confidence(findings),
            people(Some(size.mean)),
            people(Some(size.low)),
            people(Some(size.high))
        );
        blocks.push(figure(caption, table, |width| plot::caterpillar(&own, width, &alt)));
        blocks.extend(withheld(&own).map(paragraph));
    }
    blocks
}

/// Areas without figures, by the reason.
fn withheld(areas: &[&AreaEstimate]) -> Option<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for area in areas {
        if let Some(reason) = &area.suppressed {
            by_reason.entry(reason).or_default().push(&area.area);
        }
    }
    let words = by_reason.iter().map(|(reason, areas)| format!("{reason}: {}", areas.join(", ")));
    (!by_reason.is_empty()).then(|| format!("Withheld, {}.", words.collect::<Vec<_>>().join("; ")))
}

fn municipal_words(municipal: &Municipal<'_>) -> String {
    let own = municipal.convergence;
    let explained = match municipal.covariates {
        [] => String::new(),
        covariates => format!(" and from {}", covariates.join(", ")),
    };
    format!(
        "With few respondents in each area, an area's own answers say little. The pooled model lets areas borrow from each other{explained}, as much as the answers say they are alike. \
         {} walks of {} draws agree: R-hat at most {:.3}, independent draws at least {:.0}, {} divergences.",
        own.chains,
        number(Some(own.draws_per_chain as f64), 0),
        own.r_hat_max.unwrap_or(f64::INFINITY),
        own.ess_bulk_min.min(own.ess_tail_min),
        own.divergences
    )
}

/// What the figures do not say.
pub(super) fn limits(findings: &Findings<'_>) -> Vec<Block> {
    let mut points = vec![
        "Respondents may not know that somebody belongs to a group, or may not say so. The adjustment stands for that, and is mostly an assumption.".to_owned(),
        "Members of hidden groups may know fewer people than others; the network ratio stands for that.".to_owned(),
        "People outside the frame (in institutions, without a home, abroad) are reported by others but not asked; a rate among the frame is not a rate among them.".to_owned(),
        "Intervals hold sampling error and the stated doubt about adjustments. When a few places hold most of a group, intervals are somewhat short; see the method.".to_owned(),
        "Figures about small places are withheld by rule, for they are noise to a ministry and a pointer to people in a village.".to_owned(),
    ];
    let n_withheld = findings.estimates.estimates.iter().filter(|row| row.suppressed.is_some()).count();
    if n_withheld > 0 {
        points.push(format!("{n_withheld} estimates are withheld in this report."));
    }
    vec![heading("Limits"), Block::List(points)]
}

/// What was run, on what.
pub(super) fn provenance(findings: &Findings<'_>) -> Vec<Block> {
    let run = findings.run;
    let mut rows = vec![
        vec!["Program".to_owned(), format!("streamward prevalence {}", run.version)],
        vec!["Seed".to_owned(), run.seed.to_string()],
    ];
    if let Some(n) = run.n_replicates {
        rows.push(vec!["Bootstrap replicates".to_owned(), number(Some(n as f64), 0)]);
    }
    rows.extend(run.inputs.iter().map(|(name, digest)| vec![format!("SHA-256 of {name}"), digest.clone()]));
    vec![
        heading("What was run"),
        Block::Table(Table {
            caption: "The same files, version and seed give this document again, byte for byte".to_owned(),
            head: vec![String::new(), "value".to_owned()],
            rows,
        }),
    ]
}

fn factor_words(name: &str) -> &str {
    match name {
        "degree_ratio" => "network of members over that of everybody",
        "true_positive_rate" => "share of ties that is reported",
        "frame_ratio" => "network within the frame over network of all",
        "precision" => "share of reports that is true",
        other => other,
    }
}

fn variance_words(word: &str, n_replicates: Option<usize>) -> String {
    match (word, n_replicates) {
        ("raowu", Some(n)) => {
            format!("rescaled bootstrap of primary sampling units, {} replicates", number(Some(n as f64), 0))
        }
        ("multistage", Some(n)) => format!("multistage rescaled bootstrap, {} replicates", number(Some(n as f64), 0)),
        ("taylor", _) => "Taylor linearisation".to_owned(),
        ("jkn", _) => "stratified jackknife".to_owned(),
        ("jk1", _) => "unstratified jackknife".to_owned(),
        ("given", _) => "the survey's own replicate weights".to_owned(),
        (other, _) => other.to_owned(),
    }
}

fn shape_words(shape: Shape) -> &'static str {
    match shape {
        Shape::T => "Student's t",
        Shape::Log => "Student's t on the logarithm",
        Shape::Effective => "Student's t on the logarithm, with effective degrees of freedom",
        Shape::Percentile => "percentiles of the replicates",
        Shape::Bca => "bias-corrected percentiles of the replicates",
    }
}
