//! The units of systemd: what one says of the sandbox, the other does too, and what the comments promise is there.

use std::path::{Path, PathBuf};

fn systemd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn unit(name: &str) -> String {
    std::fs::read_to_string(systemd().join(name)).unwrap()
}

/// The lines of a unit from the user on: credentials, sandbox, network.
fn sandbox(unit: &str) -> Vec<&str> {
    let begins = unit.find("DynamicUser=yes").unwrap();
    let ends = unit.find("[Install]").unwrap_or(unit.len());
    unit[begins..ends].lines().filter(|line| !line.trim().is_empty()).collect()
}

#[test]
fn one_round_at_a_time_runs_in_the_sandbox_of_the_service() {
    let (service, once) = (unit("fristvakt.service"), unit("fristvakt-once.service"));
    assert!(sandbox(&service).len() > 30);
    assert_eq!(sandbox(&service), sandbox(&once));
}

#[test]
fn the_service_says_itself_how_it_is() {
    let service = unit("fristvakt.service");
    for line in ["Type=notify", "WatchdogSec=2min", "ExecStart=fristvakt run", "ExecReload=/bin/kill -HUP $MAINPID"] {
        assert!(service.lines().any(|found| found == line), "{line}");
    }
    let timer = unit("fristvakt-once.timer");
    assert!(timer.contains("OnCalendar=") && timer.contains("Persistent=yes"), "{timer}");
}
