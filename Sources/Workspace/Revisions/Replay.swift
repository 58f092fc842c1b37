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
    base.absence.map { "the file holds no weights: \($0)" } ?? layers.emptiness
  }
}

extension LayerSelection {
  /// Why nothing may be selected, for people.
  fileprivate var emptiness: String {
    switch self {
    case .all: "the checkpoint has no linear layer inside blocks; select layers by pattern"
    case .matching(let patterns): "no layer matches \(patterns.joined(separator: ", "))"
    case .named(let names): "no layer is called \(names.joined(separator: ", "))"
    }
  }
}
