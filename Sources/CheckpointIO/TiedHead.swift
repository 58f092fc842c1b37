/// A head that is the embedding over again. PyTorch files say so by sharing a
/// storage; where the bytes were written twice, they are compared.
enum TiedHead {
  /// Larger ones would make opening read too much of the file; they are listed
  /// as two tensors then.
  private static let byteLimit = 4 << 20

  static func mark(in index: inout CheckpointIndex, _ names: LayerNames, _ file: Bytes) {
    guard let headPosition = position("lm_head.weight", in: index, names),
      let embeddingPosition = position("wte.weight", in: index, names)
        ?? position("embed_tokens.weight", in: index, names)
    else { return }
    let (head, embedding) = (index.tensors[headPosition], index.tensors[embeddingPosition])
    guard head.sharesStorageOf == nil, head.dtype == embedding.dtype,
      head.shape == embedding.shape, head.strides == nil, head.deflated == nil,
      embedding.deflated == nil, embedding.strides == nil,
      head.isBigEndian == embedding.isBigEndian,
      head.byteRange.count <= byteLimit, head.byteRange.count > 0,
      file[head.byteRange].isEqual(to: file[embedding.byteRange])
    else { return }
    index.tensors[headPosition].sharesStorageOf = embedding.name
  }

  private static func position(
    _ ending: String, in index: CheckpointIndex, _ names: LayerNames
  ) -> Int? {
    let ending = Array(ending.utf8)
    return names.first(in: index.tensors) { name in
      name.ends(with: ending)
        && (name.count == ending.count
          || name[name.count - ending.count - 1] == UInt8(ascii: "."))
    }
  }
}
