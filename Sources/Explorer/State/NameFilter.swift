internal import Tensors

/// A text that layers are looked for by, capitals or not.
struct NameFilter {
  /// In small letters.
  let text: String
  private let bytes: [UInt8]
  private let isASCII: Bool

  init(_ text: String) {
    self.text = text.lowercased()
    bytes = Array(self.text.utf8)
    isASCII = bytes.allSatisfy { $0 < 0x80 }
  }

  /// Whether a layer's path or name contains the text.
  func matches(_ layer: ModelMap.Layer) -> Bool {
    guard isASCII else { return isIn(layer.path) || isIn(layer.name) }
    return isIn(layer.name) || isIn(layer.place.layer) || isInStart(of: layer.place)
  }

  /// Whether a path contains the text from somewhere before the layer's name on: as if the
  /// path had been put together.
  private func isInStart(of place: Place) -> Bool {
    guard let block = place.block else { return false }
    let start = "block.\(block)."
    let (head, tail) = (start.utf8.span, place.layer.utf8.span)
    let count = head.count + tail.count
    for first in head.indices where first + bytes.count <= count {
      var length = 0
      while length < bytes.count {
        let place = first + length
        let byte = place < head.count ? head[place] : tail[place - head.count]
        guard Self.small(byte) == bytes[length] else { break }
        length += 1
      }
      if length == bytes.count { return true }
    }
    return false
  }

  /// Whether a name contains the text. A text in ASCII is compared byte by byte:
  /// a large model has 100,000 names to go through between two keys.
  func isIn(_ name: String) -> Bool {
    guard isASCII else { return name.lowercased().contains(text) }
    guard !bytes.isEmpty else { return true }
    let name = name.utf8.span
    guard name.count >= bytes.count else { return false }
    for start in 0...name.count - bytes.count {
      var length = 0
      while length < bytes.count, Self.small(name[start + length]) == bytes[length] { length += 1 }
      if length == bytes.count { return true }
    }
    return false
  }

  private static func small(_ byte: UInt8) -> UInt8 { 0x41...0x5A ~= byte ? byte | 0x20 : byte }
}
