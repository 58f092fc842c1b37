/// What a GGUF file says of its model beside the weights: settings, and all that
/// its tokenizer is made of. Values are read when they are asked for.
public struct GGUFMetadata: Sendable {
  /// A value as the file has it.
  public enum Value: Sendable, Hashable {
    case unsigned(UInt64)
    case signed(Int64)
    /// An F32 or F64.
    case real(Double)
    case bool(Bool)
    case text(String)
    /// An array; `texts(_:)` and `numbers(_:)` read its elements.
    case array(count: Int)
  }

  /// The keys in the order of the file.
  public var keys: [String] { entries.map(\.key) }

  /// The value of a key; text that is not UTF-8 is repaired.
  public subscript(key: String) -> Value? {
    entry(key).map { value(of: $0.kind, at: $0.bytes.lowerBound, in: $0.bytes) }
  }

  /// The whole of an array of texts, such as `tokenizer.ggml.tokens`; nil if
  /// the key holds something else. O(count).
  public func texts(_ key: String) -> [String]? {
    guard let array = array(key), array.kind == .text else { return nil }
    var texts: [String] = []
    texts.reserveCapacity(array.count)
    var offset = array.start
    for _ in 0..<array.count {
      let length = Int(file.load(UInt64.self, at: offset))
      texts.append(GGUFMetadata.text(file[offset + 8..<offset + 8 + length]))
      offset += 8 + length
    }
    return texts
  }

  /// The whole of an array of numbers, such as `tokenizer.ggml.scores`; nil if
  /// the key holds something else. 64-bit integers are rounded to 53 bits. O(count).
  public func numbers(_ key: String) -> [Double]? {
    guard let array = array(key), let size = array.kind.byteCount else { return nil }
    let bytes = array.start..<array.start + array.count * size
    return (0..<array.count).map { index in
      switch value(of: array.kind, at: array.start + index * size, in: bytes) {
      case .unsigned(let number): Double(number)
      case .signed(let number): Double(number)
      case .real(let number): number
      case .bool(let isTrue): isTrue ? 1 : 0
      case .text, .array: 0
      }
    }
  }

  /// How a value is stored; raw values are the format's.
  enum Kind: UInt32 {
    case u8, i8, u16, i16, u32, i32, f32, bool, text, array, u64, i64, f64

    /// Bytes of a value; nil for texts and arrays, which have no fixed size.
    var byteCount: Int? {
      switch self {
      case .u8, .i8, .bool: 1
      case .u16, .i16: 2
      case .u32, .i32, .f32: 4
      case .u64, .i64, .f64: 8
      case .text, .array: nil
      }
    }
  }

  struct Entry: Sendable {
    let key: String
    let kind: Kind
    /// Of the value in the file, checked.
    let bytes: Range<Int>
  }

  let file: Bytes
  let entries: [Entry]
  private let positions: [String: Int]

  /// Entries of different keys, whose bytes are well formed.
  init(_ file: Bytes, _ entries: [Entry]) {
    self.file = file
    self.entries = entries
    positions = Dictionary(
      entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func entry(_ key: String) -> Entry? { positions[key].map { entries[$0] } }

  /// An integer that is not negative.
  func count(_ key: String) -> UInt64? {
    switch self[key] {
    case .unsigned(let number): number
    case .signed(let number): UInt64(exactly: number)
    default: nil
    }
  }

  /// A short text of a value: a long array is only counted.
  func shown(_ entry: Entry) -> String {
    switch value(of: entry.kind, at: entry.bytes.lowerBound, in: entry.bytes) {
    case .unsigned(let number): String(number)
    case .signed(let number): String(number)
    case .real(let number): entry.kind == .f32 ? String(Float(number)) : String(number)
    case .bool(let isTrue): String(isTrue)
    case .text(let text):
      text.utf8.count > Self.shownTextLimit ? String(text.prefix(Self.shownTextLimit)) + "…" : text
    case .array(let count): shownArray(entry, count: count)
    }
  }

  /// Longer than any chat template.
  static let shownTextLimit = 1 << 16
  private static let shownElements = 16

  private func shownArray(_ entry: Entry, count: Int) -> String {
    let isShort = count <= Self.shownElements && entry.bytes.count <= Self.shownTextLimit
    if isShort, let numbers = numbers(entry.key) {
      let texts = numbers.map { Int(exactly: $0).map { String($0) } ?? String($0) }
      return "[\(texts.joined(separator: ", "))]"
    }
    if isShort, let texts = texts(entry.key) { return "[\(texts.joined(separator: ", "))]" }
    return switch array(entry.key)?.kind {
    case .text: "\(count) texts"
    case .array: "\(count) arrays"
    default: "\(count) numbers"
    }
  }

  private func array(_ key: String) -> (kind: Kind, count: Int, start: Int)? {
    guard let entry = entry(key), entry.kind == .array,
      let kind = Kind(rawValue: file.load(UInt32.self, at: entry.bytes.lowerBound))
    else { return nil }
    let count = Int(clamping: file.load(UInt64.self, at: entry.bytes.lowerBound + 4))
    return (kind, count, entry.bytes.lowerBound + 12)
  }

  private func value(of kind: Kind, at offset: Int, in bytes: Range<Int>) -> Value {
    switch kind {
    case .u8: .unsigned(UInt64(file[offset]))
    case .i8: .signed(Int64(file.load(Int8.self, at: offset)))
    case .u16: .unsigned(UInt64(file.load(UInt16.self, at: offset)))
    case .i16: .signed(Int64(file.load(Int16.self, at: offset)))
    case .u32: .unsigned(UInt64(file.load(UInt32.self, at: offset)))
    case .i32: .signed(Int64(file.load(Int32.self, at: offset)))
    case .u64: .unsigned(file.load(UInt64.self, at: offset))
    case .i64: .signed(file.load(Int64.self, at: offset))
    case .f32: .real(Double(Float(bitPattern: file.load(UInt32.self, at: offset))))
    case .f64: .real(Double(bitPattern: file.load(UInt64.self, at: offset)))
    case .bool: .bool(file[offset] != 0)
    case .text: .text(GGUFMetadata.text(file[offset + 8..<bytes.upperBound]))
    case .array: .array(count: Int(clamping: file.load(UInt64.self, at: offset + 4)))
    }
  }

  /// Tokens may be any bytes.
  private static func text(_ bytes: Bytes) -> String {
    unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}
