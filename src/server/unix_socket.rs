//! Listening Unix sockets: for services on the same machine or in the same pod, identified by the user they run as.

use super::listener::BoundListener;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::UnixSocket;

/// Connections that wait in the kernel while the gateway is at its limit.
const BACKLOG: u32 = 4096;

/// The file of a listening socket. Dropping it removes the file, unless another process has replaced it, or goes on with the socket.
pub(super) struct SocketFile {
    path: PathBuf,
    inode: u64,
    is_kept: Arc<AtomicBool>,
}

/// A Unix socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on unix:{}: {}", path.display(), explain(error))]
pub struct UnixListenError {
    /// The socket's file.
    pub path: PathBuf,
    /// The error of the operating system.
    #[source]
    pub error: io::Error,
}

/// Listens on the Unix socket `path` with the file permissions `mode`. Must be called inside a tokio runtime.
///
/// A stale socket, as a killed process leaves it, is replaced; any other file is not.
///
/// # Errors
///
/// [`UnixListenError`], whose message has the fix.
pub fn listen_unix(path: &Path, mode: u32) -> Result<BoundListener, UnixListenError> {
    bind(path, mode).map_err(|error| UnixListenError { path: path.to_owned(), error })
}

fn bind(path: &Path, mode: u32) -> io::Result<BoundListener> {
    remove_stale(path)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile::of(path, true)?;
    // between `bind` and `listen`: until `listen` no client can connect, so that none gets in by wider permissions
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(BoundListener::unix(socket.listen(BACKLOG)?, file))
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => match UnixStream::connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
        },
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "socket in use; stop the process that has it, or choose another path with `listen`".to_owned()
        }
        io::ErrorKind::AlreadyExists => {
            "there is a file that is no socket; remove it, or choose another path with `listen`".to_owned()
        }
        io::ErrorKind::NotFound => "there is no such folder; create it, or choose another with `listen`".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; this process must be allowed to write the folder, and to use a socket that is there"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

impl SocketFile {
    /// The file `path`, which is kept unless this process `removes` it.
    pub(super) fn of(path: &Path, removes: bool) -> io::Result<Self> {
        let inode = fs::symlink_metadata(path)?.ino();
        Ok(Self { path: path.to_owned(), inode, is_kept: Arc::new(AtomicBool::new(!removes)) })
    }

    /// The flag that keeps the file, to be set when another process goes on with the socket.
    pub(super) fn kept_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_kept)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_kept = self.is_kept.load(Ordering::Relaxed);
        if !is_kept && fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            // an error is ignored: a destructor cannot return it
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn listen_error(path: &Path) -> String {
        let error = listen_unix(path, 0o600).err().map(|error| error.to_string());
        error.unwrap_or_default().replace(&path.display().to_string(), "PATH")
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_the_file_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        drop(UnixListener::bind(&path).unwrap());
        let listener = listen_unix(&path, 0o640).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(UnixStream::connect(&path).is_ok());
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_live_socket_another_file_and_a_missing_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let _live = UnixListener::bind(&path).unwrap();
        assert_eq!(
            listen_error(&path),
            "cannot listen on unix:PATH: socket in use; stop the process that has it, or choose another path with `listen`"
        );
        let file = folder.path().join("file");
        fs::write(&file, "precious").unwrap();
        assert!(listen_error(&file).contains("no socket"), "{}", listen_error(&file));
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
        assert!(listen_error(&folder.path().join("nowhere/gateway.sock")).contains("no such folder"));
    }

    #[tokio::test]
    async fn the_file_of_a_successor_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let ours = listen_unix(&path, 0o600).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let _theirs = UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
    }
}
