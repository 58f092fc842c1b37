internal import CKernels
internal import CMatrix
internal import Models
package import Tensors

/// Weights in the order of the matrix library, cut into groups of output
/// channels so that threads can share one product.
///
/// `@unchecked Sendable`: the handles are only read after `init`.
@safe
package final class PackedWeights: @unchecked Sendable {
  /// Output channels in a group; the last may have more.
  let groupRows: Int
  package let rows: Int
  package let columns: Int
  /// Whether its inputs are bf16.
  package let isHalf: Bool
  /// Values from the outputs of one input to the next one's.
  private let stride: Int
  private var groups: [OpaquePointer] = unsafe []
  private let bias: Tensor?
  /// Some libraries read the weights where they are.
  private let weight: Tensor

  /// Rounded to bf16 where products of that are faster and `isHalf` asks for it. `stride` is that
  /// of the products: in the order for another one the library multiplies a thousand times more
  /// slowly. Throws what reading throws, and `BackendError.outOfMemory`.
  package init(_ source: Parameter, bias: Parameter?, isHalf: Bool, stride: Int) throws {
    weight = try source.tensor()
    self.bias = try bias?.tensor()
    rows = source.shape.rows
    columns = source.shape.columns
    self.isHalf = isHalf && pare_matrix_has_bf16()
    self.stride = stride
    groupRows = PackedWeights.groupRows(of: rows)
    if isEmpty { return }
    try unsafe weight.withUnsafeValues { values in
      for index in 0..<max(rows / groupRows, 1) {
        let first = index * groupRows
        guard
          let group = unsafe pare_weights_pack(
            values.baseAddress.unsafelyUnwrapped + first * columns, channels(of: index), columns,
            stride, self.isHalf)
        else { throw BackendError.outOfMemory(source.name) }
        unsafe groups.append(group)
      }
    }
  }

  deinit { unsafe groups.forEach { unsafe pare_weights_free($0) } }

  /// Whether there is nothing to multiply: sliced layers may be left without inputs or
  /// outputs. Without inputs a layer still gives its bias, as one group.
  private var isEmpty: Bool { rows == 0 || columns == 0 }

  package var groupCount: Int { unsafe isEmpty ? min(rows, 1) : groups.count }

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

  /// Multiplies with one group of output channels.
  package func apply(group: Int, _ product: LayerProduct, with engine: MatrixEngine) {
    if isEmpty { return addBias(product) }
    precondition(product.stride == stride)
    let first = group * groupRows
    let finish = product.finish
    unsafe withBias(at: first) { bias in
      let target = unsafe product.output + first * (finish.isHalf ? 2 : 4)
      let done = unsafe pare_weights_apply(
        engine.handle, groups[group], product.count, product.input, columns, target,
        product.stride, bias, PackedWeights.flags(finish))
      if !done { engine.hasFailed = true }
      if !pare_matrix_fuses() {
        unsafe complete(
          product, target.assumingMemoryBound(to: Float.self), width: channels(of: group), bias)
      }
    }
  }

  /// What a layer without inputs gives. It is an output layer, whose results are f32.
  private func addBias(_ product: LayerProduct) {
    let output = unsafe product.output.assumingMemoryBound(to: Float.self)
    if !product.finish.adds {
      for row in 0..<product.count {
        unsafe (output + row * product.stride).update(repeating: 0, count: rows)
      }
    }
    unsafe withBias(at: 0) { bias in
      if let bias = unsafe bias {
        unsafe pare_add_bias(product.count, rows, output, product.stride, bias)
      }
    }
  }

  private func complete(
    _ product: LayerProduct, _ output: UnsafeMutablePointer<Float>, width: Int,
    _ bias: UnsafePointer<Float>?
  ) {
    let (count, stride) = (product.count, product.stride)
    if let bias = unsafe bias { unsafe pare_add_bias(count, width, output, stride, bias) }
    guard let activation = product.finish.activation else { return }
    for row in 0..<count {
      unsafe pare_gelu(width, output + row * stride, activation == .geluTanh ? 1 : 0)
    }
  }

  private func withBias(at first: Int, _ body: (UnsafePointer<Float>?) -> Void) {
    guard let bias else { return body(nil) }
    unsafe bias.withUnsafeValues { unsafe body($0.baseAddress.unsafelyUnwrapped + first) }
  }

  private static func flags(_ finish: LayerProduct.Finish) -> Int32 {
    var flags: Int32 = 0
    switch finish.activation {
    case .gelu?: flags |= Int32(PARE_FUSE_GELU)
    case .geluTanh?: flags |= Int32(PARE_FUSE_GELU_TANH)
    default: break
    }
    if finish.adds { flags |= Int32(PARE_FUSE_ADD) }
    if finish.isHalf { flags |= Int32(PARE_FUSE_BF16) }
    return flags
  }
}
