//! What a run's model calls have used, kept beside the record while it is driven.
//!
//! It is read off the record once, and goes along with what is written from then on, so that no
//! call waits for a sum over all calls before it.

use std::collections::BTreeMap;

use crate::domain::budget::Usage;
use crate::domain::id::RunId;
use crate::domain::tape::{Answer, Call, ModelCall, TapeEntry};
use crate::store::{Store, StoreError};

/// The money, the tokens and the scripted replies that are used up.
pub(super) struct Ledger {
    store: Store,
    run: RunId,
    spent: Usage,
    /// For each provider that was asked, the replies of its script that recorded intents name.
    used: BTreeMap<String, Vec<u32>>,
}

impl Ledger {
    /// Reads what was used until now.
    pub(super) fn open(store: &Store, run: RunId) -> Result<Self, StoreError> {
        Ok(Self {
            store: store.clone(),
            run,
            spent: store.usage(run)?,
            used: BTreeMap::new(),
        })
    }

    /// What the answered calls used together.
    pub(super) fn spent(&self) -> &Usage {
        &self.spent
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

    /// A call on a tape is answered. One of which nobody knows what it used has used all that it had
    /// reserved.
    pub(super) fn answered(&mut self, entry: &TapeEntry) {
        let (Call::Model(call), Some(answer)) = (&entry.call, &entry.answer) else {
            return;
        };
        if *answer == Answer::Lost {
            self.give_back_reply(call);
        }
        let all = Usage {
            output_tokens: call.reserved_tokens,
            cost_usd: call.reserved_usd,
            ..Usage::default()
        };
        let usage = match answer {
            Answer::Model(answer) => answer.usage,
            Answer::Lost => all,
            Answer::ModelFailed(failure) if failure.kind.may_have_cost() => all,
            _ => Usage::default(),
        };
        self.spent += usage;
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
