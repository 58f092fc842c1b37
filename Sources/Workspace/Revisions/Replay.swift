internal import Compression
internal import Jobs
internal import Models
internal import Tensors

/// The way from a model that is there to another: the one road from a recipe to
/// weights, for the explorer and the command line alike.
struct Replay: Sendable {
  let base: ModelState
  /// Where the weights come from on the way, revision by revision.
  let path: [Provenance]

  init(base: ModelState, path: [Provenance]) {
    self.base = base
    self.path = path
  }

  /// A way of passes alone.
  init(base: ModelState, steps: [Step]) {
    self.init(base: base, path: steps.map { .pass($0) })
  }

  /// Goes the way. Throws what a pass throws, `PassError` when a step selects no
  /// layer, and `RevisionError` when weights cannot be loaded.
  func run(in job: borrowing JobContext) throws -> ModelState {
    var model = base
    for (index, provenance) in path.enumerated() {
      try job.checkpoint()
      let share = 1 / Double(path.count)
      let part = job.part(Double(index) * share...min(1, Double(index + 1) * share))
      switch provenance {
      case .pass(let step):
        guard model.parameters.contains(where: step.layers.contains) else {
          throw PassError("\(step.title): \(reason(step.layers))")
        }
        model = try step.apply(to: model, in: part)
      case .loaded(let loaded): model = try loaded.model(for: model)
      case .trained(let trained): model = try trained.model(for: model)
      }
    }
    return model
  }

  /// Why nothing is selected.
  private func reason(_ layers: LayerSelection) -> String {
    let others = base.parameters.count { $0.place.role == .auxiliary }
    return base.parameters.absence.map { "the file holds no weights: \($0)" }
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
