//! How long things took.

use std::time::Duration;

/// Times that were measured, sorted.
#[derive(Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Of any order.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Milliseconds within which so many of a hundred came; not a number when there are none.
    pub fn within(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }

    /// `p50 / p99` in milliseconds.
    pub fn summary(&self) -> String {
        format!("{:.1} / {:.1} ms", self.within(50), self.within(99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_sorted_times() {
        let latencies = Latencies::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!((latencies.within(50), latencies.within(99)), (101.0, 199.0));
        assert!(Latencies::of(Vec::new()).within(99).is_nan());
    }
}
