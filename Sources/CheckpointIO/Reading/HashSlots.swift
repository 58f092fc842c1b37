/// A hash table of positions with open addressing: the high half of a slot is the hash of the
/// element, the low half its position plus 1; a slot of 0 is free.
struct HashSlots {
  private var slots: [UInt64]
  private var count = 0

  init() { slots = [UInt64](repeating: 0, count: 1 << 6) }

  /// The position of that hash whose content `isSame`.
  @inline(__always)
  func position(_ hash: UInt32, where isSame: (Int) -> Bool) -> Int? {
    let mask = slots.count - 1
    var place = Int(hash) & mask
    while slots[place] != 0 {
      let slot = slots[place]
      let position = Int(slot & 0xFFFF_FFFF) - 1
      if UInt32(truncatingIfNeeded: slot >> 32) == hash, isSame(position) { return position }
      place = (place + 1) & mask
    }
    return nil
  }

  /// Enters a position that is not there yet.
  @inline(__always)
  mutating func enter(_ position: Int, _ hash: UInt32) {
    if (count + 1) * 2 > slots.count { grow() }
    count += 1
    Self.enter(UInt64(hash) << 32 | UInt64(position + 1), in: &slots)
  }

  @inline(__always)
  private static func enter(_ slot: UInt64, in slots: inout [UInt64]) {
    let mask = slots.count - 1
    var place = Int(slot >> 32) & mask
    while slots[place] != 0 { place = (place + 1) & mask }
    slots[place] = slot
  }

  private mutating func grow() {
    var larger = [UInt64](repeating: 0, count: slots.count * 4)
    for slot in slots where slot != 0 { Self.enter(slot, in: &larger) }
    slots = larger
  }
}
