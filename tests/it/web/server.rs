//! Facts that come while the database server is away: all of a request or nothing, and everything when it is back.

use super::{BRINGS, READS, Site, until};
use crate::daemon::{FACTS, Installation};
use crate::servers::postgres::{Cluster, Stop};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_away_programs_are_told_to_come_again() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let site = Site::on(Installation::on_server(&cluster.url(), "").await).await;
    cluster.stop(Stop::Immediate);
    // Whether it is refused or not answered is the network's affair.
    let (status, answer) = site.json("/v1/obligations", READS).await;
    let code = answer["code"].as_str().unwrap();
    assert!(status == 503 && ["store_unavailable", "timeout"].contains(&code), "{answer}");
    let url = format!("http://{}/v1/facts", site.server.address());
    let request = site.client.post(url).bearer_auth(BRINGS).header("content-type", "application/x-ndjson");
    let response = request.body(FACTS).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"30".parse().unwrap()));
    cluster.start_again();
    for (name, new) in [("new", 2), ("unchanged", 2)] {
        let (status, answer) = until(async || site.bring("", BRINGS, FACTS).await, |answer| answer.0 != 503).await;
        assert_eq!((status, &answer["cases"][name]), (200, &new.into()), "{answer}");
    }
}
