internal import Compression
internal import Terminal
internal import Workspace

extension AppState {
  /// Opens a pass as a sheet with the settings it had last, on the marked
  /// layers or on all.
  mutating func open(_ type: any CompressionPass.Type) -> [Effect] {
    let pass = lastPasses[type.name] ?? type.init()
    let marked = self.marked.sorted()
    sheet = Sheet(.pass(pass, on: marked.isEmpty ? .all : .named(marked)))
    return askPreview()
  }

  /// Asks for the preview of the sheet's present settings.
  mutating func askPreview() -> [Effect] {
    guard var sheet else { return [] }
    switch sheet.subject {
    case .pass(let pass, _): lastPasses[type(of: pass).name] = pass
    case .training(let dials, _): training.lastDials = dials
    }
    do {
      try sheet.subject.dialed.validate()
      sheet.complaint = nil
    } catch {
      sheet.complaint = String(describing: error)
    }
    self.sheet = sheet
    guard sheet.complaint == nil, let step = sheet.step else { return [.cancelPreview] }
    return [.preview(step, on: current, layer: layer.name)]
  }

  mutating func closeSheet() -> [Effect] {
    sheet = nil
    return [.cancelPreview]
  }

  /// Selects the dial `steps` further on.
  mutating func selectDial(by steps: Int) -> [Effect] {
    guard let sheet, !sheet.dials.isEmpty else { return [] }
    let count = sheet.dials.count
    self.sheet?.selected = (min(sheet.selected, count - 1) + steps + count) % count
    return []
  }

  /// Turns the selected dial; a text is typed.
  mutating func turnDial(by steps: Int) -> [Effect] {
    guard let dial = sheet?.dial else { return [] }
    if dial.control.isTyped { return typeText(dial, text: dial.value.description) }
    return set(dial.name, to: dial.turned(by: steps))
  }

  mutating func set(_ name: String, to value: DialValue) -> [Effect] {
    guard var sheet else { return [] }
    do {
      try sheet.set(name, to: value)
    } catch {
      notice = Notice(String(describing: error), isError: true)
      return []
    }
    sheet.selected = sheet.dials.firstIndex { $0.name == name } ?? sheet.selected
    guard sheet.subject.dialed.settings != self.sheet?.subject.dialed.settings else { return [] }
    self.sheet = sheet
    return askPreview()
  }

  /// Opens the line for a value of the selected dial, if it takes a number or a text.
  mutating func typeValue(startingWith character: Character) -> [Effect] {
    guard let dial = sheet?.dial, dial.share != nil || dial.control.isTyped else { return [] }
    return typeText(dial, text: String(character))
  }

  private mutating func typeText(_ dial: DialSetting, text: String) -> [Effect] {
    guard let sheet else { return [] }
    prompt = Prompt(
      .value(dial: sheet.selected, label: "\(dial.name), \(dial.rangeText):"), text: text)
    return []
  }

  /// Takes a typed value for a dial.
  mutating func enterValue(_ text: String, dial index: Int) -> [Effect] {
    guard var sheet, sheet.dials.indices.contains(index) else { return [] }
    let dial = sheet.dials[index]
    do {
      try sheet.set(dial.name, to: dial.understood(text))
    } catch {
      notice = Notice(String(describing: error), isError: true)
      return []
    }
    self.sheet = sheet
    return askPreview()
  }

  /// Runs the pass of the sheet on the revision on screen, or starts its training run.
  mutating func runSheet() -> [Effect] {
    guard let sheet else { return [] }
    if let complaint = sheet.complaint {
      notice = Notice(complaint, isError: true)
      return []
    }
    self.sheet = nil
    switch sheet.subject {
    case .pass(let pass, let layers):
      return [.cancelPreview, .run(Step(pass: pass, layers: layers), on: current)]
    case .training(let dials, let draft): return [.train(draft.request(dials))]
    }
  }

  /// Shows the pass as the command that does the same, and copies it.
  mutating func copySheetAsCommand() -> [Effect] {
    guard let sheet else { return [] }
    let command = ShellCommand(sheet, self)
    return show(copying: command.text, title: "as a command", note: command.note)
  }

  /// Clicks and drags on dials.
  mutating func handleSheet(_ mouse: Mouse, in area: Rect) -> [Effect] {
    guard let sheet else { return [] }
    let layout = SheetLayout(sheet, in: area)
    switch mouse.kind {
    case .press:
      guard let index = layout.dial(at: mouse.x, mouse.y) else { return [] }
      self.sheet?.selected = index
      self.sheet?.isDragging = true
      return turn(layout, to: mouse.x)
    case .drag:
      return sheet.isDragging ? turn(layout, to: mouse.x) : []
    case .release:
      self.sheet?.isDragging = false
      return []
    case .wheelUp: return turnDial(by: 1)
    case .wheelDown: return turnDial(by: -1)
    case .move: return []
    }
  }

  private mutating func turn(_ layout: SheetLayout, to x: Int) -> [Effect] {
    guard let dial = sheet?.dial, let share = layout.share(of: sheet?.selected ?? 0, at: x)
    else { return [] }
    return set(dial.name, to: dial.value(at: share))
  }
}
