internal import Tensors

/// llama.cpp's order of the rows of a Llama's queries and keys.
///
/// Rotary embeddings turn pairs of a head's channels. Hugging Face pairs channel j
/// with j + d/2 of a head of d; llama.cpp's converter puts the two side by side:
///
///     row h d + 2 j + s  in GGUF  =  row h d + s d/2 + j  in safetensors,   s = 0, 1
///
/// The rows themselves are the same, so undoing it is exact.
struct LlamaRows: Hashable {
  let heads: Int

  /// nil where a model's file has not that order, or does not say how many heads there
  /// are.
  init?(_ name: CanonicalName, of parameter: Parameter, in checkpoint: Checkpoint) {
    guard checkpoint.configuration["model_type"] == "llama",
      parameter.name.hasPrefix("blk."), ["attn_q", "attn_k"].contains(name.layer)
    else { return nil }
    let queries = checkpoint.configuration["n_head"].flatMap { Int($0) }
    let keys = checkpoint.configuration["num_key_value_heads"].flatMap { Int($0) } ?? queries
    guard let heads = name.layer == "attn_q" ? queries : keys, heads > 0,
      let rows = parameter.shape.dimensions.first, rows > 0, rows % (2 * heads) == 0
    else { return nil }
    self.heads = heads
  }

  /// The rows in the order of Hugging Face's files.
  ///
  /// Throws `CheckpointError.stopped` once `shouldStop` says so.
  func undone(
    _ tensor: Tensor, threads: Int, shouldStop: @Sendable () -> Bool
  ) throws(CheckpointError) -> Tensor {
    // A bias has rows of one value.
    let rows = tensor.shape.dimensions.first ?? 1
    let columns = tensor.shape.count / max(rows, 1)
    let size = rows / heads
    var isFinished = true
    let undone = unsafe Tensor(tensor.shape) { values in
      let target = unsafe Shared(values)
      isFinished = unsafe tensor.withUnsafeValues { source in
        let source = unsafe Shared(source)
        return Parallel.forEach(count: rows, threads: threads, shouldStop: shouldStop) { row in
          let (head, place) = (row / size, row % size)
          let (half, pair) = (place / (size / 2), place % (size / 2))
          let from = (head * size + 2 * pair + half) * columns
          for column in 0..<columns {
            unsafe target.pointer.initializeElement(
              at: row * columns + column, to: source.pointer[from + column])
          }
        }
      }
    }
    guard isFinished else { throw .stopped }
    return undone
  }
}
