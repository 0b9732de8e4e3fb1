use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn offer(text: &str, percent: i16) -> Offer {
    Offer {
        rollout: RolloutId(Uuid::from_u128(1)),
        release: ReleaseId(Uuid::from_u128(2)),
        replaces: None,
        version: version(text),
        is_stable: true,
        min_compatible: None,
        file: FileId(Uuid::from_u128(3)),
        bytes: 1,
        checksum: String::new(),
        signature: String::new(),
        stage: 1,
        percent,
        install: TimeDelta::minutes(60),
    }
}

fn asking(running: &str) -> Asking {
    Asking { device: DeviceId(Uuid::from_u128(4)), running: version(running), beta: false }
}

fn chosen(asking: &Asking, offers: &[Offer]) -> Result<String, Refusal> {
    choose(asking, offers).map(|offer| offer.version.text().to_owned())
}

#[test]
fn the_highest_version_that_it_can_take() {
    let offers = [offer("03.9.0", 100), offer("03.10.0", 100)];
    assert_eq!(chosen(&asking("03.1.0"), &offers), Ok("03.10.0".to_owned()));
    assert_eq!(chosen(&asking("3.10"), &offers), Err(Refusal::UpToDate));
    assert_eq!(chosen(&asking("03.1.0"), &[]), Err(Refusal::UpToDate));
}

#[test]
fn a_version_that_needs_another_first_waits_for_it() {
    let demanding = Offer { min_compatible: Some(version("03.5.0")), ..offer("04.0.0", 100) };
    let step = offer("03.6.0", 100);
    assert_eq!(chosen(&asking("03.1.0"), std::slice::from_ref(&demanding)), Err(Refusal::Incompatible));
    assert_eq!(chosen(&asking("03.1.0"), &[demanding.clone(), step.clone()]), Ok("03.6.0".to_owned()));
    assert_eq!(chosen(&asking("03.6.0"), &[demanding, step]), Ok("04.0.0".to_owned()));
}

#[test]
fn a_beta_is_for_those_who_asked() {
    let beta = Offer { is_stable: false, ..offer("04.0.0", 100) };
    assert_eq!(chosen(&asking("03.1.0"), std::slice::from_ref(&beta)), Err(Refusal::UpToDate));
    let tester = Asking { beta: true, ..asking("03.1.0") };
    assert_eq!(chosen(&tester, &[beta]), Ok("04.0.0".to_owned()));
}

#[test]
fn only_a_rollback_goes_down_and_only_from_the_version_it_is_for() {
    assert_eq!(chosen(&asking("03.2.0"), &[offer("03.1.0", 100)]), Err(Refusal::UpToDate));
    let back = Offer { replaces: Some(version("03.2.0")), ..offer("03.1.0", 100) };
    assert_eq!(chosen(&asking("03.2.0"), std::slice::from_ref(&back)), Ok("03.1.0".to_owned()));
    assert_eq!(chosen(&asking("03.3.0"), std::slice::from_ref(&back)), Err(Refusal::UpToDate));
    assert_eq!(chosen(&asking("03.0.0"), &[back]), Err(Refusal::UpToDate), "a rollback brings nobody up");
}

#[test]
fn so_many_per_cent_of_the_devices_are_so_many() {
    let release = ReleaseId(Uuid::from_u128(0x1234));
    let device = |n: u128| DeviceId(Uuid::from_u128(n));
    let among = |percent| (0..2_000).filter(|n| is_among(device(*n), release, percent)).count();
    assert_eq!((among(0), among(100)), (0, 2_000));
    assert!((70..130).contains(&among(5)), "{}", among(5));
    assert!((440..560).contains(&among(25)), "{}", among(25));
    let other = ReleaseId(Uuid::from_u128(0x5678));
    let differs = (0..2_000).filter(|n| is_among(device(*n), release, 50) != is_among(device(*n), other, 50));
    assert!(differs.count() > 800, "another release begins with others");
}

fn install(state: InstallState) -> Install {
    let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
    Install {
        id: InstallId(Uuid::nil()),
        rollout: RolloutId(Uuid::nil()),
        release: ReleaseId(Uuid::nil()),
        from: version("03.0.0"),
        wanted: version("03.1.0"),
        state,
        attempts: 1,
        offered_at: at(10),
        deadline: at(70),
        decided_at: (state != InstallState::Waiting).then(|| at(30)),
    }
}

fn says(text: &str, minutes: i64) -> Reported {
    Reported { version: version(text), at: DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes), confirms: false }
}

#[test]
fn only_the_wanted_version_is_a_success() {
    let waiting = install(InstallState::Waiting);
    assert_eq!(weigh(&waiting, &says("3.1", 20)), Some(InstallState::Installed));
    assert_eq!(weigh(&waiting, &says("03.0.0", 20)), None, "it still has time");
    assert_eq!(weigh(&waiting, &says("03.0.0", 71)), Some(InstallState::Failed(Why::OldVersion)));
    assert_eq!(weigh(&waiting, &says("02.0.0", 71)), Some(InstallState::Failed(Why::OtherVersion)));
    let confirms = Reported { confirms: true, ..says("03.0.0", 20) };
    assert_eq!(weigh(&waiting, &confirms), Some(InstallState::Failed(Why::Reported)), "it says so itself");
}

#[test]
fn what_it_ran_before_the_offer_means_nothing() {
    assert_eq!(weigh(&install(InstallState::Waiting), &says("03.1.0", 5)), None);
}

#[test]
fn a_failure_is_mended_and_a_success_unmade_by_what_the_device_reports() {
    let failed = install(InstallState::Failed(Why::Silent));
    assert_eq!(weigh(&failed, &says("03.1.0", 500)), Some(InstallState::Installed));
    assert_eq!(weigh(&failed, &says("03.0.0", 500)), None, "it has failed already");
    let done = install(InstallState::Installed);
    assert_eq!(weigh(&done, &says("03.0.0", 31)), Some(InstallState::Failed(Why::OldVersion)), "it went back");
    assert_eq!(weigh(&done, &says("03.0.0", 25)), None, "that was before");
}

proptest! {
    /// Whatever a device reports in whatever order: it is never marked updated unless its last word that counts was the
    /// wanted version.
    #[test]
    fn never_updated_on_another_version(words in prop::collection::vec((0..3_usize, 11..200_i64, any::<bool>()), 1..40)) {
        let mut install = install(InstallState::Waiting);
        let mut words = words;
        words.sort_by_key(|(_, at, _)| *at);
        for (which, minutes, confirms) in words {
            let text = ["03.0.0", "03.1.0", "02.9.0"][which];
            let reported = Reported { confirms, ..says(text, minutes) };
            if let Some(state) = weigh(&install, &reported) {
                let decided_at = Some(reported.at);
                install = Install { state, decided_at, ..install };
            }
            let later = install.decided_at.is_some_and(|at| reported.at > at);
            if install.state == InstallState::Installed {
                prop_assert!(reported.version == install.wanted || !later);
            }
        }
    }
}
