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
  }

  let name: String
  let source: Source
  let record: PackingRecord?
  var parts: [Part]
  let entry: SavePlan.Entry
  /// Present where there are bit depths.
  let channelSizes: ChannelSizes?

  init(raw tensor: IndexedTensor) {
    name = tensor.name
    source = .raw(tensor)
    record = nil
    channelSizes = nil
    let size =
      tensor.dtype.map { $0.byteCount * tensor.shape.count } ?? tensor.byteRange.count
    parts = [
      Part(
        name: tensor.name, dtypeName: tensor.dtypeName, dimensions: tensor.shape.dimensions,
        byteCount: size, alignment: SafetensorsFormat.byteCount(ofType: tensor.dtypeName))
    ]
    entry = SavePlan.Entry(
      name: tensor.name, encoding: DenseEncoding.name, dtypeName: tensor.dtypeName,
      shape: tensor.shape, byteCount: size)
  }

  init(
    _ parameter: Parameter, _ form: SaveForm, _ shouldStop: @Sendable () -> Bool
  ) throws {
    self.init(parameter, try parameter.loaded(shouldStop: shouldStop), form)
  }

  init(_ parameter: Parameter, _ weights: Weights, _ form: SaveForm) {
    switch form {
    case .dense(let wanted):
      let dtype = PlannedTensor.denseType(parameter, weights.values, wanted)
      let facts = TensorFacts(
        count: parameter.shape.count, keptCount: parameter.shape.count, dtype: dtype)
      self.init(parameter, facts, DenseEncoding.self, nil)
    case .packed:
      let source = EncodingSource(parameter, weights)
      let encoding = EncodingCatalog.best(source.facts)
      let isDense = encoding == DenseEncoding.self
      self.init(
        parameter, source.facts, encoding,
        isDense
          ? nil : PackingRecord(encoding: encoding.name, source, dtype: parameter.dtype))
    }
  }

  private static func denseType(
    _ parameter: Parameter, _ tensor: Tensor, _ wanted: DType?
  ) -> DType {
    if let wanted, parameter.dtype.isFloatingPoint { return wanted }
    let isExact = StoredNumbers.isExact(tensor, parameter.dtype)
    return isExact ? parameter.dtype : .f32
  }

  private init(
    _ parameter: Parameter, _ facts: TensorFacts, _ encoding: any StorageEncoding.Type,
    _ record: PackingRecord?
  ) {
    name = parameter.name
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
      guard let dtype = tensor.dtype else { return [file[tensor.byteRange]] }
      let reader = TensorReader(
        bytes: file[tensor.byteRange], dtype: dtype, shape: tensor.shape,
        strides: tensor.strides, isTransposed: false, isBigEndian: tensor.isBigEndian)
      return [reader.rowMajor]
    case .parameter(let parameter, let dtype, let encoding):
      let weights = try parameter.loaded(shouldStop: shouldStop)
      if encoding == DenseEncoding.self {
        return DenseEncoding.bytes(weights.values, dtype, isTransposed: parameter.isTransposed)
      }
      return encoding.encode(EncodingSource(parameter, weights)).map { Bytes($0) }
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
    let pairs = metadata.sorted { $0.key < $1.key }.map { key, value in
      "\(JSONText.quoted(key)):\(JSONText.quoted(value))"
    }
    var members = ["\"\(metadataKey)\":{\(pairs.joined(separator: ","))}"]
    for part in tensors.lazy.flatMap(\.parts) {
      members.append(
        "\(JSONText.quoted(part.name)):{\"dtype\":\"\(part.dtypeName)\","
          + "\"shape\":\(JSONText.array(part.dimensions)),"
          + "\"data_offsets\":[\(part.offset),\(part.offset + part.byteCount)]}")
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    while text.count % 8 != 0 { text.append(0x20) }
    let length = UInt64(text.count)
    guard text.count <= SafetensorsFormat.headerLimit else {
      throw .headerTooLong(length: length, limit: SafetensorsFormat.headerLimit)
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + text
  }
}
