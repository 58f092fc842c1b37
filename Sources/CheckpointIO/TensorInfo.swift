public import Tensors

/// One tensor as the checkpoint lists it; no value has been read.
public struct TensorInfo: Sendable {
  private let layout: ModelLayout
  private let position: Int
  private var tensor: IndexedTensor { layout.resolved.tensors[position] }

  init(_ layout: ModelLayout, at position: Int) {
    self.layout = layout
    self.position = position
  }

  /// The name, without a compiler's `_orig_mod.` prefix.
  public var name: String { tensor.name }
  /// How its numbers are stored, or what they decode to; nil when Pare cannot
  /// read them.
  public var dtype: DType? { tensor.dtype }
  /// The data type in the file's own word, also where `dtype` is nil; of a
  /// quantizer's matrix that of its codes, `I4`.
  public var dtypeName: String { tensor.dtypeName }
  /// Shape as stored: GPT-2's Conv1D is `[in, out]` here.
  public var shape: Shape { tensor.shape }
  /// Where in the file its bytes lie. Of a packed tensor: from its first part
  /// to the end of its last, between which other tensors may lie.
  public var byteRange: Range<Int> { tensor.byteRange }
  /// Bytes the file spends on it, all parts of a packed tensor together.
  public var byteCount: Int { layout.resolved.byteCount(at: position) }
  public var place: Place { layout.place(at: position) }
  /// `dense`, `blocks` of a format of ggml's, the name of the encoding of a packed
  /// tensor, of the layout of a quantizer's (`QuantizedIndex.layouts`), such as `gptq`, or
  /// `codes` where its layout is not read; or how several arrays make it: `torch.prune`,
  /// `weight_norm`, `spectral_norm`, `torch.sparse_coo`, `torch.qint`.
  public var encoding: String { layout.resolved.encoding(at: position) }
  /// The tensor that this one is only another name for.
  public var sharesStorageOf: String? { tensor.sharesStorageOf }
}

extension TensorInfo: Hashable {
  private struct Facts: Hashable {
    let tensor: IndexedTensor
    let byteCount: Int
    let place: Place
    let encoding: String
  }

  private var facts: Facts {
    Facts(tensor: tensor, byteCount: byteCount, place: place, encoding: encoding)
  }

  public static func == (one: TensorInfo, other: TensorInfo) -> Bool { one.facts == other.facts }

  public func hash(into hasher: inout Hasher) { hasher.combine(facts) }
}

/// A tensor as a format finds it, before names are given a meaning.
package struct IndexedTensor: Sendable, Hashable {
  var name: String
  var dtype: DType?
  var dtypeName: String
  var shape: Shape
  /// In the file; of a view with strides, the reach of the view.
  var byteRange: Range<Int>
  /// Values between neighbours along each axis; nil when row-major.
  var strides: [Int]?
  /// Whether the highest byte of a number comes first.
  var isBigEndian = false
  /// Where in the deflated bytes of `byteRange` its numbers begin, and their bytes; nil
  /// when they are not deflated.
  var deflated: Range<Int>?
  /// The blocks that its weights are stored in; `dtype` is f32 then.
  var blocks: BlockFormat?
  /// Part of an optimizer's state.
  var isOptimizer = false
  /// The tensor that has exactly the same bytes, shape and strides.
  var sharesStorageOf: String?
}

extension IndexedTensor {
  /// Bytes of its numbers alone, where it is a view that leaves some out.
  var ownByteCount: Int {
    guard strides != nil, let dtype else { return byteRange.count }
    return shape.count * dtype.byteCount
  }

  /// Its bytes, inflated where they are not stored as they are. Throws
  /// `CheckpointError.invalidDeflate` and `.stopped`.
  func bytes(
    in file: Bytes, shouldStop: @Sendable () -> Bool = { false }
  ) throws(CheckpointError) -> Bytes {
    let stored = file[byteRange]
    guard let deflated else { return stored }
    return try stored.reading { () throws(CheckpointError) in
      try Inflate.bytes(stored, in: deflated, of: name, shouldStop: shouldStop)
    }
  }
}

/// What a format reads from a file's headers.
package struct CheckpointIndex: Sendable {
  var tensors: [IndexedTensor] = []
  var metadata: [String: String] = [:]
  var configuration: [String: String] = [:]
  var vocabulary: [String]?
  /// Tensors that the file's own structure says several arrays make.
  var derived: [DerivedTensor] = []
  /// How a quantizer laid out the weights, where files beside the checkpoint say so.
  var quantization: QuantizationSettings?
  var gguf: GGUFMetadata?
  var warnings: [String] = []

  /// UTF-8 bytes of a name: far beyond the path of any module.
  static let nameLimit = 1 << 13
  /// Of all names together: a million tensors with names of usual length.
  static let nameBytesLimit = 64 << 20
  /// Ten times what the largest checkpoints have in one file.
  static let tensorLimit = 1 << 20
  /// More warnings of one kind help nobody.
  private static let warningLimit = 100

  /// Throws `limitExceeded` if the name is longer than `nameLimit` bytes.
  static func checkName(_ name: String, of what: String) throws(CheckpointError) {
    guard name.utf8.count <= nameLimit else {
      throw .limitExceeded(what: "the length of \(what)'s name", limit: nameLimit)
    }
  }

  mutating func add(_ tensor: IndexedTensor) throws(CheckpointError) {
    guard tensors.count < Self.tensorLimit else {
      throw .limitExceeded(what: "the number of tensors", limit: Self.tensorLimit)
    }
    tensors.append(tensor)
  }

  /// Adds a warning of which there may be one for each tensor.
  mutating func warn(_ warning: String) {
    if warnings.count < Self.warningLimit {
      warnings.append(warning)
    } else if warnings.count == Self.warningLimit {
      warnings.append("there is more to warn of than is listed")
    }
  }
}
