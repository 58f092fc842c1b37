internal import Compression
internal import Jobs
internal import Tensors

/// Steps to apply to weights that are there: the one road from a recipe to
/// weights, for the explorer and the command line alike.
struct Replay: Sendable {
  let base: Parameters
  let steps: [Step]

  /// Applies the steps in order. Throws what a pass throws, and `PassError`
  /// when a step selects no layer.
  func run(in job: borrowing JobContext) throws -> Parameters {
    var parameters = base
    for (index, step) in steps.enumerated() {
      try job.checkpoint()
      guard parameters.contains(where: step.layers.contains) else {
        throw PassError("\(step.title): \(reason(step.layers))")
      }
      let share = 1 / Double(steps.count)
      let range = Double(index) * share...min(1, Double(index + 1) * share)
      parameters = try step.apply(to: parameters, in: job.part(range))
    }
    return parameters
  }

  /// Why nothing is selected.
  private func reason(_ layers: LayerSelection) -> String {
    let others = base.count { $0.place.role == .auxiliary }
    return base.absence.map { "the file holds no weights: \($0)" }
      ?? layers.emptiness(others: others)
  }
}

extension LayerSelection {
  /// Why nothing may be selected, for people.
  fileprivate func emptiness(others: Int) -> String {
    switch self {
    case .all where others > 0:
      "no layer is a language model's: \(others) matrices of towers, convolutions or adapters are "
        + "left alone unless --layers names them"
    case .all: "the checkpoint has no linear layer inside blocks; select layers by pattern"
    case .matching(let patterns): "no layer matches \(patterns.joined(separator: ", "))"
    case .named(let names): "no layer is called \(names.joined(separator: ", "))"
    }
  }
}
