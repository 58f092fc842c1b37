public import Tensors

/// What matrices of weights are stored as.
public enum GGUFStorage: Sendable, Hashable {
  /// Blocks of a format, where rows are whole numbers of them.
  case blocks(BlockFormat)
  /// Values of a type.
  case values(DType)
  /// Each as it is: values of its own type, where GGUF has it, or blocks.
  case own
}

/// One tensor of a GGUF file that is going to be written.
struct GGUFTensor: Sendable {
  private enum Form: Sendable {
    case numbers(DType)
    case blocks(BlockFormat)
    /// As the open checkpoint has them, and where a pass has changed weights as near to
    /// that as can be.
    case kept(BlockFormat)
  }

  let name: String
  let shape: Shape
  let byteCount: Int
  /// ggml's number of the type.
  let type: UInt32
  /// llama.cpp's number of a file that is mostly of it.
  let fileType: UInt32?
  let entry: GGUFPlan.Entry
  /// What the file does not hold of it as it was.
  let losses: [SaveLoss]
  /// From the start of the data.
  var offset = 0
  /// One, or the experts of a stack, whose bytes follow each other.
  let parts: [Parameter]
  private let form: Form
  /// The bytes of each part that is copied.
  private let copies: [Bytes?]
  /// Of each part's columns, where that makes a difference.
  private let importance: [[Float]?]

  init(
    _ source: GGUFSource, _ wanted: GGUFStorage, _ stored: BlockIndex,
    _ importance: ImportanceMatrix?, shouldStop: @Sendable () -> Bool
  ) throws {
    name = source.name
    shape = source.shape
    parts = source.parts
    guard shape.dimensions.count <= GGUFHeader.axisLimit else {
      throw CheckpointError.tooManyDimensions(tensor: name, limit: GGUFHeader.axisLimit)
    }
    let part = source.parts[0]
    var (form, fallback) = Self.form(of: part, named: name, wanted)
    var copies: [Bytes?] = []
    var fits: [Fit] = []
    if case .blocks(let format) = form,
      parts.allSatisfy({ $0.origin?.format == format && !$0.isTransposed })
    {
      copies = parts.map { stored.bytes(of: $0, format) }
      fits = try zip(parts, copies).map { part, copy in
        try copy == nil ? Self.keeping(part, format, shouldStop).fit : .exact
      }
      form = .kept(format)
    }
    if case .blocks(let format) = form, !format.isWritable { fits = [.impossible] }
    if fits.contains(.impossible) {
      let format = part.origin?.format.rawValue ?? ""
      (form, copies) = (.numbers(.f16), [])
      fallback = "\(format) is read, but not written, and weights are others now"
    }
    self.form = form
    self.copies = copies
    self.importance = try Self.importance(importance, of: source, in: form)
    let size: Int
    let typeName: String
    switch form {
    case .numbers(let dtype):
      size = part.shape.count * dtype.byteCount
      type = GGUFType.number(of: dtype) ?? 0
      fileType = GGUFPairs.fileType(dtype)
      typeName = dtype.rawValue
    case .blocks(let format), .kept(let format):
      size = format.byteCount(of: part.shape) ?? 0
      type = GGUFType.number(of: format) ?? 0
      fileType = GGUFPairs.fileType(format)
      typeName = format.rawValue
    }
    byteCount = size * parts.count
    entry = GGUFPlan.Entry(
      name: name, type: typeName, shape: shape, byteCount: byteCount, fallback: fallback,
      isWeighted: self.importance.contains { $0 != nil })
    let missing = [Fit](repeating: .exact, count: source.parts.count - fits.count)
    let written = form
    losses = zip(source.parts, fits + missing).flatMap { Self.losses($0, written, $1) }
  }

  /// How much of changed weights the blocks that they were in hold.
  private enum Fit {
    case exact
    /// Kept weights exactly, and pruned ones as near to 0 as their blocks allow.
    case nearest
    /// Blocks are made anew.
    case rounded
    case impossible
  }

  /// A changed part in the format of its file.
  private static func keeping(
    _ parameter: Parameter, _ format: BlockFormat, _ shouldStop: @Sendable () -> Bool
  ) throws -> (bytes: Bytes, fit: Fit) {
    let weights = try parameter.loaded(shouldStop: shouldStop)
    let kept = Bitmap.kept(of: weights.values, mask: weights.mask)
    if let edited = PrunedBlocks(parameter, weights.values, kept: kept)?.edited() {
      return (Bytes(edited.bytes), edited.isExact ? .exact : .nearest)
    }
    guard format.isWritable else { return (Bytes([UInt8]()), .impossible) }
    guard let bytes = weights.values.blocks(of: format, shouldStop: shouldStop),
      let after = unsafe bytes.withUnsafeBytes({
        unsafe Tensor(weights.values.shape, dequantizing: $0, from: format)
      })
    else { throw CheckpointError.stopped }
    let isExact = after.isPruned(weights.values, keeping: kept)
    return (Bytes(bytes), isExact ? .exact : .rounded)
  }

  /// The tensor as a reader finds it after a header of `headerCount` bytes; a stack gives its
  /// experts.
  func arrays(after headerCount: Int) -> [IndexedTensor] {
    let start = headerCount + offset
    var array = IndexedTensor(
      name: name, dtype: .f32, dtypeName: entry.type, shape: shape,
      byteRange: start..<start + byteCount)
    switch form {
    case .numbers(let dtype): array.dtype = dtype
    case .blocks(let format), .kept(let format): array.blocks = format
    }
    return ExpertStack.unfolded(array)
  }

