internal import Tensors

/// Brings the arrays of packed tensors together.
enum PackedIndex {
  /// The file's tensors, a packed one standing where its first array does.
  static func resolve(
    _ index: CheckpointIndex, _ names: LayerNames, _ file: Bytes
  ) throws(CheckpointError) -> ResolvedTensors {
    guard let metadata = index.metadata[PackingRecord.metadataKey] else {
      return ResolvedTensors(index.tensors, names)
    }
    let records = try PackingRecord.all(in: metadata)
    var resolved = ResolvedTensors([], names)
    var members: [String: [String: IndexedTensor]] = [:]
    var positions: [String: Int] = [:]
    for tensor in index.tensors {
      guard let (name, suffix) = PackingRecord.split(tensor.name), records[name] != nil else {
        resolved.tensors.append(tensor)
        continue
      }
      if positions[name] == nil {
        positions[name] = resolved.tensors.count
        resolved.tensors.append(tensor)
      }
      members[name, default: [:]][suffix] = tensor
    }
    let plain = Set(index.tensors.lazy.map(\.name))
    for (name, record) in records.sorted(by: { $0.key < $1.key }) {
      guard let position = positions[name], let arrays = members[name] else {
        throw .invalidPacking(tensor: name, reason: "the file has none of its arrays")
      }
      guard !plain.contains(name) else { throw .duplicateTensor(name: name) }
      try resolved.gather(arrays, named: name, record, at: position, file)
    }
    resolved.updateNames()
    return resolved
  }
}

extension ResolvedTensors {
  /// Turns a packed tensor's first array into the tensor: the name, type and stored orientation
  /// that it decodes to, and the range of its arrays in the file.
  fileprivate mutating func gather(
    _ arrays: [String: IndexedTensor], named name: String, _ record: PackingRecord,
    at position: Int, _ file: Bytes
  ) throws(CheckpointError) {
    var parts: [String: PackedTensor.Part] = [:]
    var (first, last, byteCount) = (Int.max, 0, 0)
    for (suffix, array) in arrays {
      guard let dtype = array.dtype else {
        throw .unreadableType(tensor: array.name, dtype: array.dtypeName)
      }
      parts[suffix] = PackedTensor.Part(dtype: dtype, bytes: file[array.byteRange])
      first = min(first, array.byteRange.lowerBound)
      last = max(last, array.byteRange.upperBound)
      byteCount += array.byteRange.count
    }
    let packed = PackedTensor(name: name, record: record, parts: parts)
    guard let encoding = EncodingCatalog.named(record.encoding) else {
      throw packed.damaged("its encoding is unknown")
    }
    try encoding.check(packed)
    let blocks = encoding.hasBlocks ? record.blocks : nil
    let typeName = blocks?.rawValue ?? record.dtype.rawValue
    tensors[position] = IndexedTensor(
      name: name, dtype: record.dtype, dtypeName: typeName,
      shape: record.isTransposed ? record.shape.reversed : record.shape,
      byteRange: first..<last)
    self[position] = .packed(packed, byteCount: byteCount)
  }
}

extension PackedTensor {
  /// The parameter it decodes to. Mask and grid are read now, unless the model is
  /// so large that they had better wait with codes and values until they are asked
  /// for.
  func parameter(place: Place, ofLargeModel isLarge: Bool) throws(CheckpointError) -> Parameter {
    guard let encoding = EncodingCatalog.named(record.encoding) else {
      throw damaged("its encoding is unknown")
    }
    let isKnown = !(isLarge && hasLargeForm)
    let mask = try isKnown ? mask() : nil
    let grid = try isKnown ? encoding.grid(of: self) : nil
    let parameter = Parameter(
      name: name, shape: record.shape, dtype: record.dtype, place: place,
      isTransposed: record.isTransposed, grid: grid, mask: mask,
      load: { try self.read(encoding) }
    ).storedIn(
      record.blocks.flatMap { format in
        encoding.hasBlocks ? StoredBlocks(format) { try encoding.blocks(of: self) } : nil
      })
    if isKnown { return parameter.storedIn(rows(encoding)) }
    return parameter.deferring { _, _ in
      let (mask, grid) = (try self.mask(), try encoding.grid(of: self))
      return Weights(values: try self.read(encoding), grid: grid, mask: mask)
    }.storedIn(rows(encoding))
  }

  private func rows(_ encoding: any StorageEncoding.Type) -> StoredRows {
    StoredRows(byteCount: parts.values.reduce(0) { $0 + $1.bytes.count }) {
      try encoding.rows(of: self)
    }
  }

  /// Whether mask or scales take memory that grows with the weights.
  private var hasLargeForm: Bool {
    parts["bitmap"] != nil || (parts["scales"]?.count ?? 0) > record.shape.rows
  }

  private func mask() throws(CheckpointError) -> Mask? {
    parts["bitmap"] == nil ? nil : try Bitmap.mask(self)
  }

  private func read(_ encoding: any StorageEncoding.Type) throws(CheckpointError) -> Tensor {
    let tensor = try encoding.decode(self)
    try forgetParts()
    return tensor
  }
}
