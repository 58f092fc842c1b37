internal import Tensors

extension ModelMap.Row {
  /// A block, with its experts folded; the layers are sorted by column and expert.
  init(block: Int, digits: Int, layers: [ModelMap.Layer], otherWeights: Int) {
    let experts = Set(layers.lazy.compactMap(\.expert))
    let number = String(block)
    let noun = experts.count == 1 ? "expert" : "experts"
    self.init(
      label: experts.isEmpty
        ? number : number.leftPadded(digits) + " · \(experts.count) \(noun)",
      block: block, expert: nil, layers: layers, expertCount: experts.count,
      router: experts.max().flatMap { last in
        layers.first { $0.isRouter && $0.shape.rows > last }
      },
      otherWeights: otherWeights)
  }

  /// A row for each expert of the block, by number. O(layers · log layers).
  func expertRows() -> [ModelMap.Row] {
    var members: [Int: [ModelMap.Layer]] = [:]
    for layer in layers {
      if let expert = layer.expert { members[expert, default: []].append(layer) }
    }
    return members.keys.sorted().map { expert in
      ModelMap.Row(
        label: "  expert \(expert)", block: block, expert: expert, layers: members[expert] ?? [],
        expertCount: 0, router: router, otherWeights: 0)
    }
  }
}
