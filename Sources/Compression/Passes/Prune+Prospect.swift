public import Tensors

extension Prune {
  /// What would stay; nothing is said of how many a threshold leaves.
  public func prospect(for parameters: [Parameter]) -> PassProspect {
    let weights = parameters.weightCount
    let bits = parameters.reduce(0.0) { $0 + Double($1.shape.count) * $1.bitsPerWeight }
    return PassProspect(
      weights: weights, kept: method == .threshold ? nil : expectedKept(parameters),
      isExact: method != .threshold && isCertain(parameters),
      bitsPerKeptWeight: weights == 0 ? 0 : bits / Double(weights),
      groups: parameters.reduce(0) { $0 + ($1.grid?.scales.count ?? 0) })
  }

  /// Whether `expectedKept` counts what will happen, to the weight.
  private func isCertain(_ parameters: [Parameter]) -> Bool {
    if parameters.contains(where: \.isDeferred) { return false }
    if parameters.contains(where: { $0.mask != nil }) {
      return structure == .none && scope != .channel
    }
    let units = parameters.map { self.units(of: $0.shape) }
    let sameSize = Set(units.map { $0.height * $0.width }).count <= 1
    return structure == .nOfM
      || units.allSatisfy(\.areWhole) && (scope != .model || sameSize)
  }

  private func expectedKept(_ parameters: [Parameter]) -> Int {
    let weights = parameters.weightCount
    let masked = parameters.reduce(0) { $0 + $1.shape.count - $1.keptCount }
    if structure == .nOfM {
      return min(weights - masked, parameters.reduce(0) { $0 + keptOfM($1) })
    }
    switch scope {
    case .model:
      let units = parameters.reduce(0) { $0 + self.units(of: $1.shape).count }
      return kept(weights: weights, masked: masked, units: units, quota: quota(of: units))
    case .layer, .channel:
      return parameters.reduce(0) { $0 + expectedKept($1) }
    }
  }

  /// The same for one layer that is counted by itself, or channel by channel.
  private func expectedKept(_ parameter: Parameter) -> Int {
    let units = self.units(of: parameter.shape)
    let gone = scope == .channel ? units.down * quota(of: units.across) : quota(of: units.count)
    let masked = parameter.shape.count - parameter.keptCount
    return kept(weights: parameter.shape.count, masked: masked, units: units.count, quota: gone)
  }

  private func kept(weights: Int, masked: Int, units: Int, quota: Int) -> Int {
    guard units > 0 else { return 0 }
    let share = Double(units - quota) / Double(units)
    return min(weights - masked, Int((share * Double(weights)).rounded(.toNearestOrEven)))
  }

  private func keptOfM(_ parameter: Parameter) -> Int {
    let columns = parameter.shape.columns
    let inRow = columns / m * n + keepCount(ofGroup: columns % m)
    return parameter.shape.rows * inRow
  }
}
