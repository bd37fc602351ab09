//! What a run's model calls have used, kept beside the record while it is driven.
//!
//! It is read off the record once, and goes along with what is written from then on, so that no
//! call waits for a sum over all calls before it.

use std::collections::BTreeMap;

use crate::domain::Run;
use crate::domain::budget::Spending;
use crate::domain::id::RunId;
use crate::domain::phase::Phase;
use crate::domain::tape::{Answer, Call, ModelCall, TapeEntry};
use crate::store::{Store, StoreError};

/// The money, the tokens, the calls and the scripted replies that are used up.
pub(super) struct Ledger {
    store: Store,
    run: RunId,
    /// By phase, since each has caps of its own.
    spent: BTreeMap<Phase, Spending>,
    /// For each provider that was asked, the replies of its script that recorded intents name.
    used: BTreeMap<String, Vec<u32>>,
}

impl Ledger {
    /// Reads what was used until now.
    pub(super) fn open(store: &Store, run: &Run) -> Result<Self, StoreError> {
        let mut spent: BTreeMap<Phase, Spending> = BTreeMap::new();
        for (id, spending) in store.spending_by_execution(run.id)? {
            if let Some(execution) = run.execution(id) {
                *spent.entry(execution.phase).or_default() += spending;
            }
        }
        Ok(Self {
            store: store.clone(),
            run: run.id,
            spent,
            used: BTreeMap::new(),
        })
    }

    /// What the answered calls of the run have spent together.
    pub(super) fn spent(&self) -> Spending {
        let mut all = Spending::default();
        self.spent.values().for_each(|spending| all += *spending);
        all
    }

    /// What those of a phase have.
    pub(super) fn spent_in(&self, phase: Phase) -> Spending {
        self.spent.get(&phase).copied().unwrap_or_default()
    }

    /// The replies of a provider's script that are used up.
    pub(super) fn used(&mut self, provider: &str) -> Result<&[u32], StoreError> {
        if !self.used.contains_key(provider) {
            let known = self.store.script_uses(self.run, provider)?;
            self.used.insert(provider.to_owned(), known);
        }
        Ok(&self.used[provider])
    }

    /// A call is about to be made.
    pub(super) fn intend(&mut self, call: &ModelCall) {
        if let (Some(reply), Some(used)) = (call.reply, self.used.get_mut(&call.provider)) {
            used.push(reply);
        }
    }

    /// A call on a tape of a phase is answered. One of which nobody knows what it used has used all
    /// that it had reserved.
    pub(super) fn answered(&mut self, phase: Phase, entry: &TapeEntry) {
        let (Call::Model(call), Some(answer)) = (&entry.call, &entry.answer) else {
            return;
        };
        if *answer == Answer::Lost {
            self.give_back_reply(call);
        }
        let reserved = call.reserved();
        let (tokens, usd) = match answer {
            Answer::Model(answer) => (answer.usage.tokens(), answer.usage.cost_usd),
            Answer::Lost => (reserved.tokens, reserved.usd),
            Answer::ModelFailed(failure) if failure.kind.may_have_cost() => {
                (reserved.tokens, reserved.usd)
            }
            _ => (0, 0.0),
        };
        *self.spent.entry(phase).or_default() += Spending {
            usd,
            tokens,
            ..reserved
        };
    }

    /// The call in the place of a lost one gets its reply.
    fn give_back_reply(&mut self, call: &ModelCall) {
        if let (Some(reply), Some(used)) = (call.reply, self.used.get_mut(&call.provider))
            && let Some(at) = used.iter().rposition(|known| *known == reply)
        {
            used.remove(at);
        }
    }
}
