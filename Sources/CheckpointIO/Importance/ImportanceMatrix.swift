public import Tensors

/// How large the inputs of a model's matrices are on some text, which weighs the errors of ggml's
/// blocks: llama.cpp's importance matrix ("imatrix").
///
/// Entries have the names of a GGUF file's tensors; the experts of a stack are one entry.
public struct ImportanceMatrix: Sendable, Hashable {
  /// Of one tensor of a GGUF file.
  public struct Entry: Sendable, Hashable {
    /// Sums of squares of inputs: the columns of a matrix, of a stack one expert after the other.
    public let sums: [Float]
    /// How many inputs each expert has seen. One number where the tensor is a matrix, or where all
    /// experts count as one, as in llama.cpp's older files.
    public let counts: [Int]

    /// Precondition: there are counts, and as many sums for each.
    public init(sums: [Float], counts: [Int]) {
      precondition(!counts.isEmpty && sums.count.isMultiple(of: counts.count))
      self.sums = sums
      self.counts = counts
    }
  }

  /// By name.
  public var entries: [String: Entry]
  /// The texts that were run, as whoever ran them calls them.
  public var datasets: [String]
  /// In how many pieces the texts were run, and how many tokens a piece has; 0 where a file does
  /// not say it.
  public var chunkCount: Int
  public var chunkSize: Int
  /// The file that it was read from; nil where it was measured.
  public var path: String?

  public init(
    _ entries: [String: Entry], datasets: [String] = [], chunkCount: Int = 0, chunkSize: Int = 0,
    path: String? = nil
  ) {
    self.entries = entries
    self.datasets = datasets
    self.chunkCount = chunkCount
    self.chunkSize = chunkSize
    self.path = path
  }

  /// Makes one of sums by the names of layers in `checkpoint`, measured on `dataset` in windows of
  /// `window` tokens. Layers whose sums exceed f32 are left out. Throws
  /// `CheckpointError.invalidConversion` for settings that llama.cpp could not use.
  public init(
    _ layers: [String: InputSums], of checkpoint: Checkpoint, window: Int, dataset: String
  ) throws(CheckpointError) {
    let parameters = checkpoint.parameters
    let names = try GGUFContent.names(of: parameters, of: checkpoint)
    var members: [String: [Int: (columns: Int, sums: InputSums?)]] = [:]
    for parameter in parameters where parameter.place.role == .linear {
      guard let name = names[parameter.name] else { continue }
      let place = ExpertStack.place(of: name) ?? (name, 0)
      members[place.stack, default: [:]][place.expert] = (
        parameter.shape.columns, layers[parameter.name]
      )
    }
    let entries = members.compactMapValues { experts -> Entry? in
      let ordered = (0..<experts.count).compactMap { experts[$0] }
      guard ordered.count == experts.count, ordered.contains(where: { $0.sums?.rows ?? 0 > 0 })
      else { return nil }
      let sums = ordered.map { expert in
        expert.sums?.squares.map { Float($0) } ?? [Float](repeating: 0, count: expert.columns)
      }
      guard sums.allSatisfy({ $0.count == sums[0].count && $0.allSatisfy(\.isFinite) })
      else { return nil }
      return Entry(sums: sums.flatMap(\.self), counts: ordered.map { $0.sums?.rows ?? 0 })
    }
    let longest = entries.values.flatMap(\.counts).max() ?? 0
    self.init(
      entries, datasets: [dataset],
      chunkCount: window > 0 ? (longest + window - 1) / window : 0, chunkSize: window)
  }
}

extension ImportanceMatrix.Entry {
  /// Mean squares of the inputs of `parts` matrices of `columns` columns; nil if the entry has
  /// another shape. A matrix whose inputs were all 0 has none.
  ///
  /// The inputs of an expert that has seen nothing count 1, as in llama.cpp, and an input that was
  /// always 0 counts as the least other one of its matrix.
  func means(parts: Int, columns: Int) -> [[Float]?]? {
    guard parts > 0, columns > 0, sums.count == parts * columns,
      counts.count == 1 || counts.count == parts
    else { return nil }
    return (0..<parts).map { part in
      let count = counts[counts.count == 1 ? 0 : part]
      guard count > 0 else { return [Float](repeating: 1, count: columns) }
      let means = sums[part * columns..<(part + 1) * columns].map { $0 / Float(count) }
      guard let least = means.lazy.filter({ $0 > 0 }).min() else { return nil }
      return means.map { max($0, least) }
    }
  }
}
