/// Python's operators.
extension TemplateInterpreter {
  mutating func signed(
    _ value: TemplateValue, _ isMinus: Bool
  ) throws(ChatTemplateError) -> TemplateValue {
    if case .float(let number) = value { return .float(isMinus ? -number : number) }
    guard let number = value.integer else {
      throw operandError(isMinus ? "-" : "+", value)
    }
    guard isMinus else { return .int(number) }
    return .int(try whole(number.multipliedReportingOverflow(by: -1)))
  }

  private func operandError(_ mark: String, _ values: TemplateValue...) -> ChatTemplateError {
    for case .undefined(let name) in values { return failed("'\(name)' is undefined") }
    return failed("no '\(mark)' of \(values.map { "a \($0.typeName)" }.joined(separator: " and "))")
  }

  private func whole(
    _ result: (partialValue: Int, overflow: Bool)
  ) throws(ChatTemplateError) -> Int {
    guard !result.overflow else { throw failed("a whole number beyond 64 bits") }
    return result.partialValue
  }

  mutating func calculate(
    _ left: TemplateValue, _ mark: String, _ right: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    if let first = left.integer, let second = right.integer {
      return try calculate(first, mark, second)
    }
    if let first = left.number, let second = right.number {
      return .float(try calculate(first, mark, second))
    }
    switch (left, mark, right) {
    case (.string(let first), "+", .string(let second)):
      try charge(bytes: first.utf8.count + second.utf8.count)
      return .string(first + second)
    case (.list(let first), "+", .list(let second)) where first.isTuple == second.isTuple:
      try charge(first.items.count + second.items.count)
      return try made(.list(TemplateList(first.items + second.items, isTuple: first.isTuple)))
    case (.string, "*", .int(let count)), (.list, "*", .int(let count)):
      return try repeated(left, count)
    case (.int(let count), "*", .string), (.int(let count), "*", .list):
      return try repeated(right, count)
    case (.string, "%", _): throw .unsupported(line: line, what: "formatting by '%'")
    default: throw operandError(mark, left, right)
    }
  }

  private mutating func repeated(
    _ value: TemplateValue, _ count: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    func size(_ unit: Int) throws(ChatTemplateError) -> Int {
      try whole(unit.multipliedReportingOverflow(by: max(count, 0)))
    }
    switch value {
    case .string(let text):
      try charge(bytes: try size(text.utf8.count))
      return .string(text.isEmpty ? "" : String(repeating: text, count: max(count, 0)))
    case .list(let list):
      let total = try size(list.items.count)
      try charge(total)
      guard !list.items.isEmpty else { return value }
      var items: [TemplateValue] = []
      while items.count < total { items += list.items }
      return try made(.list(TemplateList(items, isTuple: list.isTuple)))
    default: throw operandError("*", value)
    }
  }

  private func calculate(
    _ left: Int, _ mark: String, _ right: Int
  ) throws(ChatTemplateError) -> TemplateValue {
    switch mark {
    case "+": return .int(try whole(left.addingReportingOverflow(right)))
    case "-": return .int(try whole(left.subtractingReportingOverflow(right)))
    case "*": return .int(try whole(left.multipliedReportingOverflow(by: right)))
    case "**" where right >= 0:
      var result = 1
      guard left != 0, left != 1 else { return .int(right == 0 ? 1 : left) }
      guard left != -1 else { return .int(right % 2 == 0 ? 1 : -1) }
      for _ in 0..<min(right, Int.bitWidth) {
        result = try whole(result.multipliedReportingOverflow(by: left))
      }
      return .int(result)
    case "//", "%":
      guard right != 0 else { throw failed("division by zero") }
      guard right != -1 else {
        return .int(mark == "%" ? 0 : try whole(left.multipliedReportingOverflow(by: -1)))
      }
      let (quotient, rest) = left.quotientAndRemainder(dividingBy: right)
      // Python's rounds down.
      let isBelow = rest != 0 && (rest < 0) != (right < 0)
      return .int(
        mark == "%" ? (isBelow ? rest + right : rest) : (isBelow ? quotient - 1 : quotient))
    default: return .float(try calculate(Double(left), mark, Double(right)))
    }
  }

