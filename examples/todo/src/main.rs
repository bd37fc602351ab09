use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, io};

use todo::cli;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let file = env::var_os("TODO_FILE").map_or_else(|| PathBuf::from("todo.txt"), PathBuf::from);
    let result = cli::parse(&args)
        .map_err(Into::into)
        .and_then(|command| cli::run(command, &file, &mut io::stdout()));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("todo: {error}");
            ExitCode::FAILURE
        }
    }
}
