/// Runs a template once. Everything it does is counted, so that no template runs for ever,
/// fills the memory or the stack.
struct TemplateInterpreter {
  /// Steps of about the same time; a long conversation takes some 10,000.
  static let stepLimit = 1_000_000
  /// Bytes of the text that is written, and of any text on the way.
  static let textLimit = 16 << 20
  /// Elements of one list.
  static let listLimit = 1 << 20
  /// Expressions, blocks and macros inside each other while they run.
  static let depthLimit = 400
  /// Lists and dictionaries inside each other.
  static let valueDepthLimit = 100

  private struct Frame {
    var variables: [String: TemplateValue]
    let parent: Int?
  }

  struct RunningLoop {
    let items: [TemplateValue]
    var place = 0
    /// What `loop.changed` was last asked.
    var last: [TemplateValue]?
  }

  /// How a statement ended.
  private enum Flow { case on, leave, next }

  let date: ChatDate
  /// The line of what runs.
  var line = 1
  private var frames: [Frame]
  private var current = 0
  private var macros: [(macro: TemplateMacro, frame: Int)] = []
  var namespaces: [TemplateDictionary] = []
  var runningLoops: [RunningLoop] = []
  private var written = ""
  private var steps = 0
  private var depth = 0

  static func render(
    _ statements: [TemplateStatement], _ variables: [String: TemplateValue], on date: ChatDate
  ) throws(ChatTemplateError) -> String {
    var interpreter = TemplateInterpreter(date: date, variables: variables)
    _ = try interpreter.run(statements)
    return interpreter.written
  }

  private init(date: ChatDate, variables: [String: TemplateValue]) {
    self.date = date
    frames = [Frame(variables: variables, parent: nil)]
  }

  // MARK: Limits

  mutating func charge(_ count: Int) throws(ChatTemplateError) {
    let (sum, isTooMuch) = steps.addingReportingOverflow(count)
    steps = sum
    guard !isTooMuch, sum <= Self.stepLimit else {
      throw .limitExceeded(line: line, what: "steps", limit: Self.stepLimit)
    }
  }

  /// For work on a text, or on as many bytes.
  mutating func charge(bytes: Int) throws(ChatTemplateError) {
    guard bytes <= Self.textLimit else {
      throw .limitExceeded(line: line, what: "bytes of text", limit: Self.textLimit)
    }
    try charge(1 + bytes / 128)
  }

  mutating func enter() throws(ChatTemplateError) {
    depth += 1
    guard depth <= Self.depthLimit else {
      throw .limitExceeded(line: line, what: "levels of evaluation", limit: Self.depthLimit)
    }
    try charge(1)
  }

  mutating func exit() { depth -= 1 }

  func failed(_ reason: String) -> ChatTemplateError { .failed(line: line, reason: reason) }

  /// A list or dictionary that was made, if it may be.
  mutating func made(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
    guard value.depth <= Self.valueDepthLimit else {
      throw .limitExceeded(
        line: line, what: "lists and dictionaries inside each other", limit: Self.valueDepthLimit)
    }
    switch value {
    case .list(let list):
      try charge(list.items.count)
      guard list.items.count <= Self.listLimit else {
        throw .limitExceeded(line: line, what: "elements of a list", limit: Self.listLimit)
      }
      for item in list.items { try checkCanBeKept(item) }
    case .dictionary(let dictionary):
      try charge(dictionary.entries.count)
      guard dictionary.entries.count <= TemplateParser.memberLimit else {
        throw .limitExceeded(
          line: line, what: "members of a dictionary", limit: TemplateParser.memberLimit)
      }
      for entry in dictionary.entries { try checkCanBeKept(entry.value) }
    default: break
    }
    return value
  }

  /// Namespaces, macros and loops are names for what lives here: inside a value they could
  /// outlive it, or hold themselves.
  func checkCanBeKept(_ value: TemplateValue) throws(ChatTemplateError) {
    switch value {
    case .namespace, .macro, .function, .method, .loop:
      throw .unsupported(line: line, what: "a \(value.typeName) inside another value")
    case .undefined, .none, .bool, .int, .float, .string, .list, .dictionary: break
    }
  }

  // MARK: Statements

  private mutating func run(_ statements: [TemplateStatement]) throws(ChatTemplateError) -> Flow {
    try enter()
    defer { exit() }
    for statement in statements {
      line = statement.line
      try charge(1)
      let flow = try run(statement)
      if flow != .on { return flow }
    }
    return .on
  }

  private mutating func run(_ statement: TemplateStatement) throws(ChatTemplateError) -> Flow {
    switch statement.kind {
    case .text(let text): try write(text)
    case .output(let expression): try write(text(of: try value(of: expression)))
    case .set(let target, let expression): try assign(try value(of: expression), to: target)
    case .capture(let target, let filters, let body):
      var value = TemplateValue.string(try capture(body, parent: current))
      for filter in filters { value = try apply(filter.name, to: value, filter.arguments) }
      try assign(value, to: target)
    case .choice(let branches, let otherwise):
      for branch in branches where try self.value(of: branch.condition).isTrue {
        return try run(branch.body)
      }
      return try run(otherwise)
    case .loop(let loop): try run(loop)
    case .macro(let macro):
      frames[current].variables[macro.name] = .macro(macros.count)
      macros.append((macro, current))
    case .scope(let body):
      let outside = push(parent: current)
      defer { pop(to: outside) }
      return try run(body)
    case .leave: return .leave
    case .next: return .next
    }
    return .on
  }

