internal import Tensors

/// Brings the arrays of quantized matrices together: each matrix stands where its
/// codes do, under the name `MODULE.weight`, and the other arrays are listed as
/// what they are.
enum QuantizedIndex {
  /// The layouts that are read. Which one a matrix has, its settings and its
  /// arrays tell.
  static let layouts: [any QuantizedLayout.Type] = [
    GPTQLayout.self, AWQLayout.self, Int8Layout.self, FourBitLayout.self,
    CompressedTensorsLayout.self, MicroscalingLayout.self, Float8Layout.self, QuantoLayout.self,
    TorchAOLayout.self, MLXLayout.self,
  ]

  /// The ends of names of which a quantized matrix has one.
  private static let marks: [[UInt8]] = [
    "qweight", "SCB", "weight_packed", "weight_scale", "weight_scale_inv", "scale_weight",
    "scale", "scales", "weight._scale", "_weight_scale", ExpertBlocks.scales,
    FourBitLayout.states[0], FourBitLayout.states[1],
  ].map { Array(".\($0)".utf8) }

  /// Brings together what is read, and marks what is codes but is not read; tells of that.
  /// Throws `CheckpointError.invalidQuantization` for arrays that do not fit
  /// together, and `.duplicateTensor` for a matrix that is there twice.
  static func resolve(
    _ resolved: inout ResolvedTensors, _ index: CheckpointIndex, _ file: Bytes
  ) throws(CheckpointError) -> UnreadCodes? {
    let modules = modules(in: resolved)
    if !modules.isEmpty {
      let positions = Dictionary(
        resolved.tensors.enumerated().map { ($0.element.name, $0.offset) },
        uniquingKeysWith: { $1 })
      for module in modules {
        try resolve(module, &resolved, positions, index.quantization, file)
      }
      for (position, tensor) in resolved.tensors.enumerated()
      where tensor.name.hasSuffix(Float8Layout.mark) && tensor.shape.dimensions.count < 2 {
        resolved.add(companion: position)
      }
      renameShared(&resolved)
      resolved.updateNames()
    }
    return CodeFinder.mark(&resolved, index)
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

  /// Does nothing where the layout is not known.
  private static func resolve(
    _ module: String, _ resolved: inout ResolvedTensors, _ positions: [String: Int],
    _ settings: QuantizationSettings?, _ file: Bytes
  ) throws(CheckpointError) {
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
      for (_, position) in others { resolved.add(companion: position) }
      return
    }
  }

  private static func first(
    _ suffixes: [String], of module: String, in positions: [String: Int]
  ) -> (String, Int)? {
    for suffix in suffixes {
      if let position = positions["\(module).\(suffix)"] { return (suffix, position) }
    }
    return nil
  }

  /// Suffix and position of each companion array of a module; nil if it has no companions.
  private static func companions(
    of layout: any QuantizedLayout.Type, _ module: String, _ positions: [String: Int]
  ) -> [(String, Int)]? {
    let found = layout.companions.compactMap { suffix in
      positions["\(module).\(suffix)"].map { (suffix, $0) }
    }
    return found.isEmpty ? nil : found
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
    // What a view leaves out belongs to others.
    let (start, count) = (tensors[position].byteRange.lowerBound, byteCount(at: position))
    tensors[position].byteRange = start..<start + count
    self[position] = .quantized(weights, layout: layout, codes: tensors[position].name)
    tensors[position].name = name
    tensors[position].dtype = weights.dtype
    tensors[position].dtypeName = weights.codeName
    tensors[position].shape = weights.shape
    tensors[position].strides = nil
  }
}

extension ResolvedTensors {
  /// Lists an array as one that belongs to a matrix, or to codes.
  mutating func add(companion position: Int) {
    self[position] = .companion
    // Bytes that are no number of ours, such as F8_E8M0, are read with the matrix.
    if tensors[position].dtype == nil { tensors[position].dtype = .u8 }
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
    }.storedIn(StoredRows(byteCount: byteCount) { try rows() })
  }
}
