internal import Tensors

/// One tensor's entry of a header, spelled as nearly all writers spell it.
struct PlainEntry {
  let tensor: IndexedTensor
  /// Where the name stands in the header, and a `ByteHash` of it.
  let name: Range<Int>
  let hash: UInt32
  /// Behind the closing brace.
  let end: Int
}

/// Reads such entries with one look at each byte: a name of ASCII without escapes, and type,
/// shape and offsets once each, all of them right.
///
///     "name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}
///
/// What is spelled otherwise or wrong is left to `HeaderEntry`, which has the sentences.
struct PlainEntryReader {
  private let header: Bytes
  private let dataStart: Int
  private let dataCount: Int
  private let hash = ByteHash()
  private var types = TypeWords()
  private var shapes = RecentShapes()

  private let dtypeKey = PlainWord("dtype\"")
  private let shapeKey = PlainWord("shape\"")
  private let offsetsKey = (PlainWord("data_off"), PlainWord("sets\""))

  init(_ header: Bytes, dataStart: Int, fileCount: Int) {
    self.header = header
    self.dataStart = dataStart
    dataCount = fileCount - dataStart
  }

  /// The entry that begins at an offset; nil when it is not plain.
  mutating func entry(at offset: Int) -> PlainEntry? {
    var text = PlainText(header, at: offset)
    guard text.take("\""), let (name, hash) = text.name(hash),
      name.count <= CheckpointIndex.nameLimit, text.take(":"), text.take("{")
    else { return nil }
    var (type, shape, range): (TypeWords.Entry?, (Shape, count: Int)?, Range<Int>?)
    repeat {
      guard text.take("\"") else { return nil }
      if type == nil, text.take(dtypeKey) {
        guard text.take(":"), text.take("\""), let word = text.word() else { return nil }
        type = types[word]
      } else if shape == nil, text.take(shapeKey) {
        guard text.take(":"), text.take("["), let found = self.shape(&text) else { return nil }
        shape = found
      } else if range == nil, text.take(offsetsKey.0), text.take(offsetsKey.1) {
        guard text.take(":"), text.take("["), let begin = text.length(), text.take(","),
          let end = text.length(), text.take("]"), begin <= end
        else { return nil }
        range = begin..<end
      } else {
        return nil
      }
      guard let isComma = text.takeComma(orEnd: "}") else { return nil }
      if !isComma { break }
    } while true
    guard let type, let (shape, count) = shape, let range, range.upperBound <= dataCount,
      case let (size, overflow) = count.multipliedReportingOverflow(by: type.byteCount),
      !overflow, size == range.count
    else { return nil }
    let tensor = IndexedTensor(
      name: header.ascii(name), dtype: type.dtype, dtypeName: type.name, shape: shape,
      byteRange: dataStart + range.lowerBound..<dataStart + range.upperBound)
    return PlainEntry(tensor: tensor, name: name, hash: hash, end: text.offset)
  }

  /// The lengths up to the closing bracket, where there are some values, and no more than the
  /// file has bytes.
  @inline(__always)
  private mutating func shape(_ text: inout PlainText) -> (Shape, count: Int)? {
    var lengths = InlineArray<8, Int>(repeating: 0)
    var (rank, count) = (0, 1)
    if text.take("]") { return (shapes[lengths, 0], 1) }
    repeat {
      guard rank < lengths.count, let length = text.length(), length > 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard !overflow, product <= dataCount else { return nil }
      (lengths[rank], rank, count) = (length, rank + 1, product)
      guard let isComma = text.takeComma(orEnd: "]") else { return nil }
      if !isComma { return (shapes[lengths, rank], count) }
    } while true
  }
}

/// The readable types by the bytes of their names.
private struct TypeWords {
  struct Entry {
    let dtype: DType
    let name: String
    let byteCount: Int
  }

  private let words: [UInt64]
  private let entries: [Entry]
  private var last = 0

  init() {
    words = DType.allCases.map { PlainWord($0.rawValue).word }
    entries = DType.allCases.map { Entry(dtype: $0, name: $0.rawValue, byteCount: $0.byteCount) }
  }

  subscript(word: UInt64) -> Entry? {
    mutating get {
      if words[last] == word { return entries[last] }
      guard let found = words.firstIndex(of: word) else { return nil }
      last = found
      return entries[found]
    }
  }
}

/// Shapes that were met before, so that equal ones share their memory.
private struct RecentShapes {
  private static let bits = 6
  private var shapes = [Shape](repeating: [], count: 1 << bits)

  subscript(lengths: InlineArray<8, Int>, rank: Int) -> Shape {
    mutating get {
      var hash = UInt64(rank)
      for axis in 0..<rank { hash = (hash ^ UInt64(lengths[axis])) &* 0x9E37_79B9_7F4A_7C15 }
      let place = Int(hash >> UInt64(64 - Self.bits))
      let known = shapes[place].dimensions
      var isKnown = known.count == rank
      for axis in 0..<rank where isKnown { isKnown = known[axis] == lengths[axis] }
      if isKnown { return shapes[place] }
      let shape = Shape((0..<rank).map { lengths[$0] })
      shapes[place] = shape
      return shape
    }
  }
}
