internal import CheckpointIO
internal import Compression
internal import Yams

extension Recipe {
  /// No recipe a person writes comes near these.
  static let byteLimit = 1 << 18
  static let stepLimit = 1000

  /// Reads a recipe.
  ///
  /// Throws `RecipeError` with the line when the text is no YAML, uses what a
  /// recipe has no use for (anchors, tags, several documents), or names a pass
  /// or a setting that does not exist or cannot be so.
  public init(yaml text: String) throws {
    guard text.utf8.count <= Self.byteLimit else {
      throw RecipeError(line: 1, "it is longer than \(Self.byteLimit.grouped) bytes")
    }
    try Self.refuseAnchors(in: text)
    guard let root = try Self.compose(text) else { throw RecipeError(line: 1, "it is empty") }
    let fields = try Fields(root, of: "a recipe")
    try fields.allow(["pare", "passes"])
    guard let version = fields["pare"] else {
      throw RecipeError(line: root.line, "it lacks ‘pare: 1’, the version of its layout")
    }
    guard try version.text("the version") == "1" else {
      throw RecipeError(line: version.line, "its layout is not version 1")
    }
    guard let passes = fields["passes"] else {
      throw RecipeError(line: root.line, "it lacks ‘passes’, the list of steps")
    }
    let list = try passes.list("‘passes’")
    guard list.count <= Self.stepLimit else {
      throw RecipeError(line: passes.line, "it has more than \(Self.stepLimit) passes")
    }
    steps = try list.map(Self.step)
  }

  /// Without the resolver a scalar stays the text that was written.
  private static func compose(_ text: String) throws -> Node? {
    do {
      return try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw RecipeError(error, lastLine: 1 + text.utf8.count { $0 == UInt8(ascii: "\n") })
    }
  }

  /// An anchor may stand where a token begins; within quotes it is refused
  /// too, as names of passes, settings and layers have no use for it.
  private static func refuseAnchors(in text: String) throws {
    var line = 1
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\n") { line += 1 }
      if byte == UInt8(ascii: "&") {
        throw RecipeError(line: line, "‘&’ (an anchor) has no place in a recipe")
      }
    }
  }

  private static func step(_ node: Node) throws -> Step {
    let fields = try Fields(node, of: "a pass")
    let names = fields.names.filter { $0 != "layers" && $0 != "names" }
    guard names.count == 1, let name = names.first, let settings = fields[name] else {
      throw RecipeError(
        line: node.line,
        "a step has one pass, and ‘layers’ or ‘names’; here "
          + (names.isEmpty ? "is no pass" : "are \(names.joined(separator: ", "))"))
    }
    guard let type = PassCatalog.named(name) else {
      let known = PassCatalog.all.map { $0.name }.joined(separator: ", ")
      throw RecipeError(line: node.line, "there is no pass ‘\(name)’; there are \(known)")
    }
    let layers = try selection(fields, line: node.line)
    return Step(pass: try pass(type, settings), layers: layers)
  }

  private static func pass(
    _ type: any CompressionPass.Type, _ node: Node
  ) throws -> any CompressionPass {
    var pass: any CompressionPass = type.init()
    if node.isNothing { return pass }
    for (name, value) in try Fields(node, of: type.name).pairs {
      let text = try value.text("‘\(name)’")
      try RecipeError.at(value.line) { pass = try pass.setting(name, toText: text) }
    }
    try RecipeError.at(node.line) { try pass.validate() }
    return pass
  }

  private static func selection(_ fields: Fields, line: Int) throws -> LayerSelection {
    switch (fields["layers"], fields["names"]) {
    case (nil, nil): .all
    case (let patterns?, nil): .matching(try patterns.texts("‘layers’"))
    case (nil, let names?): .named(try names.texts("‘names’"))
    case (.some, .some):
      throw RecipeError(line: line, "a step has ‘layers’ or ‘names’, not both")
    }
  }
}

extension RecipeError {
  /// Runs `body`, whose errors are about what is written in `line`.
  fileprivate static func at(_ line: Int, _ body: () throws -> Void) throws {
    do { try body() } catch let error as RecipeError { throw error } catch {
      throw RecipeError(line: line, "\(error)")
    }
  }

  /// YAML knows more line ends than an editor does: `lastLine` bounds its count.
  fileprivate init(_ error: YamlError, lastLine: Int) {
    switch error {
    case .reader(let problem, _, _, _):
      self.init(line: 1, "it is no text: \(problem)")
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      self.init(line: min(mark.line, lastLine), "it is no YAML: \(problem)")
    case .duplicatedKeysInMapping(_, let context):
      self.init(line: min(context.mark.line, lastLine), "a key is there twice")
    default:
      self.init(line: 1, "it is no YAML")
    }
  }
}

/// The entries of a mapping, by name.
private struct Fields {
  let pairs: [(name: String, value: Node)]
  private let what: String
  private let lines: [Int]

  init(_ node: Node, of what: String) throws {
    guard case .mapping(let mapping) = node else {
      throw RecipeError(line: node.line, "\(what) is a mapping of names to values")
    }
    pairs = try mapping.map { (try $0.key.text("a name"), $0.value) }
    lines = mapping.map(\.key.line)
    self.what = what
    guard Set(pairs.map(\.name)).count == pairs.count else {
      throw RecipeError(line: node.line, "a name is there twice")
    }
  }

  var names: [String] { pairs.map(\.name) }

  subscript(name: String) -> Node? { pairs.first { $0.name == name }?.value }

  func allow(_ known: [String]) throws {
    for (pair, line) in zip(pairs, lines) where !known.contains(pair.name) {
      throw RecipeError(
        line: line,
        "\(what) has no ‘\(pair.name)’; it has \(known.joined(separator: ", "))")
    }
  }
}

extension Node {
  fileprivate var line: Int { mark?.line ?? 1 }

  fileprivate var isNothing: Bool {
    if case .scalar(let scalar) = self { return scalar.string.isEmpty || scalar.string == "null" }
    return false
  }

  fileprivate func text(_ what: String) throws -> String {
    guard case .scalar(let scalar) = self else {
      throw RecipeError(line: line, "\(what) is a single word or number")
    }
    return scalar.string
  }

  fileprivate func list(_ what: String) throws -> [Node] {
    guard case .sequence(let sequence) = self else {
      throw RecipeError(line: line, "\(what) is a list")
    }
    return Array(sequence)
  }

  fileprivate func texts(_ what: String) throws -> [String] {
    if case .scalar(let scalar) = self { return [scalar.string] }
    return try list(what).map { try $0.text("an entry of \(what)") }
  }
}
