/// What a pickle's constructors and literals become. Containers name their
/// members by number in `PickleGraph`, so that shared and cyclic structures
/// cost nothing, each grows in its place, and nothing recurses when all is released.
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
  /// Numbers of `PickleGraph.lists`.
  case list(Int)
  case tuple(Int)
  /// A number of `PickleGraph.dictionaries`.
  case dictionary(Int)
  /// A name that was looked up, `torch FloatStorage`, and not called.
  case global(PickleGlobal)
  case storage(PickleStorage)
  case tensor(PickleTensor)
  /// A number of `PickleGraph.derived`.
  case derived(Int)
  /// A number of `PickleGraph.objects`.
  case object(Int)

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

/// A tensor that several others make: a sparse one, or one of codes.
struct PickleDerivedTensor: Sendable {
  let form: DerivedTensor.Form
  let dimensions: [Int]
  /// By the names of `DerivedTensor.Form`.
  let parts: [(suffix: String, tensor: PickleTensor)]
}

/// An object of a class that Pare does not know, or what a function would have
/// made: nothing was run, and what it was given is kept unread.
struct PickleObject: Sendable {
  /// In `PickleGraph.names`.
  let name: Int32
  /// The tuple it is made of; -1 for none.
  let arguments: Int32
  /// What BUILD would set; -1 for nothing.
  var state: Int32 = -1
  /// Number of a dictionary with the items of a class derived from `dict`; -1 for none.
  var items: Int32 = -1
  /// Number of a list with the elements of a class derived from `list`, or of a set; -1
  /// for none.
  var elements: Int32 = -1
}

/// The objects of one pickle.
struct PickleGraph: Sendable {
  var values: [PickleValue] = []
  /// The attributes of dictionaries that have any, a dictionary each.
  private(set) var attributes: [PickleValue.Reference: PickleValue.Reference] = [:]
  var root: PickleValue.Reference = 0
  var derived: [PickleDerivedTensor] = []
  /// What is there before the first name is looked up.
  static let set: Int32 = 0
  /// Of classes and functions, each once.
  private(set) var names = ["builtins.set"]
  private(set) var lists: [[PickleValue.Reference]] = []
  private(set) var dictionaries: [[PickleValue.Pair]] = []
  private(set) var objects: [PickleObject] = []
  private var numbers: [String: Int32] = ["builtins.set": 0]

  subscript(reference: PickleValue.Reference) -> PickleValue { values[reference] }

  // MARK: Making

  mutating func list(_ elements: [PickleValue.Reference] = []) -> PickleValue {
    lists.append(elements)
    return .list(lists.count - 1)
  }

  mutating func tuple(_ elements: [PickleValue.Reference] = []) -> PickleValue {
    lists.append(elements)
    return .tuple(lists.count - 1)
  }

  mutating func dictionary(_ pairs: [PickleValue.Pair] = []) -> PickleValue {
    dictionaries.append(pairs)
    return .dictionary(dictionaries.count - 1)
  }

  mutating func object(
    _ name: Int32, arguments: PickleValue.Reference? = nil
  ) -> PickleValue {
    objects.append(PickleObject(name: name, arguments: Int32(arguments ?? -1)))
    return .object(objects.count - 1)
  }

  /// The number of a class's or function's name.
  mutating func number(of name: String) -> Int32 {
    if let number = numbers[name] { return number }
    numbers[name] = Int32(names.count)
    names.append(name)
    return Int32(names.count - 1)
  }

  // MARK: Changing

  /// False for what has no elements.
  mutating func append(
    _ members: ArraySlice<PickleValue.Reference>, to target: PickleValue.Reference
  ) -> Bool {
    let number: Int
    switch values[target] {
    case .list(let list): number = list
    case .object(let object):
      if objects[object].elements < 0 {
        objects[object].elements = Int32(lists.count)
        lists.append([])
      }
      number = Int(objects[object].elements)
    default: return false
    }
    lists[number].append(contentsOf: members)
    return true
  }

