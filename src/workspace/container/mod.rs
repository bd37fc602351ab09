//! Containers in which checks run: made once for all checks of the same image, used again and again, and removed.
//!
//! Start at [`Containers`]. A container sees the tree, at the same path as here, and nothing else of the machine. It is
//! made by docker or podman, whichever the check names; what either of them says is only shown. A container's name says
//! which process made it, so that those of a process that died are found and removed by the next one.

mod client;
mod owner;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::command::{CommandSpec, quote};
use super::environment;
use crate::config::{CheckConfig, Network, Pull, Runner};

use client::Client;
pub use client::ContainerError;
use owner::Owner;

/// The label of every container of rgpt's; its value names the machine.
const LABEL: &str = "rgpt.host";

/// How long a container idles before it ends by itself, in minutes: for one that nobody is left to remove.
const IDLE_MINUTES: u32 = 24 * 60;

/// Where commands in a container keep temporary files.
const TMP: &str = "/tmp/rgpt";

/// The containers that this process has made. They are removed when this is dropped.
#[derive(Debug)]
pub struct Containers {
    variables: BTreeMap<String, String>,
    scratch: PathBuf,
    owner: Option<Owner>,
    clients: Vec<Client>,
    made: Vec<Container>,
    /// How many were ever made, for their names.
    number: u32,
}

/// A container that idles until it is given something to do.
#[derive(Clone, Debug)]
pub struct Container {
    client: Client,
    image: String,
    network: Network,
    root: PathBuf,
    name: String,
}

impl Containers {
    /// None yet. `variables` are rgpt's own; what docker and podman say is kept in files in `scratch`.
    pub fn new(variables: &BTreeMap<String, String>, scratch: &Path) -> Self {
        Self {
            variables: variables.clone(),
            scratch: scratch.to_owned(),
            owner: None,
            clients: Vec::new(),
            made: Vec::new(),
            number: 0,
        }
    }

    /// The container for a check of the tree at `root`, made if there is none.
    ///
    /// # Errors
    /// See [`ContainerError`].
    pub fn ready(
        &mut self,
        check: &CheckConfig,
        root: &Path,
        cancel: &AtomicBool,
    ) -> Result<Container, ContainerError> {
        let runner = check.runner;
        let image = check.image.clone();
        let image = image.ok_or(ContainerError::NoImageNamed { runner })?;
        let same = |one: &&Container| {
            one.client.runner == runner
                && one.image == image
                && one.network == check.network
                && one.root == root
        };
        if let Some(known) = self.made.iter().find(same) {
            return Ok(known.clone());
        }
        let client = self.client(runner, cancel)?;
        fetch(&client, &image, check.pull, cancel)?;
        let owner = self.owner.get_or_insert_with(Owner::this_process).clone();
        self.number += 1;
        let container = Container {
            client,
            image,
            network: check.network,
            root: root.to_owned(),
            name: owner.name(self.number),
        };
        // Before it is there: if it is made in part, it is removed all the same.
        self.made.push(container.clone());
        container.start(&owner, cancel)?;
        Ok(container)
    }

    fn client(&mut self, runner: Runner, cancel: &AtomicBool) -> Result<Client, ContainerError> {
        if let Some(known) = self.clients.iter().find(|known| known.runner == runner) {
            return Ok(known.clone());
        }
        let client = Client::find(runner, &self.variables, &self.scratch, cancel)?;
        let owner = self.owner.get_or_insert_with(Owner::this_process);
        remove_stale(&client, owner, cancel);
        self.clients.push(client.clone());
        Ok(client)
    }

    /// Ends whatever commands have left running in a container. One in which that fails is not used again.
    pub fn clear(&mut self, container: &Container) {
        let never = AtomicBool::new(false);
        let all = ["exec", &container.name, "/bin/sh", "-c", "kill -9 -1"];
        let ended = container
            .client
            .ask("end what runs in", &all, SHORT, &never);
        if let Err(error) = ended {
            tracing::warn!(%error, "a container is made anew");
            container.remove();
            self.made.retain(|made| made.name != container.name);
        }
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        for container in &self.made {
            container.remove();
        }
    }
}

/// How long what should take no time may take.
const SHORT: Duration = Duration::from_secs(60);
/// How long an image may take to be fetched.
const LONG: Duration = Duration::from_secs(60 * 60);

/// Makes sure that the image is there.
fn fetch(
    client: &Client,
    image: &str,
    pull: Pull,
    cancel: &AtomicBool,
) -> Result<(), ContainerError> {
    let look = ["image", "inspect", "--format", "{{.Id}}", image];
    if client
        .ask("look for the image in", &look, SHORT, cancel)
        .is_ok()
    {
        return Ok(());
    }
    let runner = client.runner;
    let image = image.to_owned();
    if pull == Pull::Never {
        return Err(ContainerError::NoImage { runner, image });
    }
    let fetched = client.ask(
        "fetch the image with",
        &["pull", "--quiet", &image],
        LONG,
        cancel,
    );
    match fetched {
        Ok(_) => Ok(()),
        Err(ContainerError::Refused { said, .. }) => Err(ContainerError::NotFetched {
            runner,
            image,
            said,
        }),
        Err(other) => Err(other),
    }
}

