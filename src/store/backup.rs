//! Copying a database file while others work with it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::SqlitePoolOptions;

use super::StoreError;
use super::database::file_options;
use super::examine::{Examination, examine};

/// How long to wait for somebody else's transaction.
const PATIENCE: Duration = Duration::from_secs(30);

/// Copies the database as of one moment into a new file, readable by its owner alone, that is there only once it is whole and was
/// looked through. Works with any schema, also an older one; nobody waits for it. What was found in the copy.
///
/// # Errors
/// [`StoreError::File`], also where there is such a file already, or what the database says.
pub async fn backup_file(from: &Path, to: &Path) -> Result<Examination, StoreError> {
    let failed = |error: std::io::Error| StoreError::File(to.to_owned(), error);
    if to.exists() {
        return Err(failed(std::io::Error::other("is there already; name another file")));
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // SQLite writes into a file that is there and empty, and keeps its mode.
    let part = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    part.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let pool = SqlitePoolOptions::new().max_connections(1).acquire_timeout(PATIENCE * 2);
    let pool = pool.idle_timeout(None).max_lifetime(None);
    let pool = pool.connect_lazy_with(file_options(from).read_only(true).busy_timeout(PATIENCE));
    let path = part.path().to_string_lossy().into_owned();
    let copied = sqlx::query("VACUUM INTO $1").bind(path).execute(&pool).await;
    pool.close().await;
    copied?;
    part.as_file().sync_all().map_err(failed)?;
    let found = examine(part.path()).await?;
    part.persist_noclobber(to).map_err(|error| failed(error.error))?;
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(found)
}
