//! Any bytes: as a line of cases, and as what a command printed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rgpt::diagnose::{Case, diagnose};
use rgpt::heal::classify::Scorer;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(case) = Case::read(bytes) {
        let _ = diagnose(&case, Scorer::built_in()).document();
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let case = Case {
        exit_code: bytes.first().copied().map(i32::from),
        stderr: text.clone(),
        stdout: text,
        ..Case::default()
    };
    let _ = diagnose(&case, Scorer::built_in()).document();
});