  /// False for what has no items.
  mutating func insert(
    _ pairs: some Collection<PickleValue.Pair>, into target: PickleValue.Reference
  ) -> Bool {
    let number: Int
    switch values[target] {
    case .dictionary(let dictionary): number = dictionary
    case .object(let object):
      if objects[object].items < 0 {
        objects[object].items = Int32(dictionaries.count)
        dictionaries.append([])
      }
      number = Int(objects[object].items)
    default: return false
    }
    dictionaries[number].append(contentsOf: pairs)
    return true
  }

  /// What BUILD does; a dictionary's attributes are kept beside it, those of other values have
  /// no interest.
  mutating func set(state: PickleValue.Reference, of target: PickleValue.Reference) {
    switch values[target] {
    case .object(let object): objects[object].state = Int32(state)
    case .dictionary: attributes[target] = state
    default: return
    }
  }

  // MARK: Reading

  /// The pairs of a dictionary, or of an object of a class derived from it.
  func pairs(_ reference: PickleValue.Reference) -> [PickleValue.Pair]? {
    switch values[reference] {
    case .dictionary(let number): dictionaries[number]
    case .object(let number) where objects[number].items >= 0:
      dictionaries[Int(objects[number].items)]
    default: nil
    }
  }

  /// The members with text or integers for keys of a dictionary, or of an object of a
  /// class derived from it, in order; of several of one key the last value stays, in the
  /// first one's place.
  func members(_ reference: PickleValue.Reference) -> [(key: String, value: Int)] {
    members(of: pairs(reference) ?? [])
  }

  /// The same, and the attributes of an object: settings are kept in either.
  func settings(_ reference: PickleValue.Reference) -> [(key: String, value: Int)] {
    var pairs = pairs(reference) ?? []
    if case .object(let number) = values[reference] {
      for state in attributes(of: objects[number]) { pairs += self.pairs(state) ?? [] }
    }
    return members(of: pairs)
  }

  /// An object's dictionaries of attributes: its state, or both parts of it where the
  /// class has slots.
  private func attributes(of object: PickleObject) -> [PickleValue.Reference] {
    guard object.state >= 0 else { return [] }
    let state = Int(object.state)
    if case .tuple(let number) = values[state], lists[number].count == 2 { return lists[number] }
    return [state]
  }

  private func members(of pairs: [PickleValue.Pair]) -> [(key: String, value: Int)] {
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
      .tensor, .derived, .object:
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
      .derived, .object:
      nil
    }
  }

  /// The elements of a list or tuple.
  func elements(_ reference: PickleValue.Reference) -> [PickleValue.Reference]? {
    switch values[reference] {
    case .list(let number), .tuple(let number): lists[number]
    case .none, .bool, .integer, .hugeInteger, .float, .string, .bytes, .dictionary, .global,
      .storage, .tensor, .derived, .object:
      nil
    }
  }

  /// The values inside a value: at most `limit` items, and an object's arguments and state.
  func contents(_ reference: PickleValue.Reference, limit: Int) -> [PickleValue.Reference] {
    switch values[reference] {
    case .list(let number), .tuple(let number): return Array(lists[number].prefix(limit))
    case .dictionary(let number): return dictionaries[number].prefix(limit).map(\.value)
    case .object(let number):
      let object = objects[number]
      var contents: [PickleValue.Reference] = []
      if object.arguments >= 0 { contents.append(Int(object.arguments)) }
      if object.state >= 0 { contents.append(Int(object.state)) }
      if object.items >= 0 {
        contents += dictionaries[Int(object.items)].prefix(limit).map(\.value)
      }
      if object.elements >= 0 { contents += lists[Int(object.elements)].prefix(limit) }
      return contents
    case .none, .bool, .integer, .hugeInteger, .float, .string, .bytes, .global, .storage,
      .tensor, .derived:
      return []
    }
  }

  /// An object's class or function.
  func name(of object: PickleObject) -> String { names[Int(object.name)] }
}
