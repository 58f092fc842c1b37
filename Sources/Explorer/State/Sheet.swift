public import Compression
public import Workspace

/// A pass or a training run about to be started: its dials, and the preview of a pass.
public struct Sheet: Sendable {
  /// What the dials set.
  enum Subject: Sendable {
    case pass(any CompressionPass, on: LayerSelection)
    case training(TrainingDials, TrainingDraft)

    /// The settings, whatever they are for.
    var dialed: any Dialed {
      switch self {
      case .pass(let pass, _): pass
      case .training(let dials, _): dials
      }
    }
  }

  private(set) var subject: Subject
  /// Which of the active dials the keys turn.
  public var selected = 0
  /// The preview last asked for; answers to others are dropped.
  public var ticket: Int?
  public private(set) var preview: Preview?
  /// Whether the mouse holds a dial's knob.
  public var isDragging = false
  /// Why it cannot run with these settings.
  public var complaint: String?

  init(_ subject: Subject) {
    self.subject = subject
    // The dial that is meant most often: the first that can be dragged.
    selected = dials.firstIndex { $0.share != nil } ?? 0
  }

  /// The dials that matter under the present settings.
  public var dials: [DialSetting] { subject.dialed.settings.filter(\.isActive) }

  /// The dial the keys turn.
  public var dial: DialSetting? {
    dials.indices.contains(selected) ? dials[selected] : dials.last
  }

  /// Pass and layers as they would be run; nil for a training run.
  public var step: Step? {
    switch subject {
    case .pass(let pass, let layers): Step(pass: pass, layers: layers)
    case .training: nil
    }
  }

  /// Shows a preview; until its layer is made, the one of the settings before stays on screen.
  mutating func take(_ preview: Preview) {
    let former = self.preview?.layer
    self.preview = preview
    if preview.layer == nil, !preview.isDone { self.preview?.layer = former }
  }

  /// Sets a dial. Throws `PassError` when it cannot be so.
  mutating func set(_ name: String, to value: DialValue) throws {
    switch subject {
    case .pass(let pass, let layers):
      subject = .pass(try pass.setting(name, to: value), on: layers)
    case .training(let dials, let draft):
      subject = .training(try dials.setting(name, to: value), draft)
    }
  }
}

extension DialSetting {
  /// The setting after `steps` turns to the right (negative: to the left).
  public func turned(by steps: Int) -> DialValue {
    switch (control, value) {
    case (.number(let range, let step, _), .number(let number)):
      let turned = Self.multiple((number / step).rounded() + Double(steps), of: step)
      return .number(min(max(turned, range.lowerBound), range.upperBound))
    case (.integer(let range, let step), .number(let number)):
      let turned = Int(number) + steps * step
      return .number(Double(min(max(turned, range.lowerBound), range.upperBound)))
    case (.choice(let words), .choice(let word)):
      let index = words.firstIndex(of: word) ?? 0
      return .choice(words[((index + steps) % words.count + words.count) % words.count])
    case (.number, .choice), (.integer, .choice), (.choice, .number), (.text, _), (.words, _):
      return value
    }
  }

  /// The setting at `share` of the way along its range.
  public func value(at share: Double) -> DialValue {
    let share = min(max(share, 0), 1)
    switch control {
    case .number(let range, let step, _):
      let raw = range.lowerBound + share * (range.upperBound - range.lowerBound)
      let stepped = Self.multiple((raw / step).rounded(), of: step)
      return .number(min(max(stepped, range.lowerBound), range.upperBound))
    case .integer(let range, _):
      return .number(
        (Double(range.lowerBound) + share * Double(range.upperBound - range.lowerBound)).rounded())
    case .text, .words: return value
    case .choice(let words):
      return .choice(words[min(Int(share * Double(words.count)), words.count - 1)])
    }
  }

  /// `count` steps; for a step such as 0.01 the number nearest to that decimal
  /// fraction, where a product would give 0.35000000000000003.
  private static func multiple(_ count: Double, of step: Double) -> Double {
    let inverse = (1 / step).rounded()
    return step < 1 && abs(inverse * step - 1) < 1e-12 ? count / inverse : count * step
  }

  /// What somebody means who types `60` where a share is wanted: 60 %.
  func understood(_ text: String) -> DialValue {
    if control == .words { return .choice(text) }
    if control == .text {
      return .choice(FilePaths.expanded(String(text.drop { $0 == " " })))
    }
    let text = text.filter { !$0.isWhitespace }
    guard case .number(let range, _, .share) = control, let number = Double(text),
      number > range.upperBound
    else { return control.value(of: text) }
    return control.value(of: text + "%")
  }

  /// What may be typed: `0 to 1 or per cent`.
  var rangeText: String {
    switch control {
    case .number(let range, _, let unit):
      "\(DialValue.number(range.lowerBound)) to \(DialValue.number(range.upperBound))"
        + (unit == .share ? " or per cent" : "")
    case .integer(let range, _): "\(range.lowerBound) to \(range.upperBound)"
    case .choice(let words): words.joined(separator: ", ")
    case .text: "a file, or none"
    case .words: "words, or none"
    }
  }

  /// Where the setting lies along its range, 0…1; nil for a choice.
  public var share: Double? {
    switch (control, value) {
    case (.number(let range, _, _), .number(let number)):
      (number - range.lowerBound) / max(range.upperBound - range.lowerBound, .leastNonzeroMagnitude)
    case (.integer(let range, _), .number(let number)):
      (number - Double(range.lowerBound)) / Double(max(range.upperBound - range.lowerBound, 1))
    default: nil
    }
  }
}
