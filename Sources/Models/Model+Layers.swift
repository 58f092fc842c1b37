internal import Tensors

extension Model {
  /// The rows of a layer; of queries, keys and values those of all three, where a file has
  /// them as one.
  package func part(_ id: TensorID) -> Part? {
    guard id.role == .queryKeyValue else { return self[id] }
    guard let block = id.block else { return nil }
    let parts = [TensorRole.query, .key, .value].map {
      self[TensorID($0, block: block, isBias: id.isBias)]
    }
    var next = 0
    for part in parts {
      guard let part, let rows = part.rows, rows.first == next || rows.total == 0,
        rows.runs == 1 || rows.step == rows.count,
        let first = parts[0], part.parameter.isIdentical(to: first.parameter)
      else { return nil }
      next += rows.total
    }
    guard let whole = parts[0]?.parameter, whole.shape.dimensions[0] == next else { return nil }
    return Part(parameter: whole, rows: nil)
  }

  /// Queries, keys and values as one layer, where they are.
  package func joined(_ block: Int) -> TensorID? {
    let id = TensorID(.queryKeyValue, block: block)
    return part(id) == nil ? nil : id
  }

  /// Every linear layer that a pass uses.
  package var linearLayers: [TensorID] {
    var ids = [TensorID(.head)]
    for block in 0..<config.blocks {
      let joined = joined(block)
      if let joined { ids.append(joined) }
      for step in config.steps(of: block) {
        guard case .linear(let role, _, _) = step else { continue }
        if joined != nil, [.query, .key, .value].contains(role) { continue }
        ids.append(TensorID(role, block: block))
      }
    }
    return ids
  }
}
