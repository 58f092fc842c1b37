internal import Backend
package import Models

/// What is known of the channels of a block's layers, by which it is decided what may go.
package protocol ChannelFacts {
  /// What an output is for every token, where it is always the same; 0 of a channel that gives
  /// nothing.
  func constant(_ role: TensorRole, _ row: Int) -> Float?
  /// Whether an output is the same for every token but for what its bias adds.
  func hasNoWeights(_ role: TensorRole, _ row: Int) -> Bool
  /// Whether any output depends on an input.
  func reads(_ role: TensorRole, _ column: Int) -> Bool
  /// Whether a layer has a bias, which takes in what is the same for every token.
  func takesConstants(_ role: TensorRole) -> Bool
}

/// What of one block has to stay for the block to give what it gives.
///
/// | gives nothing | goes | because |
/// | --- | --- | --- |
/// | a row of up, and of gate where there is one | the hidden channel | it is one number for every token |
/// | a column of down | the hidden channel | nobody reads it |
/// | a row of the values | the value channel | attention gives its bias for every token |
/// | all columns of the attention output for it | the value channel | nobody reads it |
/// | a row of the queries, its bias too | the query and key channel | it adds 0 to every score |
/// | a row of the keys | the query and key channel | it adds as much to all scores of a query |
/// | all value channels of a head | the head | it gives nothing |
///
/// What a channel gives to every token alike goes into the bias of the layer that reads it;
/// where that layer has none, the channel stays. Channels of queries and keys stay that a
/// rotary embedding turns or a norm sees, and so do heads that one norm sees together. Experts
/// stay as they are.
package struct BlockPlan {
  package private(set) var cut: BlockCut
  /// What inputs of an output layer that go would have been, by column.
  package private(set) var constants: [TensorRole: [Int: Float]] = [:]
  private let config: ModelConfig
  private let block: Int

  /// `shape` is what the block has; nil for what the model says. `isHeadwise` says that the rows
  /// of each head stand together in one matrix, where all heads have to be equally wide; `parts`
  /// may lose channels.
  package init(
    _ config: ModelConfig, block: Int, shape: BlockShape? = nil, isHeadwise: Bool = false,
    parts: Set<Part> = [.attention, .mlp], _ facts: some ChannelFacts
  ) {
    self.config = config
    self.block = block
    cut = BlockCut(of: shape ?? config.shape(of: block))
    if parts.contains(.attention) { planAttention(facts, isHeadwise: isHeadwise) }
    if parts.contains(.mlp), config.experts(of: block) == nil { planMLP(facts) }
  }

  /// Layers of a block that lose channels together.
  package enum Part: Sendable, CaseIterable {
    case attention, mlp

    /// Its linear layers.
    package var roles: [TensorRole] {
      switch self {
      case .attention: [.query, .key, .value, .attentionOutput]
      case .mlp: [.gate, .up, .down]
      }
    }
  }

  private mutating func planMLP(_ facts: some ChannelFacts) {
    cut.hidden = cut.hidden.filter { channel in
      guard facts.reads(.down, channel) else { return false }
      guard let value = hidden(channel, facts) else { return true }
      return !leave(out: channel, value, of: .down, facts)
    }
  }

  /// What a hidden channel is for every token; nil where it is not always the same.
  private func hidden(_ channel: Int, _ facts: some ChannelFacts) -> Float? {
    let up = facts.constant(.up, channel)
    guard config.isGated else { return up.map { activated($0, nil) } }
    let gate = facts.constant(.gate, channel)
    if let gate, let up { return activated(gate, up) }
    // Whatever the other one is.
    if let gate, activated(gate, 1) == 0, activated(gate, 0) == 0 { return 0 }
    if let up, up == 0, config.activation != .clippedSwiGLU { return 0 }
    return nil
  }

  private func activated(_ gate: Float, _ up: Float?) -> Float {
    Processor.activated(config.activation, gate, up)
  }

  /// Whether an input of a layer that is always `value` may go.
  private mutating func leave(
    out column: Int, _ value: Float, of role: TensorRole, _ facts: some ChannelFacts
  ) -> Bool {
    if value == 0 { return true }
    guard value.isFinite, facts.takesConstants(role) else { return false }
    constants[role, default: [:]][column] = value
    return true
  }

  private mutating func planAttention(_ facts: some ChannelFacts, isHeadwise: Bool) {
    let whole = cut.whole
    // A norm over all heads together counts them.
    let keepsHeads = config.headNorms == .whole
    let keepsKeys =
      config.attention[block].rope != nil || config.headNorms != .none || isHeadwise
    var heads: [BlockCut.Head] = []
    var first = 0
    for (index, head) in whole.heads.enumerated() {
      let places = whole.places[first..<first + head.queries]
      first += head.queries
      let live = places.map { place in
        Set((0..<head.values).filter { isLive($0, place, facts) })
      }
      var kept = cut.heads[index]
      let values = live.reduce(into: Set<Int>()) { $0.formUnion($1) }
      if !keepsHeads {
        if values.isEmpty { continue }
        kept.queries = live.indices.filter { !live[$0].isEmpty }
      }
      if !isHeadwise {
        kept.values = values.isEmpty ? [0] : values.sorted()
      }
      if !keepsKeys {
        kept.keys = kept.keys.filter { channel in
          let queries = kept.queries.map { places[places.startIndex + $0].firstQuery + channel }
          return isScored(queries, places[places.startIndex].firstKey + channel, facts)
        }
      }
      heads.append(kept)
    }
    cut.heads = heads
    // What stays still gives its constant by itself.
    let left = Set(cut.columns(of: .attentionOutput) ?? [])
    constants[.attentionOutput] = constants[.attentionOutput]?.filter { !left.contains($0.key) }
  }

  /// Whether a channel of a head's values reaches the outputs.
  private mutating func isLive(
    _ channel: Int, _ place: BlockShape.Run, _ facts: some ChannelFacts
  ) -> Bool {
    let column = place.firstMixed + channel
    guard facts.reads(.attentionOutput, column) else { return false }
    guard let value = facts.constant(.value, place.firstValue + channel) else { return true }
    // A sink takes a share that differs from token to token.
    if value != 0, config.hasSinks { return true }
    return !leave(out: column, value, of: .attentionOutput, facts)
  }

  /// Whether a channel of queries and keys changes what softmax gives.
  private func isScored(_ queries: [Int], _ key: Int, _ facts: some ChannelFacts) -> Bool {
    if queries.allSatisfy({ facts.constant(.query, $0) == 0 }) { return false }
    if facts.constant(.key, key) == 0 { return false }
    // As much for all keys of a query is nothing to softmax, but for caps and sinks.
    let isBlind = config.attentionCap == nil && !config.hasSinks
    return !(isBlind && facts.hasNoWeights(.key, key))
  }
}
