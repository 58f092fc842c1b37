internal import Glibc

/// What a save that was stopped has left behind.
public enum UnfinishedSave {
  /// The unfinished file beside `path` from which the next save to it can resume; nil if no
  /// save was stopped.
  public static func file(for path: String) -> String? {
    guard let file = try? SavePlace(path).temporary else { return nil }
    var status = stat()
    // An empty one is a claim and nothing more.
    return unsafe lstat(file, &status) == 0 && status.st_size > 0 ? file : nil
  }
}
