/// What a pickle's constructors and literals become. Containers name their
/// members by number in `PickleGraph.values`, so that shared and cyclic
/// structures cost nothing, and nothing recurses when all is released.
enum PickleValue: Sendable {
  /// Position in the graph.
  typealias Reference = Int

  case none
  case bool(Bool)
  case integer(Int)
  /// An integer of more than 64 bits.
  case hugeInteger
  case float(Double)
  case string(String)
  /// Bytes of the pickle, by range.
  case bytes(Range<Int>)
  case list([Reference])
  case tuple([Reference])
  case dictionary([Pair])
  /// A name that was looked up, `torch FloatStorage`, and not called.
  case global(PickleGlobal)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// An object of no interest.
  case opaque

  struct Pair: Sendable {
    let key: Reference
    let value: Reference
  }
}

/// A storage as a persistent id names it: entry `data/KEY` of the archive.
struct PickleStorage: Sendable, Hashable {
  let key: String
  /// Of the storage class; nil for an untyped one.
  let type: TorchType?
  /// How many numbers (bytes, of an untyped one) it claims to hold.
  let count: Int
  /// The part of it that is meant, in numbers: files before version 1.0 could
  /// share a part of a storage.
  var window: Window?

  struct Window: Sendable, Hashable {
    let offset: Int
    let count: Int
  }

  /// How many numbers tensors may reach.
  var reachableCount: Int { window?.count ?? count }
}

/// A view of a storage, as `torch._utils._rebuild_tensor_v2` makes it.
struct PickleTensor: Sendable, Hashable {
  let storage: PickleStorage
  let type: TorchType
  let offset: Int
  let dimensions: [Int]
  let strides: [Int]
}

/// The objects of one pickle.
struct PickleGraph: Sendable {
  var values: [PickleValue] = []
  var root: PickleValue.Reference = 0

  subscript(reference: PickleValue.Reference) -> PickleValue { values[reference] }

  /// The members of a dictionary with text or integers for keys, in order; of
  /// several of one key the last value stays, in the first one's place.
  func members(_ reference: PickleValue.Reference) -> [(key: String, value: Int)] {
    guard case .dictionary(let pairs) = values[reference] else { return [] }
    var members: [(key: String, value: Int)] = []
    var positions: [String: Int] = [:]
    for pair in pairs {
      guard let key = key(pair.key) else { continue }
      if let position = positions[key] {
        members[position].value = pair.value
      } else {
        positions[key] = members.count
        members.append((key, pair.value))
      }
    }
    return members
  }

  private func key(_ reference: PickleValue.Reference) -> String? {
    switch values[reference] {
    case .string(let text): text
    case .integer(let number): String(number)
    case .bool(let flag): flag ? "True" : "False"
    case .none, .hugeInteger, .float, .bytes, .list, .tuple, .dictionary, .global, .storage,
      .tensor, .opaque:
      nil
    }
  }

  /// The words of a scalar; nil for anything else.
  func scalarText(_ reference: PickleValue.Reference) -> String? {
    switch values[reference] {
    case .bool(let flag): flag ? "true" : "false"
    case .integer(let number): String(number)
    case .float(let number): String(number)
    case .string(let text): text
    case .none, .hugeInteger, .bytes, .list, .tuple, .dictionary, .global, .storage, .tensor,
      .opaque:
      nil
    }
  }

  /// The elements of a list or tuple.
  func elements(_ reference: PickleValue.Reference) -> [PickleValue.Reference]? {
    switch values[reference] {
    case .list(let elements), .tuple(let elements): elements
    case .none, .bool, .integer, .hugeInteger, .float, .string, .bytes, .dictionary, .global,
      .storage, .tensor, .opaque:
      nil
    }
  }
}
