internal import Tensors

/// Brings the arrays of derived tensors together: each tensor stands where its first array
/// does, and the other arrays are listed as what they are.
enum DerivedIndex {
  /// What the names of arrays end with in the order of the form's parts, and what the
  /// tensor's name then ends with.
  private struct Convention {
    let form: DerivedTensor.Form
    let ends: [[UInt8]]
    let target: String

    init(_ form: DerivedTensor.Form, _ ends: [String], target: String = "") {
      self.form = form
      self.ends = ends.map { Array($0.utf8) }
      self.target = target
    }
  }

  private static let conventions = [
    Convention(.masked, ["_orig", "_mask"]),
    Convention(.weightNorm, ["_v", "_g"]),
    Convention(.spectralNorm, ["_orig", "_u", "_v"]),
    Convention(
      .weightNorm, [".parametrizations.weight.original1", ".parametrizations.weight.original0"],
      target: ".weight"),
    Convention(
      .spectralNorm,
      [
        ".parametrizations.weight.original", ".parametrizations.weight.0._u",
        ".parametrizations.weight.0._v",
      ], target: ".weight"),
  ]

  /// Throws `CheckpointError.invalidParts` for arrays that the file itself joins and that do
  /// not fit together, and `.duplicateTensor` for a tensor that is there twice.
  static func resolve(
    _ resolved: inout ResolvedTensors, _ index: CheckpointIndex, _ file: Bytes
  ) throws(CheckpointError) {
    let named = candidates(in: resolved)
    guard !named.isEmpty || !index.derived.isEmpty else { return }
    let positions = Dictionary(
      resolved.tensors.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { $1 })
    for tensor in index.derived {
      guard let weights = try weights(of: tensor, resolved, positions, file) else { continue }
      if positions[tensor.name] != nil { throw .duplicateTensor(name: tensor.name) }
      resolved.stand(for: weights, tensor.parts.compactMap { positions[$0] })
    }
    for (position, convention) in named {
      let name = resolved.tensors[position].name
      guard resolved[position] == nil else { continue }
      let tensor = tensor(name, convention)
      // Names alone promise nothing: what does not fit together stays as it is.
      guard positions[tensor.name] == nil,
        let weights = try? weights(of: tensor, resolved, positions, file)
      else { continue }
      resolved.stand(for: weights, tensor.parts.compactMap { positions[$0] })
    }
    resolved.updateNames()
  }

  /// The arrays whose names end as the first part of a convention. What ends the names of a
  /// kind ends all of them.
  private static func candidates(
    in resolved: ResolvedTensors
  ) -> [(position: Int, convention: Convention)] {
    let found = { (name: Span<UInt8>) in
      conventions.filter { name.count > $0.ends[0].count && name.ends(with: $0.ends[0]) }
    }
    let ofKind = resolved.names.kinds.map { found(resolved.tensors[$0.first].name.utf8.span) }
    var candidates: [(position: Int, convention: Convention)] = []
    for (position, entry) in resolved.names.entries.enumerated() {
      let conventions =
        entry.kind >= 0
        ? ofKind[Int(entry.kind)] : found(resolved.tensors[position].name.utf8.span)
      guard !conventions.isEmpty, !resolved.tensors[position].isOptimizer,
        resolved[position] == nil
      else { continue }
      for convention in conventions { candidates.append((position, convention)) }
    }
    return candidates
  }

  private static func tensor(_ name: String, _ convention: Convention) -> DerivedTensor {
    let stem = String(name.dropLast(convention.ends[0].count))
    return DerivedTensor(
      name: stem + convention.target, form: convention.form, shape: nil,
      parts: convention.ends.map { stem + String(decoding: $0, as: UTF8.self) })
  }

  /// nil where an array is not there, or of a type that is not read.
  private static func weights(
    of tensor: DerivedTensor, _ resolved: ResolvedTensors, _ positions: [String: Int],
    _ file: Bytes
  ) throws(CheckpointError) -> DerivedWeights? {
    var arrays: [StoredArray] = []
    var byteCount = 0
    for part in tensor.parts {
      guard let position = positions[part], resolved[position] == nil,
        let array = StoredArray(resolved.tensors[position], file)
      else { return nil }
      arrays.append(array)
      byteCount += resolved.tensors[position].byteRange.count
    }
    let first = positions[tensor.parts[0]].map { resolved.tensors[$0].dtypeName } ?? ""
    let weights = DerivedWeights(
      name: tensor.name, form: tensor.form, shape: tensor.shape ?? arrays[0].shape,
      arrays: arrays, byteCount: byteCount, dtypeName: first)
    try weights.check()
    return weights
  }
}

