internal import Tensors

extension ImportanceMatrix {
  /// The forms of a file.
  public enum Form: String, Sendable {
    /// Sums, which can be merged.
    case gguf
    /// llama.cpp's form before that: means, times the number of pieces.
    case old = "dat"

    /// What a file's name asks for: `.dat` is the older form, all else GGUF.
    public init(named path: String) { self = path.hasSuffix(".dat") ? .old : .gguf }
  }

  /// Writes a file, byte for byte as llama.cpp would, and returns how many bytes it has. Throws as
  /// `FilePlan.write`.
  @discardableResult
  public func write(to output: SaveOutput, as form: Form) throws(CheckpointError) -> Int {
    let bytes =
      switch form {
      case .gguf: gguf
      case .old: old
      }
    let file = try TensorFile(for: output, byteCount: bytes.count, of: nil)
    try file.write(Bytes(bytes), at: 0)
    try file.commit()
    return bytes.count
  }

  private var names: [(name: String, entry: Entry)] {
    // The order of bytes, as llama.cpp sorts.
    entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0, $1) }
  }

  private var gguf: [UInt8] {
    let pairs = [
      GGUFPair("general.type", "imatrix"), GGUFPair(Self.datasetsKey, datasets),
      GGUFPair(Self.chunkCountKey, UInt32(clamping: chunkCount)),
      GGUFPair(Self.chunkSizeKey, UInt32(clamping: chunkSize)),
    ]
    var (infos, data): ([GGUFWriter.Info], [UInt8]) = ([], [])
    func add(_ name: String, _ values: [Float], experts: Int) {
      let columns = values.count / experts
      // ggml has no axes of length 1 behind the others.
      let shape: Shape = experts == 1 ? [columns] : [experts, columns]
      infos.append(
        GGUFWriter.Info(
          name: name, shape: shape, type: GGUFType.number(of: .f32) ?? 0, offset: data.count))
      data += Self.bytes(values)
      let end = GGUFPlan.aligned(data.count, to: GGUFHeader.defaultAlignment)
      data += [UInt8](repeating: 0, count: end - data.count)
    }
    for (name, entry) in names {
      add(name + Self.sumsSuffix, entry.sums, experts: entry.counts.count)
      add(name + Self.countsSuffix, entry.counts.map { Float($0) }, experts: entry.counts.count)
    }
    return GGUFWriter.header(infos, pairs, alignment: GGUFHeader.defaultAlignment) + data
  }

  private var old: [UInt8] {
    // Entries that have seen nothing are left out.
    let used = names.filter { $0.entry.counts.contains { $0 > 0 } }
    var bytes = GGUFWriter.bytes(Int32(clamping: used.count))
    func add(_ text: String) {
      bytes += GGUFWriter.bytes(Int32(clamping: text.utf8.count)) + Array(text.utf8)
    }
    for (name, entry) in used {
      let pieces = pieces(of: entry)
      add(name)
      bytes += GGUFWriter.bytes(pieces) + GGUFWriter.bytes(Int32(clamping: entry.sums.count))
      let columns = entry.sums.count / entry.counts.count
      bytes += Self.bytes(
        entry.sums.enumerated().map { place, sum in
          let count = entry.counts[place / columns]
          // 1 for an expert that has seen nothing.
          return (count > 0 ? sum / Float(count) : 1) * Float(pieces)
        })
    }
    bytes += GGUFWriter.bytes(Int32(clamping: chunkCount))
    add(datasets.last ?? "")
    return bytes
  }

  /// How many pieces of the text an entry has seen, rounded up.
  private func pieces(of entry: Entry) -> Int32 {
    let most = entry.counts.max() ?? 0
    return Int32(clamping: chunkSize > 0 ? (most + chunkSize - 1) / chunkSize : most)
  }

  private static func bytes(_ values: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * MemoryLayout<Float>.size)
    for value in values {
      let bits = value.bitPattern
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
      }
    }
    return bytes
  }
}
