public import Terminal
public import Workspace

/// What two revisions write.
public struct SamplesState: ViewState, Hashable {
  /// What one revision has written so far.
  public struct Sample: Sendable, Hashable {
    public var text = ""
    public var tokensPerSecond: Double?
    public var isDone = false
  }

  public var prompt = ""
  public var seed: UInt64 = 1337
  public var texts: [RevisionID: Sample] = [:]
  public var scroll = 0
  /// Whether sampling was asked for since the view was opened.
  public var isAsked = false

  public init() {}
}

extension ViewID {
  public static let samples = ViewID("samples")
}

extension AppState {
  public var samples: SamplesState {
    get { self[SamplesView.self] }
    set { self[SamplesView.self] = newValue }
  }

  /// Lets both revisions of Compare continue the prompt.
  mutating func startSampling() -> [Effect] {
    if let reason = whyNotRunnable {
      notice = Notice("Nothing can be written: \(reason)", isError: true)
      return []
    }
    samples.texts = [:]
    samples.scroll = 0
    samples.isAsked = true
    let ids = pair.left == comparedRevision ? [current] : [pair.left, comparedRevision]
    return [.stopSampling, .sample(ids, prompt: samples.prompt, seed: samples.seed)]
  }
}

/// View 6: the same prompt and seed, continued by two revisions side by side.
public enum SamplesView: View {
  public typealias State = SamplesState
  public static let id = ViewID.samples
  public static let title = "Samples"

  public static let bindings: [Binding] = [
    Binding(.enter, .character("r"), label: "write", help: "write again from the prompt") {
      $0.startSampling()
    },
    Binding(.character("e"), label: "prompt", help: "edit the prompt") { state in
      state.openText(of: id, lead: "prompt ", state.samples.prompt)
    },
    Binding(.character("n"), label: "next seed", help: "write with the next seed") { state in
      state.samples.seed &+= 1
      return state.startSampling()
    },
    Binding(.character("s"), label: "stop", help: "stop writing") { _ in [.stopSampling] },
    Binding(.down, .character("j"), help: "scroll down") { state in
      state.samples.scroll += 1
      return []
    },
    Binding(.up, .character("k"), help: "scroll up") { state in
      state.samples.scroll = max(0, state.samples.scroll - 1)
      return []
    },
  ]

  public static let commands: [Command] = [
    Command("generate", "generate [PROMPT]", "let both revisions of Compare continue a prompt") {
      state, words in
      if !words.isEmpty { state.samples.prompt = words.joined(separator: " ") }
      return state.show(.samples) + state.startSampling()
    }
  ]

  public static func draw(_ state: AppState, on grid: inout CellGrid, in area: Rect) {
    let theme = state.theme
    if let reason = state.whyNotRunnable {
      grid.putLine("This model cannot write here:", in: area, row: 1, .center, theme[.text])
      grid.putLine(reason, in: area, row: 2, .center, theme[.dim])
      return
    }
    let (heading, body) = area.split(top: 1)
    let prompt = state.samples.prompt.isEmpty ? "(the start of a text)" : state.samples.prompt
    grid.putLine(
      "prompt: \(prompt)   seed \(state.samples.seed)", in: heading.inset(left: 1, right: 1),
      theme[.text])
    let layout = CompareLayout(body)
    grid.vline(x: layout.rule, y: body.y, length: body.height, theme[.border], in: area)
    let sides = [(state.pair.left, layout.left), (state.comparedRevision, layout.right)]
    for (id, half) in sides {
      let (title, text) = half.split(top: 1)
      let sample = state.samples.texts[id]
      let speed = sample?.tokensPerSecond.map { "  \(Decimal.text($0, 0)) tok/s" } ?? ""
      let name = state.tree[id]?.title ?? ""
      grid.putLine("\(id) \(name)\(speed)", in: title, theme[.accent])
      draw(sample, state, on: &grid, in: text)
    }
  }

  private static func draw(
    _ sample: SamplesState.Sample?, _ state: AppState, on grid: inout CellGrid, in area: Rect
  ) {
    let theme = state.theme
    guard let sample else {
      grid.putLine(
        state.samples.isAsked ? "…" : "Enter lets both write.", in: area, theme[.dim])
      return
    }
    let lines = WrappedText.lines(state.samples.prompt + sample.text, width: area.width)
    for (row, line) in lines.dropFirst(state.samples.scroll).prefix(area.height).enumerated() {
      grid.put(line, x: area.x, y: area.y + row, theme[.text], in: area)
    }
  }

  public static func handle(_ mouse: Mouse, in area: Rect, _ state: inout AppState) -> [Effect] {
    switch mouse.kind {
    case .wheelDown: state.samples.scroll += 3
    case .wheelUp: state.samples.scroll = max(0, state.samples.scroll - 3)
    case .press, .release, .drag, .move: break
    }
    return []
  }

  public static func fold(_ event: WorkbenchEvent, _ state: inout AppState) {
    guard case .sample(let revision, let text, let speed, let isDone) = event else { return }
    state.samples.texts[revision] = SamplesState.Sample(
      text: text, tokensPerSecond: speed, isDone: isDone)
  }

  /// The line is the prompt.
  public static func take(_ text: String, _ state: inout AppState) -> [Effect] {
    state.samples.prompt = text
    return state.startSampling()
  }
}

/// Text cut into lines of a width, at blanks where there are any.
package enum WrappedText {
  package static func lines(_ text: String, width: Int) -> [String] {
    guard width > 0 else { return [] }
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .flatMap { wrapped(Array($0), width) }
  }

  private static func wrapped(_ line: [Character], _ width: Int) -> [String] {
    var lines: [String] = []
    var rest = line[...]
    while true {
      let room = fitting(rest, width)
      guard room < rest.count else { return lines + [String(rest)] }
      let head = rest.prefix(room + 1)
      let cut = head.lastIndex(of: " ").map { $0 - rest.startIndex }.flatMap { $0 > 0 ? $0 : nil }
      lines.append(String(rest.prefix(cut ?? room)))
      rest = rest.dropFirst(cut.map { $0 + 1 } ?? room)
    }
  }

  /// How many characters fit in `width` columns, at least one.
  private static func fitting(_ line: ArraySlice<Character>, _ width: Int) -> Int {
    var columns = 0
    for (count, character) in line.enumerated() {
      columns += String(character).columns
      if columns > width { return max(count, 1) }
    }
    return line.count
  }
}
