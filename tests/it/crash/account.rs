//! The other side's record against the store's.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::AddAssign;

use fristvakt::journal::{Found, Mark};
use fristvakt::store::{Access, MessageFilter, MessageRow, Store};

use super::town::{End, Town};

/// What a town's crashes come to.
pub(super) struct Account<'t> {
    town: &'t Town,
    crashes: usize,
    in_flight: usize,
}

/// What it all came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict {
    pub(super) crashes: usize,
    /// What was due, mails and webhooks.
    pub(super) due: usize,
    /// Due, and never taken by the other side.
    pub(super) lost: usize,
    /// Called sent by the store, and never taken by the other side.
    pub(super) falsely_sent: usize,
    /// Taken again, with the same id.
    pub(super) duplicated: usize,
    /// Taken again and not marked as a possible repeat, or under another id.
    pub(super) unmarked: usize,
    /// Maybe sent at the moments of the crashes: as many may be repeated.
    pub(super) in_flight: usize,
}

impl<'t> Account<'t> {
    pub(super) fn of(town: &'t Town) -> Self {
        Self { town, crashes: 0, in_flight: 0 }
    }

    pub(super) fn crashes(&self) -> usize {
        self.crashes
    }

    /// Whether everything was planned and nothing waits.
    pub(super) async fn is_done(&self) -> bool {
        let messages = self.messages().await;
        messages.len() >= 2 * self.town.people && messages.iter().all(|message| message.state == "sent")
    }

    /// Counts what was in flight when processes ended: maybe sent, and not in the journal.
    pub(super) async fn note_crash(&mut self, crashed: usize, end: &End) {
        let journals = self.town.journals().filter_map(|journal| Found::after(&journal, Mark::default()).ok());
        let known: HashSet<String> =
            journals.flat_map(|found| found.entries).map(|entry| entry.message.to_string()).collect();
        let messages = self.messages().await;
        let in_flight = messages.iter().filter(|one| one.state == "committing" && !known.contains(&one.id)).count();
        self.crashes += crashed;
        self.in_flight += in_flight;
        let (mails, hooks) = (Tally::of(self.mails()), Tally::of(self.hooks()));
        println!(
            "crash {:>4}  {:<50}  in flight {in_flight:>2}  taken {:>5}  duplicated so far {:>3}",
            self.crashes,
            format!("{end:?}"),
            mails.taken.len() + hooks.taken.len(),
            mails.duplicated() + hooks.duplicated()
        );
    }

    /// The reckoning.
    pub(super) async fn close(self) -> Verdict {
        let messages = self.messages().await;
        let (mails, hooks) = (Tally::of(self.mails()), Tally::of(self.hooks()));
        let sent = |message: &&MessageRow| message.state == "sent";
        let is_taken = |message: &MessageRow| {
            let tally = if message.channel == "email" { &mails } else { &hooks };
            tally.taken.contains_key(&message.id)
        };
        let told: HashSet<String> = self.town.relay.recipients().into_iter().collect();
        let untold = (0..self.town.people).filter(|number| !told.contains(&format!("p{number}@k.example"))).count();
        let unheard = self.town.people.saturating_sub(hooks.taken.len());
        Verdict {
            crashes: self.crashes,
            due: 2 * self.town.people,
            lost: untold + unheard,
            falsely_sent: messages.iter().filter(sent).filter(|message| !is_taken(message)).count(),
            duplicated: mails.duplicated() + hooks.duplicated(),
            unmarked: mails.unmarked + hooks.unmarked + mails.taken.len().saturating_sub(told.len()),
            in_flight: self.in_flight,
        }
    }

    /// Id and text of each mail that the relay took.
    fn mails(&self) -> Vec<(String, String)> {
        let id = |text: &str| text.trim_matches(['<', '>']).split('@').next().unwrap_or_default().to_owned();
        self.town.relay.accepted().into_iter().map(|taken| (id(&taken.message_id), taken.text)).collect()
    }

    /// Id and body of each webhook that the receiver took.
    fn hooks(&self) -> Vec<(String, String)> {
        self.town.receiver.requests().into_iter().map(|got| (got.id, got.body)).collect()
    }

    async fn messages(&self) -> Vec<MessageRow> {
        let Ok(store) = Store::open(self.town.database(), Access::Read).await else { return vec![] };
        let messages = store.list_messages(&MessageFilter::default()).await.unwrap();
        store.close().await;
        messages
    }
}

/// What one side took, by id.
#[derive(Default)]
struct Tally {
    taken: HashMap<String, usize>,
    unmarked: usize,
}

impl Tally {
    fn of(taken: Vec<(String, String)>) -> Self {
        let mut tally = Self::default();
        for (id, text) in taken {
            let times = tally.taken.entry(id).or_default();
            *times += 1;
            let marked = text.contains("possible_repeat") || text.contains("Mulig gjentakelse");
            tally.unmarked += usize::from(*times > 1 && !marked);
        }
        tally
    }

    fn duplicated(&self) -> usize {
        self.taken.values().map(|times| times - 1).sum()
    }
}

impl Verdict {
    /// What a sender promises.
    pub(super) fn assert_promise(&self) {
        assert_eq!((self.lost, self.falsely_sent, self.unmarked), (0, 0, 0), "{self}");
        assert!(self.duplicated <= self.in_flight, "{self}");
    }
}

impl AddAssign for Verdict {
    fn add_assign(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.due += other.due;
        self.lost += other.lost;
        self.falsely_sent += other.falsely_sent;
        self.duplicated += other.duplicated;
        self.unmarked += other.unmarked;
        self.in_flight += other.in_flight;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} crashes, {} messages: lost {}, falsely sent {}, duplicated {} of at most {} in flight, not marked {}",
            self.crashes, self.due, self.lost, self.falsely_sent, self.duplicated, self.in_flight, self.unmarked
        )
    }
}
