internal import Models
internal import Tensors

/// gpt-oss keeps the experts of a block as two stacks of MXFP4 codes. Here each expert has
/// matrices of its own, whose codes `MicroscalingLayout` reads:
///
///     experts.LAYERS_blocks [expert, 2 × out, groups, 16] of U8    two codes a byte
///     experts.LAYERS_scales [expert, 2 × out, groups] of U8        powers of two
///         =  of expert 0 the gate, the even outputs, and up, the odd ones, …
///     experts.LAYER_blocks, experts.LAYER_scales
///         =  of expert 0 down, …
///
/// Nothing is copied: the matrices are views of the stacks. A file of plain values is written
/// with stacks again, `experts.LAYERS [expert, in, 2 × out]`.
enum ExpertBlocks {
  /// What the names of a matrix's arrays end with after `MODULE.`.
  static let codes = "weight_blocks"
  static let scales = "weight_scales"

  private static let stackedCodes = "_blocks"
  private static let stackedScales = "_scales"

  /// Puts the matrices in the place of their stacks, and returns the stacks of plain values
  /// that they make. Throws `limitExceeded` for more tensors than a file may have.
  static func unfold(_ index: inout CheckpointIndex) throws(CheckpointError) -> [StackedExperts] {
    let isStack = { (tensor: IndexedTensor) in
      tensor.dtype == .u8 && tensor.shape.dimensions.count == 4
        && tensor.name.hasSuffix(stackedCodes)
    }
    guard index.tensors.contains(where: isStack) else { return [] }
    var plain: [StackedExperts] = []
    var stacks: [String: [IndexedTensor]] = [:]
    let shapes = Dictionary(
      index.tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    for codes in index.tensors where isStack(codes) {
      let stem = codes.name.dropLast(stackedCodes.utf8.count)
      guard let scales = shapes[stem + stackedScales], let stack = Stack(stem, codes, scales)
      else { continue }
      stacks[codes.name] = stack.matrices(of: codes, named: Self.codes)
      stacks[scales.name] = stack.matrices(of: scales, named: Self.scales)
      if let whole = stack.plain(codes) { plain.append(whole) }
    }
    guard !stacks.isEmpty else { return [] }
    let tensors = index.tensors
    index.tensors = []
    for tensor in tensors {
      for part in stacks[tensor.name] ?? [tensor] { try index.add(part) }
    }
    return plain
  }

  /// A stack whose arrays fit together.
  private struct Stack {
    /// The stack's, without what tells codes from scales.
    private let name: String
    private let module: Substring
    private let layers: [String]
    private let experts: Int
    /// Of each layer.
    private let outputs: Int

    init?(_ stem: Substring, _ codes: IndexedTensor, _ scales: IndexedTensor) {
      let axes = codes.shape.dimensions
      guard let dot = stem.lastIndex(of: "."), stem[..<dot].hasSuffix("experts"),
        scales.dtype == .u8, scales.shape.dimensions == Array(axes.dropLast()), axes[3] == 16,
        1...ExpertStack.limit ~= axes[0],
        [codes, scales].allSatisfy({
          $0.strides == nil && $0.deflated == nil && $0.shape.count > 0
            && $0.byteRange.count == $0.shape.count
        })
      else { return nil }
      let layer = String(stem[stem.index(after: dot)...])
      name = String(stem)
      module = stem[..<dot]
      layers = StackedLayers.layers(of: layer)
      experts = axes[0]
      guard axes[1] % layers.count == 0 else { return nil }
      outputs = axes[1] / layers.count
    }

    /// The stack of plain values, which is in no file; nil for one too large to be.
    func plain(_ codes: IndexedTensor) -> StackedExperts? {
      let axes = codes.shape.dimensions
      let shape = [experts, axes[2] * 32, axes[1]]
      guard let shape = try? Shape(checking: shape, tensor: name) else { return nil }
      let members = (0..<experts).flatMap { expert in
        layers.enumerated().map { number, layer in
          StackedExperts.Member(
            name: "\(module).\(expert).\(layer).weight", expert: expert, first: number,
            step: layers.count, count: outputs)
        }
      }
      let tensor = IndexedTensor(
        name: name, dtype: nil, dtypeName: "MXFP4", shape: shape, byteRange: codes.byteRange)
      return StackedExperts(tensor: tensor, outputs: 2, members: members)
    }

    func matrices(of array: IndexedTensor, named suffix: String) -> [IndexedTensor] {
      let inner = Array(array.shape.dimensions.dropFirst(2))
      let row = inner.reduce(1, *)
      var strides = [row * layers.count]
      for axis in inner.indices { strides.append(inner[(axis + 1)...].reduce(1, *)) }
      var matrices: [IndexedTensor] = []
      for expert in 0..<experts {
        for (number, layer) in layers.enumerated() {
          var part = array
          part.name = "\(module).\(expert).\(layer).\(suffix)"
          part.shape = Shape([outputs] + inner)
          let start =
            array.byteRange.lowerBound + (expert * outputs * layers.count + number) * row
          part.byteRange = start..<start + ((outputs - 1) * layers.count + 1) * row
          part.strides = layers.count == 1 ? nil : strides
          matrices.append(part)
        }
      }
      return matrices
    }
  }
}
