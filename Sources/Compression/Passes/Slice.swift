public import Jobs
public import Models
internal import Tensors
public import Transformers

/// Takes whole channels out that change nothing in the model's outputs: heads, channels of
/// queries, keys and values, and hidden channels that zeros have made useless (`SlicedNetwork`).
/// Layers that read them become narrower with them, so the model is smaller and faster.
///
/// Channels go where all layers that have a part in them are selected: those of a block's
/// attention, or of its MLP. Biases of output layers take in what a channel gave to every token
/// alike.
public struct Slice: CompressionPass {
  /// It has no settings.
  public init() {}

  /// The word in recipes and on the command line.
  public static let name = "slice"
  /// One sentence for help.
  public static let summary = "Take out heads and channels that zeros have made useless."
  /// None.
  public static let dials: [Dial<Slice>] = []

  /// What one layer loses hangs on the others.
  public var isLayerwise: Bool { false }

  /// `slice`.
  public var title: String { "slice" }

  /// The smaller model; the model itself where nothing can go. Throws as `sliced`.
  public func apply(
    to model: ModelState, layers: LayerSelection, in job: borrowing JobContext
  ) throws -> ModelState {
    try job.checkpoint()
    guard model.parameters.contains(where: layers.contains) else {
      job.progress(1)
      return model
    }
    return try sliced(model, layers: layers, in: job).model
  }

  /// The same with what went. Throws `Cancelled`, `NetworkError` for a model that cannot be run,
  /// and `PassError` where no attention and no MLP has all its layers selected.
  public func sliced(
    _ model: ModelState, layers: LayerSelection = .all, in job: borrowing JobContext
  ) throws -> SlicedNetwork {
    let report = job.reporter
    do {
      let sliced = try SlicedNetwork(
        model, selecting: layers.contains, lazily: model.parameters.areLarge,
        threads: job.threads, progress: { report($0, "") }, shouldStop: job.shouldStop)
      guard sliced.partCount > 0 else {
        throw PassError(
          "slice takes channels out of an attention or an MLP, and none has all its layers "
            + "selected")
      }
      job.progress(1)
      return sliced
    } catch NetworkError.stopped {
      throw Cancelled()
    } catch {
      // A read that was stopped tells so in words of its own.
      try job.checkpoint()
      throw error
    }
  }
}
