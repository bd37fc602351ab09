//! Writing an archive: aside, read again, made durable, and only then under its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::read::Archive;
use super::{MANIFEST, Manifest, Member};
use crate::domain::Digest;
use crate::failpoint;
use crate::upkeep::UpkeepError;
use crate::upkeep::error::at;
use crate::upkeep::files;

/// How a member is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::upkeep) enum Packing {
    /// As it is: it is compressed already.
    Plain,
    /// Compressed.
    Deflated,
}

/// An archive that is being written. Dropped before its end, it leaves nothing.
pub(in crate::upkeep) struct Writer {
    zip: Option<ZipWriter<File>>,
    partial: PathBuf,
    to: PathBuf,
    members: Vec<Member>,
}

impl Writer {
    /// Begins an archive at `to`, where nothing may be.
    pub(in crate::upkeep) fn create(to: &Path) -> Result<Self, UpkeepError> {
        if to.symlink_metadata().is_ok() {
            return Err(UpkeepError::Exists {
                path: to.to_owned(),
            });
        }
        let partial = files::beside(to, ".partial");
        files::remove(&partial)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial);
        Ok(Self {
            zip: Some(ZipWriter::new(at(&partial, file)?)),
            partial,
            to: to.to_owned(),
            members: Vec::new(),
        })
    }

    /// Adds the file `from` under `name`, as long as it is now. One that has gone meanwhile is left
    /// out.
    pub(in crate::upkeep) fn add_file(
        &mut self,
        name: &str,
        from: &Path,
        packing: Packing,
    ) -> Result<(), UpkeepError> {
        let file = match File::open(from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => at(from, other)?,
        };
        let size = at(from, file.metadata())?.len();
        self.add(name, size, &mut file.take(size), packing)
    }

    /// Adds a file of these bytes.
    pub(in crate::upkeep) fn add_bytes(
        &mut self,
        name: &str,
        content: &[u8],
    ) -> Result<(), UpkeepError> {
        let size = content.len() as u64;
        self.add(name, size, &mut &*content, Packing::Deflated)
    }

    fn add(
        &mut self,
        name: &str,
        size: u64,
        content: &mut dyn Read,
        packing: Packing,
    ) -> Result<(), UpkeepError> {
        let mut hasher = blake3::Hasher::new();
        let mut written = 0;
        self.put(name, size, packing, |zip| {
            let mut chunk = vec![0; 64 * 1024];
            loop {
                let read = content.read(&mut chunk)?;
                if read == 0 {
                    return Ok(());
                }
                hasher.update(&chunk[..read]);
                written += read as u64;
                zip.write_all(&chunk[..read])?;
            }
        })?;
        self.members.push(Member {
            path: name.to_owned(),
            size: written,
            hash: Digest(hasher.finalize().to_hex().to_string()),
        });
        Ok(())
    }

    fn put(
        &mut self,
        name: &str,
        size: u64,
        packing: Packing,
        content: impl FnOnce(&mut ZipWriter<File>) -> io::Result<()>,
    ) -> Result<(), UpkeepError> {
        let options = SimpleFileOptions::default()
            .compression_method(match packing {
                Packing::Plain => CompressionMethod::Stored,
                Packing::Deflated => CompressionMethod::Deflated,
            })
            .unix_permissions(0o600)
            .large_file(size >= u64::from(u32::MAX));
        let Some(zip) = &mut self.zip else {
            return Ok(());
        };
        let begun = zip.start_file(name, options).map_err(io::Error::from);
        at(&self.partial, begun.and_then(|()| content(zip)))
    }

    /// Ends the archive with its manifest, made by `manifest` of the members; reads it again as a
    /// whole; and puts it in its place. Gives the manifest and the archive's size.
    pub(in crate::upkeep) fn finish(
        mut self,
        manifest: impl FnOnce(Vec<Member>) -> Manifest,
    ) -> Result<(Manifest, u64), UpkeepError> {
        let manifest = manifest(std::mem::take(&mut self.members));
        let text = at(
            &self.partial,
            serde_json::to_vec(&manifest).map_err(io::Error::from),
        )?;
        let size = text.len() as u64;
        self.put(MANIFEST, size, Packing::Deflated, |zip| {
            zip.write_all(&text)
        })?;
        if let Some(zip) = self.zip.take() {
            let file = at(&self.partial, zip.finish().map_err(io::Error::from))?;
            at(&self.partial, file.sync_all())?;
        }
        Archive::open(&self.partial)?.verify()?;
        failpoint::hit("archive.written");
        let size = at(&self.partial, fs::metadata(&self.partial))?.len();
        files::rename_to_new(&self.partial, &self.to)?;
        files::sync_parent(&self.to)?;
        failpoint::hit("archive.named");
        Ok((manifest, size))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // What stays is removed by the next archive of this name.
        drop(fs::remove_file(&self.partial));
    }
}
