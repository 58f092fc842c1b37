internal import Tensors

/// Finds the tensors that are codes and were read by no layout: matrices of a type that codes
/// have, and that
///
/// - have a name which only quantizers give, such as `qweight`,
/// - or stand beside scales: `X.weight` beside `X.weight_scale`, `X` beside `X_scales`,
/// - or are of whole numbers in a model whose configuration says that it is quantized,
/// - or are weights of a type that is not read, such as F4.
///
/// In a GGUF file all weights beside a `.scale` are codes. F8 and whole numbers by themselves
/// are what they say they are.
struct CodeFinder {
  /// The position and the short name of scales, by the name of what they scale.
  private var scales: [String: (position: Int, name: String)] = [:]
  private let settings: QuantizationSettings?
  private let isGGUF: Bool

  /// Marks them and their scales; tells what they are.
  static func mark(_ resolved: inout ResolvedTensors, _ index: CheckpointIndex) -> UnreadCodes? {
    let isGGUF = index.gguf != nil
    // Names are looked at only where there may be codes.
    let isSuspicious =
      isGGUF
      ? resolved.names.kinds.contains { $0.rest.hasSuffix(".scale") }
        || resolved.tensors.contains { $0.dtype == nil }
      : resolved.tensors.contains(where: hasTypeOfCodes)
    guard isSuspicious else { return nil }
    let finder = CodeFinder(resolved, index.quantization, isGGUF: isGGUF)
    var found: UnreadCodes?
    for position in resolved.tensors.indices where resolved[position] == nil {
      let tensor = resolved.tensors[position]
      guard !tensor.isOptimizer, let reason = finder.reason(for: tensor) else { continue }
      resolved[position] = .codes
      if let scales = reason.scales { resolved.add(companion: scales) }
      if found == nil {
        found = UnreadCodes(
          tensor: tensor.name, layout: finder.layout(of: tensor, beside: reason.beside), count: 0)
      }
      found?.count += 1
    }
    return found
  }

  private init(_ resolved: ResolvedTensors, _ settings: QuantizationSettings?, isGGUF: Bool) {
    self.settings = settings
    self.isGGUF = isGGUF
    for (position, tensor) in resolved.tensors.enumerated()
    where !tensor.isOptimizer && resolved[position] == nil {
      guard let (base, name) = Self.scaled(by: tensor.name) else { continue }
      scales[base] = (position, name)
    }
  }

  // MARK: What codes look like

  private static let types: Set<String> = [
    "F8_E4M3", "F8_E5M2", "I8", "U8", "I16", "I32", "U16", "U32", "U64", "F4", "F4X2",
    "F6_E2M3", "F6_E3M2", "QINT8", "QUINT8", "QINT32", "QUINT4X2", "QUINT2X4",
  ]

  private static func hasTypeOfCodes(_ tensor: IndexedTensor) -> Bool {
    switch tensor.dtype {
    case .f64, .f32, .f16, .bf16, .i64, .bool: false
    case .f8e4m3, .f8e5m2, .i8, .u8, .i16, .i32, nil: tensor.shape.dimensions.count >= 2
    }
  }

  /// What only quantizers end names with.
  private static let names = [
    ".qweight", ".weight_packed", "._weight_qdata", ".weight._data", ".weight._data._data",
    ".W_q", "_blocks", ".\(ExpertBlocks.codes)",
  ]
  /// What may follow the name that scales have in common with their codes.
  private static let endings = [
    "", ".weight", "_packed", "_qdata", "_blocks", ".blocks", "._data", "._data._data",
    ".qweight", ".weight_packed", ".W_q",
  ]
  /// What may follow `scale` in the name of scales.
  private static let rests: Set<String> = [
    "", "s", "_inv", "s_inv", "_weight", "_1", "_2", "s_and_zeros", "_and_zero", "_and_zeros",
  ]

