internal import Models
internal import Tensors

/// A tensor's name taken apart: the stack of blocks it belongs to, the block,
/// and what follows.
///
///     transformer.h.3.mlp.weight
///     └── stack ──┘ │ └─ rest ─┘
///                 block
struct TensorName {
  /// Longer numbers are no block's.
  private static let digitLimit = 9

  let name: String
  /// `transformer.h`; nil outside the blocks.
  let stack: Substring?
  let block: Int?
  let rest: Substring

  init(_ name: String) {
    self.name = name
    let bytes = name.utf8
    guard let parts = NameParts(bytes.span) else {
      stack = nil
      block = nil
      rest = name[...]
      return
    }
    stack = name[..<bytes.index(bytes.startIndex, offsetBy: parts.stackEnd)]
    block = parts.block
    rest = name[bytes.index(bytes.startIndex, offsetBy: parts.restStart)...]
  }

  /// The number a component is, if it is one.
  static func number(_ component: Substring) -> Int? {
    let digits = component.utf8
    guard !digits.isEmpty, digits.count <= digitLimit,
      digits.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return Int(component)
  }

  /// Whether a name, or a part of it, tells of an expert, or of all of a block's at once.
  static func isOfExperts(_ name: String) -> Bool {
    LayerWords.experts.contains { name.holds($0) }
  }

  /// Whether a layer's name is that of one which scores experts.
  static func isRouter(_ layer: String) -> Bool {
    LayerWords.routers.contains { layer == $0 || layer.hasSuffix("." + $0) }
  }

  /// The layer and role of a tensor of this name, type and shape.
  func place(dtype: DType?, shape: Shape, block: Int?) -> Place {
    let (layer, suffix) = split()
    let role = role(layer: layer, suffix: suffix, dtype: dtype, shape: shape)
    guard let block else { return Place(block: nil, layer: name, role: role) }
    let isConstant = role == .buffer || role == .other
    return Place(block: block, layer: String(isConstant ? rest : layer), role: role)
  }

  /// Whether the name is that of a constant, such as a mask or a table of positions.
  func isConstant(of shape: Shape) -> Bool {
    let last = rest.split(separator: ".").last ?? rest
    return isBuffer(suffix: split().1, shape: shape) || last.hasSuffix("mask")
      || last.hasSuffix("ids") || last.hasSuffix("index")
  }

  private enum Suffix { case weight, bias, none }

  private func split() -> (Substring, Suffix) {
    for (ending, suffix) in [(".weight", Suffix.weight), (".bias", .bias)] {
      if rest.hasSuffix(ending) { return (rest.dropLast(ending.utf8.count), suffix) }
    }
    // torch.nn.MultiheadAttention joins the three input projections.
    for (ending, suffix) in [("_proj_weight", Suffix.weight), ("_proj_bias", .bias)] {
      if rest.hasSuffix(ending) {
        return (rest.dropLast(suffix == .weight ? 7 : 5), suffix)
      }
    }
    return (rest, rest.hasSuffix("_proj") ? .weight : .none)
  }

  private func role(
    layer: Substring, suffix: Suffix, dtype: DType?, shape: Shape
  ) -> Place.Role {
    if isBuffer(suffix: suffix, shape: shape) { return .buffer }
    guard let dtype, dtype.isFloatingPoint else { return suffix == .none ? .buffer : .other }
    let last = layer.lowercased()
    if last.holds(LayerWords.norm) || LayerWords.normEndings.contains(where: last.hasSuffix) {
      return suffix == .none ? .other : suffix == .bias ? .bias : .norm
    }
    switch suffix {
    case .bias: return .bias
    case .none: return isEmbedding(last) && block == nil ? .embedding : .other
    case .weight: return weightRole(layer: last, rank: shape.dimensions.count)
    }
  }

  private func weightRole(layer: String, rank: Int) -> Place.Role {
    guard rank >= 2 else { return .norm }
    if isEmbedding(layer) { return .embedding }
    if block != nil { return isLinear(layer, rank: rank) ? .linear : .auxiliary }
    let isHead = LayerWords.heads.contains { layer == $0 || layer.hasSuffix("." + $0) }
    return isHead ? .head : .other
  }

  /// Whether a matrix of a block multiplies what comes in: no convolution and no factor of an
  /// adapter. Three axes are a stack of experts.
  private func isLinear(_ layer: String, rank: Int) -> Bool {
    if rank > 2 { return Self.isOfExperts(name) }
    let isConvolution = layer.split(separator: ".").last?.contains("conv") ?? false
    return !isConvolution && !Self.isFactor(layer)
  }

