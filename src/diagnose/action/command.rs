//! Command lines: what they would do, held against a policy.

use crate::policy::shell::{Simple, programs};

use super::super::case::Policy;
use super::paths::{escapes, protected};

/// Programs that only start another one.
const STARTERS: [&str; 14] = [
    "env", "nohup", "nice", "time", "command", "exec", "builtin", "xargs", "timeout", "stdbuf",
    "setsid", "ionice", "busybox", "unbuffer",
];

/// Parts of the shell that do no harm by themselves.
const BUILTINS: [&str; 16] = [
    "cd", "echo", "printf", "true", "false", "test", "[", "export", "pwd", ":", "set", "sleep",
    "wait", "exit", "for", "return",
];

/// Programs that run what they read.
const INTERPRETERS: [&str; 12] = [
    "sh", "bash", "zsh", "dash", "ksh", "fish", "python", "python3", "perl", "ruby", "node", "php",
];

/// Programs that become another user, or end or wipe the machine.
const MACHINE: [&str; 17] = [
    "sudo", "su", "doas", "pkexec", "shutdown", "reboot", "halt", "poweroff", "mkfs", "fdisk",
    "wipefs", "shred", "insmod", "modprobe", "mount", "umount", "crontab",
];

/// Programs that speak to others.
const NETWORK: [&str; 22] = [
    "curl", "wget", "nc", "ncat", "netcat", "ssh", "scp", "sftp", "ftp", "telnet", "socat", "dig",
    "nslookup", "ping", "apt", "apt-get", "brew", "yum", "dnf", "apk", "aws", "gcloud",
];

/// What asks others for something, or gives it to them.
const NETWORK_VERBS: [(&str, &[&str]); 13] = [
    (
        "git",
        &["push", "pull", "fetch", "clone", "ls-remote", "submodule"],
    ),
    (
        "npm",
        &[
            "install", "i", "ci", "add", "publish", "update", "login", "audit",
        ],
    ),
    ("pnpm", &["install", "i", "add", "publish", "update"]),
    ("yarn", &["install", "add", "publish", "upgrade"]),
    ("pip", &["install", "download"]),
    ("pip3", &["install", "download"]),
    (
        "cargo",
        &["install", "publish", "fetch", "update", "search", "login"],
    ),
    ("go", &["get", "install"]),
    ("gem", &["install", "push"]),
    ("docker", &["pull", "push", "login"]),
    ("twine", &["upload"]),
    ("composer", &["install", "require", "update"]),
    ("bundle", &["install", "update"]),
];

/// What code given on the command line may not say.
const CODE: [&str; 13] = [
    "rmtree",
    "os.remove",
    "os.system",
    "subprocess",
    "child_process",
    "socket",
    "urllib",
    "urlopen",
    "requests.",
    "http.client",
    "fetch(",
    "rmSync",
    "unlink",
];

/// Why a policy must refuse a command line, if it must.
pub(in crate::diagnose) fn refused(line: &str, policy: &Policy) -> Option<String> {
    nested(line, policy, 4)
}

/// The same for one line of a script, which may use any program.
pub(super) fn dangerous_line(line: &str, policy: &Policy) -> Option<String> {
    let any = Policy {
        allow_commands: Vec::new(),
        network: String::new(),
        ..policy.clone()
    };
    let programs = programs(line)?;
    judge(&programs, &any, 2)
}

fn nested(line: &str, policy: &Policy, depth: usize) -> Option<String> {
    if is_bomb(line) {
        return Some("it starts copies of itself without end".to_owned());
    }
    let Some(programs) = programs(line) else {
        return Some("the command line cannot be read".to_owned());
    };
    judge(&programs, policy, depth)
}

fn judge(programs: &[Simple], policy: &Policy, depth: usize) -> Option<String> {
    let mut folder = String::new();
    for (at, simple) in programs.iter().enumerate() {
        let words = started(&simple.words);
        let head = words.first().map(String::as_str).unwrap_or_default();
        let name = head.rsplit('/').next().unwrap_or(head);
        let found = pattern(&programs[..=at], policy)
            .or_else(|| machine(name, words))
            .or_else(|| removal(name, words, &folder))
            .or_else(|| fed(simple, name))
            .or_else(|| network(name, words, policy))
            .or_else(|| code(name, words, policy, depth))
            .or_else(|| places(simple, words, &folder, policy))
            .or_else(|| not_allowed(head, name, words, policy));
        if found.is_some() {
            return found;
        }
        if name == "cd" {
            let to = words.get(1).map_or("~", String::as_str);
            folder = if to.starts_with(['/', '~']) {
                to.to_owned()
            } else {
                format!("{folder}{to}/")
            };
        }
    }
    None
}

