package import Compression
internal import Terminal
internal import Workspace

/// Reading and writing of commands as text.
package enum CommandText {
  /// Splits a line into words as a shell does: quotes keep blanks, and outside
  /// them a backslash keeps the character after it.
  package static func words(_ line: String) -> [String] {
    let parsed = parse(line)
    return parsed.open.map { parsed.words + [$0.word] } ?? parsed.words
  }

  /// The words of a line that is being typed: the last one, which may still be
  /// empty, is the one at its end, and begins at `start` characters.
  static func typed(_ line: String) -> (words: [String], start: Int) {
    let parsed = parse(line)
    let open = parsed.open ?? ("", line.count)
    return (parsed.words + [open.word], open.start)
  }

  /// Finished words, and the one that the end of the line is in.
  private static func parse(
    _ line: String
  ) -> (words: [String], open: (word: String, start: Int)?) {
    var words: [String] = []
    var open: (word: String, start: Int)?
    var quote: Character?
    var isEscaped = false
    for (index, character) in line.enumerated() {
      if quote == nil, !isEscaped, character == " " {
        if let open { words.append(open.word) }
        open = nil
        continue
      }
      var (word, start) = open ?? ("", index)
      if isEscaped {
        word.append(character)
        isEscaped = false
      } else if let mark = quote {
        if character == mark { quote = nil } else { word.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
      } else if character == "\\" {
        isEscaped = true
      } else {
        word.append(character)
      }
      open = (word, start)
    }
    return (words, open)
  }

  /// A word as it is typed: what would end it or open a quote has a backslash.
  package static func escaped(_ word: String) -> String {
    word.reduce(into: "") {
      if " '\"\\".contains($1) { $0.append("\\") }
      $0.append($1)
    }
  }

  /// The step that `--amount 0.5 --layers 'block.*.mlp.*'` describes.
  package static func step(
    _ type: any CompressionPass.Type, _ words: [String], marked: Set<String>
  ) throws -> Step {
    var pass: any CompressionPass = type.init()
    var patterns: [String] = []
    var named: [String] = []
    var rest = words[...]
    while let option = rest.popFirst() {
      guard option.hasPrefix("--") else {
        throw CommandError("\(type.name) takes options such as --amount 0.5, not ‘\(option)’")
      }
      let parts = option.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
      let name = parts.first ?? ""
      guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
        throw CommandError("--\(name) needs a value")
      }
      if name == "layers" {
        patterns.append(value)
      } else {
        pass = try pass.setting(name, toText: value)
        named.append(name)
      }
    }
    try pass.validate()
    for name in named { try pass.checkMatters(name) }
    let layers: LayerSelection =
      !patterns.isEmpty
      ? .matching(patterns) : marked.isEmpty ? .all : .named(marked.sorted())
    return Step(pass: pass, layers: layers)
  }

  /// The shell command that does what a step does; settings at their defaults,
  /// and those that do not matter under the others, are left out.
  package static func shell(
    _ step: Step, file: String, output: String = "OUT.safetensors"
  ) -> String {
    var words = ["pare", type(of: step.pass).name, quoted(file)]
    let defaults = type(of: step.pass).init().settings
    for (setting, usual) in zip(step.pass.settings, defaults)
    where setting.isActive && setting.value != usual.value {
      let value = setting.value.description
      words += ["--" + setting.name, setting.control.isTyped ? quoted(value) : value]
    }
    switch step.layers {
    case .all: break
    case .matching(let names), .named(let names):
      for name in names { words += ["--layers", quoted(name)] }
    }
    return (words + ["-o", output]).joined(separator: " ")
  }

  /// Options and choices that fit the word being typed.
  static func optionCompletions(
    _ settings: [DialSetting], _ state: AppState, _ words: [String]
  ) -> [String] {
    let last = words.dropLast().last ?? ""
    if last == "--layers" {
      let start = words.last ?? ""
      let kinds = state.model.kinds.lazy.map { "block.*." + $0 }.filter { $0.hasPrefix(start) }
      return kinds.prefix(AppState.completionLimit)
        + state.model.paths(beginningWith: start, limit: AppState.completionLimit)
    }
    if let dial = settings.first(where: { "--" + $0.name == last }) {
      if case .choice(let options) = dial.control { return options }
      if dial.control == .text { return FilePaths.completions(of: words.last ?? "") }
      return [dial.value.description]
    }
    return settings.map { "--" + $0.name } + ["--layers"]
  }

  /// The revision that `r3` or `3` names.
  static func revision(_ words: [String], _ state: AppState) throws -> RevisionID {
    let word = words.first ?? ""
    guard let id = RevisionID(text: word) ?? RevisionID(text: "r" + word), state.tree[id] != nil
    else {
      throw CommandError(
        "there is no revision ‘\(word)’; there are r0 to r\(state.tree.revisions.last?.id.number ?? 0)"
      )
    }
    return id
  }

  /// The one path among words and flags.
  static func onePath(_ command: String, _ words: [String]) throws -> String {
    try checkFlags(words, ["--force"])
    let paths = words.filter { !$0.hasPrefix("--") }
    guard let path = paths.first, paths.count == 1 else {
      throw CommandError("\(command) takes one file name; one with blanks stands in quotes")
    }
    return FilePaths.expanded(path)
  }

  static func checkFlags(_ words: [String], _ known: [String]) throws {
    if let odd = words.first(where: { $0.hasPrefix("--") && !known.contains($0) }) {
      throw CommandError("unknown option \(odd); known: \(known.joined(separator: ", "))")
    }
  }

  /// A word as a shell reads it; a path that begins with a dash is no option.
  static func quoted(_ word: String) -> String {
    if word.hasPrefix("-") { return quoted("./" + word) }
    let plain = word.allSatisfy { $0.isLetter || $0.isNumber || "._-/+=".contains($0) }
    return plain && !word.isEmpty
      ? word
      : "'"
        + word.split(separator: "'", omittingEmptySubsequences: false)
        .joined(separator: "'\\''") + "'"
  }
}

/// Themes by name, in the depth of colour of the terminal.
enum ThemeNames {
  static var all: [String] { ThemeCatalog.names }

  static func theme(_ name: String, like theme: Theme) -> Theme? {
    ThemeCatalog.theme(named: name, depth: theme.depth, ascii: theme.ascii)
  }
}
