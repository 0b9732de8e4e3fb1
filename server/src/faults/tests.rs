//! Every made reading is sent or counted lost, whatever goes wrong; and each fault does what it says.

use super::*;

/// A device that makes a reading every 200 ms.
fn plan(faults: Faults, seed: u64, readings: u32) -> Plan {
    Plan { faults, seed, readings, period: Duration::from_millis(200) }
}

fn only(fault: Fault) -> Faults {
    Faults(BTreeSet::from([fault]))
}

/// What a walk through a plan saw.
#[derive(Debug, Default)]
struct Walk {
    /// Numbers in the order in which they were first sent.
    order: Vec<u32>,
    sent: BTreeSet<u32>,
    lost: BTreeSet<u32>,
    /// Readings sent that had been sent before.
    again: usize,
    /// The longest that a reading waited before it left for the first time.
    longest: Duration,
    batches: Vec<usize>,
    cuts: Vec<Vec<u32>>,
    misset: usize,
}

/// Walks through a plan and refuses whatever cannot be.
fn walk(plan: &Plan) -> Walk {
    let mut walk = Walk::default();
    let mut now = Duration::ZERO;
    for step in plan.steps() {
        match step {
            Step::Wait(until) => {
                assert!(until > now, "{plan:?}: waiting for what is past");
                now = until;
            }
            Step::Lose(readings) => {
                assert!(!readings.is_empty(), "{plan:?}: a cut that takes nothing");
                let numbers: Vec<u32> = readings.iter().map(|reading| reading.number).collect();
                for (reading, number) in readings.iter().zip(&numbers) {
                    assert!(reading.at <= now, "{plan:?}: {number} is lost before it is made");
                    assert!(walk.lost.insert(*number), "{plan:?}: {number} is lost twice");
                }
                walk.cuts.push(numbers);
            }
            Step::Send(readings) => {
                assert!((1..=BATCH).contains(&readings.len()), "{plan:?}: a batch of {}", readings.len());
                walk.batches.push(readings.len());
                for reading in readings {
                    assert_eq!(reading.at, plan.period * reading.number, "{plan:?}: {reading:?} was never made");
                    assert!(reading.at <= now, "{plan:?}: {} leaves before it is made", reading.number);
                    walk.take(&reading, now);
                }
            }
        }
    }
    walk
}

impl Walk {
    fn take(&mut self, reading: &Made, now: Duration) {
        if self.sent.insert(reading.number) {
            self.order.push(reading.number);
            self.longest = self.longest.max(now - reading.at);
            self.misset += usize::from(reading.clock != DeviceClock::Right);
        } else {
            self.again += 1;
        }
    }
}

/// Every set of faults.
fn every_set() -> Vec<Faults> {
    let member = |set: usize, place: usize| (set >> place) & 1 == 1;
    let chosen = |set| Fault::ALL.into_iter().enumerate().filter(move |(place, _)| member(set, *place));
    (0..64).map(|set| Faults(chosen(set).map(|(_, fault)| fault).collect())).collect()
}

#[test]
fn every_reading_is_sent_or_lost_and_none_is_invented() {
    for faults in every_set() {
        for readings in [0, 1, 2, 3, 8, 15, 60, 300] {
            for seed in 0..12 {
                let plan = plan(faults.clone(), seed, readings);
                let walk = walk(&plan);
                assert!(walk.sent.is_disjoint(&walk.lost), "{plan:?}: sent and lost");
                let all: BTreeSet<u32> = walk.sent.union(&walk.lost).copied().collect();
                assert_eq!(all, (0..readings).collect(), "{plan:?}");
            }
        }
    }
}

#[test]
fn without_faults_every_reading_leaves_alone_when_it_is_made() {
    let right = |number| Made { number, at: Duration::from_millis(200) * number, clock: DeviceClock::Right };
    let expected = [
        Step::Send(vec![right(0)]),
        Step::Wait(Duration::from_millis(200)),
        Step::Send(vec![right(1)]),
        Step::Wait(Duration::from_millis(400)),
        Step::Send(vec![right(2)]),
    ];
    assert_eq!(plan(Faults::default(), 1, 3).steps(), expected);
}

