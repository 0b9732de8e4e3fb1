//! Figures, and how they are printed.

use anyhow::{Context, Result};

/// How often each side is measured; the median counts.
pub const ROUNDS: usize = 3;

/// Both sides of one round, measured one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// What Socle did.
    pub ours: f64,
    /// What the reference did.
    pub reference: f64,
}

/// What a bench found.
#[derive(Debug)]
pub struct Report {
    /// The bench.
    pub name: &'static str,
    /// Of both figures.
    pub unit: &'static str,
    /// Ours.
    pub ours: f64,
    /// The reference.
    pub reference: f64,
    /// Above 1 is better than the reference; none for a mere load figure.
    pub ratio: Option<f64>,
    /// The one-minute load of the machine before the run.
    pub load: f64,
    /// The rounds behind the medians.
    pub rounds: Vec<Round>,
    /// Further lines of the table: label, value.
    pub lines: Vec<(&'static str, String)>,
}

impl Report {
    /// The medians of rounds in which more is better.
    pub fn of_rounds(name: &'static str, unit: &'static str, load: f64, rounds: Vec<Round>) -> Self {
        let ours = median(rounds.iter().map(|round| round.ours).collect());
        let reference = median(rounds.iter().map(|round| round.reference).collect());
        Self { name, unit, ours, reference, ratio: Some(ours / reference), load, rounds, lines: Vec::new() }
    }

    /// Prints it: one line of JSON, or a table.
    #[expect(clippy::print_stdout, reason = "printing the figures is what this program is for")]
    pub fn print(&self, json: bool) {
        if json {
            println!("{}", self.json());
        } else {
            print!("{}", self.table());
        }
    }

    /// By hand, because the order of the members is promised and a map would sort them.
    fn json(&self) -> String {
        let Self { name, unit, ours, reference, load, .. } = self;
        let ratio = self.ratio.map_or_else(|| "null".to_owned(), |ratio| format!("{ratio:.3}"));
        format!(
            r#"{{"name":"{name}","unit":"{unit}","ours":{ours:.1},"reference":{reference:.1},"ratio":{ratio},"load":{load:.2}}}"#
        )
    }

    fn table(&self) -> String {
        let Self { name, unit, ours, reference, load, .. } = self;
        let mut table = format!("{name}, in {unit}\n\n{:<12}{:>14}{:>14}\n", "", "ours", "reference");
        for (index, Round { ours, reference }) in self.rounds.iter().enumerate() {
            let label = format!("round {}", index + 1);
            table += &format!("{label:<12}{ours:>14.1}{reference:>14.1}\n");
        }
        let label = if self.rounds.is_empty() { "measured" } else { "median" };
        table += &format!("{label:<12}{ours:>14.1}{reference:>14.1}\n\n");
        if let Some(ratio) = self.ratio {
            table += &format!("{:<12}{ratio:>14.3}\n", "ratio");
        }
        for (label, value) in &self.lines {
            table += &format!("{label:<12}{value:>14}\n");
        }
        table + &format!("{:<12}{load:>14.2}\n", "load before")
    }
}

/// The middle one.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The machine's one-minute load average.
///
/// # Errors
/// When this is not Linux.
pub fn load() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").context("the load is read from Linux's /proc")?;
    let first = text.split_whitespace().next().context("/proc/loadavg is empty")?;
    first.parse().context("/proc/loadavg does not begin with a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_keeps_its_order_and_the_median_is_the_middle() {
        let rounds = [(9.0, 30.0), (12.0, 10.0), (10.0, 20.0)].map(|(ours, reference)| Round { ours, reference });
        let report = Report::of_rounds("ingest", "rows/s", 0.25, rounds.to_vec());
        let line = r#"{"name":"ingest","unit":"rows/s","ours":10.0,"reference":20.0,"ratio":0.500,"load":0.25}"#;
        assert_eq!(report.json(), line);
        let load_figure = Report { ratio: None, ..report };
        assert!(load_figure.json().contains(r#""ratio":null"#));
    }
}
