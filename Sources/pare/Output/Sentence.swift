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

/// `text` on one line and without control characters, which might otherwise
/// come from a file's names and command the terminal.
func sentence(_ text: String) -> String {
  if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) { return text }
  var line = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n", "\t": line += " "
    default:
      let isControl = scalar.properties.generalCategory == .control
      line += isControl ? scalar.escaped(asASCII: true) : String(scalar)
    }
  }
  return line
}
