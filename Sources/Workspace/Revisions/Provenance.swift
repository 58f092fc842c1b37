public import Compression
internal import Jobs
internal import Tensors

/// Where a revision's weights come from.
public enum Provenance: Hashable, Sendable {
  /// From the parent's, by a pass.
  case pass(Step)
  /// From another checkpoint of the same network.
  case loaded(LoadedWeights)
  /// From a training run.
  case trained(TrainedWeights)

  /// A few words: `prune magnitude 50 %`, a file's name, `training, step 600`.
  public var title: String {
    switch self {
    case .pass(let step): step.title
    case .loaded(let loaded): loaded.title
    case .trained(let trained): trained.title
    }
  }

  /// Whether a tensor may differ from the parent's.
  func mayChange(_ parameter: Parameter) -> Bool {
    switch self {
    // Biases follow their layers.
    case .pass(let step):
      step.layers.contains(parameter) || parameter.shape.dimensions.count < 2
    case .loaded, .trained: true
    }
  }

  /// The layers that may differ from the parent's.
  var layers: LayerSelection {
    switch self {
    case .pass(let step): step.layers
    case .loaded, .trained: .matching(["*"])
    }
  }
}
