extension JSON {
  /// An object of these members, in their order.
  init(_ members: [(String, JSON)]) {
    self = .object(members.map { Member(key: $0.0, value: $0.1) })
  }

  /// An object without some members.
  func without(_ keys: [String]) -> JSON {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { !keys.contains($0.key) })
  }

  /// An object with one more member.
  func adding(_ key: String, _ value: JSON) -> JSON {
    guard case .object(let members) = self else { return self }
    return .object(members + [Member(key: key, value: value)])
  }

  /// The text, a line a member, as Python's `json.dumps(indent=2)` has it; numbers as they were
  /// spelled.
  var text: String { text(indent: 0) }

  private func text(indent: Int) -> String {
    func lines(_ open: String, _ parts: [String], _ close: String) -> String {
      let inner = String(repeating: " ", count: indent + 2)
      if parts.isEmpty { return open + close }
      return open + "\n" + parts.map { inner + $0 }.joined(separator: ",\n") + "\n"
        + String(repeating: " ", count: indent) + close
    }
    switch self {
    case .null: return "null"
    case .bool(let flag): return flag ? "true" : "false"
    case .number(let text): return text
    case .string(let text): return JSONText.quoted(text)
    case .array(let elements):
      return lines("[", elements.map { $0.text(indent: indent + 2) }, "]")
    case .object(let members):
      return lines(
        "{",
        members.map { "\(JSONText.quoted($0.key)): \($0.value.text(indent: indent + 2))" }, "}")
    }
  }
}
