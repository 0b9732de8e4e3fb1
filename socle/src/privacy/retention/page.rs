//! `docs/retention.md`, written from the rules.

use std::fmt::Write as _;

use super::{Action, Kept, Rule, Span};

const HEAD: &str = "# Retention

How long rows are kept, and why. This page is written from the rules that the nightly job applies (`RULES` in
`socle/src/privacy/retention/rules.rs`, and the products' own); a test compares it with them, and finds tables that no rule
names. After a change run `SOCLE_BLESS=1 bin/test retention`, and look at what changed in it.

A row goes in the night after its time is over, in batches. *In use* and *archive* add up. A legal hold on an account or a
tenant stops what it names; a `–` says that nothing of the table is evidence.
";

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("–"),
            Self::Days(1) => f.write_str("1 day"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Months(months) if *months > 12 && months.is_multiple_of(12) => write!(f, "{} years", months / 12),
            Self::Months(months) => write!(f, "{months} months"),
        }
    }
}

/// The page for these products: name, rules, and what is kept.
#[must_use]
pub fn page(products: &[(&str, &[Rule], &[Kept])]) -> String {
    let mut text = HEAD.to_owned();
    for (name, rules, kept) in products {
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "\n## {name}\n\n| table | rows | counted from | in use | archive | then | at once | holds | why |\n"
        );
        text.push_str("|---|---|---|---|---|---|---|---|---|\n");
        rules.iter().for_each(|rule| line(&mut text, rule));
        if kept.is_empty() {
            continue;
        }
        text.push_str("\nNo rule empties these tables:\n\n| table | kept |\n|---|---|\n");
        for Kept { table, reason } in *kept {
            let _ = writeln!(text, "| `{table}` | {reason} |");
        }
    }
    text
}

fn line(text: &mut String, rule: &Rule) {
    let Rule { table, rows, column, active, archive, basis, action, batch, holds, .. } = rule;
    let then = match action {
        Action::Delete => "deleted",
        Action::Empty => "emptied",
        Action::DropPartitions => "months dropped",
    };
    let holds = if *holds { "respected" } else { "–" };
    let _ = writeln!(
        text,
        "| `{table}` | {rows} | {column} | {active} | {archive} | {then} | {batch} | {holds} | {basis} |"
    );
}
