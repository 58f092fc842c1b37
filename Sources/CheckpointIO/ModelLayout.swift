internal import Tensors

/// Gives a file's tensors their meaning: places in the model, orientation, and
/// the parameters that read them.
struct ModelLayout {
  private(set) var tensors: [TensorInfo] = []
  private(set) var parameters = Parameters([])
  /// Prefix of each block in the file, by block index.
  private(set) var blockNames: [Int: String] = [:]

  private var stacks: [Substring: Int] = [:]
  /// Layer and role of what was met before: blocks repeat each other.
  private var known: [Kind: Place] = [:]
  /// Whether any layer is an expert's, once it has been asked.
  private var hasExperts: Bool?

  private struct Kind: Hashable {
    let rest: Substring
    let dtype: DType?
    let rank: Int
  }

  init(
    _ index: CheckpointIndex, _ resolved: [ResolvedTensor], bytes: Bytes
  ) throws(CheckpointError) {
    let names = resolved.map { TensorName($0.tensor.name) }
    numberStacks(names)
    // A sliced network's layers may be narrower than what they read.
    let isSliced = index.configuration[MetadataConventions.blocks] != nil
    let isConv1D =
      !isSliced
      && Conv1D.isUsed(
        by: resolved.lazy.filter { $0.quantized == nil }.map(\.tensor),
        modelType: index.configuration["model_type"])
    let weights = resolved.lazy.map(\.tensor.shape.count).reduce(0, addingHeld)
    let isLarge = weights >= LargeModel.weightCount
    var list: [Parameter] = []
    list.reserveCapacity(names.count)
    tensors.reserveCapacity(names.count)
    for (entry, name) in zip(resolved, names) {
      let tensor = entry.tensor
      var place = place(of: tensor, name, among: names)
      if entry.isCompanion { place.role = .buffer }
      tensors.append(TensorInfo(entry, place: place))
      guard !entry.isCompanion, place.role != .optimizer, tensor.sharesStorageOf == nil,
        let dtype = tensor.dtype
      else { continue }
      if let weights = entry.quantized {
        list.append(entry.parameter(of: weights, place: place))
        continue
      }
      if let packed = entry.packed {
        list.append(try packed.parameter(place: place, ofLargeModel: isLarge))
        continue
      }
      let isTransposed = isConv1D && Conv1D.isOne(tensor)
      let shape = isTransposed ? tensor.shape.reversed : tensor.shape
      if let blocks = tensor.blocks {
        let reader = BlockReader(
          bytes: bytes[tensor.byteRange], format: blocks, shape: tensor.shape,
          isTransposed: isTransposed)
        list.append(
          Parameter(
            name: tensor.name, shape: shape, dtype: dtype, place: place,
            isTransposed: isTransposed,
            reading: { try reader.tensor(threads: $0, shouldStop: $1) }))
        continue
      }
      if tensor.deflated != nil {
        list.append(
          Parameter(
            name: tensor.name, shape: shape, dtype: dtype, place: place,
            isTransposed: isTransposed,
            reading: {
              try TensorReader(
                bytes: tensor.bytes(in: bytes, shouldStop: $1), dtype: dtype, shape: tensor.shape,
                strides: tensor.strides, isTransposed: isTransposed,
                isBigEndian: tensor.isBigEndian
              ).tensor(threads: $0, shouldStop: $1)
            }))
        continue
      }
      let reader = TensorReader(
        bytes: bytes[tensor.byteRange], dtype: dtype, shape: tensor.shape,
        strides: tensor.strides, isTransposed: isTransposed, isBigEndian: tensor.isBigEndian)
      list.append(
        Parameter(
          name: tensor.name, shape: shape, dtype: dtype, place: place,
          isTransposed: isTransposed,
          reading: { try reader.tensor(threads: $0, shouldStop: $1) }))
    }
    parameters = Parameters(list)
  }

  private mutating func place(
    of tensor: IndexedTensor, _ name: TensorName, among names: [TensorName]
  ) -> Place {
    if tensor.isOptimizer { return Place(block: nil, layer: tensor.name, role: .optimizer) }
    guard let stack = name.stack, let index = name.block, let first = stacks[stack] else {
      return name.place(dtype: tensor.dtype, shape: tensor.shape, block: nil)
    }
    let block = first + index
    if blockNames[block] == nil { blockNames[block] = "\(stack).\(index)" }
    let kind = Kind(
      rest: name.rest, dtype: tensor.dtype, rank: tensor.shape.dimensions.count)
    var place =
      known[kind] ?? name.place(dtype: tensor.dtype, shape: tensor.shape, block: block)
    if known[kind] == nil {
      if place.role == .linear, TensorName.isRouter(place.layer), isMixture(names) {
        place.role = .router
      }
      known[kind] = place
    }
    place.block = block
    return place
  }

  /// Only beside experts a `gate` is a router.
  private mutating func isMixture(_ names: [TensorName]) -> Bool {
    let answer = hasExperts ?? names.contains(where: \.isOfExperts)
    hasExperts = answer
    return answer
  }

  /// The stacks' blocks are numbered one stack after the other, in the order
  /// the file names them.
  private mutating func numberStacks(_ names: [TensorName]) {
    var order: [Substring] = []
    var highest: [Substring: Int] = [:]
    for name in names {
      guard let stack = name.stack, let block = name.block else { continue }
      if let known = highest[stack] {
        if block > known { highest[stack] = block }
      } else {
        order.append(stack)
        highest[stack] = block
      }
    }
    var first = 0
    for stack in order {
      stacks[stack] = first
      first += (highest[stack] ?? 0) + 1
    }
  }
}

extension TensorInfo {
  init(_ entry: ResolvedTensor, place: Place) {
    let tensor = entry.tensor
    self.init(
      name: tensor.name, dtype: tensor.dtype, dtypeName: tensor.dtypeName, shape: tensor.shape,
      byteRange: tensor.byteRange, byteCount: entry.byteCount, place: place,
      encoding: entry.encoding, sharesStorageOf: tensor.sharesStorageOf)
  }
}

/// GPT-2's `Conv1D` keeps weights as `[in, out]`. A square matrix cannot tell,
/// so one decision is made for the whole file from the layers that can.
enum Conv1D {
  private static let layers = [
    "attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight",
    "attn.q_attn.weight",
  ]

  /// Whether a tensor is a matrix that GPT-2 would keep transposed.
  static func isOne(_ tensor: IndexedTensor) -> Bool {
    tensor.shape.dimensions.count == 2 && !tensor.isOptimizer
      && layers.contains { tensor.name.hasSuffix($0) }
  }

  /// `c_attn` makes three vectors of one, `c_fc` widens (usually fourfold):
  /// the longer axis is the output.
  static func isUsed(by tensors: some Sequence<IndexedTensor>, modelType: String?) -> Bool {
    for tensor in tensors where isOne(tensor) {
      let (first, second) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
      if tensor.name.hasSuffix("attn.c_attn.weight") || tensor.name.hasSuffix("c_fc.weight"),
        first != second
      {
        return second > first
      }
    }
    return modelType == "gpt2"
  }
}

/// A sum of counts that stays at the largest number there is.
private func addingHeld(_ a: Int, _ b: Int) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  return overflow ? Int.max : sum
}
