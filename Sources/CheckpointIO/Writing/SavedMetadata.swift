/// The metadata of a saved file.
enum SavedMetadata {
  /// What Hugging Face's loaders ask for: `pt`, tensors as PyTorch lays them out.
  static let layoutKey = "format"

  static func of(
    _ checkpoint: Checkpoint?, adding more: [String: String]
  ) -> [String: String] {
    var metadata = checkpoint?.metadata ?? [:]
    metadata[PackingRecord.metadataKey] = nil
    metadata[StackedExperts.metadataKey] = nil
    metadata[layoutKey] = metadata[layoutKey] ?? "pt"
    if let checkpoint {
      metadata[MetadataConventions.blocks] = nil
      metadata.merge(settings(checkpoint.configuration)) { $1 }
      if let gguf = checkpoint.gguf { metadata[EmbeddedGGUF.key] = EmbeddedGGUF.text(of: gguf) }
      if let vocabulary = checkpoint.vocabulary {
        metadata[MetadataConventions.vocabulary] = JSONText.array(vocabulary)
      }
      // torchao says there how a tensor is stored, which it is no more.
      for tensor in checkpoint.tensors where tensor.encoding == TorchAOLayout.name {
        metadata[tensor.name] = nil
      }
      // As safetensors.torch does it: the second name of a shared tensor.
      for tensor in checkpoint.stored where !tensor.isOptimizer {
        if let other = tensor.sharesStorageOf { metadata[tensor.name] = other }
      }
    }
    metadata.merge(more) { $1 }
    metadata[PackingRecord.metadataKey] = nil
    return metadata
  }

  /// A model's settings among the metadata.
  static func settings(_ configuration: [String: String]) -> [String: String] {
    var configuration = configuration
    var metadata: [String: String] = [:]
    metadata[MetadataConventions.blocks] = configuration.removeValue(
      forKey: MetadataConventions.blocks)
    if !configuration.isEmpty {
      metadata[MetadataConventions.configuration] = JSONText.object(configuration)
    }
    return metadata
  }
}
