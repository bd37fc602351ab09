//! Opening what verbs work on: repository, configuration, record, engine.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::agents;
use crate::bus::Bus;
use crate::config::{self, Environment, LoadRequest, Loaded, TrustStore};
use crate::domain::{Clock, Run, RunId};
use crate::engine::{Engine, Ground, Interrupt};
use crate::export::Redaction;
use crate::llm::{self, Mesh};
use crate::store::{StateDir, Store};
use crate::verify;
use crate::workspace::own::OwnGit;
use crate::workspace::repository::{Checkout, UserRepository};
use crate::workspace::worktree::{self, Purpose};

use super::failure::Failure;
use super::{Global, Which};

/// How long an Ollama that may be there is waited for.
const OLLAMA_PATIENCE: Duration = Duration::from_millis(300);

/// The clock of the machine.
struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the time comes from"
    )]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Whole milliseconds read well and survive every way of writing a time down.
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// The clock that everything is given.
pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The day in UTC.
pub(super) fn today() -> Date {
    clock().now().to_zoned(TimeZone::UTC).date()
}

/// The folder that a verb works on.
pub(super) fn start(global: &Global) -> Result<PathBuf, Failure> {
    let start = match &global.repo {
        Some(folder) => folder.clone(),
        None => std::env::current_dir()?,
    };
    start.canonicalize().map_err(|error| {
        Failure::config(
            format!("cannot open the folder {}: {error}", start.display()),
            "name another one: --repo DIR",
        )
    })
}

/// The folder of the record: `--state-dir`, else `.rgpt` at the top of the repository.
pub(super) fn state_root(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(folder) = &global.state_dir {
        return Ok(std::path::absolute(folder)?);
    }
    let start = start(global)?;
    start
        .ancestors()
        .find(|folder| folder.join(".rgpt").is_dir() || folder.join(".git").exists())
        .map(|top| top.join(".rgpt"))
        .ok_or_else(|| {
            Failure::config(
                format!("{} is not in a git repository", start.display()),
                "go to one, or name it: --repo DIR",
            )
        })
}

/// The record, for verbs that read it. Nothing is made if there is none.
pub(super) fn record(global: &Global) -> Result<Option<Store>, Failure> {
    let root = state_root(global)?;
    if !root.join("rgpt.db").exists() {
        return Ok(None);
    }
    let state = StateDir::prepare(&root)?;
    Ok(Some(Store::open(&state, clock())?))
}

/// The effective configuration, from wherever its layers lie.
pub(super) fn configuration(
    global: &Global,
    environment: &Environment,
    start: &Path,
    repository: Option<&UserRepository>,
    flags: Vec<(String, serde_json::Value)>,
) -> Result<Loaded, Failure> {
    let accepted = match config::config_home(environment) {
        Some(home) => Some(TrustStore::open(&home)?),
        None => None,
    };
    let top = match repository {
        Some(repository) => Some(repository.top.clone()),
        None => git_top(start),
    };
    // There is one that no run can be made for: without a commit, with submodules. git is asked once there is a file
    // to ask about.
    let checkout = OnceCell::new();
    let checkout = || {
        checkout
            .get_or_init(|| Checkout::around(start).ok())
            .as_ref()
    };
    let unknown = top.is_some();
    Ok(config::load(&LoadRequest {
        start: start.to_owned(),
        top,
        explicit: global.config.clone(),
        environment,
        flags,
        // A file of which git cannot tell is treated as one that came with the repository.
        tracked: &|path| match repository {
            Some(repository) => repository.is_tracked(path).unwrap_or(true),
            None => checkout().map_or(unknown, |checkout| {
                checkout.is_tracked(path).unwrap_or(true)
            }),
        },
        trusted: &|content| {
            accepted
                .as_ref()
                .is_some_and(|store| store.is_trusted(content))
        },
    })?)
}

/// What must not be in anything that is taken away: the values of variables that hold keys, by the
/// configuration or by their names. A configuration that cannot be read names none.
pub(super) fn redaction(global: &Global) -> Redaction {
    let environment = config::environment();
    let loaded = start(global).ok().and_then(|start| {
        let repository = UserRepository::open(&start, None).ok();
        configuration(
            global,
            &environment,
            &start,
            repository.as_ref(),
            Vec::new(),
        )
        .ok()
    });
    let providers = loaded
        .iter()
        .flat_map(|loaded| loaded.config.providers.iter());
    let named = providers.filter_map(|(_, provider)| provider.api_key_env.as_deref());
    Redaction::of(environment.variables(), named)
}

