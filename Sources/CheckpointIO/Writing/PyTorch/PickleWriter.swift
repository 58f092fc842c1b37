/// Writes a pickle of protocol 2 with the few opcodes that `torch.load` takes also
/// where it loads weights only.
struct PickleWriter {
  private(set) var bytes: [UInt8] = [PickleOpcode.proto.rawValue, 2]

  private mutating func write(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

  private mutating func write<T: FixedWidthInteger>(_ number: T) {
    bytes += GGUFWriter.bytes(number)
  }

  mutating func text(_ text: String) {
    write(.binUnicode)
    write(UInt32(text.utf8.count))
    bytes += text.utf8
  }

  mutating func bool(_ value: Bool) { write(value ? .newTrue : .newFalse) }

  mutating func integer(_ number: Int) {
    if let byte = UInt8(exactly: number) {
      write(.binInt1)
      bytes.append(byte)
    } else if let short = UInt16(exactly: number) {
      write(.binInt2)
      write(short)
    } else if let word = Int32(exactly: number) {
      write(.binInt)
      write(word)
    } else {
      write(.long1)
      bytes.append(8)
      write(Int64(number))
    }
  }

  /// The only number whose highest byte comes first.
  mutating func real(_ number: Double) {
    write(.binFloat)
    bytes += GGUFWriter.bytes(number.bitPattern).reversed()
  }

  /// A class or function by its module and name.
  mutating func global(_ module: String, _ name: String) {
    write(.global)
    bytes += "\(module)\n\(name)\n".utf8
  }

  mutating func tuple(_ items: (inout PickleWriter) -> Void) {
    write(.mark)
    items(&self)
    write(.tuple)
  }

  mutating func integers(_ numbers: [Int]) {
    tuple { for number in numbers { $0.integer(number) } }
  }

  /// A dictionary, of keys and values in turn.
  mutating func dictionary(_ items: (inout PickleWriter) -> Void) {
    write(.emptyDict)
    self.items(items)
  }

  /// The same as an `OrderedDict`.
  mutating func orderedDictionary(_ items: (inout PickleWriter) -> Void) {
    global("collections", "OrderedDict")
    write(.emptyTuple)
    write(.reduce)
    self.items(items)
  }

  /// Sets attributes of the object written last, from alternating names and values.
  mutating func attributes(_ items: (inout PickleWriter) -> Void) {
    dictionary(items)
    write(.build)
  }

  private mutating func items(_ items: (inout PickleWriter) -> Void) {
    write(.mark)
    items(&self)
    write(.setItems)
  }

  /// A tensor of consecutive values that fills a storage of its own.
  mutating func tensor(dimensions: [Int], storage: String, key: String) {
    global("torch._utils", "_rebuild_tensor_v2")
    let count = dimensions.reduce(1, *)
    tuple { writer in
      writer.tuple {
        $0.text("storage")
        $0.global("torch", storage)
        $0.text(key)
        $0.text("cpu")
        $0.integer(count)
      }
      writer.write(.binPersID)
      writer.integer(0)
      writer.integers(dimensions)
      writer.integers(Self.strides(dimensions))
      writer.bool(false)
      writer.orderedDictionary { _ in }
    }
    write(.reduce)
  }

  private static func strides(_ dimensions: [Int]) -> [Int] {
    var strides: [Int] = []
    var step = 1
    for dimension in dimensions.reversed() {
      strides.append(step)
      step *= max(dimension, 1)
    }
    return strides.reversed()
  }

  /// The whole pickle; to be asked last.
  consuming func finished() -> [UInt8] { bytes + [PickleOpcode.stop.rawValue] }
}