  /// What a tensor is the scale of, by its name, and its own short name; nil for others.
  ///
  ///     X.weight_scale_inv, X.weight.absmax → X.weight     X.scales, X.SCB → X
  ///     X.LAYER_scales → X.LAYER
  private static func scaled(by name: String) -> (base: String, name: String)? {
    guard name.holds("scale") || name.hasSuffix(".SCB") || name.hasSuffix(".absmax"),
      let dot = name.utf8.lastIndex(of: UInt8(ascii: "."))
    else { return nil }
    let (module, last) = (name[..<dot], name[name.index(after: dot)...])
    if last == "SCB" || last == "absmax" { return (String(module), String(last)) }
    guard let range = last.firstRange(of: "scale"),
      rests.contains(String(last[range.upperBound...]))
    else { return nil }
    var stem = last[..<range.lowerBound]
    while stem.last == "_" { stem.removeLast() }
    return (stem.isEmpty ? String(module) : "\(module).\(stem)", String(last))
  }

  // MARK: Why a tensor is codes

  private struct Reason {
    var scales: Int?
    var beside: String?
  }

  private func reason(for tensor: IndexedTensor) -> Reason? {
    if isGGUF { return reasonInGGUF(for: tensor) }
    guard Self.hasTypeOfCodes(tensor),
      tensor.dtype != nil || Self.types.contains(tensor.dtypeName),
      let reason = reasonOfType(for: tensor),
      !TensorName(tensor.name).isConstant(of: tensor.shape)
    else { return nil }
    return reason
  }

  /// The same of a tensor that has a type of codes.
  private func reasonOfType(for tensor: IndexedTensor) -> Reason? {
    if !scales.isEmpty {
      for ending in Self.endings where tensor.name.hasSuffix(ending) {
        if let found = scales[String(tensor.name.dropLast(ending.utf8.count))] {
          return Reason(scales: found.position, beside: found.name)
        }
      }
    }
    let isNamed = Self.names.contains { tensor.name.hasSuffix($0) }
    let isUnread = tensor.dtype == nil && tensor.name.hasSuffix(".weight")
    let isOfQuantizedModel = settings != nil && tensor.dtype?.isFloatingPoint != true
    return isNamed || isUnread || isOfQuantizedModel ? Reason() : nil
  }

  private func reasonInGGUF(for tensor: IndexedTensor) -> Reason? {
    let suffix = ".weight"
    guard tensor.name.hasSuffix(suffix), tensor.shape.dimensions.count >= 2 else { return nil }
    let name = ExpertStack.place(of: tensor.name)?.stack ?? tensor.name
    if let found = scales[String(name.dropLast(suffix.utf8.count))], found.name == "scale" {
      return Reason(scales: found.position, beside: found.name)
    }
    return tensor.dtype == nil ? Reason() : nil
  }

  // MARK: What is said

  private func layout(of tensor: IndexedTensor, beside scales: String?) -> String {
    let last = tensor.name.split(separator: ".").last.map(String.init) ?? tensor.name
    let array =
      "\(tensor.blocks?.rawValue ?? tensor.dtypeName) \(last.quoted)"
      + (scales.map { " beside \($0.quoted)" } ?? "")
    switch settings?.method {
    case .other(let name): return "\(name): \(array)"
    case .mlx(let mode): return "MLX's \(mode): \(array)"
    case .gptq, .awq, .bitsandbytes, .compressedTensors, .fp8:
      return "\(array), not laid out as quantization_config says"
    case nil:
      if let writer = Self.writers[last] ?? scales.flatMap({ Self.writers[$0] }) {
        return "\(writer): \(array)"
      }
      return isGGUF || tensor.dtype == nil ? array : "\(array), no quantization_config"
    }
  }

  /// Who gives arrays of codes or scales names of their own.
  private static let writers = [
    "_data": "quanto", "_weight_qdata": "torchao", "W_q": "HQQ", "weight_scales": "EETQ",
    "SCB": "bitsandbytes", "absmax": "bitsandbytes",
  ]
}
