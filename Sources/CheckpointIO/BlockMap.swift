internal import Tensors

/// Which parameter belongs to which block and layer: the rows and columns of
/// the Blocks view. Numbers are positions in `Checkpoint.parameters`.
public struct BlockMap: Sendable {
  /// One transformer block.
  public struct Block: Sendable, Hashable {
    /// What `Place.block` says. A model with two stacks (an encoder and a
    /// decoder) numbers the second one after the first.
    public let index: Int
    /// Its prefix in the checkpoint, `transformer.h.3`.
    public let name: String
    /// Its parameters in the order the model uses them.
    public let positions: [Int]
  }

  /// The blocks, by index.
  public let blocks: [Block]
  /// Every layer name met in blocks, in the order the model uses them.
  public let layers: [String]
  /// Those of them with a weight matrix: the columns of the Blocks view.
  public let linearLayers: [String]
  /// Parameters outside the blocks, in the order of the checkpoint.
  public let outside: [Int]
  private let weights: [Key: Int]
  private let layerNumbers: [String: Int]

  private struct Key: Hashable {
    let block: Int
    let layer: Int
  }

  /// Position of the weight matrix or norm weight of a layer.
  public func position(block: Int, layer: String) -> Int? {
    layerNumbers[layer].flatMap { weights[Key(block: block, layer: $0)] }
  }

  /// Maps parameters whose places are known; `names` are the blocks' prefixes.
  init(_ parameters: Parameters, names: [Int: String]) {
    var members: [Int: [Int]] = [:]
    var outside: [Int] = []
    var order: [String: Int] = [:]
    var linear: Set<String> = []
    var weights: [Key: Int] = [:]
    for (position, parameter) in parameters.enumerated() {
      let place = parameter.place
      guard let block = place.block else {
        outside.append(position)
        continue
      }
      members[block, default: []].append(position)
      let number = order[place.layer] ?? order.count
      if number == order.count { order[place.layer] = number }
      if place.role == .linear { linear.insert(place.layer) }
      if [.linear, .router, .norm].contains(place.role) {
        weights[Key(block: block, layer: number)] = position
      }
    }
    layerNumbers = order
    layers = LayerOrder.sorted(Array(order.keys), firstMet: order)
    linearLayers = layers.filter(linear.contains)
    self.outside = outside
    self.weights = weights
    let ranks = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1, $0) })
    blocks = members.keys.sorted().map { index in
      let ranked = (members[index] ?? []).map { position in
        let place = parameters[position].place
        return (ranks[place.layer] ?? 0, place.role == .bias ? 1 : 0, position)
      }
      return Block(
        index: index, name: names[index] ?? "block.\(index)",
        positions: ranked.sorted { $0 < $1 }.map(\.2))
    }
  }
}

/// The order in which a block uses its layers; files often sort by name.
enum LayerOrder {
  /// Last components of the families' layer names, in order of use. A name
  /// with a dot must match that much of the end.
  private static let known: [String] = [
    "ln_1", "input_layernorm", "attention_norm", "norm1", "norm_1", "layer_norm1",
    "self_attn_layer_norm", "attn_norm", "attn_norm_2",
    "attn.c_attn", "in_proj", "qkv_proj", "qkv", "query_key_value", "attn_qkv", "q_proj", "query",
    "wq", "attn_q",
    "q_norm", "attn_q_norm", "k_proj", "key", "wk", "attn_k", "k_norm", "attn_k_norm", "v_proj",
    "value", "wv", "attn_v",
    "attn.c_proj", "o_proj", "out_proj", "wo", "attn.proj", "attention.dense",
    "attention.output.dense", "attention.output.LayerNorm", "attn_output", "attn_output_norm",
    "post_attention_norm",
    "ln_2", "post_attention_layernorm", "pre_feedforward_layernorm", "ffn_norm", "norm2",
    "norm_2", "layer_norm2",
    "gate", "ffn_gate_inp", "experts",
    "mlp.c_fc", "gate_proj", "gate_up_proj", "up_proj", "w1", "w3", "fc1", "intermediate.dense",
    "dense_h_to_4h", "ffn_gate", "ffn_gate_exps", "ffn_up", "ffn_up_exps",
    "mlp.c_proj", "down_proj", "w2", "fc2", "dense_4h_to_h", "output.dense", "ffn_down",
    "ffn_down_exps",
    "output.LayerNorm", "final_layer_norm", "post_feedforward_layernorm",
    "post_ffw_norm", "layer_output_norm",
  ]
  private static let ranks = Dictionary(
    uniqueKeysWithValues: known.enumerated().map { ($1, $0) })

  /// Known layers in order of use, experts one after the other; unknown ones
  /// behind them, as first met.
  static func sorted(_ layers: [String], firstMet: [String: Int]) -> [String] {
    layers.map { (key($0, firstMet: firstMet[$0] ?? 0), $0) }
      .sorted { $0.0 < $1.0 }.map(\.1)
  }

  private typealias SortKey = (Int, Int, Int, Int)

  private static func key(_ layer: String, firstMet: Int) -> SortKey {
    let components = layer.split(separator: ".", omittingEmptySubsequences: false)
    let rank = rank(of: components)
    if let position = components.firstIndex(where: { TensorName.number($0) != nil }) {
      let expert = TensorName.number(components[position]) ?? 0
      return (ranks["experts"] ?? known.count, expert, rank, firstMet)
    }
    return (rank, 0, 0, firstMet)
  }

  /// The longest known ending decides.
  private static func rank(of components: [Substring]) -> Int {
    for length in [3, 2, 1] where components.count >= length {
      if let rank = ranks[components.suffix(length).joined(separator: ".")] { return rank }
    }
    return known.count
  }
}
