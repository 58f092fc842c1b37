internal import Tensors

/// A file's tensors with the arrays of each brought together.
struct ResolvedTensors {
  /// What a tensor is that is more than an array of the file.
  enum Form {
    /// A packed tensor, and the bytes of all its arrays.
    case packed(PackedTensor, byteCount: Int)
    /// A quantizer's matrix, the name of its layout, and that of its codes in the file.
    case quantized(any QuantizedWeights, layout: String, codes: String)
    /// A tensor that several arrays of the file make.
    case derived(DerivedWeights)
    /// An array that belongs to one of those, or to codes.
    case companion
    /// Codes of a layout that is not read.
    case codes
  }

  var tensors: [IndexedTensor]
  /// Of the tensors, as of the last `updateNames`.
  private(set) var names: LayerNames
  /// By position; few files have any.
  private var forms: [Int: Form] = [:]
  /// The derived tensors that arrays became part of, by the arrays' names.
  var derivedNames: [String: String] = [:]

  init(_ tensors: [IndexedTensor], _ names: LayerNames) {
    self.tensors = tensors
    self.names = names
  }

  /// Takes the names apart again, because tensors have others now.
  mutating func updateNames() { names = LayerNames(tensors) }

  /// The packed ones by position, in its order.
  var packed: [(position: Int, tensor: PackedTensor)] {
    forms.compactMap { position, form in
      if case .packed(let tensor, _) = form { (position, tensor) } else { nil }
    }.sorted { $0.position < $1.position }
  }

  /// Whether the weights are too many to keep what packed ones decode to. O(n).
  var areLarge: Bool { LargeModel.isMade(ofCounts: tensors.lazy.map(\.shape.count)) }

  /// nil for an array of the file.
  subscript(position: Int) -> Form? {
    get { forms.isEmpty ? nil : forms[position] }
    set { forms[position] = newValue }
  }

  /// As `TensorInfo` has it.
  func encoding(at position: Int) -> String {
    switch self[position] {
    case .packed(let packed, _): packed.record.encoding
    case .quantized(_, let layout, _): layout
    case .derived(let weights): weights.form.name
    case .codes: UnreadCodes.encoding
    case .companion, nil: tensors[position].blocks == nil ? DenseEncoding.name : "blocks"
    }
  }

  /// Bytes that the file spends on a tensor.
  func byteCount(at position: Int) -> Int {
    switch self[position] {
    case .packed(_, let byteCount): return byteCount
    case .derived(let weights): return weights.byteCount
    case .quantized, .companion, .codes, nil:
      // What lies between the values of a view belongs to others.
      return min(tensors[position].byteRange.count, tensors[position].ownByteCount)
    }
  }
}
