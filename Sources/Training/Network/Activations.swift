internal import Models
internal import Transformers

/// What the forward pass of a few sequences leaves for the backward pass.
///
/// "Activations" are bf16 or f32, as the network computes; the residual stream is
/// f32.
final class Activations {
  /// Of one block, for `rows` tokens.
  struct Block {
    /// The residual stream before each of the two norms, `[rows, width]` of f32.
    let attentionInput: AlignedBuffer
    let mlpInput: AlignedBuffer
    /// The two norms' results, `[rows, width]` of activations.
    let attentionNormed: AlignedBuffer
    let mlpNormed: AlignedBuffer
    /// Queries, keys and values, `[rows, qkvWidth]` of activations.
    let qkv: AlignedBuffer
    /// Attention's probabilities, `[sequences, heads, length, padded]` of activations,
    /// negative where dropout took them away.
    let probabilities: AlignedBuffer
    /// Attention's results, `[rows, valueWidth]` of activations.
    let mixed: AlignedBuffer
    /// The MLP's hidden values before and after GELU, `[rows, hidden]` of activations.
    let hidden: AlignedBuffer
    let activated: AlignedBuffer
  }

  let blocks: [Block]
  /// The residual stream before the last norm, f32, and the norm's result.
  let finalInput: AlignedBuffer
  let finalNormed: AlignedBuffer

  init(_ network: TrainingNetwork, sequences: Int, length: Int, padded: Int) {
    let rows = sequences * length
    let width = network.configuration.width
    // Buffers count values of four bytes.
    let share = network.isHalf ? 2 : 1
    func activations(_ count: Int) -> AlignedBuffer { AlignedBuffer((count + share - 1) / share) }
    blocks = network.blocks.map { block in
      let shape = block.shape
      return Block(
        attentionInput: AlignedBuffer(rows * width), mlpInput: AlignedBuffer(rows * width),
        attentionNormed: activations(rows * width), mlpNormed: activations(rows * width),
        qkv: activations(rows * shape.qkvWidth),
        probabilities: activations(sequences * shape.heads.count * length * padded),
        mixed: activations(rows * shape.valueWidth), hidden: activations(rows * shape.hidden),
        activated: activations(rows * shape.hidden))
    }
    finalInput = AlignedBuffer(rows * width)
    finalNormed = activations(rows * width)
  }
}
