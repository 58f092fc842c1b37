internal import Tensors

/// One tensor of a GGUF file that is going to be written.
struct GGUFTensor: Sendable {
  private enum Form: Sendable {
    case numbers(DType)
    case blocks(BlockFormat)
    /// As the open checkpoint has them.
    case copied(BlockFormat, Bytes)
  }

  let name: String
  let shape: Shape
  let byteCount: Int
  /// ggml's number of the type.
  let type: UInt32
  let entry: GGUFPlan.Entry
  /// What the file does not hold of it as it was.
  let losses: [SaveLoss]
  /// From the start of the data.
  var offset = 0
  private let parameter: Parameter
  private let form: Form
  /// Of each column, where that makes a difference.
  private let importance: [Float]?

  init(
    _ parameter: Parameter, _ wanted: BlockFormat, _ stored: StoredBlocks,
    _ importance: [Float]?
  ) throws(CheckpointError) {
    self.parameter = parameter
    name = parameter.name
    shape = parameter.shape
    guard shape.dimensions.count <= GGUFHeader.axisLimit else {
      throw .tooManyDimensions(tensor: name, limit: GGUFHeader.axisLimit)
    }
    let (chosen, fallback) = Self.form(of: parameter, wanted)
    var form = chosen
    if case .blocks(let format) = form, let bytes = stored.bytes(of: parameter, format) {
      form = .copied(format, bytes)
    }
    self.form = form
    self.importance = Self.importance(importance, for: parameter, in: form)
    let typeName: String
    switch form {
    case .numbers(let dtype):
      byteCount = shape.count * dtype.byteCount
      type = GGUFType.number(of: dtype) ?? 0
      typeName = dtype.rawValue
    case .blocks(let format), .copied(let format, _):
      byteCount = format.byteCount(of: shape) ?? 0
      type = GGUFType.number(of: format) ?? 0
      typeName = format.rawValue
    }
    entry = GGUFPlan.Entry(
      name: name, type: typeName, shape: shape, byteCount: byteCount, fallback: fallback,
      isWeighted: self.importance != nil)
    losses = Self.losses(parameter, form, from: stored.entry(of: parameter)?.format)
  }

  /// What tells a save with another importance from this.
  var importanceBytes: [UInt8] {
    importance?.flatMap { GGUFWriter.bytes($0.bitPattern) } ?? []
  }

  private static func importance(
    _ importance: [Float]?, for parameter: Parameter, in form: Form
  ) -> [Float]? {
    guard case .blocks(let format) = form, format.isWeighted,
      importance?.count == parameter.shape.dimensions.last
    else { return nil }
    return importance
  }

  private static func losses(
    _ parameter: Parameter, _ form: Form, from blocks: BlockFormat?
  ) -> [SaveLoss] {
    let type = blocks?.rawValue ?? parameter.dtype.rawValue
    switch form {
    case .copied: return []
    case .blocks(let format):
      return [SaveLoss(.quantized, from: type, to: format.rawValue)]
    case .numbers(let dtype):
      if blocks != nil { return [SaveLoss(.unpacked, from: "\(type) blocks", to: dtype.rawValue)] }
      if dtype == parameter.dtype { return [] }
      let isWider = dtype == .f32 && parameter.dtype != .f64 || dtype == .i32
      return [SaveLoss(isWider ? .retyped : .rounded, from: type, to: dtype.rawValue)]
    }
  }

  private static func form(
    of parameter: Parameter, _ wanted: BlockFormat
  ) -> (Form, fallback: String?) {
    guard parameter.dtype.isFloatingPoint else {
      return (.numbers(GGUFType.number(of: parameter.dtype) == nil ? .i32 : parameter.dtype), nil)
    }
    let isMatrix = parameter.shape.dimensions.count >= 2
    guard isMatrix, ![.norm, .buffer, .bias, .router].contains(parameter.place.role) else {
      return (.numbers(.f32), nil)
    }
    let columns = parameter.shape.dimensions.last ?? 1
    if columns % wanted.weightCount == 0 { return (.blocks(wanted), nil) }
    let reason =
      "rows of \(columns) are no multiple of \(wanted.weightCount), which \(wanted.rawValue) needs"
    let other = fallback(of: wanted)
    return (columns % other.weightCount == 0 ? .blocks(other) : .numbers(.f16), reason)
  }

  /// llama.cpp's choice of blocks of 32 for those of 256; what has none of its own
  /// is tried again, and in vain.
  private static func fallback(of format: BlockFormat) -> BlockFormat {
    switch format {
    case .q2K, .q3K, .iq4XS: .iq4NL
    case .q4K: .q5_0
    case .q5K: .q5_1
    case .q6K: .q8_0
    case .tq1_0, .tq2_0: .q4_0
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q1_0, .q2_0, .iq4NL, .mxfp4, .nvfp4: format
    }
  }

  /// The bytes, in logical orientation.
  func encoded(threads: Int, shouldStop: @Sendable () -> Bool) throws -> Bytes {
    switch form {
    case .copied(_, let bytes): return bytes
    case .numbers(let dtype):
      let tensor = try parameter.tensor(threads: threads, shouldStop: shouldStop)
      return StoredNumbers.stored(tensor, dtype)
    case .blocks(let format):
      let tensor = try parameter.tensor(threads: threads, shouldStop: shouldStop)
      let bytes = tensor.blocks(
        of: format, importance: importance, threads: threads, shouldStop: shouldStop)
      guard let bytes else { throw CheckpointError.stopped }
      return Bytes(bytes)
    }
  }
}
