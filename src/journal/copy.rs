//! Copying a journal while it is written.

use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::{file_path, numbers, private};

/// Copies a journal into a folder that is made for it, readable by its owner alone. A line that is just being written is left
/// out. How many lines were copied.
///
/// # Errors
/// What the file system says.
pub fn copy(from: &Path, to: &Path) -> io::Result<usize> {
    DirBuilder::new().mode(0o700).create(to)?;
    let mut lines = 0;
    for number in numbers(from)? {
        let bytes = match fs::read(file_path(from, number)) {
            // It was deleted for its age just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            bytes => bytes?,
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        lines += bytes[..whole].iter().filter(|byte| **byte == b'\n').count();
        write(&file_path(to, number), &bytes[..whole])?;
    }
    for name in ["id", "history"] {
        match fs::read(from.join(name)) {
            Ok(bytes) => write(&to.join(name), &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    fs::File::open(to)?.sync_all()?;
    Ok(lines)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private().create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