#[test]
fn the_same_seed_makes_the_same_steps_and_another_seed_makes_others() {
    let all = Faults::parse("all").unwrap();
    assert_eq!(plan(all.clone(), 7, 300).steps(), plan(all.clone(), 7, 300).steps());
    assert_ne!(plan(all.clone(), 7, 300).steps(), plan(all, 8, 300).steps());
}

#[test]
fn each_fault_is_seen_in_a_run_of_fifteen_readings_and_brings_no_other() {
    for seed in 0..200 {
        for fault in Fault::ALL {
            let walk = walk(&plan(only(fault), seed, 15));
            let late = walk.longest > Duration::ZERO;
            let disordered = !walk.order.is_sorted();
            assert_eq!(walk.again > 0, fault == Fault::Duplicate, "{fault:?} {seed}: sent again");
            assert_eq!(!walk.lost.is_empty(), fault == Fault::Power, "{fault:?} {seed}: lost");
            assert_eq!(walk.misset > 0, fault == Fault::Clock, "{fault:?} {seed}: wrong clock");
            match fault {
                Fault::Delay => assert!(walk.longest >= Duration::from_secs(1), "{seed}: {walk:?}"),
                Fault::Reorder => assert!(late && disordered, "{seed}: {walk:?}"),
                Fault::Wifi => assert!(late && !disordered, "{seed}: {walk:?}"),
                Fault::Duplicate | Fault::Clock | Fault::Power => assert!(!late && !disordered, "{seed}: {walk:?}"),
            }
        }
    }
}

#[test]
fn after_a_long_outage_the_device_catches_up_in_batches_of_at_most_500() {
    let longest = |seed| walk(&plan(only(Fault::Wifi), seed, 5_999)).batches.into_iter().max();
    assert!((0..40).any(|seed| longest(seed) == Some(BATCH)), "no outage was longer than a batch");
}

#[test]
fn a_power_cut_takes_what_lies_in_ram_and_no_more() {
    let faults = Faults::parse("power,wifi").unwrap();
    let mut most = 0;
    for seed in 0..100 {
        for cut in walk(&plan(faults.clone(), seed, 300)).cuts {
            let pages: BTreeSet<usize> = cut.iter().map(|number| usize::try_from(*number).unwrap() / PAGE).collect();
            assert_eq!(pages.len(), 1, "{cut:?} was written to flash between");
            most = most.max(cut.len());
        }
    }
    assert!((2..=PAGE).contains(&most), "at most {most} were lost together");
}

#[test]
fn a_reading_carries_what_the_device_clock_shows() {
    let start = DateTime::from_timestamp(1_795_255_200, 0).unwrap();
    let stamp = |clock| Made { number: 50, at: Duration::from_secs(10), clock }.stamp(start);
    assert_eq!(stamp(DeviceClock::Right), start + TimeDelta::seconds(10));
    assert_eq!(stamp(DeviceClock::Off(TimeDelta::minutes(-3))), start - TimeDelta::seconds(170));
    let after_reset = stamp(DeviceClock::Unset(Duration::from_secs(8)));
    assert_eq!(after_reset, DateTime::from_timestamp(2, 0).unwrap());
}

#[test]
fn faults_are_read_by_name() {
    assert_eq!(Faults::parse("wifi, delay").unwrap().0, BTreeSet::from([Fault::Delay, Fault::Wifi]));
    assert_eq!(Faults::parse("all").unwrap().0.len(), Fault::ALL.len());
    assert_eq!(Faults::parse("none").unwrap(), Faults::default());
    for wrong in ["", "moon", "delay,", "Delay"] {
        let said = Faults::parse(wrong).unwrap_err();
        assert!(said.contains("delay, reorder, duplicate, clock, power, wifi"), "{wrong:?}: {said}");
    }
}
