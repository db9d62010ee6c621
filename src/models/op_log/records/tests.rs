use super::Records;
use crate::models::fake::Fake;
use crate::models::op_log::remote::Remote;
use crate::models::op_log::testing::{NOW, device, entries, insert, named, pair, records, set};
use crate::models::op_log::{Name, seed};

#[test]
fn records_without_a_state_count_as_written_at_the_switch() {
    let mut fake = Fake::disturbed(6);
    for n in 0..40 {
        set(&mut fake, &format!("k{n}"), "1");
    }
    insert(&mut fake, "d", "x");
    let pairs = fake.map.len();
    fake.op_log = Some(named("me"));
    fake.now_ms = NOW;
    set(&mut fake, "k7", "2");
    let written = entries(&mut fake)[0].stamp;
    fake.now_ms = NOW + 1;
    // (With stops, it would begin anew again and again.)
    fake.stop_in = 40;
    let mut seed = seed::Seed::default();
    assert!(fake.write(|w| seed.step(w)).unwrap());
    let all = records(&mut fake, "", None, f64::INFINITY);
    assert_eq!(all.len(), 41, "{pairs}");
    let of_k7 = all
        .iter()
        .find(|record| record.record == pair("k7"))
        .unwrap();
    assert_eq!(of_k7.stamp, written);
    assert!(
        all.iter()
            .filter(|record| record.stamp.ms == NOW - 1)
            .count()
            == 40
    );
    assert!(fake.read(|r| seed::is_done(r)).unwrap());
}

#[test]
fn pages_of_records_have_each_once() {
    let mut fake = device("me", 7);
    for n in 0..50 {
        set(&mut fake, &format!("k{n}"), "1");
        insert(&mut fake, &format!("k{n}"), "x");
    }
    let all = records(&mut fake, "", None, f64::INFINITY);
    assert_eq!(all.len(), 100);
    let mut paged: Vec<Remote> = Vec::new();
    loop {
        let after = paged
            .last()
            .map(|last| Name::of(&last.record).unwrap().texts().unwrap().2);
        let after = after.map(|key| key.as_js().to_display());
        let page = records(&mut fake, "", after.as_deref(), 7.0);
        if page.is_empty() {
            break;
        }
        // What has one key comes together.
        assert!((7..=8).contains(&page.len()) || paged.len() + page.len() == 100);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let below: Vec<Remote> = (0..16)
        .flat_map(|digit| records(&mut fake, &format!("{digit:x}"), None, f64::INFINITY))
        .collect();
    assert_eq!(below, all);
    assert!(records(&mut fake, "", None, 0.0).is_empty());
    for path in ["x", "0000", "A", "0x1"] {
        assert!(Records::new(path, None, 1.0).is_err(), "{path}");
    }
}
