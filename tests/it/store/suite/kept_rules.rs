use super::{BEGIN, House, at};

fn files(text: &str) -> Vec<(String, String)> {
    vec![("tromso.toml".to_owned(), text.to_owned()), ("messages/nb/message.txt".to_owned(), "Hei\n".to_owned())]
}

#[tokio::test]
async fn the_rules_in_use_are_kept_as_files_and_a_few_earlier_ones() {
    let Some(house) = House::empty().await else { return };
    let kept = async || house.store.kept_rules().await.expect("read");
    assert_eq!(kept().await, None);
    for (number, name) in ["a", "b", "a", "c", "d", "e", "f", "g"].into_iter().enumerate() {
        let now = at(BEGIN) + chrono::TimeDelta::minutes(number as i64);
        house.store.keep_rules(name, &files(name), now).await.expect("kept");
        // Once more changes nothing.
        house.store.keep_rules(name, &files("other"), now).await.expect("kept");
        assert_eq!(kept().await, Some((name.to_owned(), files(name))));
    }
    let names = house.base.texts("SELECT fingerprint AS line FROM rules_kept ORDER BY fingerprint").await;
    assert_eq!(names, ["c", "d", "e", "f", "g"]);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_does_not_keep_old_rules_in_use() {
    let Some(house) = House::empty().await else { return };
    house.store.keep_rules("a", &files("a"), at("2031-01-01T00:00:00Z")).await.expect("kept");
    house.store.keep_rules("b", &files("b"), at(BEGIN)).await.expect("kept");
    assert_eq!(house.store.kept_rules().await.expect("read"), Some(("b".to_owned(), files("b"))));
}

#[tokio::test]
async fn a_person_lets_rules_go_before_they_were_ever_in_use() {
    let Some(house) = House::empty().await else { return };
    let confirmed = async |name: &str| house.store.are_confirmed(name).await.expect("read");
    assert!(!confirmed("a").await);
    house.store.confirm_rules("a", "kari", "meant so", at(BEGIN)).await.expect("confirmed");
    assert!(confirmed("a").await && !confirmed("b").await);
    assert_eq!(house.store.kept_rules().await.expect("read"), None, "they were never in use");
    house.store.keep_rules("a", &files("a"), at(BEGIN)).await.expect("kept");
    assert!(!confirmed("a").await, "once they were in use, another time is another question");
    let trail = house.store.audit_trail("").await.expect("read");
    assert_eq!((&*trail[0].action, &*trail[0].actor, &*trail[0].reason), ("rules.confirm", "kari", "meant so"));
}