extension ResolvedTensors {
  /// Makes of the first of some arrays the tensor that they stand for. A tensor whose arrays
  /// are all second names of those of another is a second name itself.
  fileprivate mutating func stand(for weights: DerivedWeights, _ positions: [Int]) {
    let position = positions[0]
    let twins = Set(positions.map { tensors[$0].sharesStorageOf.flatMap { derivedNames[$0] } })
    derivedNames[tensors[position].name] = weights.name
    for part in positions.dropFirst() {
      self[part] = .companion
      derivedNames[tensors[part].name] = weights.name
      tensors[part].sharesStorageOf = nil
    }
    self[position] = .derived(weights)
    tensors[position].name = weights.name
    tensors[position].dtype = weights.dtype
    tensors[position].shape = weights.shape
    tensors[position].strides = nil
    tensors[position].sharesStorageOf = twins.count == 1 ? twins.first ?? nil : nil
  }
}

extension DerivedWeights {
  /// Larger ones are no matrix that anything could be done with: a few numbers can claim to
  /// be spread over any shape.
  private static let expansionLimit = 1 << 12

  /// Throws `CheckpointError.invalidParts` unless the arrays' shapes fit together, and
  /// `.limitExceeded` where few numbers claim to be very many.
  fileprivate func check() throws(CheckpointError) {
    let shapes = arrays.map(\.shape.dimensions)
    let isFitting: Bool
    switch form {
    case .affine: isFitting = true
    case .affineAlong(let axis):
      let length = shape.dimensions.indices.contains(axis) ? shape.dimensions[axis] : -1
      isFitting = shapes[1] == [length] && shapes[2] == [length]
    case .masked: isFitting = shapes[0] == shapes[1] && arrays[0].dtype.isFloatingPoint
    case .weightNorm:
      isFitting =
        arrays[0].dtype.isFloatingPoint && shape.dimensions.count >= 2
        && isLength(shapes[1], of: shape.dimensions)
    case .spectralNorm:
      isFitting =
        arrays[0].dtype.isFloatingPoint && shape.dimensions.count >= 2 && shape.count > 0
        && shapes[1] == [shape.rows] && shapes[2] == [shape.columns]
    case .sparse(let layout):
      isFitting = isSparse(layout, shapes)
      let limit = max(
        1 << 20, arrays[0].count.multipliedReportingOverflow(by: Self.expansionLimit).0)
      guard shape.count <= limit else {
        throw .limitExceeded(
          what: "tensor \(name.quoted), of more places than its values warrant,", limit: limit)
      }
    }
    guard isFitting else { throw damaged("the shapes of its parts do not fit together") }
  }

  /// One length for all, or one for each index of an axis: 1 along the others.
  private func isLength(_ lengths: [Int], of dimensions: [Int]) -> Bool {
    if lengths.reduce(1, *) == 1 { return true }
    guard lengths.count == dimensions.count else { return false }
    let longer = lengths.indices.filter { lengths[$0] != 1 }
    return longer.count == 1 && lengths[longer[0]] == dimensions[longer[0]]
  }

  private func isSparse(_ layout: DerivedTensor.SparseLayout, _ shapes: [[Int]]) -> Bool {
    let dimensions = shape.dimensions
    if layout == .coo {
      guard shapes[1].count == 2, shapes[1][0] <= dimensions.count else { return false }
      return shapes[0] == [shapes[1][1]] + dimensions.dropFirst(shapes[1][0])
    }
    guard dimensions.count == 2, shapes[1].count == 1, shapes[2].count == 1,
      shapes[0].count == (layout.isOfBlocks ? 3 : 1), shapes[0][0] == shapes[2][0]
    else { return false }
    let block = layout.isOfBlocks ? Array(shapes[0].dropFirst()) : [1, 1]
    guard block[0] > 0, block[1] > 0, dimensions[0] % block[0] == 0,
      dimensions[1] % block[1] == 0
    else { return false }
    let lines = layout.isByColumns ? dimensions[1] / block[1] : dimensions[0] / block[0]
    return shapes[1] == [lines + 1]
  }
}
