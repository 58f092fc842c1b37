internal import Compression
internal import Jobs
internal import Tensors

/// The way from weights that are there to others: the one road from a recipe to
/// weights, for the explorer and the command line alike.
struct Replay: Sendable {
  let base: Parameters
  /// Where the weights come from on the way, revision by revision.
  let path: [Provenance]

  init(base: Parameters, path: [Provenance]) {
    self.base = base
    self.path = path
  }

  /// A way of passes alone.
  init(base: Parameters, steps: [Step]) {
    self.init(base: base, path: steps.map { .pass($0) })
  }

  /// Goes the way. Throws what a pass throws, `PassError` when a step selects no
  /// layer, and `RevisionError` when weights cannot be loaded.
  func run(in job: borrowing JobContext) throws -> Parameters {
    var parameters = base
    for (index, provenance) in path.enumerated() {
      try job.checkpoint()
      let share = 1 / Double(path.count)
      let part = job.part(Double(index) * share...min(1, Double(index + 1) * share))
      switch provenance {
      case .pass(let step):
        guard parameters.contains(where: step.layers.contains) else {
          throw PassError("\(step.title): \(reason(step.layers))")
        }
        parameters = try step.apply(to: parameters, in: part)
      case .loaded(let loaded): parameters = try loaded.weights(for: parameters)
      case .trained(let trained): parameters = try trained.weights(for: parameters)
      }
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
