internal import Tensors

/// A metadata pair about to be written: its key, and the number of its kind with
/// its value.
struct GGUFPair {
  let key: String
  let kind: GGUFMetadata.Kind
  let value: [UInt8]

  init(_ key: String, _ number: UInt32) {
    (self.key, kind, value) = (key, .u32, GGUFWriter.bytes(number))
  }

  init(_ key: String, _ text: String) {
    (self.key, kind, value) = (key, .text, GGUFWriter.bytes(text))
  }

  init(_ key: String, _ number: Float) {
    (self.key, kind, value) = (key, .f32, GGUFWriter.bytes(number.bitPattern))
  }

  init(_ key: String, _ flag: Bool) {
    (self.key, kind, value) = (key, .bool, [flag ? 1 : 0])
  }

  init(_ key: String, _ texts: [String]) {
    var bytes: [UInt8] = []
    for text in texts { bytes += GGUFWriter.bytes(text) }
    self.init(key, .text, count: texts.count, bytes)
  }

  init(_ key: String, _ numbers: [Int32]) {
    self.init(key, .i32, count: numbers.count, numbers.flatMap { GGUFWriter.bytes($0) })
  }

  init(_ key: String, _ numbers: [Float]) {
    let bytes = numbers.flatMap { GGUFWriter.bytes($0.bitPattern) }
    self.init(key, .f32, count: numbers.count, bytes)
  }

  init(_ key: String, _ flags: [Bool]) {
    self.init(key, .bool, count: flags.count, flags.map { $0 ? 1 : 0 })
  }

  /// An array of elements of one kind.
  private init(_ key: String, _ kind: GGUFMetadata.Kind, count: Int, _ elements: [UInt8]) {
    let start = GGUFWriter.bytes(kind.rawValue) + GGUFWriter.bytes(UInt64(count))
    (self.key, self.kind, value) = (key, .array, start + elements)
  }

  init(_ entry: GGUFMetadata.Entry, in file: Bytes) {
    key = entry.key
    kind = entry.kind
    value = unsafe file[entry.bytes].withUnsafeBytes { unsafe Array($0) }
  }
}

/// What a written file says of its model.
enum GGUFPairs {
  static let architectureKey = "general.architecture"
  static let typeKey = "general.file_type"
  /// Of the keys that say which part of a checkpoint a file is.
  static let splitPrefix = "split."
  private static let versionKey = "general.quantization_version"
  /// Of ggml's block formats.
  private static let version: UInt32 = 2

  /// A GGUF file's own pairs, byte for byte and in its order; parts are written as one file.
  static func own(_ metadata: GGUFMetadata) -> [GGUFPair] {
    metadata.entries.filter { !$0.key.hasPrefix(splitPrefix) }.map {
      GGUFPair($0, in: metadata.file)
    }
  }

  /// What is known of a model that llama.cpp does not know.
  static func unknown(
    _ checkpoint: Checkpoint, _ metadata: [String: String]
  ) -> [GGUFPair] {
    [GGUFPair(architectureKey, checkpoint.configuration["model_type"] ?? "gpt")]
      + other(SavedMetadata.of(checkpoint, adding: metadata))
  }

  /// Metadata of other formats, as texts.
  static func other(_ metadata: [String: String]) -> [GGUFPair] {
    metadata.sorted { $0.key < $1.key }.map { GGUFPair($0.key, $0.value) }
  }

  /// The pairs of a file with those that speak of the file itself: mostly which type it has.
  /// They keep their places; missing ones come last.
  static func ofFile(_ pairs: [GGUFPair], type: UInt32?) -> [GGUFPair] {
    var missing =
      (type.map { [GGUFPair(typeKey, $0)] } ?? []) + [GGUFPair(versionKey, version)]
    let replaced = pairs.compactMap { pair -> GGUFPair? in
      if let place = missing.firstIndex(where: { $0.key == pair.key }) {
        return missing.remove(at: place)
      }
      return pair.key == typeKey ? nil : pair
    }
    return replaced + missing
  }

  /// Whether a pair names a type of files.
  static func isType(_ pair: GGUFPair, _ type: UInt32?) -> Bool {
    type.map { pair.kind == .u32 && pair.value == GGUFWriter.bytes($0) } ?? false
  }

  /// llama.cpp's number of a file that is mostly of a type (`enum llama_ftype`).
  static func fileType(_ dtype: DType) -> UInt32? {
    switch dtype {
    case .f32: 0
    case .f16: 1
    case .bf16: 32
    case .f64, .f8e4m3, .f8e5m2, .i64, .i32, .i16, .i8, .u8, .bool: nil
    }
  }

  /// The same of blocks.
  static func fileType(_ format: BlockFormat) -> UInt32? {
    switch format {
    case .q4_0: 2
    case .q4_1: 3
    case .q8_0: 7
    case .q5_0: 8
    case .q5_1: 9
    case .q2K: 10
    case .q3K: 11
    case .q4K: 14
    case .q5K: 16
    case .q6K: 18
    case .iq4NL: 25
    case .iq4XS: 30
    case .tq1_0: 36
    case .tq2_0: 37
    case .mxfp4: 38
    case .nvfp4: 39
    case .q1_0: 40
    case .iq2XXS: 19
    case .iq2XS: 20
    case .iq3XXS: 23
    case .iq1S: 24
    case .iq3S: 26
    case .iq2S: 28
    case .iq1M: 31
    case .q2_0, .q8K: nil
    }
  }
}

/// The bytes of a header (`GGUFHeader` draws them).
enum GGUFWriter {
  private static let version: UInt32 = 3

  /// What a header says of one tensor.
  struct Info {
    let name: String
    let shape: Shape
    /// ggml's number of the type.
    let type: UInt32
    /// From the start of the data.
    let offset: Int
  }

  static func header(_ tensors: [Info], _ pairs: [GGUFPair], alignment: Int) -> [UInt8] {
    var bytes = Array("GGUF".utf8) + self.bytes(version)
    bytes += self.bytes(UInt64(tensors.count)) + self.bytes(UInt64(pairs.count))
    for pair in pairs {
      bytes += self.bytes(pair.key) + self.bytes(pair.kind.rawValue) + pair.value
    }
    for tensor in tensors {
      bytes += self.bytes(tensor.name) + self.bytes(UInt32(tensor.shape.dimensions.count))
      for length in tensor.shape.dimensions.reversed() { bytes += self.bytes(UInt64(length)) }
      bytes += self.bytes(tensor.type) + self.bytes(UInt64(tensor.offset))
    }
    let padding = GGUFPlan.aligned(bytes.count, to: alignment) - bytes.count
    return bytes + [UInt8](repeating: 0, count: padding)
  }

  static func bytes<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
    (0..<MemoryLayout<T>.size).map { UInt8(truncatingIfNeeded: number >> T(8 * $0)) }
  }

  static func bytes(_ text: String) -> [UInt8] {
    bytes(UInt64(text.utf8.count)) + Array(text.utf8)
  }
}
