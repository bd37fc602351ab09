//! `rgpt export`: take a run away.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::export::{self, Export};

use super::failure::Failure;
use super::output::Target;
use super::ui::Ui;
use super::{Global, Outcome, Which, exit, open};

/// Take a run away: a report in Markdown or HTML, its record as JSON, or everything as a zip
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// What to make: md if FILE does not tell
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write to FILE, or to standard output if it is -
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over FILE if it is there
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A report in Markdown
    Md,
    /// The whole record as one document
    Json,
    /// A report as one page that needs nothing else
    Html,
    /// Everything, files of the run included
    Zip,
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Json => "json",
            Self::Html => "html",
            Self::Zip => "zip",
        }
    }

    fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        [Self::Md, Self::Json, Self::Html, Self::Zip]
            .into_iter()
            .find(|format| format.extension() == extension)
    }
}

pub(super) fn export(args: &Args, global: &Global, ui: &Ui) -> Outcome {
    let named = args.output.as_deref().and_then(Format::of);
    let format = args.format.or(named).unwrap_or(Format::Md);
    let to_stdout = match &args.output {
        Some(path) => path.as_os_str() == "-",
        None => matches!(format, Format::Md | Format::Json) && !ui.is_json(),
    };
    if to_stdout && ui.is_json() {
        return Err(Failure::usage(
            "--json tells where the export is, so the export cannot be printed, too",
            "name a file: --output FILE; the record as JSON: rgpt export --format json",
        ));
    }
    if to_stdout && format == Format::Zip {
        return Err(Failure::usage(
            "a zip is not printed",
            "name a file: --output FILE",
        ));
    }
    let (store, run) = open::run_named(global, &args.which)?;
    let file = match &args.output {
        Some(path) => path.clone(),
        None => PathBuf::from(format!("rgpt-run-{}.{}", run.id, format.extension())),
    };
    let target = match to_stdout {
        true => None,
        false => Some(Target::new(&file, args.force)?),
    };
    let export = Export::of(&store, run.id, open::redaction(global))?;
    let Some(target) = target else {
        ui.stream(|to| written(&export, format, to));
        return Ok(exit::REACHED);
    };
    let (path, size) = target.write(|file| {
        if format == Format::Zip {
            export::archive(&export, BufWriter::new(file))?.flush()?;
        } else {
            let mut to = BufWriter::new(file);
            written(&export, format, &mut to)?;
            to.flush()?;
        }
        Ok(())
    })?;
    if ui.is_json() {
        ui.json(&serde_json::json!({"export": {
            "run": run.id, "format": format.extension(), "path": path, "size": size,
        }}));
    } else {
        ui.line(&format!(
            "Run {} is exported to {}.",
            run.id,
            file.display()
        ));
    }
    Ok(exit::REACHED)
}

/// Writes one of the formats that are text.
fn written(export: &Export, format: Format, to: &mut dyn std::io::Write) -> std::io::Result<()> {
    match format {
        Format::Md => to.write_all(export::markdown(export).as_bytes()),
        Format::Html => to.write_all(export::html(export).as_bytes()),
        Format::Json | Format::Zip => export::json(export, to),
    }
}
