package import Backend
package import Models

/// What attention leaves for the backward pass, beside what the plan keeps of each step, and what
/// is dropped on the way. For sequences of one length.
package final class Tape {
  /// Tokens of a sequence.
  package let length: Int
  /// Values from one row of probabilities to the next.
  package let padded: Int
  /// Of each block, `[sequences, heads of queries, length, padded]` of activations, negative
  /// where dropout took them away.
  package let probabilities: [Values]
  package var dropout = Dropout(rate: 0, seed: 0)

  package init(_ config: ModelConfig, sequences: Int, length: Int, isHalf: Bool) {
    self.length = length
    let padded = (length + 31) / 32 * 32
    self.padded = padded
    probabilities = (0..<config.blocks).map { block in
      let heads = config.shape(of: block).queryHeads
      return Values(rows: sequences * heads * length, width: padded, isHalf: isHalf)
    }
  }

  /// The first row of a head of one sequence.
  package func row(_ sequence: Int, _ head: Int, of shape: BlockShape) -> Int {
    (sequence * shape.queryHeads + head) * length
  }
}
