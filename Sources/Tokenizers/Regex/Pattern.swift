/// A compiled regular expression over UTF-8 bytes.
///
/// A backtracking machine after Thompson's (Cox, "Regular Expression Matching: the
/// Virtual Machine Approach"), with one instruction for a run of one set, since runs
/// are most of what tokenizers look for. Its steps are counted: a match that would
/// take more than `Matcher` allows fails.
public struct Pattern: Sendable {
  /// The expression as written.
  public let source: String
  let instructions: [Instruction]
  let sets: [ScalarSet]
  /// Where the code of each alternative begins, the first to try first.
  let entries: [Int]
  /// Which alternatives may begin with a byte, one bit each.
  let entriesByByte: [UInt64]

  /// `place` says in errors where the expression stands.
  public init(_ source: String, place: String = "pattern") throws(TokenizerError) {
    self.source = source
    let node = try PatternParser.parse(source, place: place)
    var compiler = PatternCompiler(place: place)
    var choices = [node]
    if case .alternatives(let nodes) = node, nodes.count <= 64 { choices = nodes }
    var entries: [Int] = []
    var entriesByByte = [UInt64](repeating: 0, count: 256)
    for (number, choice) in choices.enumerated() {
      entries.append(compiler.instructions.count)
      try compiler.compile(choice)
      try compiler.emit(Instruction(.match))
      let first = PatternCompiler.firstBytes(of: choice)
      for byte in 0..<256 where first.contains(UInt8(byte)) {
        entriesByByte[byte] |= 1 << UInt64(number)
      }
    }
    self.entries = entries
    self.entriesByByte = entriesByByte
    instructions = compiler.instructions
    sets = compiler.sets
  }
}

struct Instruction: Sendable {
  enum Operation: UInt8, Sendable {
    case match
    /// One scalar of a set.
    case one
    /// As many scalars of a set as there are, from `first` to `second`.
    case run
    case possessiveRun
    /// Goes on at `first`; if that fails, at `second`.
    case split
    case jump
    /// The code up to `first` must match here, or must not; nothing is consumed.
    case look
    case lookNot
    case atomic
    /// The next or the previous scalar is in a set, or is not; at an end of the text it is not.
    case nextIn
    case nextNotIn
    case previousIn
    case previousNotIn
    case lineStart, lineEnd, textStart, textEnd, lastLineEnd, boundary, inside
  }

  var operation: Operation
  var set: Int32 = 0
  var first = 0
  var second = 0

  init(_ operation: Operation, set: Int32 = 0, first: Int = 0, second: Int = 0) {
    self.operation = operation
    self.set = set
    self.first = first
    self.second = second
  }
}

struct PatternCompiler {
  static let instructionLimit = 1 << 14

  let place: String
  private(set) var instructions: [Instruction] = []
  private(set) var sets: [ScalarSet] = []
  private var numbers: [ScalarSet: Int32] = [:]

  init(place: String) { self.place = place }

  mutating func emit(_ instruction: Instruction) throws(TokenizerError) {
    guard instructions.count < Self.instructionLimit else {
      throw .limitExceeded(
        what: "instructions of a regular expression", limit: Self.instructionLimit)
    }
    instructions.append(instruction)
  }

  mutating func compile(_ node: PatternNode) throws(TokenizerError) {
    switch node {
    case .empty: break
    case .set(let set): try emit(Instruction(.one, set: number(of: set)))
    case .sequence(let nodes): for node in nodes { try compile(node) }
    case .alternatives(let nodes): try compile(alternatives: nodes)
    case .repetition(let node, let minimum, let maximum, let manner):
      try compile(node, minimum, maximum, manner)
    case .look(let node, let ahead, let negative):
      try compile(look: node, ahead: ahead, negative: negative)
    case .atomic(let node): try compile(node, within: .atomic)
    case .position(let position): try emit(Instruction(operation(of: position)))
    }
  }

  private mutating func number(of set: ScalarSet) -> Int32 {
    if let number = numbers[set] { return number }
    sets.append(set)
    numbers[set] = Int32(sets.count - 1)
    return Int32(sets.count - 1)
  }

  private func operation(of position: PatternNode.Position) -> Instruction.Operation {
    switch position {
    case .lineStart: .lineStart
    case .lineEnd: .lineEnd
    case .textStart: .textStart
    case .textEnd: .textEnd
    case .lastLineEnd: .lastLineEnd
    case .boundary: .boundary
    case .inside: .inside
    }
  }

