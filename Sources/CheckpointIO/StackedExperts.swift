internal import Models
internal import Tensors

/// A layer of all of a block's experts in one tensor, as Hugging Face's libraries keep it.
/// Here each expert has a matrix of its own, a view of the stack:
///
///     gate and up           [E, 2I, H]  rows: gate, then up                 transformers 5
///                           [E, H, 2I]  columns: gate, then up              Llama 4
///                           [E, H, 2I]  columns: gate, up, gate, up, …      gpt-oss
///     down                  [E, H, I], and [E, I, H] beside the last two
///     input_linear.weight   [E, 2I, H]  and output_linear.weight [E, H, I]  Granite
///
/// A file of plain values is written with the stacks of its source (`folded`).
struct StackedExperts: Sendable {
  /// A matrix or a bias of one expert: rows `first`, `first + step`, … of the expert's outputs.
  struct Member: Sendable {
    let name: String
    let expert: Int
    let first: Int
    let step: Int
    let count: Int
  }

  /// The stack in the file.
  let tensor: IndexedTensor
  /// The axis of outputs, 1 or 2.
  let outputs: Int
  let members: [Member]

  /// The part of a tensor of that many axes that is a member's: the other axes behind the
  /// outputs, in their order. `strides` are those of the whole tensor.
  func view(
    of member: Member, dimensions: [Int], strides: [Int]
  ) -> (offset: Int, dimensions: [Int], strides: [Int]) {
    let others = dimensions.indices.dropFirst().filter { $0 != outputs }
    return (
      member.expert * strides[0] + member.first * strides[outputs],
      [member.count] + others.map { dimensions[$0] },
      [member.step * strides[outputs]] + others.map { strides[$0] }
    )
  }

  /// A tensor of each member, in their order.
  var unfolded: [IndexedTensor] {
    members.map { member in
      let view = view(
        of: member, dimensions: tensor.shape.dimensions, strides: tensor.valueStrides)
      var part = tensor.viewed(view.offset, view.dimensions, view.strides)
      part.name = member.name
      return part
    }
  }
}

extension StackedExperts {
  /// What a stack holds, with the end of its name in bytes.
  private struct Kind {
    let ending: [UInt8]
    let layers: StackedLayers
    var suffix: String { layers.isBias ? "bias" : "weight" }

    init(_ layers: StackedLayers) {
      ending = Array(layers.ending.utf8)
      self.layers = layers
    }
  }

  private static let biases = StackedLayers.biases.map { Kind($0) }
  private static let weights = StackedLayers.weights.map { Kind($0) }

  /// A stack that is found before its neighbours are known.
  private struct Found {
    let position: Int
    let kind: Kind
    /// What the names of its experts begin with: `model.layers.0.mlp.experts.`.
    let stem: String
  }

  /// Puts the experts of a file's stacks in their place and returns the stacks. Codes of a
  /// quantizer stay as they are. Throws `limitExceeded` for more tensors than a file may have.
  static func unfold(_ index: inout CheckpointIndex) throws(CheckpointError) -> [StackedExperts] {
    let found = index.tensors.indices.compactMap { position in
      Self.found(index.tensors[position], at: position)
    }
    guard !found.isEmpty else { return [] }
    var names = Set(index.tensors.lazy.map(\.name))
    let shapes = Dictionary(
      found.map {
        (
          $0.stem + $0.kind.layers.layers.joined() + $0.kind.suffix,
          index.tensors[$0.position].shape
        )
      },
      uniquingKeysWith: { first, _ in first })
    let type = index.configuration["model_type"]
    var stacks: [Int: StackedExperts] = [:]
    for one in found {
      let isMiddle = !one.kind.layers.isBias && hasInputsInMiddle(one.stem, shapes, type)
      // Of those with biases, gpt-oss and its kin, the outputs alternate.
      let hasBias = shapes[one.stem + StackedLayers.joined.joined() + "bias"] != nil
      let stack = stack(
        one, index.tensors[one.position], outputs: isMiddle ? 2 : 1, alternates: hasBias)
      guard let stack, stack.members.allSatisfy({ !names.contains($0.name) }) else { continue }
      names.formUnion(stack.members.lazy.map(\.name))
      guard names.count <= CheckpointIndex.tensorLimit else {
        throw .limitExceeded(what: "the number of tensors", limit: CheckpointIndex.tensorLimit)
      }
      stacks[one.position] = stack
    }
    let tensors = index.tensors
    index.tensors = []
    for (position, tensor) in tensors.enumerated() {
      for part in stacks[position]?.unfolded ?? [tensor] { try index.add(part) }
    }
    return stacks.sorted { $0.key < $1.key }.map(\.value)
  }

