internal import CNcurses
internal import Terminal

/// Turns what ncurses reads into events.
struct KeyReader {
  private var held: Mouse.Button = .none
  private var pasted: String? = nil
  private var reports: [Mouse] = []

  /// The next waiting event; nil if no event waits.
  mutating func next() -> Event? {
    while true {
      if !reports.isEmpty { return .mouse(reports.removeFirst()) }
      var value: wint_t = 0
      let status = unsafe get_wch(&value)
      guard status != pare_err else { return nil }
      let event = status == pare_key_code_yes ? code(Int32(value)) : text(value)
      if let event { return event }
    }
  }

  private mutating func text(_ value: wint_t) -> Event? {
    guard let scalar = Unicode.Scalar(value) else { return nil }
    guard pasted == nil else {
      pasted?.unicodeScalars.append(scalar == "\r" ? "\n" : scalar)
      return nil
    }
    return .key(scalar == "\u{1B}" ? escape() : key(scalar))
  }

  /// ESC alone, or with what follows at once: the alternate key.
  private mutating func escape() -> Key {
    var value: wint_t = 0
    let status = unsafe get_wch(&value)
    guard status != pare_err else { return .escape }
    guard status != pare_key_code_yes, let scalar = Unicode.Scalar(value), scalar.value > 0x20
    else {
      unget_wch(wchar_t(bitPattern: value))
      return .escape
    }
    return .alt(Character(scalar))
  }

  private func key(_ scalar: Unicode.Scalar) -> Key {
    switch scalar.value {
    case 9: return .tab
    case 10, 13: return .enter
    case 8, 127: return .backspace
    case 0: return .control(" ")
    case 1...26: return .control(Character(Unicode.Scalar(UInt8(scalar.value) + 96)))
    case 28...31: return .control(Character(Unicode.Scalar(UInt8(scalar.value) + 64)))
    default: return .character(Character(scalar))
    }
  }

  private mutating func code(_ code: Int32) -> Event? {
    switch code {
    case pare_key_mouse:
      readMouse()
      return nil
    case pare_key_resize: return nil
    case pare_key_paste_begin:
      pasted = ""
      return nil
    case pare_key_paste_end:
      defer { pasted = nil }
      return pasted.map { .paste($0) }
    default: return KeyReader.special(code).map { .key($0) }
    }
  }

  /// ncurses gathers reports that come together and hands them out the last one first.
  private mutating func readMouse() {
    var newestFirst: [pare_mouse] = []
    var report = pare_mouse()
    while unsafe pare_read_mouse(&report) { newestFirst.append(report) }
    for report in newestFirst.reversed() {
      if let event = mouse(report) { reports.append(event) }
    }
  }

  private mutating func mouse(_ report: pare_mouse) -> Mouse? {
    let buttons: [Mouse.Button] = [.none, .left, .middle, .right]
    var button = buttons[Int(report.button)]
    let kind: Mouse.Kind
    switch report.kind {
    case 1:
      kind = .press
      held = button
    case 2:
      kind = .release
      if button == .none || button == .left { button = held == .none ? .left : held }
      held = .none
    case 3:
      // Only a button that is down is reported to move: its press was lost in a flood.
      kind = held == .none ? .press : .drag
      if held == .none { held = .left }
      button = held
    case 4: kind = .wheelUp
    case 5: kind = .wheelDown
    default: return nil
    }
    var modifiers: Mouse.Modifiers = []
    if report.shift { modifiers.insert(.shift) }
    if report.alt { modifiers.insert(.alt) }
    if report.control { modifiers.insert(.control) }
    return Mouse(kind, button, x: Int(report.x), y: Int(report.y), modifiers: modifiers)
  }

  private static func special(_ code: Int32) -> Key? {
    switch code {
    case pare_key_up: return .up
    case pare_key_down: return .down
    case pare_key_left: return .left
    case pare_key_right: return .right
    case pare_key_home, pare_key_a1, pare_key_find: return .home
    case pare_key_end, pare_key_c1, pare_key_select: return .end
    case pare_key_page_up: return .pageUp
    case pare_key_page_down: return .pageDown
    case pare_key_enter: return .enter
    case pare_key_back_tab: return .backTab
    case pare_key_backspace: return .backspace
    case pare_key_delete: return .delete
    case pare_key_insert: return .insert
    case pare_key_shift_up: return .shiftUp
    case pare_key_shift_down: return .shiftDown
    case pare_key_shift_left: return .shiftLeft
    case pare_key_shift_right: return .shiftRight
    case pare_key_f0...pare_key_f0 + 24: return .function(Int(code - pare_key_f0))
    default: return nil
    }
  }
}