  private func calculate(
    _ left: Double, _ mark: String, _ right: Double
  ) throws(ChatTemplateError) -> Double {
    switch mark {
    case "+": return left + right
    case "-": return left - right
    case "*": return left * right
    case "**": throw .unsupported(line: line, what: "a power that is no whole number")
    default:
      guard right != 0 else { throw failed("division by zero") }
      if mark == "/" { return left / right }
      let rest = left.truncatingRemainder(dividingBy: right)
      let remainder = rest != 0 && (rest < 0) != (right < 0) ? rest + right : rest
      return mark == "%" ? remainder : ((left - remainder) / right).rounded()
    }
  }

  // MARK: Comparison

  mutating func compare(
    _ left: TemplateValue, _ operation: String, _ right: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch operation {
    case "==": return try equal(left, right)
    case "!=": return try !equal(left, right)
    case "in": return try contains(right, left)
    case "not in": return try !contains(right, left)
    case "<": return try isLess(left, right, operation)
    case ">": return try isLess(right, left, operation)
    case "<=":
      let isLess = try isLess(left, right, operation)
      return isLess ? true : try equal(left, right)
    default:
      let isMore = try isLess(right, left, operation)
      return isMore ? true : try equal(left, right)
    }
  }

  mutating func equal(
    _ left: TemplateValue, _ right: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    try charge(1)
    if let first = left.integer, let second = right.integer { return first == second }
    if let first = left.number, let second = right.number { return first == second }
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let first), .string(let second)):
      try charge(bytes: min(first.utf8.count, second.utf8.count))
      return first.isSame(second)
    case (.list(let first), .list(let second)):
      guard first.isTuple == second.isTuple, first.items.count == second.items.count else {
        return false
      }
      for (one, other) in zip(first.items, second.items) where try !equal(one, other) {
        return false
      }
      return true
    case (.dictionary(let first), .dictionary(let second)):
      guard first.entries.count == second.entries.count else { return false }
      for entry in first.entries {
        try charge(second.entries.count)
        guard let other = second[entry.key], try equal(entry.value, other) else { return false }
      }
      return true
    case (.namespace(let first), .namespace(let second)): return first == second
    case (.macro(let first), .macro(let second)): return first == second
    default: return false
    }
  }

  mutating func isLess(
    _ left: TemplateValue, _ right: TemplateValue, _ mark: String = "<"
  ) throws(ChatTemplateError) -> Bool {
    try charge(1)
    if let first = left.integer, let second = right.integer { return first < second }
    if let first = left.number, let second = right.number { return first < second }
    switch (left, right) {
    case (.string(let first), .string(let second)):
      try charge(bytes: min(first.utf8.count, second.utf8.count))
      // UTF-8 has the order of scalars.
      return first.utf8.lexicographicallyPrecedes(second.utf8)
    case (.list(let first), .list(let second)) where first.isTuple == second.isTuple:
      for (one, other) in zip(first.items, second.items) where try !equal(one, other) {
        return try isLess(one, other, mark)
      }
      return first.items.count < second.items.count
    default: throw operandError(mark, left, right)
    }
  }

  mutating func contains(
    _ container: TemplateValue, _ item: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch container {
    case .string(let text):
      guard case .string(let part) = item else { throw operandError("in", item, container) }
      try charge(bytes: text.utf8.count + part.utf8.count)
      if part.isEmpty { return true }
      return !Array(text.utf8).places(of: Array(part.utf8), limit: 1).isEmpty
    case .dictionary(let dictionary):
      try charge(1 + dictionary.entries.count / 8)
      guard case .string(let key) = item else { return false }
      return dictionary[key] != nil
    case .undefined: return false
    default:
      for element in try elements(of: container) where try equal(element, item) { return true }
      return false
    }
  }
}
