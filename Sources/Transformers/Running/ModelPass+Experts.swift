internal import Backend
internal import Models

// Experts.
extension ModelPass {
  /// A token that goes to an expert.
  private struct Visit {
    let row: Int
    let weight: Float
  }

  /// Sends each token to the experts that the router scores highest, and adds what they give,
  /// by their weights.
  func route(
    _ block: Int, _ input: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>,
    count: Int, _ observer: (any PassObserver)?
  ) throws {
    guard let experts = config.experts(of: block) else { return }
    let width = config.width
    let routerID = TensorID(.router, block: block)
    let router = try weights.linear(routerID, precision)
    unsafe observer?.add(routerID, input, rows: count, columns: width)
    unsafe multiply(router, count, input, expertGate.floats(), stride: router.rows)
    let visits = unsafe self.visits(experts, count, expertGate.floats())
    observer?.add(
      visits.map { visits in
        RouterLoad.Expert(
          tokens: visits.count, weight: visits.reduce(0) { $0 + Double($1.weight) })
      }, of: block)
    let gathered = AlignedBuffer(count * width)
    let given = AlignedBuffer(count * width)
    unsafe output.update(repeating: 0, count: count * width)
    for expert in 0..<experts.count where !visits[expert].isEmpty {
      let rows = visits[expert]
      for (index, visit) in rows.enumerated() {
        unsafe (gathered.floats + index * width).update(
          from: input + visit.row * width, count: width)
      }
      try unsafe runExpert(
        (.expertGate, .expertUp, .expertDown), block, expert, rows.count, gathered.floats,
        given.floats, hidden: experts.hidden, observer)
      for (index, visit) in rows.enumerated() {
        unsafe Processor.addScaled(
          width, visit.weight, given.floats + index * width, into: output + visit.row * width)
      }
    }
    guard experts.shared > 0 else { return }
    try unsafe runExpert(
      (.sharedGate, .sharedUp, .sharedDown), block, nil, count, input, given.floats,
      hidden: experts.shared, observer)
    try unsafe weights.withVector(TensorID(.sharedRouter, block: block)) { gate in
      for row in 0..<count {
        var weight: Float = 1
        if let gate = unsafe gate {
          var score: Float = 0
          for column in 0..<width { score += unsafe gate[column] * input[row * width + column] }
          weight = 1 / (1 + exponential(-score))
        }
        unsafe Processor.addScaled(
          width, weight, given.floats + row * width, into: output + row * width)
      }
    }
  }

  private func runExpert(
    _ roles: (gate: TensorRole, up: TensorRole, down: TensorRole), _ block: Int, _ expert: Int?,
    _ count: Int, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    hidden: Int, _ observer: (any PassObserver)?
  ) throws {
    func layer(
      _ role: TensorRole, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>
    ) throws {
      let id = TensorID(role, block: block, expert: expert)
      let layer = try weights.linear(id, precision)
      unsafe observer?.add(id, input, rows: count, columns: layer.columns)
      unsafe multiply(layer, count, input, output, stride: layer.rows)
    }
    try unsafe layer(roles.gate, input, expertGate.floats())
    try unsafe layer(roles.up, input, expertUp.floats())
    Processor.activate(
      count * hidden, config.activation, gate: expertGate, up: expertUp, into: expertGate)
    try unsafe layer(roles.down, expertGate.floats(), output)
  }

  /// The tokens of each expert, in their order.
  private func visits(
    _ experts: ModelConfig.Experts, _ count: Int, _ scores: UnsafePointer<Float>
  ) -> [[Visit]] {
    var visits = [[Visit]](repeating: [], count: experts.count)
    for row in 0..<count {
      let scores = (0..<experts.count).map { unsafe scores[row * experts.count + $0] }
      // The first of equal scores.
      let order = scores.indices.sorted {
        scores[$0] > scores[$1] || scores[$0] == scores[$1] && $0 < $1
      }
      let chosen = order.prefix(experts.active)
      let largest = scores[order[0]]
      let shares = scores.map { exponential($0 - largest) }
      let isPart = experts.choosesFirst || experts.normalizes
      let total = (isPart ? chosen.map { shares[$0] } : shares).reduce(0, +)
      for expert in chosen {
        visits[expert].append(Visit(row: row, weight: shares[expert] / total))
      }
    }
    return visits
  }
}
