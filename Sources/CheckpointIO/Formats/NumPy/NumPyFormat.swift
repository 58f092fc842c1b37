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
    try CheckpointIndex.checkName(name, of: "an array")
    let header = try NumPyHeader(file[range], name: name)
    let type = try NumPyType(header.type, array: name)
    let shape = try Shape(checking: header.dimensions, tensor: name)
    let start = range.lowerBound + header.dataStart
    let (needed, overflow) = shape.count.multipliedReportingOverflow(by: type.byteCount)
    guard !overflow else { throw .shapeTooLarge(tensor: name) }
    guard needed <= range.upperBound - start else {
      throw .truncated(
        what: "array \(name.quoted)", offset: start, needed: needed,
        available: range.upperBound - start)
    }
    if needed < range.upperBound - start {
      index.warn("\(range.upperBound - start - needed) bytes follow array \(name.quoted)")
    }
    if type.dtype == nil {
      index.warn(
        "array \(name.quoted) has the type \(header.type.quoted), which is listed but not read")
    }
    let isRowMajor = !header.isFortran || shape.dimensions.count { $0 > 1 } < 2
    var tensor = IndexedTensor(
      name: name, dtype: type.dtype, dtypeName: type.name, shape: shape,
      byteRange: start..<start + needed, strides: isRowMajor ? nil : columnMajorStrides(shape))
    tensor.isBigEndian = type.isBigEndian
    try index.add(tensor)
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

/// Several NumPy arrays in a zip archive, as `numpy.savez` writes it: entry
/// `NAME.npy` is array `NAME`.
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
      try NumPyFormat.add(
        file, try archive.range(of: entry.name), named: NumPyFormat.withoutSuffix(entry.name),
        to: &index)
    }
    return index
  }
}
