internal import Tensors

/// Makes tensors of some rows and columns of others.
struct Gathering {
  /// Whether values are made anew each time they are read.
  let lazily: Bool
  let threads: Int
  let shouldStop: @Sendable () -> Bool

  /// What a selection leaves of a parameter, in logical orientation, with its mask, and its grid
  /// where no group of columns is cut. Throws what reading throws.
  func parameter(_ parameter: Parameter, keeping selection: Selection) throws -> Parameter {
    let (whole, left) = (parameter.shape, selection.shape(of: parameter.shape))
    let make: Parameter.Making = { threads, shouldStop in
      try parameter.loaded(threads: threads, shouldStop: shouldStop).keeping(selection, of: whole)
    }
    let weights = lazily ? nil : try make(threads, shouldStop)
    let made = Parameter(
      name: parameter.name, shape: left, dtype: parameter.dtype, place: parameter.place,
      grid: weights?.grid, mask: weights?.mask,
      reading: { try weights?.values ?? make($0, $1).values })
    let columns = selection.columns
    let known = (lazily ? made.deferring(make) : made).knowing { threads, shouldStop in
      let squares = try parameter.inputSquares(threads: threads, shouldStop: shouldStop)
      guard let squares, squares.count == whole.columns, let columns else { return squares }
      return columns.map { squares[$0] }
    }
    return known.storedIn(parameter.origin?.keeping(selection, of: whole))
  }
}

extension Weights {
  /// What a selection leaves of the weights of a layer of shape `whole`.
  fileprivate func keeping(_ selection: Selection, of whole: Shape) -> Weights {
    Weights(
      values: values.keeping(selection), grid: grid?.keeping(selection, of: whole),
      mask: mask?.keeping(selection))
  }
}

extension Tensor {
  fileprivate func keeping(_ selection: Selection) -> Tensor {
    let (whole, left) = (shape, selection.shape(of: shape))
    return unsafe withUnsafeValues { values in
      unsafe Tensor(left) { target in
        guard left.count > 0, let source = values.baseAddress, let start = target.baseAddress
        else { return }
        unsafe selection.gather(source, whole, to: start)
      }
    }
  }
}

extension Mask {
  fileprivate func keeping(_ selection: Selection) -> Mask? {
    let kept = Tensor(shape, (0..<shape.count).map { self[$0] ? 1 : 0 }).keeping(selection)
    return Mask(nonzerosOf: kept)
  }
}

extension QuantizationGrid {
  /// nil where groups of a row's columns would be cut.
  fileprivate func keeping(_ selection: Selection, of whole: Shape) -> QuantizationGrid? {
    let left = selection.shape(of: whole)
    let rows = selection.rows ?? Array(0..<whole.rows)
    if hasDepths {
      return QuantizationGrid(
        depths: rows.map { depths[$0] }, exponents: rows.map { exponents[$0] },
        columns: left.columns)
    }
    func grid(groupSize: Int, _ kept: [Int]) -> QuantizationGrid {
      QuantizationGrid(
        bits: bits, codes: codes, groupSize: groupSize, scales: kept.map { scales[$0] },
        zeros: zeros.isEmpty ? [] : kept.map { zeros[$0] }, isBinary: isBinary)
    }
    if scales.count == 1 { return grid(groupSize: left.count, [0]) }
    if scales.count == whole.rows { return grid(groupSize: left.columns, rows) }
    guard selection.columns == nil, whole.rows > 0 else { return nil }
    let groups = scales.count / whole.rows
    return grid(
      groupSize: groupSize, rows.flatMap { row in (0..<groups).map { row * groups + $0 } })
  }
}

extension StoredBlocks {
  /// The blocks of the rows that stay; nil where rows lose columns.
  fileprivate func keeping(_ selection: Selection, of whole: Shape) -> StoredBlocks? {
    guard let rows = selection.rows else { return selection.columns == nil ? self : nil }
    return selection.columns == nil ? self.rows(rows, columns: whole.columns) : nil
  }
}
