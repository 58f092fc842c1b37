internal import Glibc
internal import Synchronization

/// Tells other programs that this one has a session open: a shared lock on the folder of its
/// weights, so that no file is removed of which another program still has the revision.
final class WeightsPresence: Sendable {
  private let folder: String
  private let descriptor = Mutex<Int32?>(nil)

  init(folder: String) {
    self.folder = folder
    announce()
  }

  deinit { descriptor.withLock { _ = $0.map { close($0) } } }

  /// Takes the lock as soon as the folder is there; another program that is just removing
  /// files is waited for.
  func announce() {
    descriptor.withLock { descriptor in
      guard descriptor == nil else { return }
      let opened = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard opened >= 0 else { return }
      if FolderLock.take(LOCK_SH, of: opened) { descriptor = opened } else { close(opened) }
    }
  }

  /// Does something if no other program has the session open.
  func alone(_ body: () -> Void) {
    announce()
    descriptor.withLock { descriptor in
      guard let descriptor else { return }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { body() }
      FolderLock.take(LOCK_SH, of: descriptor)
    }
  }
}
