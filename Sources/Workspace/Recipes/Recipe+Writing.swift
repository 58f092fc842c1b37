internal import Compression

extension Recipe {
  /// The recipe as text; reading it back gives the same recipe.
  ///
  /// A setting is written when it matters under the others, or when it is not
  /// the default.
  public var yaml: String {
    var text = "# pare recipe\npare: 1\n"
    text += steps.isEmpty ? "passes: []\n" : "passes:\n"
    for step in steps {
      let settings = step.writtenSettings.map { "\($0.name): \(Self.scalar($0.value))" }
      text += "  - \(step.passName): {\(settings.joined(separator: ", "))}\n"
      switch step.layers {
      case .all: break
      case .matching(let patterns): text += "    layers: \(Self.list(patterns))\n"
      case .named(let names): text += "    names: \(Self.list(names))\n"
      }
    }
    return text
  }

  private static func list(_ texts: [String]) -> String {
    "[\(texts.map(quoted).joined(separator: ", "))]"
  }

  private static func scalar(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
    return isPlain && !text.hasPrefix("-") || Double(text) != nil ? text : quoted(text)
  }

  /// A text in double quotes, with YAML 1.2's escapes (chapter 5.7).
  static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case "\r": quoted += "\\r"
      // Anchors are refused wherever they stand, so none is written.
      case "&": quoted += "\\U00000026"
      case " "..."~": quoted.unicodeScalars.append(scalar)
      default:
        let hex = String(scalar.value, radix: 16)
        quoted += "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
      }
    }
    return quoted + "\""
  }
}

extension Step {
  /// The settings that make this step what it is, as texts.
  var writtenSettings: [(name: String, value: String)] {
    let defaults = type(of: pass).init().settings
    return zip(pass.settings, defaults).compactMap { setting, standard in
      guard setting.isActive || setting.value != standard.value else { return nil }
      return (setting.name, setting.value.description)
    }
  }
}
