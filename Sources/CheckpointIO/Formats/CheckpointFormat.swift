/// A kind of checkpoint file.
package protocol CheckpointFormat: Sendable {
  /// As `inspect` shows it, `safetensors`.
  static var name: String { get }
  /// Whether the bytes look like this format, by content, never by the name.
  static func recognizes(_ file: Bytes) -> Bool
  /// Reads the headers. Nothing in the file is trusted, and no weight is
  /// touched.
  static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex
  /// The same of a file at a path, and of the files that belong to it.
  static func open(_ file: Bytes, path: String?) throws(CheckpointError) -> OpenedFile
}

/// A file whose headers are read.
package struct OpenedFile: Sendable {
  var index: CheckpointIndex
  /// What its ranges count in: the file, or several one after another.
  let bytes: Bytes
  /// Of all files.
  let fileByteCount: Int
  /// The name of the format where it is not that of the file opened first.
  var format: String?
}

extension CheckpointFormat {
  package static func open(
    _ file: Bytes, path: String?
  ) throws(CheckpointError) -> OpenedFile {
    OpenedFile(index: try index(file), bytes: file, fileByteCount: file.count)
  }
}

/// The formats Pare reads. To add one, write `Formats/MyFormat.swift` and a
/// line here.
public enum FormatCatalog {
  package static let all: [any CheckpointFormat.Type] = [
    SafetensorsFormat.self,
    NumPyFormat.self,
    NumPyArchiveFormat.self,
    PyTorchFormat.self,
    GGUFFormat.self,
    ShardIndexFormat.self,
  ]

  /// The formats' names, for help and tables.
  public static var names: [String] { all.map { $0.name } }

  /// The format of a file, or the error that says what it is instead.
  static func format(of file: Bytes) throws(CheckpointError) -> any CheckpointFormat.Type {
    if let format = all.first(where: { $0.recognizes(file) }) { return format }
    throw ForeignFile.error(for: file)
  }
}