  private mutating func compile(alternatives nodes: [PatternNode]) throws(TokenizerError) {
    var jumps: [Int] = []
    for node in nodes.dropLast() {
      let split = instructions.count
      try emit(Instruction(.split, first: split + 1))
      try compile(node)
      jumps.append(instructions.count)
      try emit(Instruction(.jump))
      instructions[split].second = instructions.count
    }
    if let last = nodes.last { try compile(last) }
    for jump in jumps { instructions[jump].first = instructions.count }
  }

  private mutating func compile(
    _ node: PatternNode, _ minimum: Int, _ maximum: Int?, _ manner: PatternNode.Manner
  ) throws(TokenizerError) {
    if case .set(let set) = node, manner != .lazy {
      let operation: Instruction.Operation = manner == .possessive ? .possessiveRun : .run
      return try emit(
        Instruction(operation, set: number(of: set), first: minimum, second: maximum ?? .max))
    }
    if manner == .possessive {
      return try compile(
        .repetition(node, minimum: minimum, maximum: maximum, .greedy),
        within: .atomic)
    }
    for _ in 0..<minimum { try compile(node) }
    if let maximum {
      var splits: [Int] = []
      for _ in minimum..<maximum {
        splits.append(instructions.count)
        try emit(Instruction(.split))
        try compile(node)
      }
      for split in splits { aim(split, into: split + 1, past: instructions.count, manner) }
    } else {
      // A repetition of nothing would go on for ever.
      guard !PatternCompiler.firstBytes(of: node).mayBeEmpty else {
        throw .unsupported(
          place: place, what: "regular expression that repeats a group that may be empty")
      }
      let split = instructions.count
      try emit(Instruction(.split))
      try compile(node)
      try emit(Instruction(.jump, first: split))
      aim(split, into: split + 1, past: instructions.count, manner)
    }
  }

  private mutating func aim(
    _ split: Int, into body: Int, past end: Int, _ manner: PatternNode.Manner
  ) {
    instructions[split].first = manner == .lazy ? end : body
    instructions[split].second = manner == .lazy ? body : end
  }

  private mutating func compile(
    look node: PatternNode, ahead: Bool, negative: Bool
  ) throws(TokenizerError) {
    if case .set(let set) = node {
      let operation: Instruction.Operation =
        ahead ? (negative ? .nextNotIn : .nextIn) : (negative ? .previousNotIn : .previousIn)
      return try emit(Instruction(operation, set: number(of: set)))
    }
    guard ahead else {
      throw .unsupported(
        place: place, what: "regular expression that looks back at more than one character")
    }
    try compile(node, within: negative ? .lookNot : .look)
  }

  private mutating func compile(
    _ node: PatternNode, within operation: Instruction.Operation
  ) throws(TokenizerError) {
    let start = instructions.count
    try emit(Instruction(operation))
    try compile(node)
    try emit(Instruction(.match))
    instructions[start].first = instructions.count
  }
}

// MARK: First bytes

extension PatternCompiler {
  /// The bytes that a match may begin with; all of them if it may be empty.
  struct FirstBytes {
    var low: UInt64 = 0
    var high: UInt64 = 0
    var isBeyondASCII = false
    var mayBeEmpty = false

    func contains(_ byte: UInt8) -> Bool {
      if mayBeEmpty { return true }
      if byte >= 0x80 { return isBeyondASCII }
      return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte - 64)) & 1 != 0
    }

    mutating func formUnion(_ other: FirstBytes) {
      low |= other.low
      high |= other.high
      isBeyondASCII = isBeyondASCII || other.isBeyondASCII
    }
  }

  static func firstBytes(of node: PatternNode) -> FirstBytes {
    switch node {
    case .empty, .look, .position: return FirstBytes(mayBeEmpty: true)
    case .set(let set): return FirstBytes(low: set.low, high: set.high, isBeyondASCII: true)
    case .atomic(let node): return firstBytes(of: node)
    case .repetition(let node, let minimum, let maximum, _):
      var first = firstBytes(of: node)
      first.mayBeEmpty = first.mayBeEmpty || minimum == 0 || maximum == 0
      return first
    case .sequence(let nodes):
      var first = FirstBytes(mayBeEmpty: true)
      for node in nodes {
        let next = firstBytes(of: node)
        first.formUnion(next)
        first.mayBeEmpty = next.mayBeEmpty
        if !next.mayBeEmpty { break }
      }
      return first
    case .alternatives(let nodes):
      var first = FirstBytes()
      for node in nodes {
        let next = firstBytes(of: node)
        first.formUnion(next)
        first.mayBeEmpty = first.mayBeEmpty || next.mayBeEmpty
      }
      return first
    }
  }
}
