/// What a save that was stopped has left behind.
public enum UnfinishedSave {
  /// The file beside `path` from which the next save to it can go on; nil where there
  /// is none.
  public static func file(for path: String) -> String? {
    let file = ReplacementFile.temporaryPath(for: path)
    return FileIdentity(path: file) == nil ? nil : file
  }
}
