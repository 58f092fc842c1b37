internal import Tensors

/// GGUF, the format of ggml and llama.cpp: versions 2 and 3, in one file or split
/// into several (`GGUFHeader` draws the bytes, `BlockFormat` those of the weights).
package enum GGUFFormat: CheckpointFormat {
  package static let name = "gguf"

  package static func recognizes(_ file: Bytes) -> Bool { file.starts(with: GGUFHeader.magic) }

  package static func index(_ file: Bytes) throws(CheckpointError) -> CheckpointIndex {
    try index(of: GGUFParts(file, path: nil))
  }

  package static func open(
    _ file: Bytes, path: String?
  ) throws(CheckpointError) -> OpenedFile {
    let parts = try GGUFParts(file, path: path)
    return OpenedFile(
      index: try index(of: parts), bytes: parts.bytes,
      fileByteCount: parts.parts.reduce(0) { $0 + $1.range.count })
  }

  private static func index(of parts: GGUFParts) throws(CheckpointError) -> CheckpointIndex {
    var index = CheckpointIndex()
    let metadata = parts.parts[0].header.metadata
    index.gguf = metadata
    index.metadata = try shown(metadata)
    index.configuration = GGUFSettings.configuration(metadata)
    for part in parts.parts { try add(part, to: &index) }
    var names: Set<String> = []
    for tensor in index.tensors where !names.insert(tensor.name).inserted {
      throw .duplicateTensor(name: tensor.name)
    }
    let listed = parts.parts.reduce(0) { $0 + $1.header.infos.count }
    if let count = metadata.count(GGUFParts.tensorCountKey), count != listed {
      index.warnings.append(
        "\(GGUFParts.tensorCountKey) is \(count), but the file has \(listed) tensors")
    }
    return index
  }

  /// Every pair as text; long arrays are only counted.
  private static func shown(
    _ metadata: GGUFMetadata
  ) throws(CheckpointError) -> [String: String] {
    var texts: [String: String] = [:]
    var byteCount = 0
    for entry in metadata.entries {
      let text = metadata.shown(entry)
      byteCount += text.utf8.count
      guard byteCount <= CheckpointIndex.nameBytesLimit else {
        throw .limitExceeded(
          what: "the length of all metadata", limit: CheckpointIndex.nameBytesLimit)
      }
      texts[entry.key] = text
    }
    return texts
  }

  private static func add(
    _ part: GGUFParts.Part, to index: inout CheckpointIndex
  ) throws(CheckpointError) {
    var tensors: [IndexedTensor] = []
    var unsized: [Int] = []
    for info in part.header.infos {
      let type = GGUFType(info.type)
      if case .unknown = type { unsized.append(tensors.count) }
      tensors.append(try tensor(info, type, in: part))
    }
    try checkLayout(&tensors, unsized: unsized, end: part.range.upperBound)
    for tensor in tensors {
      for part in ExpertStack.unfolded(tensor) { try index.add(part) }
    }
  }

  private static func tensor(
    _ info: GGUFHeader.Info, _ type: GGUFType, in part: GGUFParts.Part
  ) throws(CheckpointError) -> IndexedTensor {
    let shape = try shape(info)
    let size = try byteCount(of: shape, type, info)
    guard info.offset % UInt64(part.header.alignment) == 0 else {
      throw .misaligned(
        tensor: info.name, offset: info.offset, alignment: part.header.alignment)
    }
    let available = max(0, part.range.count - part.header.dataStart)
    guard info.offset <= UInt64(available), size <= available - Int(info.offset) else {
      let (data, carry) = part.header.dataStart.addingReportingOverflow(
        Int(clamping: info.offset))
      let (end, overflow) = data.addingReportingOverflow(size)
      throw .outsideFile(
        tensor: info.name, end: carry || overflow ? .max : end, available: part.range.count)
    }
    // The data of a tensor without values may begin behind a file that ends with its header.
    let start = min(
      part.range.lowerBound + part.header.dataStart + Int(info.offset), part.range.upperBound)
    var tensor = IndexedTensor(
      name: info.name, dtype: nil, dtypeName: type.name, shape: shape,
      byteRange: start..<start + size)
    switch type {
    case .numbers(let dtype): tensor.dtype = dtype
    case .blocks(let format):
      tensor.dtype = .f32
      tensor.blocks = format
    case .unknown: break
    }
    return tensor
  }

  /// The file names the length of a row first.
  private static func shape(_ info: GGUFHeader.Info) throws(CheckpointError) -> Shape {
    var dimensions: [Int] = []
    for length in info.lengths.reversed() {
      guard let dimension = Int(exactly: length) else { throw .shapeTooLarge(tensor: info.name) }
      dimensions.append(dimension)
    }
    return try Shape(checking: dimensions, tensor: info.name)
  }

  /// `Shape(checking:)` leaves room for eight bytes a value.
  private static func byteCount(
    of shape: Shape, _ type: GGUFType, _ info: GGUFHeader.Info
  ) throws(CheckpointError) -> Int {
    let (weights, bytes) =
      switch type {
      case .numbers(let dtype): (1, dtype.byteCount)
      case .blocks(let format): (format.weightCount, format.byteCount)
      case .unknown: (1, 0)
      }
    let columns = shape.dimensions.last ?? 1
    guard columns % weights == 0 else {
      throw .rowNotInBlocks(
        tensor: info.name, columns: columns, format: type.name, block: weights)
    }
    return shape.count / weights * bytes
  }

  /// No two tensors share a byte; one of unknown size reaches to the next.
  private static func checkLayout(
    _ tensors: inout [IndexedTensor], unsized: [Int], end: Int
  ) throws(CheckpointError) {
    let order = tensors.indices.sorted {
      (tensors[$0].byteRange.lowerBound, tensors[$0].byteRange.upperBound)
        < (tensors[$1].byteRange.lowerBound, tensors[$1].byteRange.upperBound)
    }
    let isUnsized = Set(unsized)
    for (place, position) in order.enumerated() {
      let range = tensors[position].byteRange
      let next = place + 1 < order.count ? order[place + 1] : nil
      let limit = next.map { tensors[$0].byteRange.lowerBound } ?? end
      if let next, range.upperBound > limit {
        throw .overlap(tensor: tensors[next].name, other: tensors[position].name)
      }
      if isUnsized.contains(position) {
        tensors[position].byteRange = range.lowerBound..<max(range.lowerBound, limit)
      }
    }
  }
}
