public import CheckpointIO
public import Jobs
public import Tensors

/// The workbench's work without a workbench, for the command line: the same
/// functions, so the same bytes and the same figures.
public enum Headless {
  /// The weights a recipe makes of a checkpoint. Throws `Cancelled`, what
  /// reading a tensor throws, and `PassError`.
  public static func apply(
    _ recipe: Recipe, to checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws -> Parameters {
    try Replay(base: checkpoint.parameters, steps: recipe.steps).run(in: job)
  }

  /// The figures of `parameters`, which come of `checkpoint`, that need no
  /// network: bytes, bits per weight, sparsity, layer error. Throws as `apply`.
  public static func sizes(
    of parameters: Parameters, from checkpoint: Checkpoint, in job: borrowing JobContext
  ) throws -> Metrics {
    var metrics = Metrics()
    metrics.take(try ModelSizes(of: parameters, against: checkpoint, in: job))
    return metrics
  }
}