  /// Whether it is stored as the checkpoint has it.
  var isOwn: Bool {
    switch form {
    case .kept: true
    case .blocks: false
    case .numbers(let dtype): parts.allSatisfy { $0.origin == nil && $0.dtype == dtype }
    }
  }

  /// Whether it is stored in the blocks that the checkpoint has it in.
  var isKept: Bool { if case .kept = form { true } else { false } }

  /// What tells a save with another importance from this.
  var importanceBytes: [UInt8] {
    importance.flatMap { $0?.flatMap { GGUFWriter.bytes($0.bitPattern) } ?? [0] }
  }

  private static func importance(
    _ matrix: ImportanceMatrix?, of source: GGUFSource, in form: Form
  ) throws(CheckpointError) -> [[Float]?] {
    let none = [[Float]?](repeating: nil, count: source.parts.count)
    guard let matrix, case .blocks(let format) = form, format.isWeighted,
      let entry = matrix.entries[source.name]
    else { return none }
    let columns = source.shape.dimensions.last ?? 1
    if let means = entry.means(parts: source.parts.count, columns: columns) { return means }
    // What was measured here is of the model as it was before a pass took columns out.
    guard let path = matrix.path else { return none }
    let experts = source.parts.count > 1 ? " for each of \(source.parts.count) experts" : ""
    throw .invalidImportance(
      path: path,
      reason: "\(source.name.quoted) has \(entry.sums.count) values and \(entry.counts.count) "
        + "\(entry.counts.count == 1 ? "count" : "counts"), and \(columns) columns\(experts) in "
        + "the model")
  }

  /// Whether errors in it can be weighed.
  var takesImportance: Bool {
    if case .blocks(let format) = form { format.isWeighted } else { false }
  }

  /// What the header says of it.
  var info: GGUFWriter.Info {
    GGUFWriter.Info(name: name, shape: shape, type: type, offset: offset)
  }

  private static func losses(
    _ parameter: Parameter, _ form: Form, _ fit: Fit
  ) -> [SaveLoss] {
    let blocks = parameter.origin?.format
    let type = blocks?.rawValue ?? parameter.dtype.rawValue
    switch form {
    case .kept(let format):
      switch fit {
      case .nearest: return [SaveLoss(.nearest, from: format.rawValue)]
      case .rounded: return [SaveLoss(.quantized, from: type, to: format.rawValue)]
      case .exact, .impossible: return []
      }
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
    of parameter: Parameter, named name: String, _ wanted: GGUFStorage
  ) -> (Form, fallback: String?) {
    guard parameter.dtype.isFloatingPoint else {
      return (.numbers(GGUFType.number(of: parameter.dtype) == nil ? .i32 : parameter.dtype), nil)
    }
    let isMatrix = parameter.shape.dimensions.count >= 2
    guard isMatrix, ![.norm, .buffer, .bias, .router].contains(parameter.place.role),
      // Learned positions are added to what has full precision.
      name != "position_embd.weight"
    else { return (.numbers(.f32), nil) }
    switch wanted {
    case .values(let dtype): return (.numbers(dtype), nil)
    case .blocks(let format): return blocks(format, of: parameter)
    case .own:
      // Blocks that stand transposed are rows no more.
      if let origin = parameter.origin, !parameter.isTransposed {
        return (.blocks(origin.format), nil)
      }
      return (.numbers(own(parameter.dtype)), nil)
    }
  }

  /// The type that llama.cpp reads, and that holds the values of another.
  private static func own(_ dtype: DType) -> DType {
    switch dtype {
    case .f16, .bf16: dtype
    case .f8e4m3, .f8e5m2: .f16
    case .f32, .f64, .i64, .i32, .i16, .i8, .u8, .bool: .f32
    }
  }

  private static func blocks(
    _ wanted: BlockFormat, of parameter: Parameter
  ) -> (Form, fallback: String?) {
    let columns = parameter.shape.dimensions.last ?? 1
    if columns % wanted.weightCount == 0 { return (.blocks(wanted), nil) }
    let reason =
      "rows of \(columns) are no multiple of \(wanted.weightCount), which \(wanted.rawValue) needs"
    let other = fallback(of: wanted)
    return (columns % other.weightCount == 0 ? .blocks(other) : .numbers(.f16), reason)
  }

  /// llama.cpp's choice of blocks of 32 in place of those of 256; a format without such a
  /// choice is returned unchanged.
  private static func fallback(of format: BlockFormat) -> BlockFormat {
    switch format {
    case .q2K, .q3K, .iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS, .iq3S, .iq4XS: .iq4NL
    case .q4K: .q5_0
    case .q5K: .q5_1
    case .q6K, .q8K: .q8_0
    case .tq1_0, .tq2_0: .q4_0
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q1_0, .q2_0, .iq4NL, .mxfp4, .nvfp4: format
    }
  }

  /// The bytes of a part, in logical orientation.
  func encoded(
    part: Int, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws -> Bytes {
    switch form {
    case .kept(let format):
      return try copies[part] ?? Self.keeping(parts[part], format, shouldStop).bytes
    case .numbers(let dtype):
      let tensor = try parts[part].tensor(threads: threads, shouldStop: shouldStop)
      return StoredNumbers.stored(tensor, dtype)
    case .blocks(let format):
      let tensor = try parts[part].tensor(threads: threads, shouldStop: shouldStop)
      let bytes = tensor.blocks(
        of: format, importance: importance[part], threads: threads, shouldStop: shouldStop)
      guard let bytes else { throw CheckpointError.stopped }
      return Bytes(bytes)
    }
  }
}