  /// Whether a layer's name is that of a factor of an adapter, as PEFT calls them.
  static func isFactor(_ layer: String) -> Bool {
    let layer = layer.lowercased()
    return layer.holds("lora_") || layer.holds("hada_w") || layer.holds("lokr_w")
  }

  /// Whether a stack of blocks reads images or sounds for a language model, by its name:
  /// `model.vision_tower.encoder.layers`, or `v.blk` of a GGUF file.
  static func isTower(_ stack: String) -> Bool {
    let words = stack.lowercased().split { $0 == "." || $0 == "_" }
    let towers: Set<Substring> = [
      "vision", "visual", "vit", "siglip", "image", "img", "video", "audio", "speech", "sound",
      "vpm", "apm", "resampler", "perceiver", "qformer", "projector", "connector",
    ]
    return words.contains { towers.contains($0) } || stack == "v.blk" || stack == "a.blk"
  }

  private func isEmbedding(_ layer: String) -> Bool {
    LayerWords.embeddings.contains { layer.holds($0) } && !layer.hasSuffix("embed_out")
  }

  /// nanoGPT's and GPT-2's causal mask is called `attn.bias` and is
  /// `1 × 1 × T × T`; no real bias has four axes.
  private func isBuffer(suffix: Suffix, shape: Shape) -> Bool {
    if suffix == .bias, shape.dimensions.count >= 3 { return true }
    // GGUF's tables of rotary frequencies.
    if rest.hasPrefix("rope_f") { return true }
    return ["masked_bias", "inv_freq", "position_ids", "num_batches_tracked", "causal_mask"]
      .contains { rest.hasSuffix($0) }
  }
}

/// Where the parts of a name of a block's tensor are, in bytes.
struct NameParts {
  /// Behind the name of the stack.
  let stackEnd: Int
  let block: Int
  /// Behind the dot that follows the block's number.
  let restStart: Int

  /// Names under which models number their blocks.
  private static let containers = LayerWords.containers.map { Array($0.utf8) }
  /// Longer numbers are no block's.
  private static let digitLimit = 9

  /// nil for a name outside the blocks. `stack` is known to be one, and looked for first.
  @inline(__always)
  init?(_ name: Span<UInt8>, stack: [UInt8] = []) {
    if let (block, end) = Self.block(name, behind: stack) {
      self.init(stackEnd: stack.count, block: block, restStart: end + 1)
      return
    }
    self.init(searching: name)
  }

  private init(stackEnd: Int, block: Int, restStart: Int) {
    self.stackEnd = stackEnd
    self.block = block
    self.restStart = restStart
  }

  private init?(searching name: Span<UInt8>) {
    let containers = Self.containers
    var previous = 0..<0
    var start = 0
    for end in name.indices where name[end] == UInt8(ascii: ".") {
      if let block = Self.number(name, start..<end) {
        let component = name.extracting(previous)
        if containers.contains(where: { $0.span.isEqual(to: component) }) {
          self.init(stackEnd: previous.upperBound, block: block, restStart: end + 1)
          return
        }
      }
      previous = start..<end
      start = end + 1
    }
    return nil
  }

  /// The number behind a stack that the name begins with, and where it ends. No stack contains
  /// a block's number, so no block's number comes before it.
  @inline(__always)
  private static func block(_ name: Span<UInt8>, behind stack: [UInt8]) -> (Int, end: Int)? {
    let start = stack.count + 1
    guard !stack.isEmpty, start < name.count, name[stack.count] == UInt8(ascii: "."),
      name.extracting(first: stack.count).isEqual(to: stack.span)
    else { return nil }
    var end = start
    while end < name.count, name[end] != UInt8(ascii: ".") { end += 1 }
    guard end < name.count, let number = number(name, start..<end) else { return nil }
    return (number, end)
  }

  @inline(__always)
  private static func number(_ name: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard !range.isEmpty, range.count <= digitLimit else { return nil }
    var number = 0
    for index in range {
      let digit = name[index] &- 0x30
      guard digit < 10 else { return nil }
      number = number * 10 + Int(digit)
    }
    return number
  }
}

extension String {
  /// Whether another text stands somewhere in this one, byte for byte.
  func holds(_ part: StaticString) -> Bool {
    let bytes = utf8
    return part.withUTF8Buffer { part in
      var start = bytes.startIndex
      while let end = bytes.index(start, offsetBy: part.count, limitedBy: bytes.endIndex) {
        if unsafe bytes[start..<end].elementsEqual(part) { return true }
        start = bytes.index(after: start)
      }
      return false
    }
  }
}