  private static func found(_ tensor: IndexedTensor, at position: Int) -> Found? {
    guard let dtype = tensor.dtype, [.f64, .f32, .f16, .bf16].contains(dtype),
      tensor.blocks == nil, !tensor.isOptimizer, tensor.sharesStorageOf == nil
    else { return nil }
    return found(tensor.name, tensor.shape, at: position)
  }

  private static func found(_ name: String, _ shape: Shape, at position: Int) -> Found? {
    let axes = shape.dimensions
    // Most tensors are matrices of one layer: few endings are compared with their names.
    guard axes.count == 2 || axes.count == 3,
      let kind = (axes.count == 2 ? biases : weights).first(where: {
        name.utf8.span.ends(with: $0.ending)
      }), 1...ExpertStack.limit ~= axes[0], shape.count > 0
    else { return nil }
    let stem = String(name.dropLast(kind.ending.count)) + kind.layers.stem
    return Found(position: position, kind: kind, stem: stem)
  }

  /// nil where the outputs cannot be divided among the layers.
  private static func stack(
    _ found: Found, _ tensor: IndexedTensor, outputs: Int, alternates: Bool
  ) -> StackedExperts? {
    let axes = tensor.shape.dimensions
    let parts = found.kind.layers.layers.count
    guard (1..<axes.count).contains(outputs), axes[outputs] % parts == 0 else { return nil }
    let isInTurn = alternates && parts > 1
    let count = axes[outputs] / parts
    let members = (0..<axes[0]).flatMap { expert in
      found.kind.layers.layers.enumerated().map { part, layer in
        Member(
          name: "\(found.stem)\(expert).\(layer).\(found.kind.suffix)", expert: expert,
          first: isInTurn ? part : part * count, step: isInTurn ? parts : 1, count: count)
      }
    }
    return StackedExperts(tensor: tensor, outputs: outputs, members: members)
  }

  /// Whether matrices are `[E, in, out]`: the two layers of an expert tell, as one's outputs
  /// are the other's inputs.
  private static func hasInputsInMiddle(
    _ stem: String, _ shapes: [String: Shape], _ type: String?
  ) -> Bool {
    let usual = type.map { StackedLayers.middle.contains($0) } ?? false
    let joined = StackedLayers.joined
    guard let last = shapes[stem + StackedLayers.down + "weight"]?.dimensions else { return usual }
    if let first = shapes[stem + joined.joined() + "weight"]?.dimensions {
      if first[1] == 2 * last[2], first[2] == last[1] { return false }
      if first[2] == 2 * last[1], first[1] == last[2] { return true }
    } else if let first = shapes[stem + joined[1] + "weight"]?.dimensions {
      let isUsual = first[1] == last[2] && first[2] == last[1]
      let isMiddle = first[1] == last[1] && first[2] == last[2]
      // Where both are square, the usual is as likely as ever.
      if isUsual != isMiddle { return isMiddle }
    }
    return usual
  }
}

extension StackedExperts {
  /// Parameters with the experts of each stack as one again, in the place of its first; and
  /// the stacks that were made, by name. One whose experts have other shapes is left unfolded.
  static func folded(
    _ parameters: Parameters, _ stacks: [StackedExperts]
  ) -> (Parameters, [String: StackedExperts]) {
    var folded: [String: StackedExperts] = [:]
    // What stands for a member: the stack for the first, nothing for the others.
    var places: [String: Parameter?] = [:]
    for stack in stacks {
      guard let whole = stack.folded(parameters), let first = stack.members.first else { continue }
      folded[whole.name] = stack
      for member in stack.members { places[member.name] = .some(nil) }
      places[first.name] = whole
    }
    if folded.isEmpty { return (parameters, [:]) }
    let list = parameters.compactMap { places[$0.name] ?? $0 }
    return (Parameters(list), folded)
  }

