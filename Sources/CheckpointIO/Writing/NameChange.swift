internal import Glibc

/// The changes of file names that a save makes. A process may be killed after any of them.
package enum NameChange {
  /// Called before and after each change, so that a test can look at the folder as a kill
  /// would leave it. A type of its own: optimized code cannot pass a closure on to a task.
  package struct Observer: Sendable {
    let call: @Sendable () -> Void

    package init(_ call: @escaping @Sendable () -> Void) { self.call = call }
  }

  @TaskLocal package static var observer: Observer?

  /// Gives a file another name, in place of the file that has it.
  static func rename(_ path: String, to other: String) -> Bool {
    observer?.call()
    guard unsafe Glibc.rename(path, other) == 0 else { return false }
    observer?.call()
    return true
  }

  /// Gives a file a second name. Fails with EEXIST if another file has it.
  static func link(_ path: String, to other: String) -> Bool {
    observer?.call()
    guard unsafe Glibc.link(path, other) == 0 else { return false }
    observer?.call()
    return true
  }

  /// Takes a name away. Returns whether it is gone.
  @discardableResult
  static func remove(_ path: String) -> Bool {
    observer?.call()
    guard unsafe unlink(path) == 0 else { return errno == ENOENT }
    observer?.call()
    return true
  }

  /// Gives a file another name unless another file has it: fails with EEXIST then.
  static func renameToFree(_ path: String, to other: String) -> Bool {
    if link(path, to: other) {
      remove(path)
      return true
    }
    guard cannotLink else { return false }
    // A file system without second names: an empty file takes the name first.
    let descriptor = unsafe open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return rename(path, to: other)
  }

  /// Whether `errno` says that the file system has no second names.
  static var cannotLink: Bool { [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(errno) }

  /// Has the names in a file's folder outlast a power failure.
  static func synchronizeFolder(of path: String) {
    let folder = FilePath.folder(path)
    let directory = unsafe open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { return }
    fsync(directory)
    close(directory)
  }
}
