/// The files of one checkpoint, `NAME-00001-of-0000N.gguf` and its sisters, one
/// after another in memory; mostly it is one file.
struct GGUFParts {
  struct Part {
    let header: GGUFHeader
    /// Its bytes in `bytes`.
    let range: Range<Int>
  }

  /// The first part has the metadata.
  let parts: [Part]
  let bytes: Bytes

  static let tensorCountKey = "split.tensors.count"
  private static let countKey = "split.count"
  private static let numberKey = "split.no"
  private static let suffix = ".gguf"
  /// Digits of a number in a part's name.
  private static let digits = 5
  /// More parts have no name of this form.
  static let partLimit = 99_999

  /// Finds the other parts by their names beside `path`, whichever part it is.
  ///
  /// Throws what reading a header throws, and for a part that is missing or
  /// belongs to another checkpoint.
  init(_ file: Bytes, path: String?) throws(CheckpointError) {
    let header = try GGUFHeader(file)
    let count = header.metadata.count(Self.countKey) ?? 1
    guard count > 1 else {
      parts = [Part(header: header, range: 0..<file.count)]
      bytes = file
      return
    }
    let paths = try Self.paths(of: path, count: count, header.metadata)
    let (mapping, ranges) = try Mapping.joining(paths)
    bytes = Bytes(mapping)
    var parts: [Part] = []
    for (number, range) in ranges.enumerated() {
      try parts.append(Self.part(bytes[range], range, number, of: paths))
    }
    self.parts = parts
  }

  private static func part(
    _ bytes: Bytes, _ range: Range<Int>, _ number: Int, of paths: [String]
  ) throws(CheckpointError) -> Part {
    let name = FilePath.lastComponent(paths[number])
    guard GGUFFormat.recognizes(bytes) else {
      throw .invalidPart(name: name, reason: "it is no GGUF file")
    }
    let header: GGUFHeader
    do {
      header = try GGUFHeader(bytes)
    } catch {
      throw .invalidPart(name: name, reason: error.description)
    }
    guard header.metadata.count(countKey) == UInt64(paths.count),
      header.metadata.count(numberKey) == UInt64(number)
    else {
      throw .invalidPart(name: name, reason: "it says that it is another part")
    }
    return Part(header: header, range: range)
  }

  private static func paths(
    of path: String?, count: UInt64, _ metadata: GGUFMetadata
  ) throws(CheckpointError) -> [String] {
    let number = (metadata.count(numberKey) ?? 0).addingReportingOverflow(1).partialValue
    let shown = "part \(number) of \(count)"
    guard count <= partLimit else {
      throw .limitExceeded(what: "the number of the checkpoint's parts", limit: partLimit)
    }
    let ending = "-\(padded(Int(clamping: number)))-of-\(padded(Int(count)))\(suffix)"
    guard let path, path.hasSuffix(ending) else {
      throw .invalidPart(
        name: path.map { FilePath.lastComponent($0) } ?? "the file",
        reason: "it is \(shown), and its name does not end with \(ending)")
    }
    let start = path.dropLast(ending.utf8.count)
    return (1...Int(count)).map { "\(start)-\(padded($0))-of-\(padded(Int(count)))\(suffix)" }
  }

  private static func padded(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
  }
}