  private mutating func write(_ text: String) throws(ChatTemplateError) {
    try charge(bytes: text.utf8.count)
    guard written.utf8.count + text.utf8.count <= Self.textLimit else {
      throw .limitExceeded(line: line, what: "bytes of output", limit: Self.textLimit)
    }
    written += text
  }

  private mutating func capture(
    _ body: [TemplateStatement], parent: Int, _ variables: [String: TemplateValue] = [:]
  ) throws(ChatTemplateError) -> String {
    let (outside, before) = (push(parent: parent, variables), written)
    written = ""
    defer {
      written = before
      pop(to: outside)
    }
    _ = try run(body)
    return written
  }

  private mutating func run(_ loop: TemplateLoop) throws(ChatTemplateError) {
    var items = try elements(of: try value(of: loop.values))
    if let condition = loop.condition {
      var kept: [TemplateValue] = []
      for item in items {
        let outside = push(parent: current)
        defer { pop(to: outside) }
        try assign(item, to: loop.target)
        if try value(of: condition).isTrue { kept.append(item) }
      }
      items = kept
    }
    guard !items.isEmpty else {
      _ = try run(loop.otherwise)
      return
    }
    let number = runningLoops.count
    runningLoops.append(RunningLoop(items: items))
    defer { runningLoops.removeLast() }
    for place in items.indices {
      runningLoops[number].place = place
      let outside = push(parent: current, ["loop": .loop(number)])
      defer { pop(to: outside) }
      try assign(items[place], to: loop.target)
      if try run(loop.body) == .leave { break }
    }
  }

  // MARK: Variables

  /// Returns what to go back to.
  private mutating func push(
    parent: Int, _ variables: [String: TemplateValue] = [:]
  ) -> Int {
    let outside = current
    frames.append(Frame(variables: variables, parent: parent))
    current = frames.count - 1
    return outside
  }

  private mutating func pop(to outside: Int) {
    frames.removeLast()
    current = outside
  }

  mutating func variable(_ name: String) throws(ChatTemplateError) -> TemplateValue {
    var frame: Int? = current
    while let number = frame {
      if let value = frames[number].variables[name] { return value }
      frame = frames[number].parent
      try charge(1)
    }
    return TemplateFunction(rawValue: name).map { .function($0) } ?? .undefined(name)
  }

  private mutating func assign(
    _ value: TemplateValue, to target: TemplateTarget
  ) throws(ChatTemplateError) {
    switch target {
    case .name(let name): frames[current].variables[name] = value
    case .attribute(let name, let attribute):
      guard case .namespace(let number) = try variable(name) else {
        throw failed("'\(name)' is no namespace")
      }
      try set(attribute, value, inNamespace: number)
    case .names(let names):
      let items = try elements(of: value)
      guard items.count == names.count else {
        throw failed("\(items.count) values for \(names.count) names")
      }
      for (name, item) in zip(names, items) { frames[current].variables[name] = item }
    }
  }

  mutating func set(
    _ name: String, _ value: TemplateValue, inNamespace number: Int
  ) throws(ChatTemplateError) {
    try checkCanBeKept(value)
    try charge(1 + namespaces[number].entries.count / 8)
    namespaces[number][name] = value
    guard namespaces[number].entries.count <= TemplateParser.memberLimit else {
      throw .limitExceeded(
        line: line, what: "members of a namespace", limit: TemplateParser.memberLimit)
    }
  }

  // MARK: Macros

  mutating func call(
    macro number: Int, _ arguments: TemplateCall
  ) throws(ChatTemplateError) -> TemplateValue {
    let (macro, frame) = macros[number]
    guard arguments.values.count <= macro.parameters.count else {
      throw failed("the macro '\(macro.name)' takes \(macro.parameters.count) arguments at most")
    }
    if let other = arguments.named.first(where: { argument in
      !macro.parameters.contains { $0.name == argument.name }
    }) {
      throw failed("the macro '\(macro.name)' has no parameter '\(other.name)'")
    }
    let callLine = line
    let outside = push(parent: frame)
    defer {
      pop(to: outside)
      line = callLine
    }
    for (place, parameter) in macro.parameters.enumerated() {
      let value: TemplateValue
      if let given = arguments[place, parameter.name] {
        value = given
      } else if let standard = parameter.standard {
        value = try self.value(of: standard)
      } else {
        value = .undefined(parameter.name)
      }
      frames[current].variables[parameter.name] = value
    }
    return .string(try capture(macro.body, parent: current))
  }
}

/// Values that a function, method, filter or test is given.
struct TemplateCall {
  var values: [TemplateValue] = []
  var named: [(name: String, value: TemplateValue)] = []

  /// The argument at a place or of a name.
  subscript(place: Int, name: String) -> TemplateValue? {
    place < values.count ? values[place] : named.first { $0.name == name }?.value
  }

  subscript(name: String) -> TemplateValue? { named.first { $0.name == name }?.value }
}
