public import Terminal
internal import Workspace

extension AppState {
  /// The screen after an event, and what is to be done because of it.
  public mutating func handle(_ event: Event, in area: Rect) -> [Effect] {
    switch event {
    case .key(let key): return handle(key)
    case .mouse(let mouse): return handle(mouse, in: area)
    case .paste(let text):
      guard prompt != nil else { return [] }
      prompt?.editor.insert(Array(text.filter { !$0.isNewline }))
      return promptChanged()
    case .resize(let columns, let rows):
      self.columns = columns
      self.rows = rows
      return []
    case .terminate: return [.quit]
    case .resumed, .wake: return []
    }
  }

  private mutating func handle(_ key: Key) -> [Effect] {
    notice = nil
    if panel != nil { return handlePanel(key) }
    if isLeaving, let effects = answerLeaving(key) { return effects }
    if help != nil { return handleHelp(key) }
    if prompt != nil { return handlePrompt(key) }
    if sheet != nil, let effects = perform(key, among: SheetKeys.bindings) { return effects }
    if sheet != nil, case .character(let character) = key,
      character.isNumber || ".-/~".contains(character)
    {
      return typeValue(startingWith: character)
    }
    return perform(key, among: ViewCatalog.view(view).bindings)
      ?? perform(key, among: GlobalKeys.bindings)
      ?? []
  }

  /// Does what the key is bound to, or tells why it cannot; nil when it is
  /// bound to nothing.
  private mutating func perform(_ key: Key, among bindings: [Binding]) -> [Effect]? {
    guard let binding = bindings.first(where: { $0.keys.contains(key) }) else { return nil }
    if let reason = binding.obstacle(self) {
      notice = Notice(reason)
      return []
    }
    return binding.action(&self)
  }

  /// Jobs whose work would be lost.
  private var jobsToLose: Int { liveJobs.count { [.pass, .save, .train].contains($0.kind) } }

  /// Leaves, or asks first when work would be lost.
  mutating func leave() -> [Effect] {
    isLeaving = jobsToLose > 0 || !revisionsToLose.isEmpty
    return isLeaving ? [] : [.quit]
  }

  /// What is asked before leaving; nil when nothing is.
  var leavingQuestion: String? {
    guard isLeaving else { return nil }
    let count = jobsToLose
    let lost = revisionsToLose
    var parts: [String] = []
    if count == 1, trainingJob?.state.isOver == false {
      if lost.isEmpty { return "Training is running; it is saved, to be resumed: quit? y/n" }
      parts.append("Training is running and is saved, to be resumed")
    } else if count > 0 {
      parts.append(count > 1 ? "\(count) jobs are running" : "A job is running")
    }
    if !lost.isEmpty {
      let names = lost.map(\.description).joined(separator: ", ")
      parts.append(
        "\(names) \(lost.count == 1 ? "is" : "are") in memory alone and will be lost")
    }
    return parts.joined(separator: "; ") + ": quit anyway? y/n"
  }

  /// Revisions whose weights neither a recipe nor a file can make again.
  private var revisionsToLose: [RevisionID] {
    var lost: Set<RevisionID> = []
    for revision in tree.revisions
    where notKept[revision.id] != nil || revision.parent.map(lost.contains) == true {
      lost.insert(revision.id)
    }
    return lost.sorted()
  }

  /// Takes the answer; nil if the key is not an answer: it then does what it always does.
  private mutating func answerLeaving(_ key: Key) -> [Effect]? {
    isLeaving = false
    return LeavingKeys.bindings.first { $0.keys.contains(key) }?.action(&self)
  }

  /// Goes to a view, remembering the way back.
  public mutating func show(_ id: ViewID) -> [Effect] {
    guard id != view else { return [] }
    trail.append(view)
    if trail.count > 16 { trail.removeFirst() }
    view = id
    return []
  }

  /// One level back: within the view, then to the view one came from.
  mutating func back() -> [Effect] {
    if !ViewCatalog.view(view).back(&self) { view = trail.popLast() ?? .blocks }
    return []
  }

  private mutating func handle(_ mouse: Mouse, in area: Rect) -> [Effect] {
    if mouse.kind == .press { notice = nil }
    if panel != nil { return [] }
    if help != nil {
      switch mouse.kind {
      case .wheelUp: scrollHelp(by: -3)
      case .wheelDown: scrollHelp(by: 3)
      case .press: help = nil
      case .release, .drag, .move: break
      }
      return []
    }
    let frame = FrameLayout(self)
    if let tab = frame.tabs.first(where: { $0.area.contains(x: mouse.x, y: mouse.y) }) {
      return mouse.kind == .press ? show(tab.view) : []
    }
    if let area = frame.sheet, sheet != nil,
      area.contains(x: mouse.x, y: mouse.y) || mouse.kind == .drag && sheet?.isDragging == true
    {
      return handleSheet(mouse, in: area)
    }
    guard frame.view.contains(x: mouse.x, y: mouse.y) else { return [] }
    return ViewCatalog.view(view).handle(mouse, in: frame.view, &self)
  }
}
