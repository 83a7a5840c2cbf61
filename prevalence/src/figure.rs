//! How is a number written for a reader?

/// A number with so many decimals, thousands apart by commas; a dash when there is none.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_zero = text.chars().all(|c| matches!(c, '0' | '.'));
    format!("{}{grouped}{rest}", if value < 0.0 && !is_zero { "-" } else { "" })
}

/// A number of people, rounded to as many figures as the estimate deserves: three.
pub fn people(value: Option<f64>) -> String {
    number(value.map(|value| round_to_figures(value, 3)), 0)
}

/// `value` rounded to so many significant figures.
pub fn round_to_figures(value: f64, figures: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10f64.powi(value.abs().log10().floor() as i32 + 1 - figures);
    if unit >= 1.0 { (value / unit).round() * unit } else { value }
}

/// A share as a percentage.
pub fn percent(share: Option<f64>, decimals: usize) -> String {
    match share {
        Some(share) => format!("{} %", number(Some(100.0 * share), decimals)),
        None => number(None, decimals),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_withheld_ones_are_a_dash() {
        assert_eq!(number(Some(1_234_567.891), 1), "1,234,567.9");
        assert_eq!(number(Some(-999.6), 0), "-1,000");
        assert_eq!(number(Some(-0.01), 1), "0.0");
        assert_eq!(number(None, 1), "–");
    }

    #[test]
    fn people_have_three_figures() {
        assert_eq!(people(Some(22_181.07)), "22,200");
        assert_eq!(people(Some(471_416.0)), "471,000");
        assert_eq!(people(Some(42.4)), "42");
    }
}
