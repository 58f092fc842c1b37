/// Byte strings as a tree, for the tokens that a text starts with.
///
/// A double array (Aoe, 1989): the child of a node by a byte is at the node's base,
/// exclusive-or the byte, if the node owns that place. Two loads for each byte.
struct ByteTrie: Sendable {
  private struct Node {
    /// Where children are; a multiple of nothing in particular.
    var base: Int32 = 0
    /// The node whose child this is; −1 where a place is free.
    var owner: Int32 = -1
    var value: Int32 = -1
  }

  /// Children of one node lie in one block, since a byte changes eight bits.
  private static let blockSize = 256
  /// Blocks with free places that are looked at for each node, and how often in
  /// vain before a block is left as it is.
  private static let openBlockLimit = 16
  private static let failureLimit = 8

  private struct OpenBlock {
    var start: Int
    var free: Int
    /// No place before this one is free.
    var firstFree: Int
    var failures = 0
  }

  private var nodes = [Node](repeating: Node(), count: blockSize)
  private(set) var isEmpty = true

  /// Of several equal strings the first counts. Time: sorting, and the bytes once.
  init(_ strings: [(bytes: ArraySlice<UInt8>, value: Int32)]) {
    let sorted = strings.indices.filter { !strings[$0].bytes.isEmpty }.sorted {
      Self.precedes(strings[$0].bytes, strings[$1].bytes) ?? ($0 < $1)
    }
    isEmpty = sorted.isEmpty
    nodes[0].owner = 0
    var openBlocks = [OpenBlock(start: 0, free: Self.blockSize - 1, firstFree: 1)]
    var work: [(node: Int, depth: Int, strings: Range<Int>)] = [(0, 0, 0..<sorted.count)]
    var branches: [(byte: UInt8, strings: Range<Int>)] = []
    while let (node, depth, range) = work.popLast() {
      var start = range.lowerBound
      while start < range.upperBound, strings[sorted[start]].bytes.count == depth {
        if nodes[node].value < 0 { nodes[node].value = strings[sorted[start]].value }
        start += 1
      }
      branches.removeAll(keepingCapacity: true)
      for position in start..<range.upperBound {
        let bytes = strings[sorted[position]].bytes
        let byte = bytes[bytes.startIndex + depth]
        if let last = branches.last, last.byte == byte {
          branches[branches.count - 1].strings = last.strings.lowerBound..<position + 1
        } else {
          branches.append((byte, position..<position + 1))
        }
      }
      guard !branches.isEmpty else { continue }
      let base = place(branches.map(\.byte), &openBlocks)
      nodes[node].base = Int32(base)
      for branch in branches {
        let child = base ^ Int(branch.byte)
        nodes[child].owner = Int32(node)
        work.append((child, depth + 1, branch.strings))
      }
    }
  }

  /// Byte order; nil for equal strings.
  private static func precedes(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool? {
    var (first, second) = (left.startIndex, right.startIndex)
    while first < left.endIndex, second < right.endIndex {
      if left[first] != right[second] { return left[first] < right[second] }
      (first, second) = (first + 1, second + 1)
    }
    return left.count == right.count ? nil : left.count < right.count
  }

  /// A base where all the bytes are free.
  private mutating func place(_ bytes: [UInt8], _ openBlocks: inout [OpenBlock]) -> Int {
    var at = openBlocks.count - 1
    while at >= 0 {
      if openBlocks[at].free >= bytes.count {
        if let base = place(bytes, in: &openBlocks[at]) { return base }
        openBlocks[at].failures += 1
      }
      if openBlocks[at].free == 0 || openBlocks[at].failures > Self.failureLimit {
        openBlocks.remove(at: at)
      }
      at -= 1
    }
    let start = nodes.count
    nodes.append(contentsOf: repeatElement(Node(), count: Self.blockSize))
    if openBlocks.count == Self.openBlockLimit { openBlocks.removeFirst() }
    openBlocks.append(
      OpenBlock(start: start, free: Self.blockSize - bytes.count, firstFree: start))
    return start
  }

  private func place(_ bytes: [UInt8], in block: inout OpenBlock) -> Int? {
    let end = block.start + Self.blockSize
    while block.firstFree < end, nodes[block.firstFree].owner >= 0 { block.firstFree += 1 }
    var place = block.firstFree
    while place < end {
      let base = place ^ Int(bytes[0])
      if nodes[place].owner < 0, bytes.allSatisfy({ nodes[base ^ Int($0)].owner < 0 }) {
        block.free -= bytes.count
        return base
      }
      place += 1
    }
    return nil
  }

  /// The node one byte further; −1 for none. The root is 0.
  @inline(__always)
  func child(of node: Int32, _ byte: UInt8) -> Int32 {
    let child = Int(nodes[Int(node)].base) ^ Int(byte)
    // The root owns itself and is no child.
    return nodes[child].owner == node && child != 0 ? Int32(truncatingIfNeeded: child) : -1
  }

  /// The value of the string that ends at a node; −1 for none.
  @inline(__always)
  func value(of node: Int32) -> Int32 { nodes[Int(node)].value }

  /// The longest string that a text starts with.
  func longest(_ text: Span<UInt8>, at start: Int, end: Int) -> (value: Int32, length: Int)? {
    var (node, offset): (Int32, Int) = (0, start)
    var found: (value: Int32, length: Int)?
    while offset < end {
      node = child(of: node, text[offset])
      guard node >= 0 else { break }
      offset += 1
      if value(of: node) >= 0 { found = (value(of: node), offset - start) }
    }
    return found
  }
}
