internal import Tensors

/// One NumPy array in a file, as `numpy.save` writes it (`NumPyHeader` draws the
/// bytes). It bears the file's name.
package enum NumPyFormat: CheckpointFormat {
  package static let name = "npy"
  static let suffix = ".npy"

  package static func recognizes(_ file: Bytes) -> Bool { NumPyHeader.recognizes(file) }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    try index(file, named: "array")
  }

  package static func open(
    _ file: Bytes, path: String?
  ) throws(CheckpointError) -> OpenedFile {
    let name = path.map { FilePath.lastComponent($0) } ?? "array"
    return OpenedFile(
      index: try index(file, named: withoutSuffix(name)), bytes: file,
      fileByteCount: file.count)
  }

  private static func index(
    _ file: Bytes, named name: String
  ) throws(CheckpointError) -> CheckpointIndex {
    var index = CheckpointIndex()
    try add(file, 0..<file.count, named: name, to: &index)
    return index
  }

  static func withoutSuffix(_ name: String) -> String {
    name.hasSuffix(suffix) ? String(name.dropLast(suffix.utf8.count)) : name
  }

  /// Adds the array that lies in `range` of the file.
  static func add(
    _ file: Bytes, _ range: Range<Int>, named name: String, to index: inout CheckpointIndex
  ) throws(CheckpointError) {
    let header = try header(file[range], named: name)
    var tensor = try tensor(
      header, named: name, dataCount: range.count - header.dataStart,
      at: range.lowerBound + header.dataStart, to: &index)
    let start = range.lowerBound + header.dataStart
    tensor.byteRange = start..<start + tensor.byteRange.count
    try index.add(tensor)
  }

  /// Adds the array that `range` of the file stands for once it is inflated; only its
  /// header is inflated now.
  static func add(
    _ file: Bytes, deflated range: Range<Int>, plainCount: UInt64, named name: String,
    to index: inout CheckpointIndex
  ) throws(CheckpointError) {
    let stored = file[range]
    let count = Int(clamping: plainCount)
    try Inflate.check(stored, count: count, of: name)
    let header = try header(inflating: stored, count: count, named: name)
    var tensor = try tensor(
      header, named: name, dataCount: count - header.dataStart, at: header.dataStart, to: &index)
    tensor.deflated = header.dataStart..<header.dataStart + tensor.byteRange.count
    tensor.byteRange = range
    try index.add(tensor)
  }

  /// Nearly all headers are short.
  private static func header(
    inflating stored: Bytes, count: Int, named name: String
  ) throws(CheckpointError) -> NumPyHeader {
    let usual = 512
    do throws(CheckpointError) {
      let start = try Inflate.bytes(stored, in: 0..<min(count, usual), of: name)
      return try header(start, named: name)
    } catch .truncated where count > usual {
      let start = try Inflate.bytes(
        stored, in: 0..<min(count, NumPyHeader.byteLimit), of: name)
      return try header(start, named: name)
    }
  }

  private static func header(
    _ array: Bytes, named name: String
  ) throws(CheckpointError) -> NumPyHeader {
    try CheckpointIndex.checkName(name, of: "an array")
    return try NumPyHeader(array, name: name)
  }

  /// The array without its place; its range has the right count.
  private static func tensor(
    _ header: NumPyHeader, named name: String, dataCount: Int, at start: Int,
    to index: inout CheckpointIndex
  ) throws(CheckpointError) -> IndexedTensor {
    let type = try NumPyType(header.type, array: name)
    let shape = try Shape(checking: header.dimensions, tensor: name)
    let (needed, overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow else { throw .shapeTooLarge(tensor: name) }
    guard needed <= dataCount else {
      throw .truncated(
        what: "array \(name.quoted)", offset: start, needed: needed, available: dataCount)
    }
    if needed < dataCount {
      index.warn("\(dataCount - needed) bytes follow array \(name.quoted)")
    }
    let isRowMajor = !header.isFortran || shape.dimensions.count { $0 > 1 } < 2
    var tensor = IndexedTensor(
      name: name, dtype: type.dtype, dtypeName: type.name, shape: shape,
      byteRange: 0..<needed, strides: isRowMajor ? nil : columnMajorStrides(shape))
    tensor.isBigEndian = type.isBigEndian
    return tensor
  }

  /// `Shape(checking:)` has seen to it that their products fit.
  private static func columnMajorStrides(_ shape: Shape) -> [Int] {
    var stride = 1
    return shape.dimensions.map { length in
      defer { stride *= max(length, 1) }
      return stride
    }
  }
}

/// Several NumPy arrays in a zip archive, as `numpy.savez` and `savez_compressed`
/// write it: entry `NAME.npy` is array `NAME`.
package enum NumPyArchiveFormat: CheckpointFormat {
  package static let name = "npz"

  /// By the name of the first entry, which stands after 30 bytes.
  package static func recognizes(_ file: Bytes) -> Bool {
    guard ZipArchive.recognizes(file), file.count >= 30 else { return false }
    let length = Int(file.load(UInt16.self, at: 26))
    guard file.count - 30 >= length, let name = file[30..<30 + length].text else { return false }
    return name.hasSuffix(NumPyFormat.suffix)
  }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    let archive = try ZipArchive(file)
    var index = CheckpointIndex()
    for entry in archive.entries {
      guard entry.name.hasSuffix(NumPyFormat.suffix) else {
        index.warn("entry \(entry.name.quoted) of the archive is no array")
        continue
      }
      let name = NumPyFormat.withoutSuffix(entry.name)
      if entry.method == ZipArchive.Entry.deflated {
        try NumPyFormat.add(
          file, deflated: entry.range, plainCount: entry.plainCount, named: name, to: &index)
      } else {
        try NumPyFormat.add(file, try archive.range(of: entry.name), named: name, to: &index)
      }
    }
    return index
  }
}
