internal import Models
internal import Tensors

/// A head that is the embedding over again. PyTorch files say so by sharing a
/// storage; where the bytes were written twice, they are compared.
enum TiedHead {
  /// Larger ones would make opening read too much of the file; they are listed
  /// as two tensors then.
  private static let byteLimit = 4 << 20

  static func mark(in index: inout CheckpointIndex, _ names: LayerNames, _ file: Bytes) {
    guard let headPosition = position(LayerWords.tiedHead, in: index, names),
      let embeddingPosition = LayerWords.tiedEmbeddings.reduce(
        nil as Int?, { $0 ?? position($1, in: index, names) })
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

  /// Whether a head has the values of an embedding. Bytes are compared where both are as the
  /// file has them, values otherwise. Throws what reading them throws.
  static func isSame(
    _ head: Parameter, as embedding: Parameter, in checkpoint: Checkpoint
  ) throws(CheckpointError) -> Bool {
    guard head.shape == embedding.shape else { return false }
    let stored = [head, embedding].compactMap { parameter -> IndexedTensor? in
      guard checkpoint.parameters[parameter.name]?.isIdentical(to: parameter) == true else {
        return nil
      }
      return checkpoint.stored.first {
        $0.name == parameter.name && $0.strides == nil && $0.deflated == nil
      }
    }
    if stored.count == 2, stored[0].dtype == stored[1].dtype, stored[0].blocks == stored[1].blocks,
      stored[0].isBigEndian == stored[1].isBigEndian
    {
      let bytes = checkpoint.bytes
      return bytes[stored[0].byteRange].isEqual(to: bytes[stored[1].byteRange])
    }
    do {
      let tensors = (try head.tensor(), try embedding.tensor())
      return unsafe tensors.0.withUnsafeValues { head in
        unsafe tensors.1.withUnsafeValues { unsafe head.elementsEqual($0) }
      }
    } catch let error as CheckpointError {
      throw error
    } catch {
      return false
    }
  }

  /// Heads that a file holds on their own although they share the values of another tensor, with
  /// what became of that one; by the name of each, the name of the other. Whoever reads a plain
  /// file need not know that they are one.
  static func stored(
    apart checkpoint: Checkpoint?, _ parameters: Parameters
  ) -> (heads: [Parameter], names: [String: String]) {
    var heads: [Parameter] = []
    var names: [String: String] = [:]
    for tensor in checkpoint?.stored ?? [] where !tensor.isOptimizer {
      guard let name = tensor.sharesStorageOf, let other = parameters[name],
        let original = checkpoint?.stored.first(where: { $0.name == name }),
        !original.byteRange.overlaps(tensor.byteRange), other.shape == tensor.shape
      else { continue }
      heads.append(other.renamed(tensor.name))
      names[tensor.name] = name
    }
    return (heads, names)
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
