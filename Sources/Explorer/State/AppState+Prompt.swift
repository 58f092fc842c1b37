internal import Terminal

/// Keys of the line at the bottom, for the footer.
enum PromptKeys {
  static let bindings: [Binding] = [
    Binding(.enter, label: "do it", help: "take the line") { _ in [] },
    Binding(.escape, label: "leave", help: "leave the line") { _ in [] },
    Binding(.tab, label: "complete", help: "complete the word") { _ in [] },
    Binding(.up, label: "history", help: "earlier commands") { _ in [] },
  ]
}

extension AppState {
  /// Opens the command line with a text in it.
  mutating func openCommand(_ text: String) -> [Effect] {
    prompt = Prompt(.command, text: text)
    return promptChanged()
  }

  /// Opens a line of a view's own, with its text so far.
  mutating func openText(of view: ViewID, lead: String, _ text: String) -> [Effect] {
    prompt = Prompt(.text(of: view, lead: lead, former: text), text: text)
    return []
  }

  mutating func handlePrompt(_ key: Key) -> [Effect] {
    guard var prompt else { return [] }
    switch key {
    case .escape, .control("c"):
      if case .text(let view, _, let former) = prompt.purpose {
        ViewCatalog.view(view).typing(former, &self)
      }
      self.prompt = nil
      return []
    case .enter: return submit(prompt)
    case .tab: return complete(by: 1)
    case .backTab: return complete(by: -1)
    case .up, .control("p"): return recall(by: -1)
    case .down, .control("n"): return recall(by: 1)
    case .backspace where prompt.editor.string.isEmpty:
      self.prompt = nil
      return []
    default:
      guard prompt.editor.handle(key) else { return [] }
      self.prompt = prompt
      return promptChanged()
    }
  }

  /// Follows the text while it is typed.
  mutating func promptChanged() -> [Effect] {
    guard var prompt else { return [] }
    prompt.chosen = nil
    prompt.completions = []
    switch prompt.purpose {
    case .command: prompt.completions = completions(of: prompt.editor)
    case .text(let view, _, _): ViewCatalog.view(view).typing(prompt.editor.string, &self)
    case .value: break
    }
    self.prompt = prompt
    return []
  }

  /// Most completions that are offered.
  static let completionLimit = 64

  private func completions(of editor: LineEditor) -> [String] {
    let words = CommandText.typed(editor.beforeCursor).words
    let word = words.last ?? ""
    let choices =
      words.count <= 1
      ? CommandCatalog.all.map(\.name)
      : (try? CommandCatalog.command(words[0]))?
        .completions(self, Array(words.dropFirst())) ?? []
    return Array(choices.filter { $0.hasPrefix(word) && $0 != word }.prefix(Self.completionLimit))
  }

  private mutating func complete(by step: Int) -> [Effect] {
    guard var prompt, !prompt.completions.isEmpty else { return [] }
    let count = prompt.completions.count
    let next = prompt.chosen.map { ($0 + step + count) % count } ?? (step > 0 ? 0 : count - 1)
    prompt.chosen = next
    prompt.editor.complete(
      from: CommandText.typed(prompt.editor.beforeCursor).start,
      CommandText.escaped(prompt.completions[next]))
    self.prompt = prompt
    guard count == 1 else { return [] }
    if !prompt.completions[0].hasSuffix("/") { self.prompt?.editor.insert(" ") }
    return promptChanged()
  }

  private mutating func recall(by step: Int) -> [Effect] {
    guard prompt?.purpose == .command, !commandHistory.isEmpty else { return [] }
    let at = (recalled ?? commandHistory.count) + step
    guard at >= 0 else { return [] }
    recalled = min(at, commandHistory.count)
    let text = at < commandHistory.count ? commandHistory[at] : ""
    prompt = Prompt(.command, text: text)
    return promptChanged()
  }

  private mutating func submit(_ prompt: Prompt) -> [Effect] {
    self.prompt = nil
    recalled = nil
    let text = prompt.editor.string
    switch prompt.purpose {
    case .text(let view, _, _): return ViewCatalog.view(view).take(text, &self)
    case .value(let dial, _): return enterValue(text, dial: dial)
    case .command: return execute(text)
    }
  }

  /// Does a command as typed after `:`.
  public mutating func execute(_ line: String) -> [Effect] {
    let words = CommandText.words(line)
    guard let name = words.first else { return [] }
    if commandHistory.last != line { commandHistory.append(line) }
    do {
      return try CommandCatalog.command(name).run(&self, Array(words.dropFirst()))
    } catch {
      notice = Notice(String(describing: error), isError: true)
      return []
    }
  }
}
