//! What OpenAI's two protocols share: which server and model this is, what it complains of, how
//! names and ids are put in a form that it takes.

mod kind;
mod server;
mod words;

pub(super) use kind::kind_of;
pub(super) use server::{
    Form, Learns, address, authorize, is_about_support, is_openai, is_reasoning, lacks_version,
};
pub(super) use words::{arguments_text, cache_key, call_id, tool_name};

/// Where OpenAI itself is.
pub(super) const OPENAI: &str = "https://api.openai.com/v1";