  /// A stack made of the experts again; nil where one is missing or has another shape.
  func folded(_ parameters: Parameters) -> Parameter? {
    let shape = tensor.shape
    let strides = IndexedTensor.rowMajorStrides(shape.dimensions)
    typealias Part = (parameter: Parameter, offset: Int, strides: [Int])
    var parts: [Part] = []
    for member in members {
      let view = view(of: member, dimensions: shape.dimensions, strides: strides)
      guard let parameter = parameters[member.name],
        parameter.shape.dimensions == view.dimensions
      else { return nil }
      parts.append((parameter, view.offset, view.strides))
    }
    guard let first = parts.first?.parameter else { return nil }
    let whole = parts
    return Parameter(
      name: tensor.name, shape: shape, dtype: first.dtype, place: first.place
    ) { threads, shouldStop in
      var values = [Float](repeating: 0, count: shape.count)
      for part in whole {
        let tensor = try part.parameter.tensor(threads: threads, shouldStop: shouldStop)
        let columns = part.parameter.shape.dimensions.dropFirst().first ?? 1
        let columnStride = part.strides.dropFirst().first ?? 0
        unsafe tensor.withUnsafeValues { source in
          for position in source.indices {
            let (row, column) = position.quotientAndRemainder(dividingBy: columns)
            let place = part.offset + row * part.strides[0] + column * columnStride
            values[place] = unsafe source[position]
          }
        }
      }
      return Tensor(shape, values)
    }
  }
}

extension StackedExperts {
  /// Where a packed file, which has experts one by one, says which stacks its source had:
  ///
  ///     {"NAME": {"shape": [4, 192, 64], "outputs": 1, "alternates": false}, …}
  static let metadataKey = "pare.stacks"

  /// nil where there is nothing to say.
  static func metadata(of stacks: [StackedExperts]) -> String? {
    if stacks.isEmpty { return nil }
    let members = stacks.map { stack in
      let alternates = stack.members.contains { $0.step > 1 }
      return "\(JSONText.quoted(stack.tensor.name)):{\"shape\":"
        + "\(JSONText.array(stack.tensor.shape.dimensions)),\"outputs\":\(stack.outputs),"
        + "\"alternates\":\(alternates)}"
    }
    return "{\(members.joined(separator: ","))}"
  }

  /// The stacks that a packed file describes in its metadata; they have no bytes of their own in
  /// the file. Metadata in any other form is ignored.
  static func told(in metadata: [String: String]) -> [StackedExperts] {
    guard let text = metadata[metadataKey], let json = try? JSON(Bytes(Array(text.utf8))),
      case .object(let members) = json
    else { return [] }
    var count = 0
    return members.compactMap { member in
      guard case .array(let lengths) = member.value["shape"],
        let shape = try? Shape(checking: lengths.map { $0.integer ?? -1 }, tensor: member.key),
        let found = found(member.key, shape, at: 0), let outputs = member.value["outputs"]?.integer
      else { return nil }
      count += shape.dimensions[0] * found.kind.layers.layers.count
      guard count <= CheckpointIndex.tensorLimit else { return nil }
      let tensor = IndexedTensor(
        name: member.key, dtype: nil, dtypeName: "", shape: shape, byteRange: 0..<0)
      return stack(
        found, tensor, outputs: outputs, alternates: member.value["alternates"] == .bool(true))
    }
  }

  /// Whether the file has it as one tensor.
  var isStored: Bool { tensor.dtype != nil }
}

extension IndexedTensor {
  /// Values between neighbours along each axis, also where the tensor is row-major.
  var valueStrides: [Int] { strides ?? Self.rowMajorStrides(shape.dimensions) }

  static func rowMajorStrides(_ dimensions: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: dimensions.count)
    for axis in dimensions.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * dimensions[axis + 1]
    }
    return strides
  }

  /// A part of it; offset and strides in values. Precondition: it lies within this one, has
  /// values, and those have a data type.
  func viewed(_ offset: Int, _ dimensions: [Int], _ strides: [Int]) -> IndexedTensor {
    let size = dtype?.byteCount ?? 1
    let reach = zip(dimensions, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
    var part = self
    part.shape = Shape(dimensions)
    part.strides = strides == Self.rowMajorStrides(dimensions) ? nil : strides
    if let deflated {
      let start = deflated.lowerBound + offset * size
      part.deflated = start..<start + reach * size
    } else {
      let start = byteRange.lowerBound + offset * size
      part.byteRange = start..<start + reach * size
    }
    return part
  }
}
