//! Not asking again what was asked before, where the configuration permits it: the answer to the
//! identical request is taken from the record.

use crate::config::Cache;
use crate::domain::Digest;
use crate::domain::budget::Usage;
use crate::domain::message::{FinishReason, ModelAnswer};
use crate::domain::tape::{Answer, Call, ModelCall, TapeEntry};
use crate::store::Write;

use super::drive::Drive;
use super::execution::Work;
use super::recorder::entry_after;

impl Drive<'_> {
    /// Puts call and answer on the tape if the record has the answer, and says whether it had. Both
    /// are recorded together, nobody is asked, and nothing is used or reserved.
    pub(super) async fn repeat(
        &mut self,
        work: &Work,
        intent: &ModelCall,
        text: &[u8],
    ) -> anyhow::Result<bool> {
        // Patches to choose from are to differ.
        if self.makes_candidate(work) {
            return Ok(false);
        }
        let Some(key) = self.answer_key(intent, text) else {
            return Ok(false);
        };
        let within = match self.engine.config.cache {
            Cache::Run => Some(self.log.run().id),
            Cache::Never | Cache::Always => None,
        };
        // What was answered just now is looked for on the record, too.
        self.log.commit().await?;
        let store = &self.engine.store;
        let Some((place, answer)) = store.remembered(&key, &intent.request, within)? else {
            return Ok(false);
        };
        let call = ModelCall {
            reply: None,
            reserved_tokens: 0,
            reserved_usd: 0.0,
            repeats: Some(place),
            ..intent.clone()
        };
        let answer = ModelAnswer {
            usage: Usage::default(),
            ..answer
        };
        self.log.text(text);
        let entry = entry_after(&self.tape, Call::Model(call));
        self.put(work.state.id, entry, Answer::Model(answer));
        Ok(true)
    }

    /// Notes where an answer stands, in the transaction that records it. One that was cut off or
    /// refused is not worth repeating.
    pub(super) fn remember(&mut self, work: &Work, entry: &TapeEntry, text: &[u8]) {
        let (Call::Model(call), Some(Answer::Model(answer))) = (&entry.call, &entry.answer) else {
            return;
        };
        if !matches!(answer.finish, FinishReason::Stop | FinishReason::ToolCalls) {
            return;
        }
        if let Some(key) = self.answer_key(call, text) {
            self.log.write(Write::Remember {
                key,
                execution: work.state.id,
                ordinal: entry.ordinal,
            });
        }
    }

    /// What stands for whom is asked what, if answers may be repeated.
    fn answer_key(&self, call: &ModelCall, text: &[u8]) -> Option<Digest> {
        if self.engine.config.cache == Cache::Never {
            return None;
        }
        self.engine.mesh.answer_key(&call.model, text)
    }
}
