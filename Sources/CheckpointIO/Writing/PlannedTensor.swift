internal import Tensors

/// One tensor of a planned file and where its arrays will lie.
struct PlannedTensor: Sendable {
  struct Part: Sendable {
    let name: String
    let dtypeName: String
    let dimensions: [Int]
    let byteCount: Int
    /// Bytes of one number: arrays are laid out so that each is aligned.
    let alignment: Int
    /// From the end of the header.
    var offset = 0
  }

  enum Source: Sendable {
    /// Encoded again from its values.
    case parameter(Parameter, DType, any StorageEncoding.Type)
    /// Copied from the open checkpoint.
    case raw(IndexedTensor)
    case bytes(Range<Int>)
    /// Written in a quantizer's layout.
    case layer(Parameter, GridLayer, LayerWriting)
  }

  let name: String
  let source: Source
  let record: PackingRecord?
  var parts: [Part]
  let entry: SavePlan.Entry
  /// Present where there are bit depths.
  let channelSizes: ChannelSizes?
  /// What the file does not hold of it as it was.
  let losses: [SaveLoss]

  /// A copy of its bytes; `shape` is the logical one where that differs.
  init(raw tensor: IndexedTensor, shape: Shape? = nil) {
    name = tensor.name
    source = .raw(tensor)
    record = nil
    channelSizes = nil
    losses = []
    let size =
      tensor.dtype.map { $0.byteCount * tensor.shape.count }
      ?? (tensor.deflated ?? tensor.byteRange).count
    parts = [
      Part(
        name: tensor.name, dtypeName: tensor.dtypeName, dimensions: tensor.shape.dimensions,
        byteCount: size, alignment: SafetensorsFormat.byteCount(ofType: tensor.dtypeName))
    ]
    entry = SavePlan.Entry(
      name: tensor.name, encoding: DenseEncoding.name, dtypeName: tensor.dtypeName,
      shape: shape ?? tensor.shape, byteCount: size)
  }

  /// A copy of the blocks that a parameter is stored in.
  init(_ parameter: Parameter, copying blocks: BlockIndex.Entry) {
    name = parameter.name
    source = .bytes(blocks.byteRange)
    record = PackingRecord(parameter, blocks: blocks.format)
    channelSizes = nil
    losses = []
    let byteCount = blocks.byteRange.count
    parts = [
      Part(
        name: PackingRecord.partName(name, BlocksEncoding.suffix),
        dtypeName: DType.u8.rawValue, dimensions: [byteCount], byteCount: byteCount,
        alignment: DType.u8.byteCount)
    ]
    entry = SavePlan.Entry(
      name: name, encoding: BlocksEncoding.name, dtypeName: blocks.format.rawValue,
      shape: parameter.shape, byteCount: byteCount)
  }

  /// A layer on a grid in a quantizer's layout.
  init(_ parameter: Parameter, _ layer: GridLayer, _ writing: LayerWriting) {
    name = parameter.name
    source = .layer(parameter, layer, writing)
    record = nil
    channelSizes = nil
    losses = layer.isRounded ? [SaveLoss(.rounded, from: "F32 scales", to: "F16")] : []
    parts = writing.arrays(layer).map { array in
      Part(
        name: "\(layer.module).\(array.suffix)", dtypeName: array.dtype.rawValue,
        dimensions: array.dimensions, byteCount: array.byteCount,
        alignment: array.dtype.byteCount)
    }
    entry = SavePlan.Entry(
      name: name, encoding: writing.layout.layout.name, dtypeName: "I\(layer.bits)",
      shape: parameter.shape, byteCount: parts.reduce(0) { $0 + $1.byteCount })
  }

  /// The weights encoded anew. `storedAs` names what the parameter is stored as where
  /// that is more than values; `widening` gives a type that the file has for one that
  /// it has not.
  init(
    _ parameter: Parameter, _ weights: Weights, _ form: SaveForm, storedAs: String? = nil,
    widening: (DType) -> DType = { $0 }
  ) {
    switch form {
    case .dense(let wanted):
      let (dtype, isExact) = PlannedTensor.denseType(
        parameter, weights.values, wanted, widening)
      let facts = TensorFacts(
        count: parameter.shape.count, keptCount: parameter.shape.count, dtype: dtype)
      let codes =
        storedAs ?? parameter.origin.map { "\($0.format.rawValue) blocks" }
        ?? (weights.grid == nil ? nil : "codes")
      let losses = PlannedTensor.losses(parameter, as: dtype, isExact: isExact, codes)
      self.init(parameter, facts, DenseEncoding.self, nil, losses)
    case .packed:
      self.init(parameter, EncodingSource(parameter, weights))
    }
  }

