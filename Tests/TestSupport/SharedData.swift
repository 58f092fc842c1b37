internal import Foundation

/// The folder of real inputs beside the package, which tests use when it is
/// there: `$PARE_SHARED_DATA`, or `../shared/data` from the package root.
public enum SharedData {
  public static let root: String = {
    if let named = ProcessInfo.processInfo.environment["PARE_SHARED_DATA"] { return named }
    return packageRoot + "/../shared/data"
  }()

  /// Whether it is there.
  public static let isPresent = FileManager.default.fileExists(atPath: root + "/samples")

  /// A file in it.
  public static func path(_ relative: String) -> String { root + "/" + relative }

  /// Whether a file or folder in it is there.
  public static func exists(_ relative: String) -> Bool {
    FileManager.default.fileExists(atPath: path(relative))
  }

  /// The folder of Package.swift.
  public static let packageRoot: String = {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
  }()
}