/// The top of the repository around a folder, as far as its `.git` tells: for those that a run cannot be made for.
pub(super) fn git_top(start: &Path) -> Option<PathBuf> {
    start
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// Adds the checks and the set-up that the repository itself suggests, where none are configured.
pub(super) fn detect(loaded: &mut Loaded, repository: &UserRepository) -> Result<(), Failure> {
    if !loaded.config.checks.is_empty() && loaded.config.workspace.setup.is_some() {
        return Ok(());
    }
    let trouble = |error: crate::workspace::git::GitError| Failure::infra(error.to_string(), None);
    let prefix = match repository.directory.to_str() {
        Some("") | None => String::new(),
        Some(directory) => format!("{directory}/"),
    };
    let files: Vec<String> = repository
        .list_files(&repository.base_tree)
        .map_err(trouble)?
        .into_iter()
        .filter_map(|file| file.strip_prefix(&prefix).map(str::to_owned))
        .collect();
    let read = |path: &str| {
        let content = repository.read_blob(&repository.base_tree, &format!("{prefix}{path}"));
        String::from_utf8(content.ok()??).ok()
    };
    let detected = verify::detect(&files, &read);
    if loaded.config.checks.is_empty() {
        loaded.config.checks = detected.checks;
    }
    loaded.config.workspace.setup.get_or_insert(detected.setup);
    Ok(())
}

/// Puts an Ollama of the person's to use, where it may serve and has a model that can.
pub(super) fn with_local_models(
    loaded: &mut Loaded,
    environment: &Environment,
) -> Result<(), Failure> {
    let Some(ollama) = loaded.ollama_to_ask(environment) else {
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let installed = runtime.block_on(llm::installed(&ollama.base_url, OLLAMA_PATIENCE));
    if let Some(name) = loaded.use_ollama(&ollama, &installed) {
        tracing::debug!("{name} at {} serves", ollama.base_url);
    }
    Ok(())
}

/// What is known before anything is made.
pub(super) struct Prospect {
    pub(super) environment: Environment,
    pub(super) repository: UserRepository,
    pub(super) loaded: Loaded,
    pub(super) mesh: Mesh,
}

/// Looks at everything a run needs around it. Changes nothing.
pub(super) fn prospect(
    global: &Global,
    base: Option<&str>,
    flags: Vec<(String, serde_json::Value)>,
) -> Result<Prospect, Failure> {
    let environment = config::environment();
    let start = start(global)?;
    let repository = UserRepository::open(&start, base)?;
    let mut loaded = configuration(global, &environment, &start, Some(&repository), flags)?;
    detect(&mut loaded, &repository)?;
    with_local_models(&mut loaded, &environment)?;
    let mesh = Mesh::new(&loaded.config, environment.variables(), &clock());
    Ok(Prospect {
        environment,
        repository,
        loaded,
        mesh,
    })
}

/// The same for going on with a run, or with a fork of it: in its own repository, from its base.
pub(super) fn prospect_of(
    global: &Global,
    run: &Run,
    flags: Vec<(String, serde_json::Value)>,
) -> Result<Prospect, Failure> {
    refuse_elsewhere(global, run)?;
    prospect(global, Some(run.created.base_commit.as_str()), flags)
}

/// One record may hold runs of several repositories. A run is not gone on with in another one than
/// its own, unless that is no longer where it was: then it has been moved.
pub(super) fn refuse_elsewhere(global: &Global, run: &Run) -> Result<(), Failure> {
    let here = &start(global)?;
    let home = Path::new(&run.created.repository);
    if here.starts_with(home) {
        return Ok(());
    }
    let (here, there) = (
        UserRepository::open(here, None)?,
        UserRepository::open(home, None),
    );
    match there {
        Ok(there) if there.id != here.id => Err(Failure::config(
            format!(
                "run {} belongs to the repository {}, not to {}",
                run.id,
                home.display(),
                here.top.display()
            ),
            format!("name that one: --repo '{}'", home.display()),
        )),
        _ => Ok(()),
    }
}

impl Prospect {
    /// Makes what is missing, and puts everything together.
    pub(super) fn engine(self, global: &Global) -> Result<Engine, Failure> {
        for warning in &self.loaded.warnings {
            tracing::warn!("{warning}");
        }
        let cache_home = cache_home(&self.environment)?;
        worktree::place(&cache_home, "id", RunId(1), Purpose::Build, "name")
            .map_err(|error| Failure::config(error.to_string(), error.hint()))?;
        let state = StateDir::prepare(&match &global.state_dir {
            Some(folder) => std::path::absolute(folder)?,
            None => self.repository.top.join(".rgpt"),
        })?;
        let store = Store::open(&state, clock())?;
        let own = OwnGit::open(&state.root, &self.repository)?;
        Ok(Engine {
            store,
            state,
            bus: Bus::new(),
            mesh: self.mesh,
            config: self.loaded.config,
            ground: Some(Ground {
                repository: self.repository,
                own,
                supervisor: std::env::current_exe()?,
                cache_home,
            }),
            agents: agents::next,
            clock: clock(),
            environment: self.environment,
            interrupt: Interrupt::default(),
        })
    }
}

/// `$XDG_CACHE_HOME`, or `~/.cache`.
pub(super) fn cache_home(environment: &Environment) -> Result<PathBuf, Failure> {
    let absolute = |name: &str| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .ok_or_else(|| {
            Failure::config(
                "there is no cache folder: HOME is not set",
                "export XDG_CACHE_HOME=/var/tmp/rgpt",
            )
        })
}

/// The run that a person names, and the record it is on.
pub(super) fn run_named(global: &Global, which: &Which) -> Result<(Store, Run), Failure> {
    let name = which.name();
    let Some(store) = record(global)? else {
        return Err(Failure::no_run(name));
    };
    let run = run_on(&store, name)?;
    Ok((store, run))
}

/// The run on a record that a person names.
pub(super) fn run_on(store: &Store, name: &str) -> Result<Run, Failure> {
    let id = if name == "latest" {
        store.latest_run()?.ok_or_else(|| Failure::no_run(name))?
    } else {
        RunId(name.parse().map_err(|_| {
            Failure::usage(
                format!("{name:?} is not the id of a run"),
                "name a number or `latest`; see: rgpt list",
            )
        })?)
    };
    match (store.load(id)?, store.pruned(id)?) {
        (Some(run), _) => Ok(run),
        (None, Some(pruned)) => Err(Failure::pruned(&pruned)),
        (None, None) => Err(Failure::no_run(name)),
    }
}
