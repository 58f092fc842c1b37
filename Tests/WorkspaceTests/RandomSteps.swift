import Compression
import TestSupport

/// Steps with random legal settings.
struct RandomSteps {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func step() throws -> Step {
    let type = PassCatalog.all[Int.random(in: 0..<PassCatalog.all.count, using: &random)]
    return try step(type)
  }

  mutating func step(_ type: any CompressionPass.Type) throws -> Step {
    for _ in 0..<1000 {
      let step = Step(pass: try pass(type), layers: layers())
      if (try? step.pass.validate()) != nil { return step }
    }
    return Step(pass: type.init())
  }

  private mutating func pass(_ type: any CompressionPass.Type) throws -> any CompressionPass {
    var pass: any CompressionPass = type.init()
    for setting in pass.settings where Bool.random(using: &random) {
      pass = try pass.setting(setting.name, to: value(setting.control))
    }
    return pass
  }

  private mutating func value(_ control: DialControl) -> DialValue {
    switch control {
    case .number(let range, let step, _):
      let value = Double.random(in: range, using: &random)
      let isRound = Bool.random(using: &random)
      return .number(
        isRound ? min(range.upperBound, (value / step).rounded() * step) : value)
    case .integer(let range, _): return .number(Double(Int.random(in: range, using: &random)))
    case .choice(let words):
      return .choice(words[Int.random(in: 0..<words.count, using: &random)])
    case .text, .words: return .choice(text())
    }
  }

  private mutating func layers() -> LayerSelection {
    let names = (0..<Int.random(in: 0...3, using: &random)).map { _ in text() }
    switch Int.random(in: 0..<3, using: &random) {
    case 0: return .all
    case 1: return .matching(names)
    default: return .named(names)
    }
  }

  /// Names as they are, and names nobody should give.
  private mutating func text() -> String {
    let pieces = [
      "block.*", ".mlp.", "c_fc", "?", "transformer.h.0", " ", "\"", "\\", "\n", "\t", "é", "語",
      "😀", "\u{1}", "\u{7F}", "\u{85}", "\u{2028}", "&a", "*a", "# ", ": ", "- ",
      "{", "]", "!", "%", "@", "`", "'", "null", "1", "",
    ]
    return (0..<Int.random(in: 0...5, using: &random)).map { _ in
      pieces[Int.random(in: 0..<pieces.count, using: &random)]
    }.joined()
  }
}
