internal import Tensors

/// Brings the arrays of quantized matrices together: each matrix stands where its
/// codes do, under the name `MODULE.weight`, and the other arrays are listed as
/// what they are.
enum QuantizedIndex {
  /// The layouts that are read. Which one a matrix has, its settings and its
  /// arrays tell.
  static let layouts: [any QuantizedLayout.Type] = [
    GPTQLayout.self, AWQLayout.self, Int8Layout.self, FourBitLayout.self,
    CompressedTensorsLayout.self,
  ]

  /// The ends of names that only quantized matrices' arrays have.
  private static let marks: [[UInt8]] = [
    "qweight", "SCB", "weight_packed", "weight_scale", "weight_scale_inv",
    FourBitLayout.states[0], FourBitLayout.states[1],
  ].map { Array(".\($0)".utf8) }

  /// Throws `CheckpointError.invalidQuantization` for arrays that do not fit
  /// together, and `.duplicateTensor` for a matrix that is there twice.
  static func resolve(
    _ resolved: inout ResolvedTensors, _ index: inout CheckpointIndex, _ file: Bytes
  ) throws(CheckpointError) {
    let modules = modules(in: resolved)
    guard !modules.isEmpty else { return }
    let positions = Dictionary(
      resolved.tensors.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { $1 })
    var unknown: [String] = []
    for module in modules {
      let isKnown = try resolve(module, &resolved, positions, index.quantization, file)
      if !isKnown { unknown.append(module) }
    }
    if let first = unknown.first { index.warnings.append(warning(first, unknown.count, index)) }
    renameShared(&resolved)
    resolved.updateNames()
  }

  /// Their names in the order of the file.
  private static func modules(in resolved: ResolvedTensors) -> [String] {
    var modules: [String] = []
    var known: Set<String> = []
    let marks = marks
    let mark = { (name: Span<UInt8>) in marks.first { name.ends(with: $0) }?.count ?? 0 }
    // What ends the names of a kind ends all of them.
    let markOfKind = resolved.names.kinds.map {
      mark(resolved.tensors[$0.first].name.utf8.span)
    }
    for (position, entry) in resolved.names.entries.enumerated() {
      if entry.kind >= 0, markOfKind[Int(entry.kind)] == 0 { continue }
      let tensor = resolved.tensors[position]
      let mark = mark(tensor.name.utf8.span)
      guard mark > 0, !tensor.isOptimizer, resolved[position] == nil else { continue }
      let module = String(tensor.name.dropLast(mark))
      if known.insert(module).inserted { modules.append(module) }
    }
    return modules
  }

  /// False where the layout is not known.
  private static func resolve(
    _ module: String, _ resolved: inout ResolvedTensors, _ positions: [String: Int],
    _ settings: QuantizationSettings?, _ file: Bytes
  ) throws(CheckpointError) -> Bool {
    let name = module + ".weight"
    for layout in layouts {
      guard
        let (codes, position) = first(layout.codes, of: module, in: positions),
        let others = companions(of: layout, module, positions)
      else { continue }
      var arrays: [String: StoredArray] = [:]
      for (suffix, position) in others + [(codes, position)] {
        arrays[suffix] = StoredArray(resolved.tensors[position], file)
      }
      guard let weights = try layout.weights(LayerArrays(name: name, arrays), settings) else {
        continue
      }
      if let other = positions[name], other != position { throw .duplicateTensor(name: name) }
      resolved.stand(for: weights, at: position, name: name, layout: layout.name)
      for (_, position) in others { resolved[position] = .companion }
      return true
    }
    return false
  }

  private static func first(
    _ suffixes: [String], of module: String, in positions: [String: Int]
  ) -> (String, Int)? {
    for suffix in suffixes {
      if let position = positions["\(module).\(suffix)"] { return (suffix, position) }
    }
    return nil
  }

  /// nil where there is none.
  private static func companions(
    of layout: any QuantizedLayout.Type, _ module: String, _ positions: [String: Int]
  ) -> [(String, Int)]? {
    let found = layout.companions.compactMap { suffix in
      positions["\(module).\(suffix)"].map { (suffix, $0) }
    }
    return found.isEmpty ? nil : found
  }

  private static func warning(_ module: String, _ count: Int, _ index: CheckpointIndex) -> String {
    let reason =
      switch index.quantization?.method {
      case .other(let name): "\(name) is not read"
      case .gptq, .awq, .bitsandbytes, .compressedTensors, .fp8:
        "their layout is not known, or arrays are missing"
      case nil: "no quantization_config says how to read them"
      }
    return "\(count) quantized \(count == 1 ? "layer is" : "layers are") listed array by array, "
      + "\(module.quoted) first: \(reason)"
  }

  /// What shared the codes of a matrix shares the matrix.
  private static func renameShared(_ resolved: inout ResolvedTensors) {
    var names: [String: String] = [:]
    for (position, tensor) in resolved.tensors.enumerated() {
      if case .quantized(_, _, let codes) = resolved[position], codes != tensor.name {
        names[codes] = tensor.name
      }
    }
    guard !names.isEmpty else { return }
    for position in resolved.tensors.indices {
      if let other = resolved.tensors[position].sharesStorageOf, let name = names[other] {
        resolved.tensors[position].sharesStorageOf = name
      }
    }
  }
}

extension ResolvedTensors {
  /// Makes of an array of codes the matrix that it stands for.
  fileprivate mutating func stand(
    for weights: any QuantizedWeights, at position: Int, name: String, layout: String
  ) {
    self[position] = .quantized(weights, layout: layout, codes: tensors[position].name)
    tensors[position].name = name
    tensors[position].dtype = weights.dtype
    tensors[position].dtypeName = weights.codeName
    tensors[position].shape = weights.shape
    tensors[position].strides = nil
  }
}

/// A quantized matrix as a parameter; nothing of it is read before it is asked for.
extension QuantizedWeights {
  func parameter(named name: String, place: Place) -> Parameter {
    Parameter(
      name: name, shape: shape, dtype: dtype, place: place,
      reading: { try tensor(threads: $0, shouldStop: $1) }
    ).deferring { threads, shouldStop in
      Weights(
        values: try tensor(threads: threads, shouldStop: shouldStop), grid: grid())
    }
  }
}
