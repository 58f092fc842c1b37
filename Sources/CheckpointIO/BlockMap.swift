internal import Models
internal import Tensors

/// Which parameter belongs to which block and layer: the rows and columns of
/// the Blocks view. Numbers are positions in `Checkpoint.parameters`.
public struct BlockMap: Sendable {
  /// One transformer block.
  public struct Block: Sendable, Hashable {
    /// What `Place.block` says. A model with two stacks (an encoder and a
    /// decoder) numbers the second one after the first.
    public let index: Int
    /// Its parameters in the order the model uses them.
    public let positions: [Int]
    fileprivate let stack: String
    /// In its stack.
    fileprivate let number: Int

    /// Its prefix in the checkpoint, `transformer.h.3`.
    public var name: String { "\(stack).\(number)" }
  }

  /// The blocks, by index.
  public let blocks: [Block]
  /// Every layer name met in blocks, in the order the model uses them.
  public let layers: [String]
  /// Those of them with a weight matrix: the columns of the Blocks view.
  public let linearLayers: [String]
  /// Parameters outside the blocks, in the order of the checkpoint.
  public let outside: [Int]
  /// The places of `layers`.
  private let ranks: [String: Int]
  /// Of each parameter in a block.
  private let roles: [LayerRole]

  /// Position of the weight matrix or norm weight of a layer. O(log n).
  public func position(block: Int, layer: String) -> Int? {
    guard let rank = ranks[layer] else { return nil }
    let row = blocks.firstIndex(fromWhichOn: { $0.index >= block })
    guard row < blocks.count, blocks[row].index == block else { return nil }
    let positions = blocks[row].positions
    var place = positions.firstIndex(fromWhichOn: { roles[$0].rank > rank })
    while place > 0, roles[positions[place - 1]].rank == rank {
      place -= 1
      if roles[positions[place]].isWeight { return positions[place] }
    }
    return nil
  }

  /// What a parameter is in its block.
  private struct LayerRole {
    var rank = 0
    var isBias = false
    var isWeight = false
    /// The order of use, positions of equal ones aside.
    var order: Int { rank << 1 | (isBias ? 1 : 0) }
  }

  /// Where one parameter is.
  struct Member {
    let block: Int
    let position: Int32
    /// In `places`.
    let kind: Int32
  }

  /// Maps the members of blocks among `count` parameters.
  init(_ members: [Member], places: [Place], stacks: [LayerNames.Stack], count: Int) {
    let kinds = Self.kinds(of: members)
    var order: [String: Int] = [:]
    var linear: Set<String> = []
    for kind in kinds {
      let place = places[kind]
      if order[place.layer] == nil { order[place.layer] = order.count }
      if place.role == .linear || place.role == .auxiliary { linear.insert(place.layer) }
    }
    layers = TensorNames.inOrderOfUse(Array(order.keys), firstMet: order)
    linearLayers = layers.filter(linear.contains)
    let ranks = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1, $0) })
    self.ranks = ranks
    var roleOfKind = [LayerRole](repeating: LayerRole(), count: places.count)
    for kind in kinds {
      let place = places[kind]
      roleOfKind[kind] = LayerRole(
        rank: ranks[place.layer] ?? 0, isBias: place.role == .bias,
        isWeight: [.linear, .auxiliary, .router, .norm].contains(place.role))
    }
    var roles = [LayerRole](repeating: LayerRole(), count: count)
    var isOutside = [Bool](repeating: true, count: count)
    for member in members {
      roles[Int(member.position)] = roleOfKind[Int(member.kind)]
      isOutside[Int(member.position)] = false
    }
    self.roles = roles
    outside = isOutside.indices.filter { isOutside[$0] }
    blocks = Self.blocks(Self.grouped(members), roles, stacks)
  }

  /// The kinds in the order in which they are met.
  private static func kinds(of members: [Member]) -> [Int] {
    var isMet: [Bool] = []
    var kinds: [Int] = []
    for member in members {
      let kind = Int(member.kind)
      while isMet.count <= kind { isMet.append(false) }
      if !isMet[kind] { kinds.append(kind) }
      isMet[kind] = true
    }
    return kinds
  }

  /// The members by block, those of a block in the order of the checkpoint.
  private static func grouped(_ members: [Member]) -> [Member] {
    if zip(members, members.dropFirst()).allSatisfy({ $0.block <= $1.block }) { return members }
    let highest = members.reduce(0) { max($0, $1.block) }
    guard highest <= 4 * members.count else {
      return members.sorted { ($0.block, $0.position) < ($1.block, $1.position) }
    }
    // Counting sort: most files list the blocks as 0, 1, 10, 11, ….
    var starts = [Int](repeating: 0, count: highest + 2)
    for member in members { starts[member.block + 1] += 1 }
    for block in 0...highest { starts[block + 1] += starts[block] }
    var grouped = members
    for member in members {
      grouped[starts[member.block]] = member
      starts[member.block] += 1
    }
    return grouped
  }

  private static func blocks(
    _ members: [Member], _ roles: [LayerRole], _ stacks: [LayerNames.Stack]
  ) -> [Block] {
    var blocks: [Block] = []
    var keys: [Int] = []
    var (start, stack) = (0, 0)
    while start < members.count {
      let index = members[start].block
      keys.removeAll(keepingCapacity: true)
      while start < members.count, members[start].block == index {
        let position = Int(members[start].position)
        keys.append(roles[position].order << 32 | position)
        start += 1
      }
      keys.sort()
      while stack + 1 < stacks.count, stacks[stack + 1].first <= index { stack += 1 }
      blocks.append(
        Block(
          index: index, positions: keys.map { $0 & 0xFFFF_FFFF }, stack: stacks[stack].name,
          number: index - stacks[stack].first))
    }
    return blocks
  }
}

extension Array {
  /// First position whose element satisfies `isSuch`, or the end. No element before it may
  /// satisfy it, and all after it must. O(log n).
  fileprivate func firstIndex(fromWhichOn isSuch: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isSuch(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
