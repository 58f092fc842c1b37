public import CheckpointIO
internal import Compression
public import Jobs
public import Tensors

/// The codes of a layer of a revision, or why there are none.
public struct LayerCodes: Sendable {
  /// Where the codes come from.
  public enum Source: Sendable {
    /// The file holds them, maybe with a mask over them.
    case blocks(CodedBlocks)
    /// The weights lie on a grid, of a pass or of another quantizer, which gives them
    /// back.
    case grid(QuantizationGrid)
  }

  /// The parameter's name in the checkpoint.
  public let name: String
  public let revision: RevisionID
  /// nil where `complaint` says why.
  public let source: Source?
  public let figures: CodeFigures?
  /// Why there are no codes, one sentence.
  public let complaint: String?

  private init(
    _ name: String, _ revision: RevisionID, source: Source? = nil, figures: CodeFigures? = nil,
    complaint: String? = nil
  ) {
    self.name = name
    self.revision = revision
    self.source = source
    self.figures = figures
    self.complaint = complaint
  }

  /// The weights that share a scale with the one at a row and a column of `tensor`, the
  /// layer's weights.
  public func group(row: Int, column: Int, of tensor: Tensor) -> CodedGroup? {
    switch source {
    case .blocks(let blocks): blocks.group(row: row, column: column)
    case .grid(let grid): grid.group(around: row, column, of: tensor)
    case nil: nil
    }
  }
}

extension LayerCodes {
  /// The codes of a parameter of `checkpoint`, as it is or as passes made it. Throws
  /// `Cancelled`, and what reading the tensor throws.
  public init(
    of parameter: Parameter, in checkpoint: Checkpoint, revision: RevisionID = .original,
    job: borrowing JobContext
  ) throws {
    let name = parameter.name
    if let blocks = try checkpoint.blocks(of: parameter) {
      let figures = blocks.figures(threads: job.threads, shouldStop: job.shouldStop)
      guard let figures else { throw Cancelled() }
      self.init(name, revision, source: .blocks(blocks), figures: figures)
      return
    }
    if parameter.grid != nil || parameter.isDeferred || parameter.origin != nil {
      let weights = try parameter.loaded(in: job)
      if let grid = weights.grid {
        let figures = CodeFigures(
          of: weights.values, on: grid, threads: job.threads, shouldStop: job.shouldStop)
        try job.checkpoint()
        if let figures {
          self.init(name, revision, source: .grid(grid), figures: figures)
          return
        }
      }
      if let blocks = parameter.prunedBlocks(of: weights) {
        let figures = blocks.figures(threads: job.threads, shouldStop: job.shouldStop)
        guard let figures else { throw Cancelled() }
        self.init(name, revision, source: .blocks(blocks), figures: figures)
        return
      }
    }
    self.init(name, revision, complaint: Self.complaint(of: parameter, in: checkpoint))
  }

  private static func complaint(of parameter: Parameter, in checkpoint: Checkpoint) -> String {
    let isOriginal = checkpoint.parameters[parameter.name]?.isIdentical(to: parameter) == true
    if !isOriginal, checkpoint.blockFormat(of: parameter.name) != nil {
      return "In this revision these weights are not the file's any more: they have no codes."
    }
    let type = checkpoint.tensors.first { $0.name == parameter.name }?.dtypeName
    if isOriginal, parameter.isDeferred, let type {
      return "The codes of \(type) are not shown."
    }
    let name = parameter.dtype.rawValue.lowercased()
    return "These weights are numbers of type \(name): they have no codes."
  }
}
