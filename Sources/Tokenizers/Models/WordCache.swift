/// The tokens of words that were met before: two places for each hash, the older of
/// which gives way, so that no text makes it large or slow.
struct WordCache: Sendable {
  /// Longer words are rarely met again.
  static let lengthLimit = 48

  private struct Slot {
    var hash: UInt64 = 0
    var keyStart: Int32 = 0
    var keyCount: Int32 = 0
    /// The token itself if it is one, else where tokens start in `ids`.
    var value: Int32 = 0
    var idCount: Int32 = 0
  }

  private static let bits = 14
  /// Bytes of keys and tokens after which everything is forgotten.
  private static let memoryLimit = 1 << 20

  private var slots: [Slot] = []
  private var keys: [UInt8] = []
  private var ids: [Int32] = []

  /// Appends the tokens of a word if they are known.
  @inline(__always)
  func find(
    _ text: Span<UInt8>, _ word: Range<Int>, hash: UInt64, into output: inout [Int32]
  ) -> Bool {
    guard !slots.isEmpty else { return false }
    let first = Int(truncatingIfNeeded: hash >> UInt64(64 - Self.bits)) * 2
    for position in first...first + 1 {
      let slot = slots[position]
      guard slot.hash == hash, Int(slot.keyCount) == word.count,
        areEqual(text, word, keys.span, Int(slot.keyStart))
      else { continue }
      if slot.idCount == 1 {
        output.append(slot.value)
      } else {
        for id in Int(slot.value)..<Int(slot.value + slot.idCount) { output.append(ids[id]) }
      }
      return true
    }
    return false
  }

  mutating func add(
    _ text: Span<UInt8>, _ word: Range<Int>, hash: UInt64, _ tokens: ArraySlice<Int32>
  ) {
    if slots.isEmpty || keys.count + ids.count * 4 > Self.memoryLimit {
      slots = [Slot](repeating: Slot(), count: 2 << Self.bits)
      keys.removeAll(keepingCapacity: true)
      ids.removeAll(keepingCapacity: true)
    }
    let first = Int(truncatingIfNeeded: hash >> UInt64(64 - Self.bits)) * 2
    slots[first + 1] = slots[first]
    slots[first] = Slot(
      hash: hash, keyStart: Int32(keys.count), keyCount: Int32(word.count),
      value: tokens.count == 1 ? tokens.first! : Int32(ids.count),
      idCount: Int32(tokens.count))
    for position in word { keys.append(text[position]) }
    if tokens.count != 1 { ids += tokens }
  }
}
