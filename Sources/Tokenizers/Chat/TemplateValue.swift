/// A value of the template language: Python's, as far as templates see them. Values never
/// change; a namespace does, and lives in the interpreter.
public enum TemplateValue: Sendable {
  /// What has no value, under the name it was asked for. Prints as nothing, is false.
  case undefined(String)
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(String)
  case list(TemplateList)
  case dictionary(TemplateDictionary)
  /// A namespace's number in the interpreter.
  case namespace(Int)
  /// A macro's number in the interpreter.
  case macro(Int)
  case function(TemplateFunction)
  /// A method of a value, not called yet.
  indirect case method(TemplateValue, String)
  /// The `loop` of a running `for`, by its number in the interpreter.
  case loop(Int)
}

/// Functions that every template can call.
public enum TemplateFunction: String, Sendable {
  case namespace, range
  case dictionary = "dict"
  case raiseException = "raise_exception"
  case date = "strftime_now"
}

/// A list, or a tuple, which differs only in how it prints.
public struct TemplateList: Sendable {
  public let items: [TemplateValue]
  let isTuple: Bool
  /// Levels of lists and dictionaries, this one included.
  let depth: Int

  public init(_ items: [TemplateValue]) { self.init(items, isTuple: false) }

  init(_ items: [TemplateValue], isTuple: Bool) {
    self.items = items
    self.isTuple = isTuple
    depth = 1 + (items.lazy.map(\.depth).max() ?? 0)
  }
}

/// Text keys with values, in the order they were set.
public struct TemplateDictionary: Sendable {
  public struct Entry: Sendable {
    let key: String
    var value: TemplateValue
  }

  private(set) var entries: [Entry] = []
  private(set) var depth = 1

  public init() {}

  public subscript(key: String) -> TemplateValue? {
    get { entries.first { $0.key.isSame(key) }?.value }
    set {
      guard let newValue else { return entries.removeAll { $0.key.isSame(key) } }
      depth = max(depth, 1 + newValue.depth)
      if let place = entries.firstIndex(where: { $0.key.isSame(key) }) {
        entries[place].value = newValue
      } else {
        entries.append(Entry(key: key, value: newValue))
      }
    }
  }
}

extension TemplateValue {
  /// A dictionary of these members, in order.
  public static func members(_ members: KeyValuePairs<String, TemplateValue>) -> TemplateValue {
    var dictionary = TemplateDictionary()
    for (key, value) in members { dictionary[key] = value }
    return .dictionary(dictionary)
  }

  static func list(_ items: [TemplateValue]) -> TemplateValue { .list(TemplateList(items)) }
  static func tuple(_ items: [TemplateValue]) -> TemplateValue {
    .list(TemplateList(items, isTuple: true))
  }

  /// Levels of lists and dictionaries: 0 for what holds nothing.
  var depth: Int {
    switch self {
    case .list(let list): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .method(let value, _): value.depth
    case .undefined, .none, .bool, .int, .float, .string, .namespace, .macro, .function, .loop: 0
    }
  }

  var isUndefined: Bool { if case .undefined = self { true } else { false } }

  var text: String? { if case .string(let text) = self { text } else { nil } }

  /// Whole numbers, and truth as 0 and 1.
  var integer: Int? {
    switch self {
    case .int(let number): number
    case .bool(let flag): flag ? 1 : 0
    default: nil
    }
  }

  /// Any number, and truth as 0 and 1.
  var number: Double? {
    if case .float(let number) = self { return number }
    return integer.map { Double($0) }
  }

  /// Python's truth.
  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let flag): flag
    case .int(let number): number != 0
    case .float(let number): number != 0
    case .string(let text): !text.isEmpty
    case .list(let list): !list.items.isEmpty
    case .dictionary(let dictionary): !dictionary.entries.isEmpty
    case .namespace, .macro, .function, .method, .loop: true
    }
  }

  /// What Python calls its type.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .string: "str"
    case .list(let list): list.isTuple ? "tuple" : "list"
    case .dictionary: "dict"
    case .namespace: "Namespace"
    case .macro: "Macro"
    case .function, .method: "function"
    case .loop: "LoopContext"
    }
  }
}

extension TemplateValue {
  /// A value read from JSON; whole numbers are integers.
  public init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .bool(let flag): self = .bool(flag)
    case .number(let number): self = Int(exactly: number).map { .int($0) } ?? .float(number)
    case .string(let text): self = .string(text)
    case .array(let elements): self = .list(elements.map { TemplateValue($0) })
    case .object(let members):
      var dictionary = TemplateDictionary()
      for member in members { dictionary[member.key] = TemplateValue(member.value) }
      self = .dictionary(dictionary)
    }
  }
}

extension String {
  /// Equal scalar by scalar: Swift's own equality takes "é" and "e" with an accent for one.
  func isSame(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
