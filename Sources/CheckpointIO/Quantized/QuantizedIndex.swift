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

  /// The last words of names that only quantized matrices have.
  private static let marks: [Substring: String] = [
    "qweight": ".qweight", "SCB": ".SCB", "weight_packed": ".weight_packed",
    "weight_scale": ".weight_scale", "weight_scale_inv": ".weight_scale_inv",
    "bitsandbytes__nf4": "." + FourBitLayout.states[0],
    "bitsandbytes__fp4": "." + FourBitLayout.states[1],
  ]

  /// Throws `CheckpointError.invalidQuantization` for arrays that do not fit
  /// together, and `.duplicateTensor` for a matrix that is there twice.
  static func resolve(
    _ tensors: inout [ResolvedTensor], _ index: inout CheckpointIndex, _ file: Bytes
  ) throws(CheckpointError) {
    let modules = modules(in: tensors)
    guard !modules.isEmpty else { return }
    let positions = Dictionary(
      tensors.enumerated().map { ($0.element.tensor.name, $0.offset) }, uniquingKeysWith: { $1 })
    var unknown: [String] = []
    for module in modules {
      let isKnown = try resolve(module, &tensors, positions, index.quantization, file)
      if !isKnown { unknown.append(module) }
    }
    if let first = unknown.first { index.warnings.append(warning(first, unknown.count, index)) }
    renameShared(&tensors)
  }

  /// Their names in the order of the file.
  private static func modules(in tensors: [ResolvedTensor]) -> [String] {
    var modules: [String] = []
    var known: Set<String> = []
    for entry in tensors where entry.packed == nil && !entry.tensor.isOptimizer {
      let name = entry.tensor.name
      guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")),
        let mark = marks[name[name.utf8.index(after: dot)...]], name.hasSuffix(mark)
      else { continue }
      let module = String(name.dropLast(mark.utf8.count))
      if known.insert(module).inserted { modules.append(module) }
    }
    return modules
  }

  /// False where the layout is not known.
  private static func resolve(
    _ module: String, _ tensors: inout [ResolvedTensor], _ positions: [String: Int],
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
        arrays[suffix] = StoredArray(tensors[position].tensor, file)
      }
      guard let weights = try layout.weights(LayerArrays(name: name, arrays), settings) else {
        continue
      }
      if let other = positions[name], other != position { throw .duplicateTensor(name: name) }
      tensors[position].stand(for: weights, name: name, layout: layout.name)
      for (_, position) in others { tensors[position].isCompanion = true }
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
  private static func renameShared(_ tensors: inout [ResolvedTensor]) {
    var names: [String: String] = [:]
    for entry in tensors {
      if let old = entry.codesName, old != entry.tensor.name { names[old] = entry.tensor.name }
    }
    guard !names.isEmpty else { return }
    for position in tensors.indices {
      if let other = tensors[position].tensor.sharesStorageOf, let name = names[other] {
        tensors[position].tensor.sharesStorageOf = name
      }
    }
  }
}

extension ResolvedTensor {
  /// Makes of an array of codes the matrix that it stands for.
  fileprivate mutating func stand(
    for weights: any QuantizedWeights, name: String, layout: String
  ) {
    codesName = tensor.name
    tensor.name = name
    tensor.dtype = weights.dtype
    tensor.dtypeName = weights.codeName
    tensor.shape = weights.shape
    tensor.strides = nil
    quantized = weights
    self.layout = layout
  }
}

/// A quantized matrix as a parameter; nothing of it is read before it is asked for.
extension ResolvedTensor {
  func parameter(of weights: any QuantizedWeights, place: Place) -> Parameter {
    Parameter(
      name: tensor.name, shape: weights.shape, dtype: weights.dtype, place: place,
      reading: { try weights.tensor(threads: $0, shouldStop: $1) }
    ).deferring { threads, shouldStop in
      Weights(
        values: try weights.tensor(threads: threads, shouldStop: shouldStop),
        grid: weights.grid())
    }
  }
}