/// The words without the programs that only start the next.
fn started(words: &[String]) -> &[String] {
    let mut words = words;
    while let Some((first, rest)) = words.split_first() {
        let name = first.rsplit('/').next().unwrap_or(first);
        if !STARTERS.contains(&name) || rest.is_empty() {
            break;
        }
        let is_own = |word: &String| {
            word.starts_with('-')
                || word.contains('=')
                || word
                    .trim_end_matches(['s', 'm', 'h'])
                    .parse::<f64>()
                    .is_ok()
        };
        let next = rest.iter().position(|word| !is_own(word));
        match next {
            Some(next) => words = &rest[next..],
            None => break,
        }
    }
    words
}

/// The policy's own patterns: the program first, its words in any order, stages of a pipe in theirs.
fn pattern(programs: &[Simple], policy: &Policy) -> Option<String> {
    let found = policy.deny_patterns.iter().find(|pattern| {
        let stages: Vec<&str> = pattern
            .split('|')
            .map(str::trim)
            .filter(|stage| !stage.is_empty())
            .collect();
        let Some(from) = programs.len().checked_sub(stages.len()) else {
            return false;
        };
        !stages.is_empty()
            && programs[from..]
                .iter()
                .zip(&stages)
                .enumerate()
                .all(|(at, (simple, stage))| {
                    let words = started(&simple.words);
                    let mut wanted = stage.split_whitespace();
                    let head = words
                        .first()
                        .map(|word| word.rsplit('/').next().unwrap_or(word));
                    let is_head = wanted
                        .next()
                        .is_some_and(|first| first == "*" || head == Some(first));
                    is_head
                        && (at == 0 || simple.piped)
                        && wanted.all(|want| want == "*" || words.iter().any(|word| word == want))
                })
    });
    found.map(|pattern| format!("it does what may not be done: {pattern}"))
}

fn machine(name: &str, words: &[String]) -> Option<String> {
    let has = |test: &dyn Fn(&str) -> bool| words.iter().skip(1).any(|word| test(word));
    let why = match name {
        _ if MACHINE.contains(&name) || name.starts_with("mkfs.") => "is not for a project's work",
        "dd" if has(&|word| word.starts_with("of=/dev/")) => "writes to a device",
        "chmod"
            if has(&|word| {
                matches!(
                    word,
                    "777" | "0777" | "a+rwx" | "a+w" | "o+w" | "ugo+rwx" | "+s" | "u+s"
                )
            }) =>
        {
            "opens files to everybody"
        }
        "chown" => "gives files away",
        "kill" if has(&|word| word == "-1") => "ends every process",
        "git"
            if has(&|word| word == "push")
                && has(&|word| {
                    matches!(word, "-f" | "--force" | "--mirror" | "--delete")
                        || word.starts_with('+')
                        || word.starts_with("--force")
                }) =>
        {
            "overwrites what others have"
        }
        "git"
            if has(&|word| word == "config")
                && has(&|word| matches!(word, "--global" | "--system")) =>
        {
            "changes settings outside the project"
        }
        "git"
            if has(&|word| {
                word.starts_with("core.hooksPath")
                    || word.starts_with("core.sshCommand")
                    || word.contains("=!")
            }) =>
        {
            "makes git run something else"
        }
        "eval" => "runs what cannot be read beforehand",
        _ => return None,
    };
    Some(format!("{name} {why}"))
}

/// Removing what lies outside, or all there is.
fn removal(name: &str, words: &[String], folder: &str) -> Option<String> {
    let flags: String = words
        .iter()
        .filter(|word| word.starts_with('-'))
        .map(String::as_str)
        .collect();
    let recursive = flags.contains(['r', 'R']);
    let away = folder.starts_with(['/', '~']) || folder.contains("..");
    let wide = |word: &String| {
        matches!(
            word.trim_end_matches('/'),
            "" | "*" | "." | ".." | "/*" | "~" | "$HOME" | "./*" | "../*" | ".*"
        ) || away
    };
    let targets = || words.iter().skip(1).filter(|word| !word.starts_with('-'));
    let removes = match name {
        "rm" => recursive && targets().any(wide),
        "find" => {
            words.iter().any(|word| word == "-delete" || word == "rm")
                && targets().take(1).any(|word| word.starts_with(['/', '~']))
        }
        "mv" | "truncate" => away,
        _ => false,
    };
    removes.then(|| format!("{name} would remove more than belongs to a project"))
}

/// What is read from elsewhere is not run.
fn fed(simple: &Simple, name: &str) -> Option<String> {
    let runs = INTERPRETERS.contains(&name) || name == "source" || name == ".";
    let script = simple
        .words
        .iter()
        .skip(1)
        .any(|word| !word.starts_with('-') && !word.is_empty());
    let blind = (simple.piped && !script) || simple.computed;
    (runs && blind).then(|| format!("{name} would run what nobody has read"))
}

