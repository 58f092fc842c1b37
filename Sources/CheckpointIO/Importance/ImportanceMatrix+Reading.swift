internal import Tensors

/// A file of llama.cpp's, `llama-imatrix`, in either of its forms.
///
/// GGUF, where `general.type` is `imatrix`: two tensors of F32 for each entry, and under
/// `imatrix.datasets`, `imatrix.chunk_count` and `imatrix.chunk_size` what was run.
///
///     NAME.in_sum2   [experts, columns]
///     NAME.counts    [experts, 1]
///
/// And the form before that, all numbers little-endian and of 32 bits, which has means times
/// the number of pieces of the text; what follows the entries may be missing:
///
///     ┌─────────┬───────────────────────────────────────────────┬────────┬────────┬──────┐
///     │ entries │ length, name, pieces, n, n × f32 of an entry … │ pieces │ length │ text │
///     └─────────┴───────────────────────────────────────────────┴────────┴────────┴──────┘
extension ImportanceMatrix {
  static let sumsSuffix = ".in_sum2"
  static let countsSuffix = ".counts"
  static let datasetsKey = "imatrix.datasets"
  static let chunkCountKey = "imatrix.chunk_count"
  static let chunkSizeKey = "imatrix.chunk_size"

  /// Reads a file. Throws `CheckpointError.invalidImportance` for one that is damaged or none, and
  /// `.cannotOpen`.
  public init(contentsOf path: String) throws(CheckpointError) {
    let file = Bytes(try Mapping(path: path))
    do throws(CheckpointError) {
      try file.check()
      if GGUFFormat.recognizes(file) {
        try self.init(gguf: file)
      } else {
        try self.init(old: file)
      }
      try file.check()
    } catch .changed(let path) {
      throw .changed(path: path)
    } catch {
      throw .invalidImportance(path: path, reason: "\(error)")
    }
    self.path = path
  }

  private init(gguf file: Bytes) throws(CheckpointError) {
    let index = try GGUFFormat.index(file)
    var counts: [String: IndexedTensor] = [:]
    for tensor in index.tensors where tensor.name.hasSuffix(Self.countsSuffix) {
      counts[String(tensor.name.dropLast(Self.countsSuffix.utf8.count))] = tensor
    }
    var entries: [String: Entry] = [:]
    for tensor in index.tensors where tensor.name.hasSuffix(Self.sumsSuffix) {
      let name = String(tensor.name.dropLast(Self.sumsSuffix.utf8.count))
      guard let count = counts.removeValue(forKey: name) else {
        throw .invalidImportance(
          reason: "\(tensor.name.quoted) has no \((name + Self.countsSuffix).quoted)")
      }
      entries[name] = try Self.entry(tensor, count, in: file)
    }
    if let name = counts.keys.min() {
      throw .invalidImportance(
        reason: "\((name + Self.countsSuffix).quoted) has no \((name + Self.sumsSuffix).quoted)")
    }
    guard !entries.isEmpty else {
      throw .invalidImportance(
        reason: "it is a GGUF file without a tensor NAME\(Self.sumsSuffix); llama-imatrix and "
          + "pare importance write those")
    }
    let metadata = index.gguf
    self.init(
      entries, datasets: metadata?.texts(Self.datasetsKey) ?? [],
      chunkCount: Int(clamping: metadata?.count(Self.chunkCountKey) ?? 0),
      chunkSize: Int(clamping: metadata?.count(Self.chunkSizeKey) ?? 0))
  }

  private static func entry(
    _ sums: IndexedTensor, _ counts: IndexedTensor, in file: Bytes
  ) throws(CheckpointError) -> Entry {
    for tensor in [sums, counts] where tensor.dtype != .f32 || tensor.blocks != nil {
      throw .invalidImportance(
        reason: "\(tensor.name.quoted) has the type \(tensor.dtypeName.shown), not F32")
    }
    let numbers = try values(of: counts.name, counts.byteRange, in: file, to: countLimit)
      .map { Int($0.rounded()) }
    guard !numbers.isEmpty, sums.shape.count > 0, sums.shape.count.isMultiple(of: numbers.count)
    else {
      throw .invalidImportance(
        reason: "\(sums.name.quoted) has \(sums.shape.count) values, which are no columns for "
          + "each of the \(numbers.count) values of \(counts.name.quoted)")
    }
    return Entry(sums: try values(of: sums.name, sums.byteRange, in: file), counts: numbers)
  }

  private init(old file: Bytes) throws(CheckpointError) {
    // Three numbers, a name of one byte and a value.
    let smallestEntry = 17
    var cursor = GGUFCursor(file)
    let count = try cursor.length("the number of entries")
    guard count > 0, count <= cursor.remaining / smallestEntry else {
      throw .invalidImportance(
        reason: "it is no GGUF file, and as one of llama.cpp's older form would have \(count) "
          + "entries in \(file.count) bytes")
    }
    var entries: [String: Entry] = [:]
    for number in 1...count {
      let what = "entry \(number) of \(count)"
      let place = cursor.offset
      let range = try cursor.bytes(try cursor.length("the name of \(what)"), "the name of \(what)")
      guard range.count <= CheckpointIndex.nameLimit, let name = file[range].text else {
        throw .invalidImportance(reason: "the name of \(what) at byte \(place) is no name")
      }
      let pieces = try cursor.length("\(what), \(name.quoted),")
      let columns = try cursor.length("\(what), \(name.quoted),")
      let values = try cursor.bytes(
        columns * MemoryLayout<Float>.size, "\(what), \(name.quoted),")
      guard columns > 0 else {
        throw .invalidImportance(reason: "\(what), \(name.quoted), has no values")
      }
      // Without a number of pieces they are means.
      let entry = Entry(
        sums: try Self.values(of: name, values, in: file), counts: [max(pieces, 1)])
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw .invalidImportance(reason: "\(name.quoted) is there twice, again at byte \(place)")
      }
    }
    self.init(entries)
    guard cursor.remaining > 0 else { return }
    chunkCount = try cursor.length("the number of pieces")
    guard cursor.remaining > 0 else { return }
    let range = try cursor.bytes(try cursor.length("the name of the text"), "the name of the text")
    guard let dataset = file[range].text else {
      throw .invalidImportance(
        reason: "the name of the text at byte \(range.lowerBound) is not UTF-8")
    }
    if !dataset.isEmpty { datasets = [dataset] }
  }

  /// Numbers that are finite and not negative.
  private static func values(
    of name: String, _ range: Range<Int>, in file: Bytes,
    to largest: Float = .greatestFiniteMagnitude
  ) throws(CheckpointError) -> [Float] {
    var values: [Float] = []
    values.reserveCapacity(range.count / MemoryLayout<Float>.size)
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: MemoryLayout<Float>.size)
    {
      let value = Float(bitPattern: file.load(UInt32.self, at: offset))
      guard value >= 0, value <= largest else {
        throw .invalidImportance(
          reason: "value \(values.count) of \(name.quoted), at byte \(offset), is \(value)")
      }
      values.append(value)
    }
    return values
  }

  /// More inputs than anybody counts, and an `Int`.
  private static let countLimit: Float = 0x1p62
}

extension GGUFCursor {
  /// A 32-bit number that is not negative.
  fileprivate mutating func length(_ what: @autoclosure () -> String) throws(CheckpointError) -> Int
  {
    let place = offset
    let number = try number(Int32.self, what())
    guard number >= 0 else {
      throw .invalidImportance(reason: "\(what()) at byte \(place) is \(number)")
    }
    return Int(number)
  }
}
