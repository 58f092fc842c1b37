internal import Tensors

extension ImportanceMatrix {
  /// Refuses a file of another model, and one with entries for only some matrices of a block. Blocks
  /// without any entry are not weighed: llama.cpp does not run those that predict further tokens.
  /// Throws `CheckpointError.invalidImportance`.
  func check(against tensors: [GGUFTensor]) throws(CheckpointError) {
    guard let path else { return }
    let named = tensors.filter { entries[$0.name] != nil }
    guard !named.isEmpty else {
      let first = entries.keys.min() ?? ""
      throw .invalidImportance(
        path: path,
        reason: "the model has no tensor of its names, the first of which is \(first.quoted)")
    }
    let blocks = Set(named.compactMap { $0.parts[0].place.block })
    for tensor in tensors where tensor.takesImportance && entries[tensor.name] == nil {
      let place = tensor.parts[0].place
      guard place.role == .linear, let block = place.block, blocks.contains(block) else { continue }
      throw .invalidImportance(
        path: path,
        reason: "it has nothing for \(tensor.name.quoted), but for other matrices of block \(block)"
      )
    }
  }
}

extension GGUFPairs {
  private static let importancePrefix = "quantize.imatrix."

  /// The pairs of a file with what llama.cpp says of the importance matrix that it was written
  /// with (`tools/quantize`); the file's name only where there is one.
  static func telling(_ importance: ImportanceMatrix, _ pairs: [GGUFPair]) -> [GGUFPair] {
    var told = pairs.filter { !$0.key.hasPrefix(importancePrefix) }
    if let path = importance.path { told.append(GGUFPair(importancePrefix + "file", path)) }
    if let dataset = importance.datasets.first {
      told.append(GGUFPair(importancePrefix + "dataset", dataset))
    }
    told.append(
      GGUFPair(importancePrefix + "entries_count", UInt32(clamping: importance.entries.count)))
    if importance.chunkCount > 0 {
      told.append(
        GGUFPair(importancePrefix + "chunks_count", UInt32(clamping: importance.chunkCount)))
    }
    return told
  }
}
