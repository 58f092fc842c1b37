public import Tensors

/// Which layers a pass works on.
public enum LayerSelection: Sendable, Hashable, Codable {
  /// Every linear layer of the language model's blocks, but no router of experts, and nothing
  /// of a vision or audio tower, a convolution or an adapter.
  case all
  /// Parameters whose path or name matches one of the patterns, where `*`
  /// stands for any run of characters and `?` for one.
  case matching([String])
  /// Parameters by name in the checkpoint: those marked in the explorer.
  case named([String])

  /// Whether a pass works on `parameter`. Only floating-point weights of two
  /// axes or more are ever selected; outside the blocks (embeddings, head)
  /// they must be matched or named expressly.
  public func contains(_ parameter: Parameter) -> Bool {
    guard parameter.dtype.isFloatingPoint, parameter.shape.dimensions.count >= 2,
      ![.buffer, .optimizer, .codes].contains(parameter.place.role)
    else { return false }
    switch self {
    case .all: return parameter.place.role == .linear
    case .matching(let patterns):
      return patterns.contains {
        Glob.matches($0, parameter.place.path) || Glob.matches($0, parameter.name)
      }
    case .named(let names): return names.contains(parameter.name)
    }
  }

  /// The parameters a pass works on, in the order of the checkpoint.
  public func of(_ parameters: Parameters) -> [Parameter] { parameters.filter(contains) }
}

/// Shell-like patterns over names.
enum Glob {
  /// Whether `pattern` matches the whole of `text`. O(n·m) at worst.
  static func matches(_ pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.utf8)
    let text = Array(text.utf8)
    var p = 0
    var t = 0
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        star = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] || pattern[p] == UInt8(ascii: "?") {
        p += 1
        t += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        p = last.pattern + 1
        t = last.text + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