  /// Packed in the smallest encoding.
  init(_ parameter: Parameter, _ source: EncodingSource) {
    self.init(parameter, source.facts) {
      PackingRecord(encoding: $0, source, dtype: parameter.dtype)
    }
  }

  /// The same of weights on no grid, by what is known of them; `blocks` are those that kept
  /// ones have their codes in.
  init(_ parameter: Parameter, _ facts: TensorFacts, blocks: BlockFormat?) {
    self.init(parameter, facts) { PackingRecord(encoding: $0, parameter, blocks: blocks) }
  }

  private init(
    _ parameter: Parameter, _ facts: TensorFacts,
    _ record: (any StorageEncoding.Type) -> PackingRecord
  ) {
    let encoding = EncodingCatalog.best(facts)
    self.init(
      parameter, facts, encoding, encoding == DenseEncoding.self ? nil : record(encoding),
      PlannedTensor.reading(parameter))
  }

  private static func denseType(
    _ parameter: Parameter, _ tensor: Tensor, _ wanted: DType?, _ widening: (DType) -> DType
  ) -> (DType, isExact: Bool) {
    if let wanted, parameter.dtype.isFloatingPoint {
      let dtype = widening(wanted)
      return (dtype, StoredNumbers.isExact(tensor, dtype))
    }
    let isExact = StoredNumbers.isExact(tensor, parameter.dtype)
    return (widening(isExact ? parameter.dtype : .f32), true)
  }

  /// What values stored as `dtype` do not keep.
  private static func losses(
    _ parameter: Parameter, as dtype: DType, isExact: Bool, _ codes: String?
  ) -> [SaveLoss] {
    var losses = reading(parameter)
    if let codes {
      losses.append(SaveLoss(.unpacked, from: codes, to: dtype.rawValue))
    }
    if !isExact {
      losses.append(SaveLoss(.rounded, from: parameter.dtype.rawValue, to: dtype.rawValue))
    } else if dtype != parameter.dtype, losses.isEmpty {
      losses.append(SaveLoss(.retyped, from: parameter.dtype.rawValue, to: dtype.rawValue))
    }
    return losses
  }

  /// Values are f32 in memory.
  private static func reading(_ parameter: Parameter) -> [SaveLoss] {
    parameter.dtype == .f64
      ? [SaveLoss(.rounded, from: DType.f64.rawValue, to: DType.f32.rawValue)] : []
  }

  private init(
    _ parameter: Parameter, _ facts: TensorFacts, _ encoding: any StorageEncoding.Type,
    _ record: PackingRecord?, _ losses: [SaveLoss]
  ) {
    name = parameter.name
    self.losses = losses
    source = .parameter(parameter, facts.dtype, encoding)
    channelSizes = facts.channels?.sizes
    self.record = record
    let stored = encoding.parts(facts) ?? []
    let shape = parameter.isTransposed ? parameter.shape.reversed : parameter.shape
    parts = stored.map { part in
      Part(
        name: PackingRecord.partName(parameter.name, part.suffix),
        dtypeName: part.dtype.rawValue,
        dimensions: part.suffix.isEmpty ? shape.dimensions : [part.count],
        byteCount: part.byteCount, alignment: part.dtype.byteCount)
    }
    entry = SavePlan.Entry(
      name: parameter.name, encoding: encoding.name,
      dtypeName: record == nil ? facts.dtype.rawValue : parameter.dtype.rawValue,
      shape: parameter.shape, byteCount: parts.reduce(0) { $0 + $1.byteCount })
  }

  /// Gives every array its offset, wide numbers first so that all are aligned
  /// without gaps, and returns the bytes of all data.
  static func layOut(_ tensors: inout [PlannedTensor]) -> Int {
    var end = 0
    for alignment in [8, 4, 2, 1] {
      for tensor in tensors.indices {
        for part in tensors[tensor].parts.indices
        where tensors[tensor].parts[part].alignment == alignment {
          tensors[tensor].parts[part].offset = end
          end += tensors[tensor].parts[part].byteCount
        }
      }
    }
    return end
  }

