internal import CKernels
internal import CMatrix
internal import Synchronization
internal import Tensors

/// A linear layer y = x·Wᵀ + b whose weights are put in the order of the matrix
/// library when they are first used.
final class Linear: Sendable {
  let source: Blueprint.Layer
  /// Outputs and inputs.
  let rows: Int
  let columns: Int
  private let packed = Mutex<[Precision: PackedWeights]>([:])

  init(_ source: Blueprint.Layer) {
    self.source = source
    rows = source.weight.shape.rows
    columns = source.weight.shape.columns
  }

  /// Whether both multiply by the same parameters.
  func isIdentical(to other: Blueprint.Layer) -> Bool {
    guard source.weight.isIdentical(to: other.weight) else { return false }
    switch (source.bias, other.bias) {
    case (nil, nil): return true
    case (let own?, let other?): return own.isIdentical(to: other)
    default: return false
    }
  }

  /// The weights, ready to multiply with. O(1) after the first call.
  func weights(_ precision: Precision) throws -> PackedWeights {
    try packed.withLock { known in
      if let ready = known[precision] { return ready }
      let ready = try PackedWeights(source, precision)
      known[precision] = ready
      return ready
    }
  }
}

/// Weights in the order of the matrix library, cut into groups of output
/// channels so that threads can share one product.
///
/// `@unchecked Sendable`: the handles are only read after `init`.
@safe
final class PackedWeights: @unchecked Sendable {
  /// Output channels in a group; the last may have more.
  let groupRows: Int
  let rows: Int
  let columns: Int
  private let isHalf: Bool
  private var groups: [OpaquePointer] = unsafe []
  private let bias: Tensor?
  /// Some libraries read the weights where they are.
  private let weight: Tensor

  init(_ source: Blueprint.Layer, _ precision: Precision) throws {
    weight = try source.weight.tensor()
    bias = try source.bias?.tensor()
    rows = source.weight.shape.rows
    columns = source.weight.shape.columns
    isHalf = precision == .bf16 && pare_matrix_has_bf16()
    groupRows = PackedWeights.groupRows(of: rows)
    if isEmpty { return }
    try unsafe weight.withUnsafeValues { values in
      for index in 0..<max(rows / groupRows, 1) {
        let first = index * groupRows
        guard
          let group = unsafe pare_weights_pack(
            values.baseAddress.unsafelyUnwrapped + first * columns, channels(of: index), columns,
            rows, isHalf)
        else { throw NetworkError.outOfMemory(source.weight.name) }
        unsafe groups.append(group)
      }
    }
  }

  deinit { unsafe groups.forEach { unsafe pare_weights_free($0) } }

  /// Whether there is nothing to multiply: sliced layers may be left without inputs or
  /// outputs. Without inputs a layer still gives its bias, as one group.
  private var isEmpty: Bool { rows == 0 || columns == 0 }

  var groupCount: Int { unsafe isEmpty ? min(rows, 1) : groups.count }

  /// The last group also has what is left over.
  private func channels(of group: Int) -> Int {
    let following = (group + 2) * groupRows
    return following <= rows ? groupRows : rows - group * groupRows
  }

  /// About six groups of whole panels of 64, which the libraries like; fewer than
  /// 192 channels make a product slower.
  private static func groupRows(of rows: Int) -> Int {
    let (panel, least, most, groups) = (64, 192, 512, 6)
    let wanted = (rows / groups + panel - 1) / panel * panel
    return min(max(wanted, least), most)
  }

  /// What happens to the product on its way out.
  struct Epilogue {
    var activation: Configuration.Activation?
    /// Adds to what is there instead of replacing it.
    var adds = false
    /// Writes bf16.
    var isHalf = false
  }

  /// Multiplies `count` rows of `input`, which are of the weights' precision,
  /// with one group; its outputs go to their columns of `output`.
  func apply(
    group: Int, count: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer,
    _ epilogue: Epilogue = Epilogue(), with engine: MatrixEngine
  ) {
    if isEmpty {
      return unsafe addBias(count, output.assumingMemoryBound(to: Float.self), epilogue)
    }
    let first = group * groupRows
    let size = epilogue.isHalf ? 2 : 4
    unsafe withBias(at: first) { bias in
      let target = unsafe output + first * size
      let done = unsafe pare_weights_apply(
        engine.handle, groups[group], count, input, columns, target, rows, bias,
        PackedWeights.flags(epilogue))
      if !done { engine.hasFailed = true }
      if !pare_matrix_fuses() {
        unsafe finish(
          count, target.assumingMemoryBound(to: Float.self),
          width: channels(of: group), bias, epilogue)
      }
    }
  }

  /// All groups, one after the other.
  func apply(
    count: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer,
    _ epilogue: Epilogue = Epilogue(), with engine: MatrixEngine
  ) {
    for group in 0..<groupCount {
      unsafe apply(
        group: group, count: count, input: input, output: output, epilogue, with: engine)
    }
  }

  /// What a layer without inputs adds.
  private func addBias(_ count: Int, _ output: UnsafeMutablePointer<Float>, _ epilogue: Epilogue) {
    precondition(epilogue.adds, "only a layer that adds to the residual stream has no inputs")
    unsafe withBias(at: 0) { bias in
      if let bias = unsafe bias { unsafe pare_add_bias(count, rows, output, rows, bias) }
    }
  }

  private func finish(
    _ count: Int, _ output: UnsafeMutablePointer<Float>, width: Int,
    _ bias: UnsafePointer<Float>?, _ epilogue: Epilogue
  ) {
    if let bias = unsafe bias { unsafe pare_add_bias(count, width, output, rows, bias) }
    guard let activation = epilogue.activation else { return }
    for row in 0..<count {
      unsafe pare_gelu(width, output + row * rows, activation == .geluTanh ? 1 : 0)
    }
  }

  private func withBias(at first: Int, _ body: (UnsafePointer<Float>?) -> Void) {
    guard let bias else { return body(nil) }
    unsafe bias.withUnsafeValues { unsafe body($0.baseAddress.unsafelyUnwrapped + first) }
  }

  private static func flags(_ epilogue: Epilogue) -> Int32 {
    var flags: Int32 = 0
    switch epilogue.activation {
    case .gelu?: flags |= Int32(PARE_FUSE_GELU)
    case .geluTanh?: flags |= Int32(PARE_FUSE_GELU_TANH)
    case nil: break
    }
    if epilogue.adds { flags |= Int32(PARE_FUSE_ADD) }
    if epilogue.isHalf { flags |= Int32(PARE_FUSE_BF16) }
    return flags
  }
}