fn network(name: &str, words: &[String], policy: &Policy) -> Option<String> {
    if !matches!(policy.network.as_str(), "deny" | "none" | "off") {
        return None;
    }
    let plain = |word: &&String| !word.starts_with(['-', '+']);
    let verb = words
        .iter()
        .skip(1)
        .find(plain)
        .map(String::as_str)
        .unwrap_or_default();
    let (name, verb) = match (name, verb) {
        ("python" | "python3", "pip") => ("pip", words.get(3).map_or("", String::as_str)),
        other => other,
    };
    let of_verb = NETWORK_VERBS
        .iter()
        .any(|(program, verbs)| *program == name && verbs.contains(&verb));
    let local = words.iter().any(|word| {
        matches!(
            word.as_str(),
            "--offline" | "--no-index" | "--dry-run" | "--path" | "."
        )
    });
    let remote =
        of_verb && !local || name == "npx" || words.iter().any(|word| word.contains("/dev/tcp/"));
    (NETWORK.contains(&name) || remote).then(|| format!("{name} {verb} needs the network"))
}

/// Code that is given in the line.
fn code(name: &str, words: &[String], policy: &Policy, depth: usize) -> Option<String> {
    let at = words
        .iter()
        .position(|word| matches!(word.as_str(), "-c" | "-e" | "-lc" | "--eval" | "-r"))?;
    if !INTERPRETERS.contains(&name) {
        return None;
    }
    let code = words.get(at + 1)?;
    if name.ends_with("sh") {
        return match depth.checked_sub(1) {
            Some(depth) => nested(code, policy, depth),
            None => Some("the command line goes too deep".to_owned()),
        };
    }
    let spot = CODE.iter().find(|word| code.contains(**word));
    let spot = spot.copied().or_else(|| {
        let mut texts = code.split(['\'', '"']).skip(1).step_by(2);
        let outside = |text: &&str| text.contains('/') && (escapes(text, policy).is_some());
        texts.find(|text| outside(text) || protected(text, policy).is_some())
    });
    spot.map(|spot| format!("its code uses {spot:.100}"))
}

/// The files and folders that it names.
fn places(simple: &Simple, words: &[String], folder: &str, policy: &Policy) -> Option<String> {
    let is_text = matches!(
        words.first().map(String::as_str),
        Some("echo" | "printf" | "export" | "test" | "[")
    );
    let arguments = words.iter().skip(1).filter(|_| !is_text);
    let named = arguments.chain(&simple.files).flat_map(|word| {
        let value = word.split_once('=').map(|(_, value)| value);
        let bare = word.strip_prefix('-').is_none().then_some(word.as_str());
        let glued = word
            .get(2..)
            .filter(|rest| word.starts_with('-') && rest.starts_with('/'));
        [bare, value, glued]
    });
    named.flatten().find_map(|word| {
        let is_address = word.contains("://") && !word.starts_with("file:");
        // A path among words: nothing else has a folder in it, or is a name that is protected.
        let is_path = !word.contains(char::is_whitespace) && !is_address;
        let whole = match word.starts_with(['/', '~', '$']) || folder.is_empty() {
            true => word.to_owned(),
            false => format!("{folder}{word}"),
        };
        let leads = whole.contains(['/', '\\', '~']) || whole == ".." || whole.starts_with("$HOME");
        is_path
            .then(|| {
                escapes(&whole, policy)
                    .filter(|_| leads)
                    .or_else(|| protected(&whole, policy))
            })
            .flatten()
    })
}

fn not_allowed(head: &str, name: &str, words: &[String], policy: &Policy) -> Option<String> {
    let allowed = &policy.allow_commands;
    if allowed.is_empty() || BUILTINS.contains(&name) || words.is_empty() {
        return None;
    }
    let standard = !head.contains('/')
        || ["/bin/", "/usr/bin/", "/usr/local/bin/"]
            .iter()
            .any(|bin| head.starts_with(bin));
    let same = |entry: &str| {
        entry == name
            || (entry == "python" && name == "python3")
            || (entry == "pip" && name == "pip3")
    };
    let is = allowed.iter().any(|entry| {
        let mut parts = entry.split_whitespace();
        let first = parts.next().unwrap_or_default();
        let mut rest = words.iter().skip(1);
        entry == head
            || (standard
                && same(first)
                && parts.all(|part| rest.next().is_some_and(|word| word == part)))
    });
    (!is).then(|| format!("{name:.100} is not among the commands that may be run"))
}

/// A function that calls itself twice, in the background.
fn is_bomb(line: &str) -> bool {
    let packed: String = line
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(4096)
        .collect();
    packed.match_indices("(){").any(|(at, _)| {
        let name = packed[..at]
            .rsplit([';', '&', '|', '\n'])
            .next()
            .unwrap_or_default();
        let name = name.strip_prefix("function").unwrap_or(name);
        let body = packed[at..].split('}').next().unwrap_or_default();
        !name.is_empty() && body.contains(&format!("{name}|{name}"))
    })
}
