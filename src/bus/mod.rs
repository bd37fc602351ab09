//! Events out: what happens to runs, told to whoever listens in this process.
//!
//! The terminal, `--json` and the log files are subscribers. Start at [`Bus`]. Nothing that a
//! subscriber does or fails to do holds up a run: sending never waits. Events are durable before
//! they are told here, so a subscriber that dies loses nothing that the record does not have.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::domain::Record;
use crate::domain::notice::Notice;

/// A subscriber with more unread messages than this gets no notices until it has caught up.
const MAX_LAG: usize = 1_000;

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Something happened and is on the record. Never left out.
    Event(Arc<Record>),
    /// Something is going on. Left out for a subscriber that lags.
    Notice(Notice),
}

/// Tells every subscriber what happens. Clones speak to the same subscribers.
#[derive(Clone, Debug, Default)]
pub struct Bus {
    subscribers: Arc<Mutex<Vec<Subscriber>>>,
}

#[derive(Debug)]
struct Subscriber {
    sender: UnboundedSender<Message>,
    unread: Arc<AtomicUsize>,
}

impl Bus {
    /// A bus that nobody listens to yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens from now on, until the subscription is dropped.
    pub fn subscribe(&self) -> Subscription {
        let (sender, receiver) = unbounded_channel();
        let unread = Arc::new(AtomicUsize::new(0));
        self.with(|subscribers| {
            subscribers.push(Subscriber {
                sender,
                unread: Arc::clone(&unread),
            });
        });
        Subscription { receiver, unread }
    }

    /// Tells an event that is on the record.
    pub fn event(&self, record: &Record) {
        let record = Arc::new(record.clone());
        self.with(|subscribers| {
            subscribers.retain(|subscriber| subscriber.send(Message::Event(Arc::clone(&record))));
        });
    }

    /// Tells what is going on, to those who keep up.
    pub fn notice(&self, notice: Notice) {
        self.with(|subscribers| {
            subscribers.retain(|subscriber| {
                subscriber.lags() || subscriber.send(Message::Notice(notice.clone()))
            });
        });
    }

    fn with(&self, act: impl FnOnce(&mut Vec<Subscriber>)) {
        act(&mut self
            .subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner));
    }
}

impl Subscriber {
    fn lags(&self) -> bool {
        self.unread.load(Ordering::Relaxed) > MAX_LAG
    }

    /// Whether somebody still listens.
    fn send(&self, message: Message) -> bool {
        self.unread.fetch_add(1, Ordering::Relaxed);
        self.sender.send(message).is_ok()
    }
}

/// One listener's end.
#[derive(Debug)]
pub struct Subscription {
    receiver: UnboundedReceiver<Message>,
    unread: Arc<AtomicUsize>,
}

impl Subscription {
    /// The next message; `None` once the bus is gone and everything has been read.
    pub async fn recv(&mut self) -> Option<Message> {
        let message = self.receiver.recv().await?;
        self.unread.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }

    /// As [`Subscription::recv`], for a thread that does nothing else.
    pub fn recv_blocking(&mut self) -> Option<Message> {
        let message = self.receiver.blocking_recv()?;
        self.unread.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }

    /// The next message if one waits.
    pub fn try_recv(&mut self) -> Option<Message> {
        let message = self.receiver.try_recv().ok()?;
        self.unread.fetch_sub(1, Ordering::Relaxed);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, RunStopped, StopReason};
    use crate::domain::{Phase, RunId};

    fn record(seq: u64) -> Record {
        Record {
            run: RunId(1),
            seq,
            at: jiff::Timestamp::UNIX_EPOCH,
            event: Event::RunStopped(RunStopped {
                reason: StopReason::Interrupted,
                message: String::new(),
                action_required: None,
                needs: None,
            }),
        }
    }

    fn notice() -> Notice {
        Notice::Progress {
            run: RunId(1),
            phase: Phase::Builder,
            text: "…".to_owned(),
        }
    }

    #[tokio::test]
    async fn every_subscriber_hears_every_event_in_order() {
        let bus = Bus::new();
        let (mut one, mut two) = (bus.subscribe(), bus.subscribe());
        for seq in 1..=3 {
            bus.event(&record(seq));
        }
        drop(bus);
        for listener in [&mut one, &mut two] {
            let mut heard = Vec::new();
            while let Some(message) = listener.recv().await {
                match message {
                    Message::Event(record) => heard.push(record.seq),
                    Message::Notice(_) => panic!("nobody sent a notice"),
                }
            }
            assert_eq!(heard, [1, 2, 3]);
        }
    }

    #[test]
    fn a_subscriber_that_never_reads_misses_notices_but_no_event() {
        let bus = Bus::new();
        let mut slow = bus.subscribe();
        for _ in 0..5_000 {
            bus.notice(notice());
        }
        for seq in 1..=2_000 {
            bus.event(&record(seq));
            bus.notice(notice());
        }
        let (mut events, mut notices) = (0, 0);
        while let Some(message) = slow.try_recv() {
            match message {
                Message::Event(_) => events += 1,
                Message::Notice(_) => notices += 1,
            }
        }
        assert_eq!((events, notices), (2_000, MAX_LAG + 1));
        bus.notice(notice());
        assert!(slow.try_recv().is_some(), "it has caught up");
    }

    #[test]
    fn a_dropped_subscriber_is_forgotten() {
        let bus = Bus::new();
        let mut stays = bus.subscribe();
        drop(bus.subscribe());
        bus.event(&record(1));
        assert_eq!(bus.subscribers.lock().expect("locks").len(), 1);
        assert!(stays.try_recv().is_some());
    }

    #[test]
    fn nobody_need_listen() {
        let bus = Bus::new();
        bus.event(&record(1));
        bus.notice(notice());
    }
}
