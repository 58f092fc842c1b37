/// The memory of the machine that runs a `Pattern`, and its budget.
package struct Matcher {
  /// Where to go on when the path taken fails.
  private struct Choice {
    var instruction: Int
    var offset: Int
    /// A run may give back characters down to here; −1 for other choices.
    var lowest: Int
  }

  /// Steps allowed for each byte of a text. Known patterns need under 20; what
  /// needs more is hostile, and is left in one piece from there on.
  static let stepsPerByte = 256
  static let leastSteps = 1 << 20
  static let choiceLimit = 1 << 20
  private var choices: [Choice] = []
  private var steps = 0

  package init() {}

  /// Starts a text of so many bytes.
  package mutating func allow(bytes: Int) {
    steps =
      bytes.multipliedReportingOverflow(by: Self.stepsPerByte).partialValue
      &+ Self.leastSteps
  }

  var isExhausted: Bool { steps <= 0 }

  /// Where the match that starts at an offset ends; −1 if there is none.
  @inline(__always)
  mutating func match(
    _ pattern: borrowing Pattern, _ text: Span<UInt8>, at offset: Int, in bounds: Range<Int>
  ) -> Int {
    var entries = pattern.entriesByByte[Int(text[offset])]
    while entries != 0 {
      let entry = entries.trailingZeroBitCount
      entries &= entries &- 1
      let end = run(
        pattern.instructions.span, pattern.sets.span, text, from: pattern.entries[entry],
        at: offset, in: bounds)
      if end >= 0 { return end }
    }
    return -1
  }

  /// Runs code up to its `match`. Calls itself for lookaheads only, as deep as the
  /// expression nests them.
  private mutating func run(
    _ code: Span<Instruction>, _ sets: Span<ScalarSet>, _ text: Span<UInt8>, from entry: Int,
    at start: Int, in bounds: Range<Int>
  ) -> Int {
    let base = choices.count
    defer { choices.removeLast(choices.count - base) }
    var (at, offset) = (entry, start)
    while true {
      steps -= 1
      guard steps > 0 else { return -1 }
      let instruction = code[at]
      var hasMatched = true
      switch instruction.operation {
      case .match: return offset
      case .one:
        let next = scalarEnd(sets[Int(instruction.set)], text, offset, bounds.upperBound)
        hasMatched = next >= 0
        if hasMatched { offset = next }
      case .run, .possessiveRun:
        let (end, lowest) = runEnd(
          sets[Int(instruction.set)], text, offset, bounds.upperBound, instruction.first,
          instruction.second)
        steps -= end - offset
        hasMatched = lowest >= 0
        if hasMatched {
          offset = end
          if end > lowest, instruction.operation == .run {
            hasMatched = push(Choice(instruction: at + 1, offset: end, lowest: lowest))
          }
        }
      case .split:
        hasMatched = push(Choice(instruction: instruction.second, offset: offset, lowest: -1))
        if hasMatched {
          at = instruction.first
          continue
        }
      case .jump:
        at = instruction.first
        continue
      case .look, .lookNot, .atomic:
        let end = run(code, sets, text, from: at + 1, at: offset, in: bounds)
        hasMatched = (end >= 0) == (instruction.operation != .lookNot)
        if hasMatched {
          if instruction.operation == .atomic { offset = end }
          at = instruction.first
          continue
        }
      case .nextIn, .nextNotIn:
        let next = scalarEnd(sets[Int(instruction.set)], text, offset, bounds.upperBound)
        hasMatched = (next >= 0) == (instruction.operation == .nextIn)
      case .previousIn, .previousNotIn:
        let isIn = isPrevious(in: sets[Int(instruction.set)], text, offset, bounds.lowerBound)
        hasMatched = isIn == (instruction.operation == .previousIn)
      case .lineStart, .lineEnd, .textStart, .textEnd, .lastLineEnd, .boundary, .inside:
        hasMatched = holds(instruction.operation, text, offset, bounds)
      }
      if hasMatched {
        at += 1
        continue
      }
      guard choices.count > base, var choice = choices.popLast() else { return -1 }
      if choice.lowest >= 0 {
        choice.offset = previousScalar(text, before: choice.offset, start: choice.lowest)
        if choice.offset > choice.lowest { choices.append(choice) }
      }
      (at, offset) = (choice.instruction, choice.offset)
    }
  }

  private mutating func push(_ choice: Choice) -> Bool {
    guard choices.count < Self.choiceLimit else { return false }
    choices.append(choice)
    return true
  }

  @inline(__always)
  private func scalarEnd(
    _ set: borrowing ScalarSet, _ text: Span<UInt8>, _ offset: Int, _ end: Int
  ) -> Int {
    guard offset < end else { return -1 }
    let byte = text[offset]
    if byte < 0x80 { return set.contains(ascii: byte) ? offset + 1 : -1 }
    let scalar = decodeLongScalar(text, at: offset, end: end)
    return set.contains(scalar.value) ? offset + scalar.length : -1
  }

  /// The end of a run, and how far back it may be shortened: −1 if it is too short.
  @inline(__always)
  private func runEnd(
    _ set: borrowing ScalarSet, _ text: Span<UInt8>, _ start: Int, _ end: Int, _ minimum: Int,
    _ maximum: Int
  ) -> (end: Int, lowest: Int) {
    var (offset, count) = (start, 0)
    var lowest = minimum == 0 ? start : -1
    while count < maximum, offset < end {
      let byte = text[offset]
      if byte < 0x80 {
        guard set.contains(ascii: byte) else { break }
        offset += 1
      } else {
        let scalar = decodeLongScalar(text, at: offset, end: end)
        guard set.contains(scalar.value) else { break }
        offset += scalar.length
      }
      count += 1
      if count == minimum { lowest = offset }
    }
    return (offset, lowest)
  }

  private func isPrevious(
    in set: borrowing ScalarSet, _ text: Span<UInt8>, _ offset: Int, _ start: Int
  ) -> Bool {
    guard offset > start else { return false }
    let first = previousScalar(text, before: offset, start: start)
    return set.contains(decodeScalar(text, at: first, end: offset).value)
  }

  private func holds(
    _ operation: Instruction.Operation, _ text: Span<UInt8>, _ offset: Int, _ bounds: Range<Int>
  ) -> Bool {
    let newline = UInt8(ascii: "\n")
    let (start, end) = (bounds.lowerBound, bounds.upperBound)
    switch operation {
    case .textStart: return offset == start
    case .textEnd: return offset == end
    case .lineStart: return offset == start || text[offset - 1] == newline && offset < end
    case .lineEnd: return offset == end || text[offset] == newline
    case .lastLineEnd: return offset == end || offset == end - 1 && text[offset] == newline
    case .boundary, .inside:
      let before = isPrevious(in: Matcher.word, text, offset, start)
      let after = scalarEnd(Matcher.word, text, offset, end) >= 0
      return (before != after) == (operation == .boundary)
    default: return false
    }
  }

  private static let word = ScalarSet(.word)
}
