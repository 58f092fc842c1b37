internal import Tensors

/// A bound on what is read, so that a file cannot ask for more memory or time than a real one
/// would: what the README's table of limits is made of.
package struct ReadingLimit: Sendable, Hashable {
  /// The kind of file.
  package let file: String
  package let count: Int
  /// What is counted, after the number.
  package let what: String

  package init(_ file: String, _ count: Int, _ what: String) {
    self.file = file
    self.count = count
    self.what = what
  }

  /// Limits of checkpoints and of the files beside them.
  package static let ofCheckpoints = [
    ReadingLimit("any checkpoint", CheckpointIndex.tensorLimit, "tensors"),
    ReadingLimit("any checkpoint", CheckpointIndex.nameLimit, "bytes of a name"),
    ReadingLimit("any checkpoint", CheckpointIndex.nameBytesLimit, "bytes of all names"),
    ReadingLimit("any checkpoint", Shape.emptyLimit, "rows of a tensor without values"),
    ReadingLimit("safetensors", SafetensorsFormat.headerLimit, "bytes of header"),
    ReadingLimit("safetensors", SafetensorsFormat.dimensionLimit, "axes"),
    ReadingLimit("JSON of any kind", JSONCursor.nestingLimit, "levels"),
    ReadingLimit("JSON of any kind", JSONCursor.valueLimit, "values"),
    ReadingLimit("PyTorch", PyTorchFormat.pickleLimit, "bytes of pickle"),
    ReadingLimit("PyTorch", PickleInterpreter.valueLimit, "values"),
    ReadingLimit("PyTorch", PickleInterpreter.referenceLimit, "references"),
    ReadingLimit("PyTorch", PyTorchFormat.nestingLimit, "levels"),
    ReadingLimit("PyTorch", PickleInterpreter.storageKeyLimit, "bytes of a storage's name"),
    ReadingLimit("GGUF", GGUFHeader.pairLimit, "metadata pairs"),
    ReadingLimit("GGUF", GGUFHeader.nestingLimit, "levels of arrays"),
    ReadingLimit("GGUF", GGUFHeader.axisLimit, "axes"),
    ReadingLimit("GGUF", GGUFParts.partLimit, "parts"),
    ReadingLimit("GGUF", GGUFMetadata.shownTextLimit, "characters of a text shown"),
    ReadingLimit("NumPy", NumPyHeader.lengthLimit, "bytes of header"),
    ReadingLimit("NumPy", SafetensorsFormat.dimensionLimit, "axes"),
    ReadingLimit("index of shards", ShardIndex.byteLimit, "bytes"),
    ReadingLimit("index of shards", ShardIndex.fileLimit, "shards"),
    ReadingLimit("index of shards", ShardIndex.nameLimit, "bytes of a shard's name"),
    ReadingLimit("`config.json`, `meta.pkl`", Sidecars.limit, "bytes"),
    ReadingLimit("`config.json`, `meta.pkl`", PickledVocabulary.limit, "tokens"),
    ReadingLimit("`tokenizer.json`", TokenizerFolder.byteLimit, "bytes"),
    ReadingLimit("`tokenizer.json`", TokenizerFolder.tokenLimit, "tokens"),
  ]
}
