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

  /// nil where a model's file has not that order, or does not say how many heads there
  /// are.
  init?(_ name: CanonicalName, of parameter: Parameter, in checkpoint: Checkpoint) {
    guard checkpoint.llamaArchitecture == "llama", parameter.name.hasPrefix("blk."),
      ["attn_q", "attn_k"].contains(name.layer)
    else { return nil }
    let queries = checkpoint.configuration["n_head"].flatMap { Int($0) }
    let keys = checkpoint.configuration["num_key_value_heads"].flatMap { Int($0) } ?? queries
    self.init(of: parameter.shape, heads: name.layer == "attn_q" ? queries : keys)
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