/// Removes the containers of processes that are no more. Failing is harmless: the next one tries again.
fn remove_stale(client: &Client, owner: &Owner, cancel: &AtomicBool) {
    let Some(host) = &owner.host else {
        return;
    };
    let label = format!("label={LABEL}={host}");
    let list = ["ps", "--all", "--filter", &label, "--format", "{{.Names}}"];
    let Ok(names) = client.ask("list the containers of", &list, SHORT, cancel) else {
        return;
    };
    for name in names.lines().map(str::trim) {
        if Owner::is_gone(name) {
            tracing::info!("removes the container {name} of a process that is no more");
            drop(client.ask(
                "remove a container of",
                &["rm", "--force", name],
                SHORT,
                cancel,
            ));
        }
    }
}

impl Container {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn start(&self, owner: &Owner, cancel: &AtomicBool) -> Result<(), ContainerError> {
        let root = self.root.display().to_string();
        if root.contains([',', ':']) {
            return Err(ContainerError::Path { path: root });
        }
        let mount = format!("type=bind,source={root},target={root}");
        let label = format!("{LABEL}={}", owner.host.as_deref().unwrap_or_default());
        let network = match self.network {
            Network::None | Network::Loopback => "--network=none",
            Network::Host => "--network=host",
        };
        let idle =
            format!("n=0; while [ $n -lt {IDLE_MINUTES} ]; do sleep 60 & wait; n=$((n+1)); done");
        let mut words = vec!["run", "--detach", "--rm", "--pull=never", network];
        words.extend(["--name", &self.name, "--label", &label, "--mount", &mount]);
        // SELinux keeps containers from files that are not labelled for them; labelling would change the tree.
        words.extend([
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            "--security-opt=label=disable",
            "--tmpfs=/tmp:rw,exec,mode=1777",
        ]);
        let user = self.client.user();
        words.extend(user.iter().map(String::as_str));
        words.extend(["--entrypoint", "/bin/sh", &self.image, "-c", &idle]);
        self.client
            .ask("start a container with", &words, SHORT, cancel)?;
        Ok(())
    }

    /// The command of a check's part that runs in here; as `spec` runs it, but for where. `own` are the variables it is
    /// given, `part` names its folder for temporary files.
    pub fn frame(&self, spec: CommandSpec, own: &[(String, String)], part: &str) -> CommandSpec {
        let mut env: BTreeMap<String, String> =
            environment::container_client(&self.client.variables);
        let mut words = vec![
            "exec".to_owned(),
            quote(&self.client.program.display().to_string()),
            "exec".to_owned(),
            "--workdir".to_owned(),
            quote(&spec.cwd.display().to_string()),
        ];
        for (name, value) in own {
            words.push("--env".to_owned());
            match env.get(name) {
                // What docker itself goes by is not changed for it; the values are those of a configuration, no secrets.
                Some(theirs) if theirs != value => words.push(quote(&format!("{name}={value}"))),
                // By name: the values are read from the environment, and stand in no list of processes.
                _ => {
                    env.insert(name.clone(), value.clone());
                    words.push(name.clone());
                }
            }
        }
        let tmp = format!("{TMP}/{part}");
        let prelude = format!(
            "TMPDIR={}; [ -w \"${{HOME:-/}}\" ] && [ \"${{HOME:-/}}\" != / ] || HOME={TMP}/home; \
             export TMPDIR HOME; mkdir -p \"$TMPDIR\" \"$HOME\" || exit 126; exec /bin/sh -c \"$0\"",
            quote(&tmp)
        );
        words.extend([self.name.clone(), "/bin/sh".to_owned(), "-c".to_owned()]);
        words.extend([quote(&prelude), quote(&spec.line)]);
        CommandSpec {
            line: words.join(" "),
            cwd: PathBuf::from("/"),
            env: env.into_iter().collect(),
            // The container is what confines it.
            confined: false,
            writable: Vec::new(),
            ..spec
        }
    }

    fn remove(&self) {
        let never = AtomicBool::new(false);
        let words = ["rm", "--force", "--time", "0", &self.name];
        let words: Vec<&str> = match self.client.runner {
            Runner::Podman => words.to_vec(),
            _ => vec!["rm", "--force", &self.name],
        };
        if let Err(error) = self
            .client
            .ask("remove a container of", &words, SHORT, &never)
        {
            tracing::warn!(%error, name = self.name, "a container was not removed");
        }
    }
}

#[cfg(test)]
mod tests;
