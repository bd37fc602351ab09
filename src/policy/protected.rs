//! Paths that no agent may change, as data: a pattern and the reason that the agent is told.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::GateError;
use super::path::folded;

const CI: &str = "it decides what the build servers run";
const GIT: &str = "it changes what git itself does";
const OWN: &str = "it is rgpt's own configuration or state";
const AUTORUN: &str = "tools run or obey it without being asked";
const OWNERS: &str = "it decides who must review a change";
const SECRET: &str = "it is a place for secrets";
const PERSON: &str = "the configuration protects it";

/// Always protected. Lower case; without a `/` a pattern holds at any depth.
const ALWAYS: &[(&str, &[&str])] = &[
    (
        CI,
        &[
            ".github/workflows/**",
            ".github/actions/**",
            ".github/dependabot.yml",
            ".gitea/workflows/**",
            ".forgejo/workflows/**",
            ".gitlab-ci.yml",
            ".gitlab/ci/**",
            ".circleci/**",
            ".travis.yml",
            ".cirrus.yml",
            ".drone.yml",
            ".woodpecker.yml",
            ".woodpecker/**",
            ".buildkite/**",
            ".semaphore/**",
            ".teamcity/**",
            ".tekton/**",
            ".builds/**",
            ".ci/**",
            ".build.yml",
            "azure-pipelines.yml",
            ".azure-pipelines/**",
            "bitbucket-pipelines.yml",
            "appveyor.yml",
            ".appveyor.yml",
            "jenkinsfile",
            "buildspec.yml",
            "cloudbuild.yaml",
            "cloudbuild.yml",
        ],
    ),
    (
        GIT,
        &[".gitmodules", ".gitattributes", ".gitconfig", ".lfsconfig"],
    ),
    (
        OWN,
        &[
            "orchestrator.yaml",
            "orchestrator.local.yaml",
            ".rgpt/**",
            ".rgpt",
        ],
    ),
    (
        AUTORUN,
        &[
            ".envrc",
            ".vscode/**",
            ".idea/**",
            ".devcontainer/**",
            ".devcontainer.json",
            "**/.cargo/config.toml",
            "**/.cargo/config",
            "rust-toolchain",
            "rust-toolchain.toml",
            ".npmrc",
            ".yarnrc",
            ".yarnrc.yml",
            "**/.yarn/releases/**",
            "**/.yarn/plugins/**",
            ".pnpmfile.cjs",
            ".husky/**",
            ".githooks/**",
            ".pre-commit-config.yaml",
            "lefthook.yml",
            ".lefthook.yml",
            "mise.toml",
            ".mise.toml",
            ".tool-versions",
            "pip.conf",
            ".bazelrc",
            ".mvn/**",
            "**/gradle/wrapper/**",
            "sitecustomize.py",
            "usercustomize.py",
            ".gdbinit",
            ".lldbinit",
            ".mcp.json",
            ".claude/**",
            ".cursor/**",
        ],
    ),
    (OWNERS, &["codeowners"]),
    (
        SECRET,
        &[
            ".env",
            ".env.*",
            "*.pem",
            "*.p12",
            "*.pfx",
            "id_rsa*",
            "id_dsa*",
            "id_ecdsa*",
            "id_ed25519*",
            ".netrc",
            ".pypirc",
            ".ssh/**",
            ".aws/**",
            ".gnupg/**",
        ],
    ),
];

/// Patterns of files that only show what a secret would look like.
const EXAMPLES: &[&str] = &[".env.example", ".env.sample", ".env.template", ".env.dist"];

/// The protected patterns, compiled.
pub(super) struct Protected {
    globs: GlobSet,
    reasons: Vec<&'static str>,
    examples: GlobSet,
}

