/// Byte strings as a tree, for the tokens that a text starts with.
struct ByteTrie: Sendable {
  private struct Node {
    /// Where its children are: their bytes ascend.
    var firstChild: Int32 = 0
    var childCount: Int32 = 0
    var value: Int32 = -1
  }

  private var nodes: [Node] = [Node()]
  private var labels: [UInt8] = []
  private var targets: [Int32] = []
  /// Children of the root by byte; −1 for none.
  private var roots = [Int32](repeating: -1, count: 256)

  var isEmpty: Bool { nodes.count == 1 }

  /// Of several equal strings the first counts. Time: sorting, and the bytes once.
  init(_ strings: [(bytes: ArraySlice<UInt8>, value: Int32)]) {
    let sorted = strings.enumerated().filter { !$0.element.bytes.isEmpty }.sorted {
      if $0.element.bytes.elementsEqual($1.element.bytes) { return $0.offset < $1.offset }
      return $0.element.bytes.lexicographicallyPrecedes($1.element.bytes)
    }.map(\.element)
    // Breadth first, so that the children of a node lie side by side.
    var level: [(node: Int, strings: Range<Int>)] = [(0, 0..<sorted.count)]
    var depth = 0
    while !level.isEmpty {
      var next: [(node: Int, strings: Range<Int>)] = []
      for (node, range) in level {
        var start = range.lowerBound
        while start < range.upperBound, sorted[start].bytes.count == depth {
          if nodes[node].value < 0 { nodes[node].value = sorted[start].value }
          start += 1
        }
        nodes[node].firstChild = Int32(labels.count)
        while start < range.upperBound {
          let byte = ByteTrie.byte(sorted[start].bytes, depth)
          var end = start + 1
          while end < range.upperBound, ByteTrie.byte(sorted[end].bytes, depth) == byte { end += 1 }
          labels.append(byte)
          targets.append(Int32(nodes.count))
          if node == 0 { roots[Int(byte)] = Int32(nodes.count) }
          next.append((nodes.count, start..<end))
          nodes.append(Node())
          nodes[node].childCount += 1
          start = end
        }
      }
      level = next
      depth += 1
    }
  }

  private static func byte(_ bytes: ArraySlice<UInt8>, _ depth: Int) -> UInt8 {
    bytes[bytes.startIndex + depth]
  }

  /// The node one byte further; −1 for none. The root is 0.
  @inline(__always)
  func child(of node: Int32, _ byte: UInt8) -> Int32 {
    if node == 0 { return roots[Int(byte)] }
    var low = Int(nodes[Int(node)].firstChild)
    var high = low + Int(nodes[Int(node)].childCount)
    while low < high {
      let middle = (low + high) / 2
      if labels[middle] < byte { low = middle + 1 } else { high = middle }
    }
    let end = Int(nodes[Int(node)].firstChild) + Int(nodes[Int(node)].childCount)
    return low < end && labels[low] == byte ? targets[low] : -1
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
