/// Byte strings in one block of memory: a vocabulary without an allocation for
/// each token.
public struct ByteStrings: Sendable, Equatable {
  private(set) var storage: [UInt8] = []
  /// Where each string ends in `storage`.
  private(set) var ends: [Int] = []

  public init() {}

  public init(_ strings: some Sequence<[UInt8]>) {
    for string in strings { append(string) }
  }

  public mutating func append(_ bytes: some Collection<UInt8>) {
    storage.append(contentsOf: bytes)
    ends.append(storage.count)
  }

  mutating func reserve(strings: Int, bytes: Int) {
    ends.reserveCapacity(strings)
    storage.reserveCapacity(bytes)
  }

  /// Where the string at a position lies in `storage`.
  func range(_ position: Int) -> Range<Int> {
    (position == 0 ? 0 : ends[position - 1])..<ends[position]
  }
}

extension ByteStrings: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { ends.count }
  public subscript(position: Int) -> ArraySlice<UInt8> { storage[range(position)] }
}