impl Protected {
    /// Those that are always protected, and the `configured` ones.
    pub(super) fn new(configured: &[String]) -> Result<Self, GateError> {
        let mut globs = GlobSetBuilder::new();
        let mut reasons = Vec::new();
        for (reason, patterns) in ALWAYS {
            for pattern in *patterns {
                add(&mut globs, pattern)?;
                reasons.push(*reason);
            }
        }
        for pattern in configured {
            let pattern = folded(pattern.trim_start_matches("./"));
            let folder = pattern.trim_end_matches('/');
            for pattern in [folder.to_owned(), format!("{folder}/**")] {
                add(&mut globs, &pattern)?;
                reasons.push(PERSON);
            }
        }
        let mut examples = GlobSetBuilder::new();
        for pattern in EXAMPLES {
            add(&mut examples, pattern)?;
        }
        Ok(Self {
            globs: globs.build().map_err(bad)?,
            reasons,
            examples: examples.build().map_err(bad)?,
        })
    }

    /// Why `path` is protected, if it is.
    pub(super) fn reason(&self, path: &str) -> Option<&'static str> {
        let path = folded(path);
        let example = self.examples.is_match(&path);
        self.globs
            .matches(&path)
            .into_iter()
            .filter_map(|index| self.reasons.get(index).copied())
            .find(|reason| !(example && *reason == SECRET))
    }
}

fn bad(error: globset::Error) -> GateError {
    GateError::BadGlob {
        glob: error.glob().unwrap_or_default().to_owned(),
        why: error.kind().to_string(),
    }
}

fn add(globs: &mut GlobSetBuilder, pattern: &str) -> Result<(), GateError> {
    // As in .gitignore: a name without a folder before it holds at any depth.
    let name = pattern.strip_suffix("/**").unwrap_or(pattern);
    let anywhere = if name.contains('/') { "" } else { "**/" };
    let glob = GlobBuilder::new(&format!("{anywhere}{pattern}"))
        .literal_separator(true)
        .build()
        .map_err(bad)?;
    globs.add(glob);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(path: &str) -> Option<&'static str> {
        let configured = [
            "db/migrations/".to_owned(),
            "*.lock".to_owned(),
            "Vendor".to_owned(),
        ];
        Protected::new(&configured).unwrap().reason(path)
    }

    #[test]
    fn every_class_is_protected_in_any_case_and_width() {
        for (path, why) in [
            (".github/workflows/ci.yml", CI),
            (".GitHub/Workflows/ci.yml", CI),
            ("Jenkinsfile", CI),
            ("sub/.gitattributes", GIT),
            (".gitmodules", GIT),
            ("orchestrator.yaml", OWN),
            ("sub/orchestrator.local.yaml", OWN),
            (".rgpt/rgpt.db", OWN),
            ("crates/a/.cargo/config.toml", AUTORUN),
            ("\u{ff0e}envrc", AUTORUN),
            (".vscode/tasks.json", AUTORUN),
            ("rust-toolchain.toml", AUTORUN),
            ("docs/CODEOWNERS", OWNERS),
            (".env", SECRET),
            ("a/.env.production", SECRET),
            ("keys/server.PEM", SECRET),
            ("id_rsa.pub", SECRET),
        ] {
            assert_eq!(reason(path), Some(why), "{path}");
        }
    }

    #[test]
    fn ordinary_files_are_free() {
        for path in [
            "src/main.rs",
            ".gitignore",
            ".github/ISSUE_TEMPLATE.md",
            ".git-blame-ignore-revs",
            ".env.example",
            "sub/.env.sample",
            "Cargo.toml",
            "package.json",
            "environment.rs",
            "docs/codeowners.md",
            "migrations/1.sql",
            "src/db/migrations/1.sql",
        ] {
            assert_eq!(reason(path), None, "{path}");
        }
    }

    #[test]
    fn configured_patterns_cover_folders_and_names_at_any_depth() {
        for path in [
            "db/migrations/a/1.sql",
            "db/migrations",
            "a/Cargo.lock",
            "vendor/x",
            "a/vendor/x",
        ] {
            assert_eq!(reason(path), Some(PERSON), "{path}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_an_error() {
        let error = Protected::new(&["a/[b".to_owned()]).err().unwrap();
        assert!(error.to_string().contains("a/[b"), "{error}");
    }
}
