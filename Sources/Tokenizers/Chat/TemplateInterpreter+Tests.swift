/// What `is` asks.
extension TemplateInterpreter {
  mutating func test(
    _ name: String, _ value: TemplateValue, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> Bool {
    switch name {
    case "defined": return !value.isUndefined
    case "undefined": return value.isUndefined
    case "none": if case .none = value { return true } else { return false }
    case "string": return value.text != nil
    case "boolean": if case .bool = value { return true } else { return false }
    case "true": if case .bool(true) = value { return true } else { return false }
    case "false": if case .bool(false) = value { return true } else { return false }
    case "integer": if case .int = value { return true } else { return false }
    case "float": if case .float = value { return true } else { return false }
    case "number": return value.number != nil
    case "mapping": if case .dictionary = value { return true } else { return false }
    case "callable":
      switch value {
      case .macro, .function, .method: return true
      default: return false
      }
    case "iterable", "sequence":
      switch value {
      case .string, .list, .dictionary: return true
      case .undefined: return true
      case .loop: return name == "iterable"
      default: return false
      }
    case "odd", "even":
      guard let number = value.integer else { throw failed("a \(value.typeName) is not \(name)") }
      return (number % 2 == 0) == (name == "even")
    case "divisibleby":
      guard let number = value.integer, let divisor = arguments[0, "num"]?.integer, divisor != 0
      else { throw failed("'divisibleby' takes whole numbers that are not 0") }
      return divisor == -1 || number % divisor == 0
    case "lower", "upper":
      let text = try text(of: value)
      return text.hasCase && text.isSame(name == "lower" ? text.lowercased() : text.uppercased())
    case "sameas", "equalto", "eq", "ne", "lt", "lessthan", "le", "gt", "greaterthan", "ge", "in":
      guard let other = arguments.values.first else {
        throw failed("the test '\(name)' takes a value to compare with")
      }
      return try compare(value, name, with: other)
    default: throw .unsupported(line: line, what: "a test '\(name)'")
    }
  }

  private mutating func compare(
    _ value: TemplateValue, _ name: String, with other: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch name {
    case "sameas":
      // Python compares identities; here equal type and value count as the same object.
      return value.typeName == other.typeName ? try equal(value, other) : false
    case "ne": return try compare(value, "!=", other)
    case "lt", "lessthan": return try compare(value, "<", other)
    case "le": return try compare(value, "<=", other)
    case "gt", "greaterthan": return try compare(value, ">", other)
    case "ge": return try compare(value, ">=", other)
    case "in": return try compare(value, "in", other)
    default: return try compare(value, "==", other)
    }
  }
}

extension String {
  /// Whether any of its characters is upper or lower case.
  var hasCase: Bool { unicodeScalars.contains { $0.properties.isCased } }
}
