internal import Tensors

/// The meaning of a file's tensors: places in the model, orientation, and the parameters that
/// read them. Tensors and parameters are made of it when they are asked for.
final class ModelLayout: Sendable {
  let resolved: ResolvedTensors
  /// Layer and role of each of the names' kinds; the block is that of one of them.
  private let places: [Place]
  /// Whether each of the names' stacks is a tower beside the language model's.
  private let areTowers: [Bool]
  private let conv1D: Conv1D?
  private let source: ParameterSource
  /// Those that are packed, by the tensor's position: they are checked when they are made.
  private let packed: [Int: Parameter]

  init(
    _ index: CheckpointIndex, _ resolved: ResolvedTensors, bytes: Bytes
  ) throws(CheckpointError) {
    self.resolved = resolved
    places = Self.places(resolved)
    let areTowers = resolved.names.stacks.map { TensorName.isTower($0.name) }
    // A tower by itself is the model.
    self.areTowers = areTowers.contains(false) ? areTowers : areTowers.map { _ in false }
    // A sliced network's layers may be narrower than what they read.
    let isSliced = index.configuration[MetadataConventions.blocks] != nil
    conv1D = isSliced ? nil : Conv1D(resolved, index.configuration["model_type"])
    source = StoredWeights(bytes: bytes, tensors: resolved.tensors, conv1D: conv1D).source
    var packed: [Int: Parameter] = [:]
    let tensors = resolved.packed
    let areLarge = !tensors.isEmpty && resolved.areLarge
    for (position, tensor) in tensors {
      packed[position] = try tensor.parameter(
        place: Self.place(at: position, resolved, places, self.areTowers), ofLargeModel: areLarge)
    }
    self.packed = packed
  }

  private static func places(_ resolved: ResolvedTensors) -> [Place] {
    var hasExperts: Bool?
    return resolved.names.kinds.map { kind in
      let tensor = resolved.tensors[kind.first]
      var place = TensorName(tensor.name).place(
        dtype: tensor.dtype, shape: tensor.shape, block: resolved.names.block(at: kind.first))
      if case .codes = resolved[kind.first] { place.role = .codes }
      // Only beside experts a `gate` is a router.
      if place.role == .linear, TensorName.isRouter(place.layer) {
        let isMixture = hasExperts ?? resolved.names.isMixture(resolved.tensors)
        if isMixture { place.role = .router }
        hasExperts = isMixture
      }
      return place
    }
  }

  func place(at position: Int) -> Place {
    Self.place(at: position, resolved, places, areTowers)
  }

  private static func place(
    at position: Int, _ resolved: ResolvedTensors, _ places: [Place], _ areTowers: [Bool]
  ) -> Place {
    if resolved.tensors[position].isOptimizer {
      return Place(block: nil, layer: resolved.tensors[position].name, role: .optimizer)
    }
    var place: Place
    if let block = resolved.names.block(at: position) {
      place = places[Int(resolved.names.entries[position].kind)]
      place.block = block
      if place.role == .linear, areTowers[Int(resolved.names.entries[position].stack)] {
        place.role = .auxiliary
      }
    } else {
      let tensor = resolved.tensors[position]
      place = TensorName(tensor.name).place(
        dtype: tensor.dtype, shape: tensor.shape, block: nil)
    }
    switch resolved[position] {
    case .companion: place.role = .buffer
    case .codes:
      place.role = .codes
      if place.layer.hasSuffix(".weight") { place.layer.removeLast(7) }
    case .packed, .quantized, .derived, nil: break
    }
    return place
  }

  /// What the other floors see: no optimizer state, no unreadable types, no second names of
  /// one storage. O(n).
  func parameters() -> Parameters {
    var list: [Parameter] = []
    list.reserveCapacity(resolved.tensors.count)
    for position in resolved.tensors.indices {
      if let parameter = parameter(at: position) { list.append(parameter) }
    }
    return Parameters(list, absence: MissingWeights.reason(resolved.tensors))
  }

  /// What an optimizer keeps beside the weights, as the file has it. O(n).
  func trainingState() -> Parameters {
    var list: [Parameter] = []
    for position in resolved.tensors.indices where resolved.tensors[position].isOptimizer {
      guard let dtype = resolved.tensors[position].dtype, resolved[position] == nil
      else { continue }
      list.append(
        Parameter(
          name: resolved.tensors[position].name, shape: resolved.tensors[position].shape,
          dtype: dtype, place: place(at: position), isTransposed: false, source: source,
          number: position))
    }
    return Parameters(list)
  }

