/// What `model.safetensors.index.json` says (Hugging Face's `save_pretrained`):
///
///     {"metadata": {"total_size": 575232},
///      "weight_map": {"lm_head.weight": "model-00004-of-00004.safetensors", …}}
struct ShardIndex {
  /// The shards' file names, in alphabetical order.
  let files: [String]
  /// Every tensor of the map in its order, with the position of its shard.
  let tensors: [(name: String, file: Int)]
  /// The same by name.
  let fileOfTensor: [String: Int]

  /// As long as the header of one safetensors file may be, in bytes.
  static let byteLimit = SafetensorsFormat.headerLimit
  /// The largest checkpoints have less than 200; each costs a file descriptor while
  /// it is mapped.
  static let fileLimit = 512
  /// Longer names are no file's, in bytes.
  static let nameLimit = 255

  /// Throws for text that is no such index, and for names that lead out of its folder.
  init(_ text: Bytes) throws(CheckpointError) {
    guard text.count <= Self.byteLimit else {
      throw .limitExceeded(what: "the size of the index of shards", limit: Self.byteLimit)
    }
    var cursor = JSONCursor(text)
    var map: Map?
    try cursor.object { (cursor, key) throws(CheckpointError) in
      guard key == "weight_map" else {
        _ = try cursor.value(depth: 1)
        return
      }
      guard map == nil else { throw cursor.invalid("a second weight_map") }
      map = try Map(&cursor)
    }
    try cursor.end()
    guard let map else { throw .unsupportedFormat(name: "JSON without a weight_map") }
    guard !map.files.isEmpty else {
      throw .unsupportedFormat(name: "an index of shards that lists none")
    }
    let order = map.files.indices.sorted { map.files[$0] < map.files[$1] }
    var position = [Int](repeating: 0, count: order.count)
    for (place, number) in order.enumerated() { position[number] = place }
    files = order.map { map.files[$0] }
    tensors = map.tensors.map { ($0.name, position[$0.file]) }
    fileOfTensor = map.fileOfTensor.mapValues { position[$0] }
  }

  private struct Map {
    var files: [String] = []
    var tensors: [(name: String, file: Int)] = []
    var fileOfTensor: [String: Int] = [:]
    private var numbers: [String: Int] = [:]

    init(_ cursor: inout JSONCursor) throws(CheckpointError) {
      var map = self
      try cursor.object { (cursor, tensor) throws(CheckpointError) in
        try map.add(tensor, in: try cursor.string())
      }
      self = map
    }

    private mutating func add(_ tensor: String, in file: String) throws(CheckpointError) {
      try CheckpointIndex.checkName(tensor, of: "a tensor")
      guard tensors.count < CheckpointIndex.tensorLimit else {
        throw .limitExceeded(what: "the number of tensors", limit: CheckpointIndex.tensorLimit)
      }
      let number = try number(of: file)
      guard fileOfTensor.updateValue(number, forKey: tensor) == nil else {
        throw .duplicateTensor(name: tensor)
      }
      tensors.append((tensor, number))
    }

    private mutating func number(of file: String) throws(CheckpointError) -> Int {
      if let number = numbers[file] { return number }
      guard !file.isEmpty, file != ".", file != "..", file.utf8.count <= ShardIndex.nameLimit,
        file.utf8.allSatisfy({ $0 != 0 && $0 != UInt8(ascii: "/") })
      else {
        throw .invalidPart(name: file, reason: "a shard is a file beside the index, not a path")
      }
      guard files.count < ShardIndex.fileLimit else {
        throw .limitExceeded(what: "the number of shards", limit: ShardIndex.fileLimit)
      }
      numbers[file] = files.count
      files.append(file)
      return files.count - 1
    }
  }
}
