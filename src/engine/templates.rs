//! Templates that people commit for files that they do not: `.env.example` for `.env`.

/// Names that decide which programs run, or what they load: no template sets them.
const POWERFUL: [&str; 14] = [
    "PATH",
    "HOME",
    "SHELL",
    "IFS",
    "ENV",
    "BASH_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "NODE_OPTIONS",
    "NODE_PATH",
    "RUBYOPT",
    "PERL5OPT",
    "RUSTC_WRAPPER",
];

/// The file that a template stands for: `.env` for `.env.example`.
pub(super) fn template_of(file: &str) -> Option<&str> {
    [".example", ".sample", ".template", ".dist"]
        .into_iter()
        .find_map(|suffix| file.strip_suffix(suffix))
}

/// Whether a file holds variables, as `.env` does.
pub(super) fn is_env_file(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name == "env" || name == ".env" || name.starts_with(".env.") || name.ends_with(".env")
}

/// Whether a variable decides which programs run, or what they load.
pub(super) fn is_powerful(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let loads = [
        "LD_",
        "DYLD_",
        "GIT_",
        "CARGO_",
        "RUSTC",
        "PYTHON",
        "PERL5",
        "RUBY",
        "GOFLAGS",
        "MAKE",
        "NPM_CONFIG",
        "JAVA_TOOL",
        "_JAVA",
        "JDK_JAVA",
        "MAVEN_",
        "GRADLE_",
    ];
    loads.iter().any(|start| name.starts_with(start))
        || name.ends_with("_PROXY")
        || POWERFUL.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_variables_are_read() {
        for file in [".env", "app/.env", ".env.test", "test.env"] {
            assert!(is_env_file(file), "{file}");
        }
        for file in ["config.yaml", "environment.py"] {
            assert!(!is_env_file(file), "{file}");
        }
        assert_eq!(template_of("app/.env.example"), Some("app/.env"));
        assert_eq!(template_of(".env"), None);
    }

    #[test]
    fn what_decides_which_programs_run_is_not_set() {
        for name in [
            "PATH",
            "ld_preload",
            "GIT_DIR",
            "NODE_OPTIONS",
            "JAVA_TOOL_OPTIONS",
            "https_proxy",
        ] {
            assert!(is_powerful(name), "{name}");
        }
        assert!(!is_powerful("APP_MODE"));
    }
}