  /// What passes leave alone unless it is named, each kind with how many matrices it has: the
  /// stacks of towers, convolutions, factors of adapters. O(n).
  func leftAlone() -> [(kind: String, count: Int)] {
    var counts: [String: Int] = [:]
    var kinds: [String] = []
    for position in resolved.tensors.indices where isParameter(position) {
      guard resolved.names.block(at: position) != nil, place(at: position).role == .auxiliary
      else { continue }
      let stack = Int(resolved.names.entries[position].stack)
      let layer = places[Int(resolved.names.entries[position].kind)].layer
      let kind =
        areTowers[stack]
        ? resolved.names.stacks[stack].name
        : TensorName.isFactor(layer) ? Self.factors : Self.convolutions
      if counts.updateValue((counts[kind] ?? 0) + 1, forKey: kind) == nil { kinds.append(kind) }
    }
    return kinds.map { ($0, counts[$0] ?? 0) }
  }

  static let factors = "factors of an adapter"
  private static let convolutions = "convolutions"

  /// Where the parameters are, by block and layer. O(n).
  func blockMap() -> BlockMap {
    var members: [BlockMap.Member] = []
    members.reserveCapacity(resolved.tensors.count)
    var count = 0
    for position in resolved.tensors.indices where isParameter(position) {
      if let block = resolved.names.block(at: position) {
        let kind = resolved.names.entries[position].kind
        members.append(BlockMap.Member(block: block, position: Int32(count), kind: kind))
      }
      count += 1
    }
    return BlockMap(members, places: places, stacks: resolved.names.stacks, count: count)
  }

  private func isParameter(_ position: Int) -> Bool {
    guard !resolved.tensors[position].isOptimizer, resolved.tensors[position].dtype != nil,
      resolved.tensors[position].sharesStorageOf == nil
    else { return false }
    if case .companion = resolved[position] { return false }
    return true
  }

  private func parameter(at position: Int) -> Parameter? {
    guard isParameter(position), let dtype = resolved.tensors[position].dtype else { return nil }
    // Fields one by one: a tensor's whole record costs more to copy than the parameter to make.
    let (name, shape) = (resolved.tensors[position].name, resolved.tensors[position].shape)
    let isTransposed = conv1D.map { $0.isOne(resolved.tensors[position]) } ?? false
    switch resolved[position] {
    case .companion: return nil
    case .derived(let weights):
      return weights.parameter(place: place(at: position), isTransposed: isTransposed)
    case .packed: return packed[position]
    case .quantized(let weights, _, _):
      return weights.parameter(named: name, place: place(at: position))
    case .codes, nil:
      return Parameter(
        name: name, shape: isTransposed ? shape.reversed : shape, dtype: dtype,
        place: place(at: position), isTransposed: isTransposed, source: source,
        number: position)
    }
  }
}

/// The arrays of a file that are weights by themselves, read when they are asked for: one
/// source for all of them, each by its position.
private struct StoredWeights: Sendable {
  let bytes: Bytes
  let tensors: [IndexedTensor]
  let conv1D: Conv1D?

  var source: ParameterSource {
    ParameterSource(blocks: blocks(at:), rows: rows(at:)) { position, threads, shouldStop in
      Weights(values: try tensor(at: position, threads: threads, shouldStop: shouldStop))
    }
  }

  private func blocks(at position: Int) -> StoredBlocks? {
    guard let format = tensors[position].blocks else { return nil }
    let stored = bytes[tensors[position].byteRange]
    return StoredBlocks(format) { try stored.copy() }
  }

  /// Of a matrix.
  private func rows(at position: Int) -> StoredRows? {
    guard tensors[position].shape.dimensions.count == 2 else { return nil }
    return StoredRows(
      byteCount: min(tensors[position].byteRange.count, tensors[position].ownByteCount)
    ) {
      let tensor = tensors[position]
      let isTransposed = conv1D?.isOne(tensor) ?? false
      if let format = tensor.blocks {
        return BlockRows(
          bytes[tensor.byteRange], format, shape: tensor.shape, isTransposed: isTransposed)
      }
      return try DenseRows(tensor, in: bytes, isTransposed: isTransposed)
    }
  }

  private func tensor(
    at position: Int, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    let tensor = tensors[position]
    let isTransposed = conv1D?.isOne(tensor) ?? false
    if let blocks = tensor.blocks {
      let reader = BlockReader(
        bytes: bytes[tensor.byteRange], format: blocks, shape: tensor.shape,
        isTransposed: isTransposed)
      return try reader.tensor(threads: threads, shouldStop: shouldStop)
    }
    guard let dtype = tensor.dtype else {
      throw .unreadableType(tensor: tensor.name, dtype: tensor.dtypeName)
    }
    let reader = TensorReader(
      bytes: try tensor.bytes(in: bytes, shouldStop: shouldStop), dtype: dtype,
      shape: tensor.shape, strides: tensor.strides, isTransposed: isTransposed,
      isBigEndian: tensor.isBigEndian)
    return try reader.tensor(threads: threads, shouldStop: shouldStop)
  }
}
