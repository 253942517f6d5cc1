//! Facts that come while the disk is full: all of a request or nothing, with what to do, and everything when there is room.

use super::{BRINGS, Site};
use crate::daemon::{FACTS, Installation};
use crate::hostile::Disk;

#[tokio::test(flavor = "multi_thread")]
async fn where_the_disk_is_full_nothing_is_taken_and_everything_once_there_is_room() {
    let cases: String =
        (0..1500).map(|number| format!("{{\"type\":\"case\",\"tenant\":\"k\",\"id\":\"C-{number}\"}}\n")).collect();
    let mut codes = vec![];
    // Room for nothing, for some of the body, for the body alone, for some of what is written.
    for left in [0, 30, 150, 300, 3000] {
        let Some(disk) = Disk::of(6144) else { return };
        let installation = Installation::on(disk.folder(), None, 1, "").await;
        installation.import(FACTS).await;
        let site = Site::on(installation).await;
        disk.fill(left);
        let (status, answer) = site.bring("", BRINGS, cases.clone()).await;
        if status == 200 {
            assert_eq!(answer["cases"]["new"], 1500, "{left} KiB left");
            codes.push("taken".to_owned());
            continue;
        }
        assert_eq!(status, 503, "{left} KiB left: {answer}");
        codes.push(answer["code"].as_str().unwrap().to_owned());
        disk.free();
        let (status, answer) = site.bring("", BRINGS, cases.clone()).await;
        assert_eq!((status, &answer["cases"]["new"]), (200, &1500.into()), "{left} KiB left: {answer}");
    }
    for expected in ["disk_unavailable", "store_unavailable", "taken"] {
        assert!(codes.iter().any(|code| code == expected), "{expected} was not met: {codes:?}");
    }
}
