internal import Tensors

/// safetensors (specification: github.com/huggingface/safetensors).
///
///     ┌──────────┬───────────────────────────────┬──────────────────────┐
///     │ n: u64LE │ n bytes of JSON, begins with { │ data, without gaps   │
///     └──────────┴───────────────────────────────┴──────────────────────┘
///     0          8                               8 + n
///
///     {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
///      "__metadata__": {"key": "text"}}
///
/// Offsets count from the end of the header. Tensors may lie on any alignment.
package enum SafetensorsFormat: CheckpointFormat {
  package static let name = "safetensors"
  /// The specification's limit for the header, in bytes.
  static let headerLimit = 100_000_000
  /// Far beyond any tensor, and few enough that a shape costs nothing.
  static let dimensionLimit = 64

  package static func recognizes(_ file: Bytes) -> Bool {
    guard file.count > 8, file.load(UInt64.self, at: 0) <= UInt64(headerLimit) else {
      return false
    }
    return startsObject(file[8..<min(file.count, 8 + 64)])
  }

  /// Whether the specification has a type of this name.
  static func isListable(_ dtypeName: String) -> Bool {
    DType(rawValue: dtypeName) != nil || unreadableBitCounts[dtypeName] != nil
  }

  /// Bytes of one number; 1 where several share one.
  static func byteCount(ofType name: String) -> Int { max(1, (bitCount(ofType: name) ?? 8) / 8) }

  /// Bits of one number of a type that the specification has.
  static func bitCount(ofType name: String) -> Int? {
    DType(rawValue: name).map { $0.byteCount * 8 } ?? unreadableBitCounts[name]
  }

  /// Whether the text begins with `{`, white space aside.
  static func startsObject(_ text: Bytes) -> Bool {
    var cursor = JSONCursor(text)
    return cursor.peek() == UInt8(ascii: "{")
  }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    try HeaderReader.index(header(of: file), fileCount: file.count)
  }

  private static func header(of file: Bytes) throws(CheckpointError) -> Bytes {
    guard file.count >= 8 else {
      throw .truncated(what: "the header length", offset: 0, needed: 8, available: file.count)
    }
    let length = file.load(UInt64.self, at: 0)
    guard length <= UInt64(headerLimit) else {
      throw .headerTooLong(length: length, limit: headerLimit)
    }
    guard Int(length) <= file.count - 8 else {
      throw .truncated(
        what: "the header", offset: 8, needed: Int(length), available: file.count - 8)
    }
    return file[8..<8 + Int(length)]
  }
}

/// Bits of the specification's types that we list but do not read.
private let unreadableBitCounts = [
  "U16": 16, "U32": 32, "U64": 64, "C64": 64, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
]
