internal import Tensors

/// The names of a file's tensors taken apart, all at once: blocks repeat each other, so what
/// follows a block's number is looked at once for all blocks.
struct LayerNames {
  /// One name.
  struct Entry {
    /// What follows the block's number, in `kinds`; -1 outside the blocks.
    let kind: Int32
    /// In `stacks`.
    let stack: Int32
    let block: Int32
  }

  /// What tensors of several blocks have in common.
  struct Kind {
    let rest: String
    /// Whether their numbers are floating point, and how many axes they have.
    let isFloatingPoint: Bool
    let rank: Int
    /// Position of the first one.
    let first: Int
    fileprivate let bytes: Range<Int>
  }

  /// A stack of blocks; an encoder and a decoder are two.
  struct Stack: Sendable {
    let name: String
    /// Of its blocks.
    var highest: Int
    /// The number of its block 0 among those of all stacks.
    var first = 0
  }

  private(set) var entries: [Entry] = []
  private(set) var kinds: [Kind] = []
  /// In the order in which the file names them.
  private(set) var stacks: [Stack] = []

  /// The bytes of the kinds, one after the other.
  private var text: [UInt8] = []
  private var slots = HashSlots()
  private var stackNumbers: [String: Int32] = [:]
  private var lastStack: (number: Int32, bytes: [UInt8])?

  init(_ tensors: [IndexedTensor]) {
    entries.reserveCapacity(tensors.count)
    for position in tensors.indices {
      add(
        tensors[position].name, tensors[position].dtype,
        rank: tensors[position].shape.dimensions.count, at: position)
    }
    var first = 0
    for number in stacks.indices {
      stacks[number].first = first
      first += stacks[number].highest + 1
    }
  }

  /// The block's number among those of all stacks.
  func block(at position: Int) -> Int? {
    let entry = entries[position]
    return entry.kind < 0 ? nil : stacks[Int(entry.stack)].first + Int(entry.block)
  }

  /// The first of the tensors whose name has something that all of its kind have; `tensors`
  /// are those the names are of.
  func first(in tensors: [IndexedTensor], whoseName isSuch: (Span<UInt8>) -> Bool) -> Int? {
    let isOfKind = kinds.map { isSuch(tensors[$0.first].name.utf8.span) }
    return entries.indices.first { position in
      let kind = Int(entries[position].kind)
      let isFound = kind < 0 ? isSuch(tensors[position].name.utf8.span) : isOfKind[kind]
      return isFound && !tensors[position].isOptimizer
    }
  }

  /// Whether any tensor is an expert's.
  func isMixture(_ tensors: [IndexedTensor]) -> Bool {
    if stacks.contains(where: { TensorName.isOfExperts($0.name) }) { return true }
    if kinds.contains(where: { TensorName.isOfExperts($0.rest) }) { return true }
    return zip(entries, tensors).contains { entry, tensor in
      entry.kind < 0 && TensorName.isOfExperts(tensor.name)
    }
  }

  private mutating func add(_ text: String, _ dtype: DType?, rank: Int, at position: Int) {
    let name = text.utf8.span
    guard let parts = NameParts(name, stack: lastStack?.bytes ?? []) else {
      entries.append(Entry(kind: -1, stack: -1, block: -1))
      return
    }
    let isFloatingPoint = dtype?.isFloatingPoint ?? false
    let kind = kind(name.extracting(parts.restStart...), isFloatingPoint, rank, at: position)
    let stack = stack(name.extracting(first: parts.stackEnd))
    if parts.block > stacks[Int(stack)].highest { stacks[Int(stack)].highest = parts.block }
    entries.append(Entry(kind: kind, stack: stack, block: Int32(parts.block)))
  }

  private mutating func stack(_ name: Span<UInt8>) -> Int32 {
    if let lastStack, lastStack.bytes.span.isEqual(to: name) { return lastStack.number }
    let bytes = name.indices.map { name[$0] }
    let text = String(decoding: bytes, as: UTF8.self)
    let number = stackNumbers[text] ?? Int32(stacks.count)
    if number == stacks.count {
      stackNumbers[text] = number
      stacks.append(Stack(name: text, highest: 0))
    }
    lastStack = (number, bytes)
    return number
  }

  private mutating func kind(
    _ rest: Span<UInt8>, _ isFloatingPoint: Bool, _ rank: Int, at position: Int
  ) -> Int32 {
    let hash = ByteHash.of(rest, salt: UInt64(rank << 1 | (isFloatingPoint ? 1 : 0)))
    let found = slots.position(hash) { number in
      kinds[number].rank == rank && kinds[number].isFloatingPoint == isFloatingPoint
        && text.span.extracting(kinds[number].bytes).isEqual(to: rest)
    }
    if let found { return Int32(truncatingIfNeeded: found) }
    slots.enter(kinds.count, hash)
    let start = text.count
    for index in rest.indices { text.append(rest[index]) }
    kinds.append(
      Kind(
        rest: String(decoding: text[start...], as: UTF8.self), isFloatingPoint: isFloatingPoint,
        rank: rank, first: position, bytes: start..<text.count))
    return Int32(kinds.count - 1)
  }
}
