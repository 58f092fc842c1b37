/// Blocks of weights taken apart: `weight = code × scale + minimum`, product and sum
/// rounded to f32 each, to the bit what the blocks hold.
public struct BlockCodes: Sendable {
  /// Of the shape of the weights: whole numbers, what the codes stand for.
  public let codes: Tensor
  /// `[rows, groups of a row]`; a sub-block's is its own scale times the block's.
  public let scales: Tensor
  /// As many as scales; nil if the format has no minima.
  public let minima: Tensor?
  /// `[rows, blocks of a row]`: what the scales of sub-blocks are multiples of; nil
  /// where blocks have none.
  public let blockScales: Tensor?
  /// Weights that share a scale, neighbours in a row.
  public let groupSize: Int
  /// Least and greatest code.
  public let range: ClosedRange<Int>

  /// Reads blocks at any address; nil when stopped. Precondition: as
  /// `Tensor.init(_:dequantizing:from:)`.
  public init?(
    _ shape: Shape, _ bytes: UnsafeRawBufferPointer, of format: BlockFormat,
    threads: Int = Parallel.defaultThreads, shouldStop: @Sendable () -> Bool = { false }
  ) {
    let layout = BlockLayout(format)
    func weights(with patches: [BlockLayout.Patch]) -> Tensor? {
      guard !shouldStop() else { return nil }
      var patched = unsafe [UInt8](
        bytes.prefix(shape.count / format.weightCount * format.byteCount))
      for start in stride(from: 0, to: patched.count, by: format.byteCount) {
        for patch in patches { patch.put(in: &patched, at: start) }
      }
      return unsafe patched.withUnsafeBytes {
        unsafe Tensor(
          shape, dequantizing: $0, from: format, threads: threads, shouldStop: shouldStop)
      }
    }
    guard let codes = weights(with: layout.plainScales),
      let scales = weights(with: layout.plainCodes)?
        .everyFirst(of: layout.groupSize, over: layout.unit)
    else { return nil }
    var minima: Tensor?
    if let patches = layout.noScales {
      guard let weights = weights(with: patches) else { return nil }
      minima = weights.everyFirst(of: layout.groupSize)
    }
    var blockScales: Tensor?
    if layout.hasBlockScales {
      guard let weights = weights(with: layout.plainParts) else { return nil }
      blockScales = weights.everyFirst(of: format.weightCount, over: layout.unit)
    }
    self.codes = codes
    self.scales = scales
    self.minima = minima
    self.blockScales = blockScales
    groupSize = layout.groupSize
    range = layout.range
  }
}

extension Tensor {
  /// The first of every `count` values, divided by `unit`, a power of two: `[rows, groups of a
  /// row]`.
  fileprivate func everyFirst(of count: Int, over unit: Int = 1) -> Tensor {
    let columns = shape.columns / count
    let rows = columns == 0 ? 0 : shape.count / count / columns
    return unsafe withUnsafeValues { values in
      unsafe Tensor([rows, columns]) { firsts in
        for index in 0..<rows * columns {
          unsafe firsts.initializeElement(at: index, to: values[index * count] / Float(unit))
        }
      }
    }
  }
}