  /// The bytes of its arrays, in the order of `parts`.
  func encoded(
    from file: Bytes?, _ shouldStop: @Sendable () -> Bool
  ) throws -> [Bytes] {
    switch source {
    case .raw(let tensor):
      guard let file else { return [] }
      let bytes = try tensor.bytes(in: file, shouldStop: shouldStop)
      guard let dtype = tensor.dtype else { return [bytes] }
      let reader = TensorReader(
        bytes: bytes, dtype: dtype, shape: tensor.shape,
        strides: tensor.strides, isTransposed: false, isBigEndian: tensor.isBigEndian)
      return [reader.rowMajor]
    case .bytes(let range): return file.map { [$0[range]] } ?? []
    case .layer(let parameter, let layer, let writing):
      return try writing.encoded(layer, parameter.loaded(shouldStop: shouldStop))
    case .parameter(let parameter, let dtype, let encoding):
      let weights = try parameter.loaded(shouldStop: shouldStop)
      if encoding == DenseEncoding.self {
        return [DenseEncoding.bytes(weights.values, dtype, isTransposed: parameter.isTransposed)]
      }
      let source = EncodingSource(parameter, weights)
      let arrays = encoding.encode(source)
      try check(arrays, encoding, source)
      return arrays
    }
  }

  /// Throws `CheckpointError.invalidConversion` unless the arrays give the values back bit
  /// for bit.
  private func check(
    _ arrays: [Bytes], _ encoding: any StorageEncoding.Type, _ source: EncodingSource
  ) throws(CheckpointError) {
    guard let record else { return }
    var stored: [String: PackedTensor.Part] = [:]
    for (part, bytes) in zip(parts, arrays) {
      guard let suffix = PackingRecord.split(part.name)?.suffix,
        let dtype = DType(rawValue: part.dtypeName)
      else { continue }
      stored[suffix] = PackedTensor.Part(dtype: dtype, bytes: bytes)
    }
    let packed = PackedTensor(name: name, record: record, parts: stored)
    try encoding.check(packed)
    _ = try encoding.grid(of: packed)
    let (meant, found) = (source.tensor, try encoding.decode(packed))
    let isSame =
      encoding.hasBlocks
      ? found.isPruned(meant, keeping: source.kept) : StoredNumbers.areSame(found, meant)
    guard isSame else {
      throw .invalidConversion(
        reason: "tensor \(name.quoted) stored as \(encoding.name) has other values")
    }
  }
}

/// The JSON at the front of a safetensors file.
enum SafetensorsHeader {
  static let metadataKey = "__metadata__"

  /// No array may bear the name of another or of the metadata, which a PyTorch
  /// file can make them do. Throws `CheckpointError.duplicateTensor`.
  static func checkNames(_ tensors: [PlannedTensor]) throws(CheckpointError) {
    var names: Set<String> = [metadataKey]
    for part in tensors.lazy.flatMap(\.parts) where !names.insert(part.name).inserted {
      throw .duplicateTensor(name: part.name)
    }
  }

  /// The length and the header, padded with spaces to a multiple of 8 so that
  /// the data is aligned. Tensors are listed in the order of the model.
  ///
  /// Throws `CheckpointError.headerTooLong`.
  static func bytes(
    _ tensors: [PlannedTensor], metadata: [String: String]
  ) throws(CheckpointError) -> [UInt8] {
    var text = Array(text(tensors, pairs: pairs(metadata)).utf8)
    text += [UInt8](repeating: 0x20, count: padded(text.count) - text.count)
    let length = UInt64(text.count)
    guard text.count <= SafetensorsFormat.headerLimit else {
      throw .headerTooLong(length: length, limit: SafetensorsFormat.headerLimit)
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + text
  }

  /// Bytes that `bytes` makes, where the metadata's pairs take `pairsByteCount`.
  static func byteCount(_ tensors: [PlannedTensor], pairsByteCount: Int) -> Int {
    8 + padded(text(tensors, pairs: "").utf8.count + pairsByteCount)
  }

  /// The metadata's members, by key.
  static func pairs(_ metadata: [String: String]) -> String {
    let pairs = metadata.sorted { $0.key < $1.key }.map { key, value in
      "\(JSONText.quoted(key)):\(JSONText.quoted(value))"
    }
    return pairs.joined(separator: ",")
  }

  private static func text(_ tensors: [PlannedTensor], pairs: String) -> String {
    var members = ["\"\(metadataKey)\":{\(pairs)}"]
    for part in tensors.lazy.flatMap(\.parts) {
      members.append(
        "\(JSONText.quoted(part.name)):{\"dtype\":\"\(part.dtypeName)\","
          + "\"shape\":\(JSONText.array(part.dimensions)),"
          + "\"data_offsets\":[\(part.offset),\(part.offset + part.byteCount)]}")
    }
    return "{\(members.joined(separator: ","))}"
  }

  private static func padded(_ count: Int) -> Int { (count + 7) / 8 * 8 }
}
