/// Interprets a pickle (Python's `pickletools` documents the opcodes) without
/// running anything: what it calls is re-enacted by `PickleGlobal` or kept as a
/// `PickleObject`. Each opcode makes at most one value and moves no more members than it
/// adds, so that memory and time are bounded by the pickle.
struct PickleInterpreter {
  /// A checkpoint of 100,000 tensors with optimizer state has about this many.
  static let valueLimit = 8_000_000
  /// Members that calls copied from shared lists: what a pickle of few bytes
  /// could multiply.
  static let copyLimit = 4_000_000
  /// Places on the stack, marks and memo entries that name a value once more: a
  /// byte of a pickle makes many of them in memory.
  static let referenceLimit = 8_000_000
  /// PyTorch numbers its storages.
  static let storageKeyLimit = 256

  private var reader: PickleReader
  private var graph = PickleGraph()
  private var stack: [PickleValue.Reference] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue.Reference] = [:]
  private var copied = 0
  private var references = 0
  /// Where the running opcode stands, for errors.
  private var opcodeOffset = 0

  /// The graph of a whole pickle. `origin` is its place in the file.
  static func run(_ bytes: Bytes, origin: Int = 0) throws(CheckpointError) -> PickleGraph {
    try runFirst(bytes, origin: origin).graph
  }

  /// The graph of the pickle that `bytes` begin with, and how many of them it takes.
  static func runFirst(
    _ bytes: Bytes, origin: Int
  ) throws(CheckpointError) -> (graph: PickleGraph, byteCount: Int) {
    var interpreter = PickleInterpreter(reader: PickleReader(bytes, origin: origin))
    while try interpreter.step() {}
    return (interpreter.graph, interpreter.reader.position)
  }

  private init(reader: PickleReader) { self.reader = reader }

  /// Runs one opcode; false after STOP.
  private mutating func step() throws(CheckpointError) -> Bool {
    opcodeOffset = reader.offset
    let code = try reader.byte()
    guard let opcode = PickleOpcode(rawValue: code) else {
      throw invalid("opcode 0x\(String(code, radix: 16)) is unknown or not used by torch.save")
    }
    switch opcode {
    case .stop:
      graph.root = try pop()
      return false
    case .proto:
      let version = try reader.byte()
      guard version <= 5 else { throw invalid("protocol \(version) is unknown") }
    case .frame: _ = try reader.number(UInt64.self)
    case .mark:
      try countReference()
      marks.append(stack.count)
    case .pop: try discard()
    case .popMark: _ = try popToMark()
    case .dup:
      try countReference()
      stack.append(try top())
    case .none: try push(.none)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binInt: try push(.integer(Int(try reader.number(Int32.self))))
    case .binInt1: try push(.integer(Int(try reader.byte())))
    case .binInt2: try push(.integer(Int(try reader.number(UInt16.self))))
    case .long1: try push(try reader.integer(byteCount: Int(try reader.byte())))
    case .long4: try pushLong4()
    case .binFloat:
      let bits = UInt64(bigEndian: try reader.number(UInt64.self))
      try push(.float(Double(bitPattern: bits)))
    case .shortBinUnicode: try pushText(try reader.take(Int(try reader.byte())))
    case .binUnicode: try pushText(try reader.take(Int(try reader.number(UInt32.self))))
    case .binUnicode8: try pushText(try reader.longRange())
    case .shortBinString: try pushOldText(try reader.take(Int(try reader.byte())))
    case .binString: try pushOldText(try reader.take(Int(try reader.number(UInt32.self))))
    case .shortBinBytes: try push(.bytes(try reader.take(Int(try reader.byte()))))
    case .binBytes: try push(.bytes(try reader.take(Int(try reader.number(UInt32.self)))))
    case .binBytes8, .byteArray8: try push(.bytes(try reader.longRange()))
    case .emptyList: try push(graph.list())
    case .emptyTuple: try push(graph.tuple())
    case .emptyDict: try push(graph.dictionary())
    case .emptySet: try push(graph.object(PickleGraph.set))
    case .tuple: try push(graph.tuple(try popToMark()))
    case .tuple1: try push(graph.tuple(try pop(1)))
    case .tuple2: try push(graph.tuple(try pop(2)))
    case .tuple3: try push(graph.tuple(try pop(3)))
    case .list: try push(graph.list(try popToMark()))
    case .dict:
      let added = try Self.pairs(try popToMark(), at: opcodeOffset)
      try push(graph.dictionary(added))
    case .frozenSet:
      let members = try popToMark()
      try push(graph.object(PickleGraph.set))
      try extend(members)
    case .append: try extend(try pop(1))
    case .appends, .addItems: try extend(try popToMark())
    case .setItem: try insert(try pop(2))
    case .setItems: try insert(try popToMark())
    case .binGet: try recall(Int(try reader.byte()))
    case .longBinGet: try recall(Int(try reader.number(UInt32.self)))
    case .binPut: try memoize(Int(try reader.byte()))
    case .longBinPut: try memoize(Int(try reader.number(UInt32.self)))
    case .memoize: try memoize(memo.count)
    case .global: try lookUp(module: try reader.line(), name: try reader.line())
    case .stackGlobal: try lookUpFromStack()
    case .binPersID: try makeStorage()
    case .reduce, .newObj: try call()
    case .newObjEx:
      _ = try pop()
      try call()
    case .build:
      let state = try pop()
      graph.set(state: state, of: try top())
    }
    return true
  }

  // MARK: The stack

  private func invalid(_ reason: String) -> CheckpointError {
    .invalidPickle(offset: opcodeOffset, reason: reason)
  }

  private mutating func push(_ value: PickleValue) throws(CheckpointError) {
    guard graph.values.count < PickleInterpreter.valueLimit else {
      throw .limitExceeded(
        what: "the pickle's number of values", limit: PickleInterpreter.valueLimit)
    }
    stack.append(graph.values.count)
    graph.values.append(value)
  }

  private mutating func pushText(_ range: Range<Int>) throws(CheckpointError) {
    try push(.string(try reader.text(range)))
  }

  /// Python 2's text, which may also be any bytes.
  private mutating func pushOldText(_ range: Range<Int>) throws(CheckpointError) {
    try push(reader.bytes[range].text.map(PickleValue.string) ?? .bytes(range))
  }

  private mutating func pushLong4() throws(CheckpointError) {
    let count = try reader.number(Int32.self)
    guard count >= 0 else { throw invalid("an integer of \(count) bytes") }
    try push(try reader.integer(byteCount: Int(count)))
  }

  /// Values below the last mark belong to an enclosing opcode.
  private var floor: Int { marks.last ?? 0 }

  private func top() throws(CheckpointError) -> PickleValue.Reference {
    guard stack.count > floor, let last = stack.last else { throw invalid("the stack is empty") }
    return last
  }

  private mutating func pop() throws(CheckpointError) -> PickleValue.Reference {
    let last = try top()
    stack.removeLast()
    return last
  }

  private mutating func pop(_ count: Int) throws(CheckpointError) -> [PickleValue.Reference] {
    guard stack.count - floor >= count else { throw invalid("the stack is empty") }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue.Reference] {
    guard let mark = marks.popLast() else { throw invalid("there is no mark") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  /// POP takes the last value or, where there is none, the mark.
  private mutating func discard() throws(CheckpointError) {
    if stack.count > floor {
      stack.removeLast()
    } else if marks.popLast() == nil {
      throw invalid("the stack is empty")
    }
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let reference = memo[index] else { throw invalid("memo \(index) was never set") }
    try countReference()
    stack.append(reference)
  }

  private mutating func memoize(_ index: Int) throws(CheckpointError) {
    try countReference()
    memo[index] = try top()
  }

  private mutating func countReference() throws(CheckpointError) {
    references += 1
    guard references <= PickleInterpreter.referenceLimit else {
      throw .limitExceeded(
        what: "the pickle's number of references", limit: PickleInterpreter.referenceLimit)
    }
  }

  // MARK: Containers

  /// Of no interpreter: a copy of one, kept for the call, would have the graph copied when
  /// it grows.
  private static func pairs(
    _ members: [PickleValue.Reference], at offset: Int
  ) throws(CheckpointError) -> [PickleValue.Pair] {
    guard members.count % 2 == 0 else {
      throw .invalidPickle(offset: offset, reason: "a key has no value")
    }
    return stride(from: 0, to: members.count, by: 2).map {
      PickleValue.Pair(key: members[$0], value: members[$0 + 1])
    }
  }

  private mutating func extend(_ members: [PickleValue.Reference]) throws(CheckpointError) {
    guard graph.append(members[...], to: try top()) else {
      throw invalid("only a list can be appended to")
    }
  }

  private mutating func insert(_ members: [PickleValue.Reference]) throws(CheckpointError) {
    let added = try Self.pairs(members, at: opcodeOffset)
    guard graph.insert(added, into: try top()) else {
      throw invalid("only a dictionary has items")
    }
  }

  // MARK: Names and calls

  private mutating func lookUp(module: String, name: String) throws(CheckpointError) {
    let path = "\(module).\(name)"
    guard !PickleGlobal.isHostile(module: module, name: name) else {
      throw .forbiddenConstructor(name: path, offset: opcodeOffset)
    }
    let global = PickleGlobal(module: module, name: name)
    try push(.global(global ?? .foreign(graph.number(of: path))))
  }

  private mutating func lookUpFromStack() throws(CheckpointError) {
    let names = try pop(2)
    guard case .string(let module) = graph[names[0]], case .string(let name) = graph[names[1]]
    else { throw invalid("a name must be text") }
    try lookUp(module: module, name: name)
  }

  private mutating func makeStorage() throws(CheckpointError) {
    let id = graph.elements(try pop()) ?? []
    guard id.count >= 5, case .string("storage") = graph[id[0]],
      case .global(.storage(let type)) = graph[id[1]], case .string(let key) = graph[id[2]],
      case .integer(let count) = graph[id[4]]
    else { throw invalid("the storage's description is damaged") }
    guard key.utf8.count <= PickleInterpreter.storageKeyLimit else {
      throw .limitExceeded(
        what: "the length of a storage's name", limit: PickleInterpreter.storageKeyLimit)
    }
    try push(
      .storage(PickleStorage(key: key, type: type, count: count, window: try window(in: id))))
  }

  /// `(key, offset, count)` at the end of the old format's identifiers.
  private func window(
    in id: [PickleValue.Reference]
  ) throws(CheckpointError) -> PickleStorage.Window? {
    guard id.count >= 6, let view = graph.elements(id[5]) else { return nil }
    guard view.count == 3, case .integer(let offset) = graph[view[1]],
      case .integer(let count) = graph[view[2]]
    else { throw invalid("the storage's view is damaged") }
    return PickleStorage.Window(offset: offset, count: count)
  }

  private mutating func call() throws(CheckpointError) {
    let given = try pop()
    let callee = graph[try pop()]
    guard let arguments = graph.elements(given) else { throw invalid("arguments must be a tuple") }
    switch callee {
    case .global(let global): try call(global, arguments, given)
    // A method of an object, or what a decorator made.
    case .object(let number):
      try push(graph.object(graph.objects[number].name, arguments: given))
    default: throw invalid("something that is no constructor is called")
    }
  }

  private mutating func call(
    _ global: PickleGlobal, _ arguments: [PickleValue.Reference], _ given: PickleValue.Reference
  ) throws(CheckpointError) {
    switch global {
    case .dictionary: try push(graph.dictionary(try items(arguments)))
    case .rebuildTensor: try push(.tensor(try tensor(arguments, typeAt: nil)))
    case .rebuildTensorWithType: try push(.tensor(try tensor(arguments, typeAt: 6)))
    case .rebuildQuantizedTensor:
      let codes = try tensor(arguments, typeAt: nil)
      if let quantized = graph.quantized(codes, arguments) {
        try pushDerived(quantized)
      } else {
        try push(.tensor(codes))
      }
    case .rebuildParameter, .size:
      guard let first = arguments.first else { throw invalid("an argument is missing") }
      stack.append(first)
    case .rebuildSparseTensor:
      if let sparse = graph.sparse(arguments) {
        try pushDerived(sparse)
      } else {
        let name = graph.number(of: "torch.sparse_tensor")
        try push(graph.object(name, arguments: given))
      }
    case .rebuildFromType: try callWithType(arguments)
    case .storage, .type:
      try push(graph.object(graph.number(of: "torch.UntypedStorage"), arguments: given))
    case .foreign(let name):
      try push(graph.object(classNumber(name, arguments), arguments: given))
    }
  }

  /// The class of an object, also where a function of Python's makes it of the class.
  private func classNumber(_ name: Int32, _ arguments: [PickleValue.Reference]) -> Int32 {
    guard ["copyreg._reconstructor", "copy_reg._reconstructor"].contains(graph.names[Int(name)]),
      let first = arguments.first, case .global(.foreign(let number)) = graph[first]
    else { return name }
    return number
  }

  private mutating func pushDerived(_ tensor: PickleDerivedTensor) throws(CheckpointError) {
    try countCopies(tensor.parts.count)
    try push(.derived(graph.derived.count))
    graph.derived.append(tensor)
  }

  /// What a tensor with attributes of its own is made by.
  private mutating func callWithType(
    _ arguments: [PickleValue.Reference]
  ) throws(CheckpointError) {
    guard arguments.count >= 3, case .global(let inner) = graph[arguments[0]],
      inner != .rebuildFromType, let innerArguments = graph.elements(arguments[2])
    else { throw invalid("the tensor's description is damaged") }
    try call(inner, innerArguments, arguments[2])
  }

  /// `OrderedDict([(key, value), …])`, `Counter({key: value, …})`, or without either.
  private mutating func items(
    _ arguments: [PickleValue.Reference]
  ) throws(CheckpointError) -> [PickleValue.Pair] {
    guard let first = arguments.first else { return [] }
    if let pairs = graph.pairs(first) {
      try countCopies(pairs.count)
      return pairs
    }
    guard let list = graph.elements(first) else { return [] }
    try countCopies(list.count)
    return list.compactMap { item in
      guard let pair = graph.elements(item), pair.count == 2 else { return nil }
      return PickleValue.Pair(key: pair[0], value: pair[1])
    }
  }

  private mutating func tensor(
    _ arguments: [PickleValue.Reference], typeAt position: Int?
  ) throws(CheckpointError) -> PickleTensor {
    guard arguments.count >= 4, case .storage(let storage) = graph[arguments[0]],
      case .integer(let offset) = graph[arguments[1]],
      let dimensions = integers(arguments[2]), let strides = integers(arguments[3])
    else { throw invalid("the tensor's description is damaged") }
    try countCopies(dimensions.count + strides.count)
    var type = storage.type
    if let position, position < arguments.count,
      case .global(.type(let named)) = graph[arguments[position]]
    {
      type = named
    }
    guard let type else { throw invalid("the tensor has no number type") }
    return PickleTensor(
      storage: storage, type: type, offset: offset, dimensions: dimensions, strides: strides)
  }

  private func integers(_ reference: PickleValue.Reference) -> [Int]? {
    graph.integers(reference)
  }

  private mutating func countCopies(_ count: Int) throws(CheckpointError) {
    copied += count
    guard copied <= PickleInterpreter.copyLimit else {
      throw .limitExceeded(
        what: "the pickle's copying of shared values", limit: PickleInterpreter.copyLimit)
    }
  }
}
