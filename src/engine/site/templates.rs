//! Files that a repair makes from their committed templates, ignored ones in every place.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::domain::id::TreeId;
use crate::engine::templates::template_of;

use super::{Place, Worktrees};

impl Worktrees<'_> {
    /// Whether there is no file at a path in one of the run's worktrees.
    pub(in crate::engine) fn lacks(&self, path: &str) -> bool {
        self.made_roots()
            .any(|root| root.join(path).symlink_metadata().is_err())
    }

    /// Creates the files that committed templates stand for, where the builder's worktree has
    /// them, as ignored files of a place.
    pub(super) fn create_from_templates(&self, place: Place, tree: &TreeId) -> anyhow::Result<()> {
        for file in self.ground.own.list_files(tree)? {
            let wanted = template_of(&file);
            if wanted.is_some_and(|target| self.exists_in_build(target)) {
                self.create_from_template(place, &file)?;
            }
        }
        Ok(())
    }

    fn exists_in_build(&self, path: &str) -> bool {
        self.roots[&Place::Build]
            .join(path)
            .symlink_metadata()
            .is_ok()
    }

    /// Creates the file that a committed template stands for, as an ignored file of a place.
    fn create_from_template(&self, place: Place, template: &str) -> anyhow::Result<()> {
        let root = &self.roots[&place];
        let Some(target) = template_of(template).filter(|_| root.is_dir()) else {
            return Ok(());
        };
        let (from, to) = (root.join(template), root.join(target));
        // A link may lead out of the tree, to what no template is.
        let is_plain = stays_within(root, template) && from.is_file();
        if is_plain && stays_within(root, target) && to.symlink_metadata().is_err() {
            // Made aside and renamed, so that a kill leaves no half of it.
            let aside = root.with_file_name(".rgpt-template");
            std::fs::copy(&from, &aside)
                .and_then(|_| std::fs::rename(&aside, &to))
                .with_context(|| format!("cannot make {}", to.display()))?;
            crate::failpoint::hit("template.copied");
        }
        Ok(())
    }

    /// Takes back a file that was made from a template, in every place. Whether there are `others`.
    pub(in crate::engine) fn drop_template(
        &mut self,
        template: &str,
        others: bool,
    ) -> anyhow::Result<()> {
        self.templates = others;
        let Some(target) = template_of(template) else {
            return Ok(());
        };
        for root in self.made_roots().filter(|root| stays_within(root, target)) {
            match std::fs::remove_file(root.join(target)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {target}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Creates the file that a committed template stands for, in every place, now and from now on.
    pub(in crate::engine) fn use_template(&mut self, template: &str) -> anyhow::Result<()> {
        self.templates = true;
        for place in Place::ALL {
            self.create_from_template(place, template)?;
        }
        Ok(())
    }

    /// The roots of the worktrees that have been made, by this drive or an earlier one.
    fn made_roots(&self) -> impl Iterator<Item = &PathBuf> {
        self.roots.values().filter(|root| root.is_dir())
    }
}

/// Whether no part of a path in a worktree is a link.
fn stays_within(root: &Path, path: &str) -> bool {
    let mut at = root.to_owned();
    Path::new(path).components().all(|part| {
        at.push(part);
        !at.symlink_metadata().is_ok_and(|found| found.is_symlink())
    })
}
