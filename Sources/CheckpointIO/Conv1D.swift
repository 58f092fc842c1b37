internal import Models
internal import Tensors

/// GPT-2's `Conv1D`, which keeps weights as `[in, out]`. A square matrix cannot tell,
/// so one decision is made for the whole file from the layers that can.
struct Conv1D: Sendable {
  private static let layers = TransposedLayers.names.map { Array($0.utf8) }
  private static let telling = TransposedLayers.widening.map { Array($0.utf8) }
  /// What all of them end with.
  private static let end = Array(".weight".utf8)

  /// nil for a file whose matrices are not kept so.
  init?(_ resolved: ResolvedTensors, _ modelType: String?) {
    // Every layer of a kind has it in its name, or none has.
    let isOfKind = resolved.names.kinds.map { Self.isMatrix(resolved.tensors[$0.first]) }
    for (position, entry) in resolved.names.entries.enumerated() {
      if entry.kind >= 0, !isOfKind[Int(entry.kind)] { continue }
      let tensor = resolved.tensors[position]
      switch resolved[position] {
      case .quantized, .codes: continue
      case .packed, .derived, .companion, nil: break
      }
      guard isOne(tensor), Self.telling.contains(where: { tensor.name.utf8.span.ends(with: $0) })
      else { continue }
      let (first, second) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
      if first == second { continue }
      guard second > first else { return nil }
      return
    }
    guard let modelType, TransposedLayers.types.contains(modelType) else { return nil }
  }

  /// Whether a tensor is a matrix that GPT-2 would keep transposed.
  func isOne(_ tensor: IndexedTensor) -> Bool { !tensor.isOptimizer && Self.isMatrix(tensor) }

  private static func isMatrix(_ tensor: IndexedTensor) -> Bool {
    guard tensor.shape.dimensions.count == 2 else { return false }
    let name = tensor.name.utf8.span
    return name.ends(with: end) && layers.contains { name.ends(with: $0) }
  }
}
