//! Putting files in their places: each goes from one recorded thing to another, and is never
//! touched if it is neither.

use super::files::Files;
use super::refusal::ApplyError;
use crate::domain::Digest;
use crate::domain::application::{FileMove, FileOnDisk};
use crate::failpoint;

/// Who puts files in their places.
pub(super) struct Placer<'a> {
    pub(super) files: &'a Files,
    /// The recorded content with an address.
    pub(super) content: &'a dyn Fn(&Digest) -> Option<Vec<u8>>,
}

impl Placer<'_> {
    /// Puts files in their places: first everything new is written aside, so that a full disk is
    /// met while nothing is changed.
    pub(super) fn place(
        &self,
        placings: &[Placing<'_>],
        makes: &[String],
        drops: &[String],
    ) -> Result<(), ApplyError> {
        let aside = self.write_aside(placings);
        if let Err(error) = aside {
            for placing in placings {
                self.files.remove_aside(placing.path)?;
            }
            return Err(error);
        }
        failpoint::hit("apply.aside");
        for placing in placings.iter().filter(|placing| placing.to.is_none()) {
            if self.is_left_to_do(placing)? {
                self.files.remove(placing.path)?;
                failpoint::hit("apply.removed");
            }
        }
        for folder in drops {
            self.files.drop_folder(folder)?;
        }
        for folder in makes {
            self.files.make_folder(folder)?;
        }
        failpoint::hit("apply.folders");
        for placing in placings.iter().filter(|placing| placing.to.is_some()) {
            if self.is_left_to_do(placing)? {
                self.files.put(placing.path)?;
                failpoint::hit("apply.put");
            }
        }
        for placing in placings {
            self.files.sync_folder_of(placing.path)?;
        }
        Ok(())
    }

    fn write_aside(&self, placings: &[Placing<'_>]) -> Result<(), ApplyError> {
        for placing in placings {
            if let Some(to) = placing.to
                && self.is_left_to_do(placing)?
            {
                let content = (self.content)(&to.content);
                let content = content.ok_or_else(|| ApplyError::Forgotten {
                    path: placing.path.to_owned(),
                })?;
                self.files.write_aside(placing.path, to, &content)?;
            }
        }
        Ok(())
    }

    /// Whether the file is still to be put there. If it is neither the one nor the other, somebody
    /// has changed it this moment.
    fn is_left_to_do(&self, placing: &Placing<'_>) -> Result<bool, ApplyError> {
        let found = self.files.look(placing.path)?;
        if found.is_like(placing.to) {
            return Ok(false);
        }
        if found.is_like(placing.from) {
            return Ok(true);
        }
        let paths = vec![placing.path.to_owned()];
        Err(ApplyError::Dirty { paths })
    }
}

/// A file that is one thing and is to be another.
pub(super) struct Placing<'a> {
    path: &'a str,
    from: Option<&'a FileOnDisk>,
    to: Option<&'a FileOnDisk>,
}

impl<'a> Placing<'a> {
    pub(super) fn forward(file: &'a FileMove) -> Self {
        Self {
            path: &file.path,
            from: file.before.as_ref(),
            to: file.after.as_ref(),
        }
    }

    pub(super) fn back(file: &'a FileMove) -> Self {
        Self {
            path: &file.path,
            from: file.after.as_ref(),
            to: file.before.as_ref(),
        }
    }
}
