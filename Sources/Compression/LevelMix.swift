internal import Tensors

/// Which layers are rounded to which levels: `3=block.0.*,block.1.mlp.* q6_k=block.*.attn_v`.
///
/// Words are levels and patterns of layers, as `LayerSelection` has them. A level is a number of bits, a
/// block format, `ternary`, `binary`, or `none` for a layer that stays as it is. Of patterns that
/// match a layer the first counts.
struct LevelMix: Sendable, Hashable {
  /// A level as it is written.
  enum Level: Sendable, Hashable {
    case bits(Int)
    case block(Quantize.Block)
    case scheme(Quantize.Scheme)
    case none

    /// Throws `PassError`.
    init(_ text: some StringProtocol) throws {
      if let bits = Int(text), (1...8).contains(bits) {
        self = .bits(bits)
      } else if let block = Quantize.Block(rawValue: String(text)) {
        self = .block(block)
      } else if text == "none" {
        self = .none
      } else if text == Quantize.Scheme.ternary.rawValue || text == Quantize.Scheme.binary.rawValue,
        let scheme = Quantize.Scheme(rawValue: String(text))
      {
        self = .scheme(scheme)
      } else {
        throw PassError(
          "mix knows bits from 1 to 8, block formats, ternary, binary and none, not \(text)")
      }
    }

    var text: String {
      switch self {
      case .bits(let bits): "\(bits)"
      case .block(let block): block.rawValue
      case .scheme(let scheme): scheme.rawValue
      case .none: "none"
      }
    }
  }

  let entries: [(level: Level, patterns: [String])]

  /// Throws `PassError` for a text that is no mix.
  init(_ text: String) throws {
    entries = try text.split(whereSeparator: \.isWhitespace).map { word in
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let patterns = parts.count == 2 ? parts[1].split(separator: ",").map(String.init) : []
      guard !patterns.isEmpty else {
        throw PassError("mix has words such as 3=block.0.*, not \(word)")
      }
      return (try Level(parts[0]), patterns)
    }
  }

  init(_ entries: [(level: Level, patterns: [String])]) { self.entries = entries }

  var text: String {
    entries.map { "\($0.level.text)=\($0.patterns.joined(separator: ","))" }.joined(separator: " ")
  }

  /// The level of a layer; nil where no pattern matches.
  func level(of parameter: Parameter) -> Level? {
    entries.first { LayerSelection.matching($0.patterns).contains(parameter) }?.level
  }

  static func == (a: LevelMix, b: LevelMix) -> Bool { a.text == b.text }
  func hash(into hasher: inout Hasher) { hasher.combine(text) }
}

extension Quantize {
  /// The same with one level for all layers.
  func at(_ level: LevelMix.Level) -> Quantize {
    var pass = self
    pass.mix = ""
    switch level {
    case .bits(let bits):
      if pass.scheme != .symmetric { pass.scheme = .affine }
      pass.bits = bits
    case .block(let block): (pass.scheme, pass.block) = (.blocks, block)
    case .scheme(let scheme): pass.scheme = scheme
    case .none: break
    }
    return pass
  }

  /// What is done to a layer; nil where it stays as it is. Throws `PassError`.
  func settings(for parameter: Parameter) throws -> Quantize? {
    guard !mix.isEmpty else { return self }
    let level = try LevelMix(mix).level(of: parameter)
    if level == LevelMix.Level.none { return nil }
    var plain = self
    plain.mix = ""
    return level.map(at) ?? plain
  }
}

extension Quantize {
  /// How many layers have which level: `12 layers at 3, 80 at 4`.
  public var mixSummary: String {
    let entries = (try? LevelMix(mix))?.entries ?? []
    return entries.enumerated().map { index, entry in
      "\(entry.patterns.count)\(index == 0 ? " layers" : "") at \(entry.level.text)"
    }.joined(separator: ", ")
  }
}
