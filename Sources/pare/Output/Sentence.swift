/// Words on the command line that make no sense together; ends with status 2.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Something that cannot be done; ends with status 1.
struct CommandError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// What an error says, in one line.
func sentence(for error: any Error) -> String { sentence(String(describing: error)) }

/// `text` on one line, in characters that a terminal shows and does nothing else with.
func sentence(_ text: String) -> String {
  if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) { return text }
  return shown(text) { $0 == "\n" || $0 == "\t" ? " " : $0.escaped(asASCII: true) }
}

/// `text` on as many lines as it has, else the same: what a model writes may be anything
/// that its file has for tokens.
func lines(_ text: String) -> String {
  if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 || $0 == 0x0A }) { return text }
  return shown(text) { $0 == "\n" || $0 == "\t" ? String($0) : $0.escaped(asASCII: true) }
}

private func shown(_ text: String, _ commandShown: (Unicode.Scalar) -> String) -> String {
  var shown = ""
  for scalar in text.unicodeScalars {
    if scalar.isCommand {
      shown += commandShown(scalar)
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}

extension Unicode.Scalar {
  /// Whether a terminal may act on it instead of showing it, or show what stands beside it
  /// elsewhere, as direction marks do. Names in a file may have such characters.
  var isCommand: Bool {
    switch value {
    case 0x20...0x7E: return false
    case 0...0x1F, 0x7F...0x9F: return true
    default: break
    }
    switch properties.generalCategory {
    case .format, .lineSeparator, .paragraphSeparator: return true
    default: return false
    }
  }
}
