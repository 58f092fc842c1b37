internal import Models
internal import Tensors

/// llama.cpp's order of the rows of a Llama's queries and keys.
///
/// Rotary embeddings turn pairs of a head's channels. Hugging Face pairs channel j
/// with j + d/2 of a head of d; llama.cpp's converter puts the two side by side:
///
///     row h d + 2 j + s  in GGUF  =  row h d + s d/2 + j  in safetensors,   s = 0, 1
///
/// The rows themselves are the same, so making and undoing it are exact.
struct LlamaRows: Hashable {
  let heads: Int

  /// Rows of so many heads; nil where they are no such, of an even width each.
  init?(of shape: Shape, heads: Int?) {
    guard let heads, heads > 0, let rows = shape.dimensions.first, rows > 0,
      rows % heads == 0, rows / heads % 2 == 0
    else { return nil }
    self.heads = heads
  }

  /// Whether a tensor is of queries or keys, with rows in this order: in GGUF files of such
  /// families, and under the names of Meta's and Mistral's own files, whose order it is.
  static func areThose(
    of parameter: Parameter, _ name: CanonicalName, in checkpoint: Checkpoint
  ) -> Bool {
    guard ["attn_q", "attn_k"].contains(name.layer) else { return false }
    if isOriginal(parameter.name) { return true }
    return parameter.name.hasPrefix("blk.")
      && checkpoint.llamaArchitecture.map { RowOrder.interleavedTypes.contains($0) } ?? false
  }

  /// Whether a name is that of queries or keys in Meta's and Mistral's own files.
  static func isOriginal(_ name: String) -> Bool {
    let rest = TensorName(name).rest
    return rest.hasPrefix("attention.wq.") || rest.hasPrefix("attention.wk.")
  }

  /// The rows of queries or keys, of as many heads as the first of the checkpoints says that
  /// says it; nil where none does, or the rows are no such.
  init?(_ name: CanonicalName, of parameter: Parameter, in checkpoints: [Checkpoint]) {
    func count(_ keys: [String]) -> Int? {
      for key in keys {
        if let text = checkpoints.lazy.compactMap({ $0.configuration[key] }).first {
          return Int(text)
        }
      }
      return nil
    }
    let queries = ["n_head", "num_attention_heads"]
    let isQuery = name.layer == "attn_q"
    self.init(
      of: parameter.shape, heads: count(isQuery ? queries : ["num_key_value_heads"] + queries))
  }

  /// The rows in the order of Hugging Face's files.
  ///
  /// Throws `CheckpointError.stopped` once `shouldStop` says so.
  func undone(
    _ tensor: Tensor, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    try moved(tensor, threads: threads, shouldStop: shouldStop) { row, size in
      let (half, pair) = (row % size / (size / 2), row % (size / 2))
      return row / size * size + 2 * pair + half
    }
  }

  /// Rows of Hugging Face's files in the order of llama.cpp's. Throws as `undone`.
  func made(
    _ tensor: Tensor, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    try moved(tensor, threads: threads, shouldStop: shouldStop) { row, size in
      row / size * size + row % 2 * (size / 2) + row % size / 2
    }
  }

  /// The tensor of which row r is row `source(r, channels of a head)` of this one.
  private func moved(
    _ tensor: Tensor, threads: Int, shouldStop: @Sendable () -> Bool,
    source: @Sendable (_ row: Int, _ size: Int) -> Int
  ) throws(CheckpointError) -> Tensor {
    // A bias has rows of one value.
    let rows = tensor.shape.dimensions.first ?? 1
    let columns = tensor.shape.count / max(rows, 1)
    let size = rows / heads
    var isFinished = true
    let moved = unsafe Tensor(tensor.shape) { values in
      let target = unsafe Shared(values)
      isFinished = unsafe tensor.withUnsafeValues { values in
        let values = unsafe Shared(values)
        return Parallel.forEach(count: rows, threads: threads, shouldStop: shouldStop) { row in
          let from = source(row, size) * columns
          for column in 0..<columns {
            unsafe target.pointer.initializeElement(
              at: row * columns + column, to: values.pointer[from + column])
          }
        }
      }
    }
    guard isFinished else { throw .stopped }
    return moved
  }
}

extension Checkpoint {
  /// What llama.cpp calls the family of a GGUF file, or of a file that was made of one;
  /// of others the model type.
  var llamaArchitecture: String? {
    if case .text(let architecture) = gguf?["general.architecture"] { return architecture }
    return configuration["model_type"]
  }
}
